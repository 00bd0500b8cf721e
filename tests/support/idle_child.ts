/**
 * A process in which something was committed, and that then has nothing to do: alone it ends at
 * once, and as a server, which only waits for others, it lives until it has been idle.
 *
 * Prints "idle" when the work of an idle database begins. `Deno.args`: `alone`, or `server`.
 */

import { MemoryFile, Pager } from "../../pager/mod.ts";
import { IdleCheckpoint } from "../../store/write/idle_checkpoint.ts";

let end = () => {};
if (Deno.args[0] === "server") {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // Ends when the listener is closed, since nobody connects.
  listener.accept().catch(() => {});
  end = () => listener.close();
}
const idle = new IdleCheckpoint(new Pager(new MemoryFile()), () => {}, () => {
  console.log("idle");
  end();
  return false;
});
idle.wake();
