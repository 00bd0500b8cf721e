/**
 * The explorer's server: serves one file on loopback, with GET only. Its page is open to any local
 * client; the contents of the file require the token.
 *
 * Every response restricts the browser: it runs scripts and sends requests only from and to this
 * server, stores nothing, and shows the page in no frame. An error is one line of JSON.
 */

import { HttpServer } from "../serving/mod.ts";
import { Api } from "./api.ts";
import { type Asset, assetAt, IMPORT_MAP_SUM } from "./assets.ts";
import { Guard } from "./guard.ts";
import { refusalOf, RefusedError } from "./refusal.ts";
import type { Source } from "./source.ts";

const JSON_TYPE = "application/json; charset=utf-8";

const POLICY = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${IMPORT_MAP_SUM}'`,
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Options of the server. */
export interface ServeOptions {
  /** The port; default any free port. */
  readonly port?: number;
}

/** A server that shows a file. */
export class ExplorerServer {
  /** The address, with the secret token; it gives access to all data in the file. */
  readonly url: string;
  readonly #server: HttpServer;
  readonly #guard: Guard;
  readonly #api: Api;

  /**
   * Starts the server.
   *
   * @param source The source to show; it must stay open as long as the server.
   * @param options The port.
   * @throws {IoError} Another program listens on the port.
   */
  constructor(source: Source, options: ServeOptions = {}) {
    this.#api = new Api(source);
    this.#server = new HttpServer((request) => this.#answer(request), options);
    this.#guard = new Guard(this.#server.host);
    this.url = this.#guard.url;
  }

  /** Resolves when it has ended; never rejects. */
  get finished(): Promise<void> {
    return this.#server.finished;
  }

  /** Ends it, after at most a second for answers in progress. */
  async close(): Promise<void> {
    await this.#server.close();
    // Answers in progress may have begun to count.
    this.#api.stop();
  }

  /** Ends it at once. */
  abort(): void {
    this.#api.stop();
    this.#server.abort();
  }

  async #answer(request: Request): Promise<Response> {
    try {
      const url = new URL(request.url);
      const asset = assetAt(url.pathname);
      this.#guard.check(request, url, asset === undefined);
      return await this.#respond(url, asset);
    } catch (error) {
      const { status, line } = refusalOf(error);
      return respond(JSON.stringify({ error: line }), JSON_TYPE, status);
    }
  }

  async #respond(
    { pathname, searchParams }: URL,
    asset: Asset | undefined,
  ): Promise<Response> {
    if (asset !== undefined) return respond(asset.text, asset.type);
    if (!this.#api.has(pathname)) {
      throw new RefusedError(404, "Cannot answer: there is nothing here");
    }
    return respond(JSON.stringify(await this.#api.answer(pathname, searchParams)), JSON_TYPE);
  }
}

function respond(body: string, type: string, status = 200): Response {
  return new Response(body, { status, headers: { ...HEADERS, "content-type": type } });
}
