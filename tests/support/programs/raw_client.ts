/**
 * Clients that send bytes to a server directly, because `fetch` sends no invalid or partial
 * requests.
 */

import { HANG_MS } from "./hang.ts";

/** A connected client. */
export class RawClient {
  readonly #conn: Deno.TcpConn;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Connects to a server on loopback. */
  static async to(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends text, as far as the server accepts it. */
  async send(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Reads the next bytes; "" = the server has closed the connection. */
  async receive(): Promise<string> {
    const bytes = new Uint8Array(65_536);
    const count = await inTime(this.#conn.read(bytes), "an answer").catch(endOfReset);
    return new TextDecoder().decode(bytes.subarray(0, count ?? 0));
  }

  /** Everything received until the server closes the connection. */
  async receiveAll(): Promise<string> {
    let text = "";
    for (;;) {
      const more = await this.receive();
      if (more === "") return text;
      text += more;
    }
  }

  /** Ends the connection. */
  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** A reset connection has ended, too. */
function endOfReset(error: unknown): null {
  if (error instanceof Deno.errors.ConnectionReset) return null;
  throw error;
}

/** Fails if a promise does not settle, instead of waiting forever. */
export async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited for ${what} in vain`)), HANG_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
