/**
 * An HTTP/1.1 server on loopback, for programs whose main work is something else.
 *
 * No client can end the program, use more than a bounded number of descriptors, or keep the server
 * from closing: `close` gives answers in progress one second, and then ends every connection. The
 * server does not authorize requests; its handler does.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Connection } from "./connection.ts";
import { HOSTNAME, type ListenerLimits, LoopbackListener } from "./listener.ts";

const GRACE_MS = 1000;
const HEADER_BYTES_MAX = 16_384;

const LIMITS: ListenerLimits = {
  connectionsMax: 64,
  headersMs: 10_000,
  bodyMs: 30_000,
  stallMs: 10_000,
};

/** Answers a request. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** Options of the server. */
export interface HttpServerOptions {
  /** The port; default any free port. */
  readonly port?: number;
  /** Default 64 connections, 10 s for headers, 30 s for a body, 10 s without reading. */
  readonly limits?: Partial<ListenerLimits>;
}

/** An HTTP server on loopback. */
export class HttpServer {
  /** The address and the port, as in a `Host` header. */
  readonly host: string;
  readonly #listener: LoopbackListener;
  readonly #http: Server;
  readonly #handler: Handler;
  #grace: ReturnType<typeof setTimeout> | undefined;

  /**
   * Starts the server.
   *
   * @param handler Answers requests.
   * @param options The port and the limits.
   * @throws {IoError} Another program listens on the port.
   */
  constructor(handler: Handler, { port = 0, limits = {} }: HttpServerOptions = {}) {
    this.#handler = handler;
    // The listener passes connections to it, which have their own time limits.
    this.#http = createServer({ maxHeaderSize: HEADER_BYTES_MAX, keepAliveTimeout: 0 });
    // Node closes a connection after each answer if its server does not listen itself.
    Object.defineProperty(this.#http, "listening", { value: true });
    this.#http.on("request", (message, response) => this.#answer(message, response));
    this.#listener = new LoopbackListener(port, { ...LIMITS, ...limits }, (connection) => {
      this.#http.emit("connection", connection);
    });
    this.host = `${HOSTNAME}:${this.#listener.port}`;
  }

  /** Resolves when it has ended; never rejects. */
  get finished(): Promise<void> {
    return this.#listener.finished;
  }

  /** Ends it, after at most a second for answers in progress. */
  close(): Promise<void> {
    this.#listener.close();
    this.#grace ??= setTimeout(() => this.#listener.abort(), GRACE_MS);
    return this.finished.then(() => clearTimeout(this.#grace));
  }

  /** Ends it at once. */
  abort(): void {
    this.#listener.abort();
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      this.#follow(message, response);
      await send(await this.#respond(message), response);
    } catch {
      // The client is gone, or the body failed: the client must not mistake a part for the whole.
      response.destroy();
    }
  }

  /** Reports the progress of a request to its connection. */
  #follow(message: IncomingMessage, response: ServerResponse): void {
    const connection = message.socket as unknown as Connection;
    const hasBody = bodyComesWith(message);
    message.on("error", () => {});
    response.on("error", () => {});
    if (hasBody) message.once("close", () => connection.endBody());
    response.once("close", () => connection.endRequest());
    connection.beginRequest(hasBody);
  }

  async #respond(message: IncomingMessage): Promise<Response> {
    let request: Request;
    try {
      request = requestOf(message, this.host);
    } catch {
      return refuse(400, "this is not a request");
    }
    try {
      return await this.#handler(request);
    } catch {
      return refuse(500, "the server failed");
    }
  }
}

function refuse(status: number, why: string): Response {
  return Response.json({ error: `Cannot answer: ${why}` }, { status });
}

function bodyComesWith({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/** The request, with repeated headers joined. */
function requestOf(message: IncomingMessage, host: string): Request {
  const { rawHeaders, method = "", url = "" } = message;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  const hasBody = method !== "GET" && method !== "HEAD" && bodyComesWith(message);
  const body = hasBody ? Readable.toWeb(message) as ReadableStream<Uint8Array> : null;
  return new Request(new URL(url, `http://${host}`), { method, headers, body });
}

async function send(from: Response, to: ServerResponse): Promise<void> {
  // Stop the source of the body when the client is gone.
  if (to.destroyed) return await from.body?.cancel();
  to.statusCode = from.status;
  to.setHeaders(from.headers);
  const reader = from.body?.getReader();
  to.once("close", () => reader?.cancel().catch(() => {}));
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    if (!to.write(part.value) && !to.destroyed) await flushed(to);
  }
  to.end();
}

/** Resolves when more can be written, or the client is gone. */
function flushed(to: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  to.once("drain", resolve);
  to.once("close", resolve);
  return promise.finally(() => {
    to.off("drain", resolve);
    to.off("close", resolve);
  });
}
