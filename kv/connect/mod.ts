/**
 * A server for Deno KV on Quire, by the protocol KV Connect: `serveKv` lets `Deno.openKv` of other
 * processes work on a database of this one.
 *
 * ```ts
 * import { open } from "../../mod.ts";
 * import { serveKv } from "./mod.ts";
 *
 * using db = open(":memory:");
 * await using server = serveKv(db, { token: crypto.randomUUID() });
 * console.assert(server.url.startsWith("http://127.0.0.1:"));
 * ```
 *
 * @module
 */

export type { ServerLimits } from "./limits.ts";
export { KvServer, serveKv, type ServeKvOptions } from "./server.ts";
