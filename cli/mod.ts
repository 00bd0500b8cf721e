/**
 * Shows the database of a running program in a browser.
 *
 * ```ts
 * import { open } from "../mod.ts";
 * import { explore } from "./mod.ts";
 *
 * using db = open(":memory:");
 * await db.tree("cities").set("Lisboa", new Uint8Array([1]));
 * const explorer = explore(db);
 * console.assert(explorer.url.startsWith("http://127.0.0.1:"));
 * await explorer.close();
 * ```
 *
 * @module
 */

import type { Database } from "../mod.ts";
import { pathOf } from "../pager/mod.ts";
import { ExplorerServer } from "./explorer/mod.ts";

/** How to show a database. */
export interface ExploreOptions {
  /** The port; default any free port. */
  readonly port?: number | undefined;
  /** The name of the database on the page. Default `database`. */
  readonly name?: string | undefined;
  /**
   * The file, as a path or a `file:` URL, to measure its disk with reads. Default unknown.
   */
  readonly path?: string | URL | undefined;
}

/** A running explorer. */
export interface Explorer {
  /** The address, with the secret token; it gives access to all data in the database. */
  readonly url: string;
  /** Stops the server, within a second. The database stays open. */
  close(): Promise<void>;
}

/**
 * Shows an open database, live, in a browser on this machine: its pages, its cache, its journal and
 * the steps of a look-up. Clients cannot change data or end the program. Needs
 * `--allow-net=127.0.0.1`.
 *
 * ```ts
 * import { open } from "../mod.ts";
 * import { explore } from "./mod.ts";
 *
 * using db = open(":memory:");
 * const explorer = explore(db, { name: "cities" });
 * const { status } = await fetch(new URL("/api/file", explorer.url));
 * console.assert(status === 401, "without the token there is no data");
 * await explorer.close();
 * ```
 *
 * @throws {ClosedError} The database is closed.
 * @throws {IoError} Another program listens on the port.
 */
export function explore(db: Database, options: ExploreOptions = {}): Explorer {
  const { port, name = "database" } = options;
  const path = options.path === undefined ? undefined : pathOf("explore", options.path);
  const inspector = db.inspect();
  const source = { name, path, live: true, inspection: inspector, database: db, inspector };
  const server = new ExplorerServer(source, port === undefined ? {} : { port });
  return { url: server.url, close: () => server.close() };
}
