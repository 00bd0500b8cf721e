/**
 * A minimal HTTP/1.1 client on one connection that is kept open, for the load generator: it costs
 * less than `fetch`, and the number of connections is exact.
 *
 * One request at a time. A response must have a `Content-Length`, or no body.
 */

const BUFFER_BYTES = 16 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The response to a request. */
export interface HttpResponse {
  readonly status: number;
  /** Its body, which the caller owns. */
  readonly body: Uint8Array;
}

/** A connection to a server on this machine. */
export class HttpConnection {
  readonly #connection: Deno.Conn;
  #buffer = new Uint8Array(BUFFER_BYTES);
  /** Bytes of the buffer that were received. */
  #end = 0;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Connects to a port. */
  static async open(port: number): Promise<HttpConnection> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay();
    return new HttpConnection(connection);
  }

  /** Sends a request, and resolves to its response. */
  async request(method: string, path: string, body?: Uint8Array): Promise<HttpResponse> {
    const length = body === undefined ? "" : `Content-Length: ${body.length}\r\n`;
    const head = encoder.encode(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${length}\r\n`);
    await this.#send(body === undefined ? head : joined(head, body));
    return await this.#receive();
  }

  /** Closes it; a request that waits is rejected. */
  close(): void {
    this.#connection.close();
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }

  async #receive(): Promise<HttpResponse> {
    this.#end = 0;
    let headEnd = -1;
    while (headEnd < 0) {
      await this.#more();
      headEnd = endOfHead(this.#buffer, this.#end);
    }
    const head = decoder.decode(this.#buffer.subarray(0, headEnd));
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    if (Number.isNaN(status) || /^transfer-encoding:/im.test(head)) {
      throw new Error(`Cannot read a response: its head is ${JSON.stringify(head)}`);
    }
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    while (this.#end < headEnd + length) await this.#more();
    return { status, body: this.#buffer.slice(headEnd, headEnd + length) };
  }

  /** Reads what has arrived, at least one byte. */
  async #more(): Promise<void> {
    if (this.#end === this.#buffer.length) {
      const buffer = new Uint8Array(2 * this.#end);
      buffer.set(this.#buffer);
      this.#buffer = buffer;
    }
    const count = await this.#connection.read(this.#buffer.subarray(this.#end));
    if (count === null) throw new Error("Cannot read a response: the server closed the connection");
    this.#end += count;
  }
}

function joined(head: Uint8Array, body: Uint8Array): Uint8Array {
  const both = new Uint8Array(head.length + body.length);
  both.set(head);
  both.set(body, head.length);
  return both;
}

/** The position after the empty line that ends a head, or -1. */
function endOfHead(bytes: Uint8Array, end: number): number {
  for (let at = 3; at < end; at++) {
    if (bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10) return at + 1;
  }
  return -1;
}
