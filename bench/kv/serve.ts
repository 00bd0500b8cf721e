/**
 * Serves a file to clients of Deno KV until SIGTERM, and prints its address:
 *
 * ```text
 * deno run -A serve.ts FILE
 * ```
 *
 * The token is in `DENO_KV_ACCESS_TOKEN`.
 */

import { serveKv } from "../../kv/connect/mod.ts";
import { open } from "../../mod.ts";

using db = open(Deno.args[0]!);
const server = serveKv(db, { token: Deno.env.get("DENO_KV_ACCESS_TOKEN")! });
Deno.addSignalListener("SIGTERM", () => void server.close());
console.log(server.url);
await server.finished;
Deno.exit();
