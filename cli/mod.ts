/**
 * Showing a database to people: what a program that runs can use of Quire's tools.
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
  /** The port; default any that is free. */
  readonly port?: number | undefined;
  /** What to call it. Default `database`. */
  readonly name?: string | undefined;
  /**
   * Where its file is, as a path or a `file:` URL, so that the disk can be measured by reading it.
   * Default unknown.
   */
  readonly path?: string | URL | undefined;
}

/** A database that is shown. */
export interface Explorer {
  /** The address that lets somebody in; whoever has it sees everything in the database. */
  readonly url: string;
  /** Shows it no more, after a second at most. The database stays open. */
  close(): Promise<void>;
}

/**
 * Shows an open database, live, in a browser on this machine: its pages, its cache, its journal and
 * what a look-up does. Nothing can be changed there, and no client can end the program. Needs
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
