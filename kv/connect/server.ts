/**
 * A server for KV Connect: `Deno.openKv` of other processes, and clients in other languages, work
 * on a database of this program.
 */

import { clearTimeout, setTimeout } from "node:timers";
import type { Database } from "../../mod.ts";
import { checkOptionNames } from "../api/option_names.ts";
import { type Share, shareDatabase } from "../owners.ts";
import { now } from "../schedule/clock.ts";
import { type ServerLimits, serverLimitsOf } from "./limits.ts";
import { type HttpListener, listen, reportServerError } from "./listen.ts";
import { ConnectService } from "./service.ts";
import { AccessToken } from "./token.ts";

const OPTIONS = ["token", "port", "hostname", "limits", "onError"];
const GRACE_MS = 5000;
const PORT_MAX = 65_535;

/** How to serve a database. */
export interface ServeKvOptions {
  /** The access token of the clients: 12 or more characters of ASCII without blanks. */
  readonly token: string;
  /** The port; default any free port. */
  readonly port?: number | undefined;
  /** The address to listen on. Default 127.0.0.1, which other machines cannot reach. */
  readonly hostname?: string | undefined;
  /** How much a client may send, ask for and hold open. */
  readonly limits?: Partial<ServerLimits> | undefined;
  /** Receives errors of the database, of which clients get one line. Default: prints them. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * A server that runs. `serveKv` returns one.
 *
 * ```ts
 * import { open } from "../../mod.ts";
 * import { serveKv } from "./mod.ts";
 *
 * using db = open(":memory:");
 * const server = serveKv(db, { token: crypto.randomUUID() });
 * console.assert(server.url.startsWith("http://127.0.0.1:"));
 * await server.close();
 * ```
 */
export class KvServer implements AsyncDisposable {
  /** The address for `Deno.openKv`. */
  readonly url: string;
  /** The port. */
  readonly port: number;
  /** Resolves when it has ended; never rejects. */
  readonly finished: Promise<void>;
  readonly #share: Share;
  readonly #service: ConnectService;
  readonly #listener: HttpListener;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /** Created by `serveKv`. */
  constructor(db: Database, options: ServeKvOptions) {
    checkOptionNames("serve", options, OPTIONS);
    const token = new AccessToken(options.token);
    const limits = serverLimitsOf(options.limits);
    const { hostname = "127.0.0.1", port = 0, onError = reportServerError } = options;
    checkPort(port);
    this.#share = shareDatabase(db);
    try {
      const { store } = this.#share;
      this.#service = new ConnectService({ store, token, limits, now, report: onError });
      this.#listener = listen(
        { hostname, port },
        (request, sent) => this.#service.answer(request, sent),
      );
    } catch (error) {
      this.#share.release();
      throw error;
    }
    this.port = this.#listener.port;
    this.url = `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${this.port}`;
    this.finished = this.#listener.finished.then(() => this.#end(), () => this.#end());
  }

  /**
   * Refuses further requests, ends all watches, and gives answers in progress 5 seconds. The
   * database stays open.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   * import { serveKv } from "./mod.ts";
   *
   * using db = open(":memory:");
   * await using server = serveKv(db, { token: crypto.randomUUID() });
   * await server.close();
   * ```
   */
  async close(): Promise<void> {
    if (this.#grace === undefined && !this.#isOver) {
      this.#service.close();
      this.#listener.end();
      this.#grace = setTimeout(() => this.#listener.abort(), GRACE_MS);
    }
    await this.finished;
  }

  /**
   * Ends at once: answers in progress are cut off.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   * import { serveKv } from "./mod.ts";
   *
   * using db = open(":memory:");
   * const server = serveKv(db, { token: crypto.randomUUID() });
   * server.abort();
   * await server.finished;
   * ```
   */
  abort(): void {
    if (this.#isOver) return;
    this.#service.close();
    this.#listener.abort();
  }

  /** Calls `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#grace);
    this.#service.close();
    this.#share.release();
  }
}

/**
 * Serves the KV data of a database by KV Connect: `Deno.openKv(server.url)` of any process that has
 * the token in `DENO_KV_ACCESS_TOKEN` works on it, beside handles of `openKv` in this one. It needs
 * `--allow-net` for the address.
 *
 * ```ts
 * import { open } from "../../mod.ts";
 * import { serveKv } from "./mod.ts";
 *
 * using db = open(":memory:");
 * await using server = serveKv(db, { token: crypto.randomUUID() });
 * const { status } = await fetch(server.url, { method: "POST" });
 * console.assert(status === 401, "without the token there is no data");
 * ```
 *
 * @throws {TypeError} An option is malformed, or a tree has the name but not the codecs of KV.
 * @throws {IoError} Another program listens on the port.
 */
export function serveKv(db: Database, options: ServeKvOptions): KvServer {
  return new KvServer(db, options);
}

function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= PORT_MAX) return;
  throw new TypeError(`Cannot serve: the port is not an integer from 0 to ${PORT_MAX}: ${port}`);
}
