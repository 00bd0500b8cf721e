/**
 * A process that commits something and then is idle: `alone` it ends at once, and as a `server`,
 * which waits for connections, it lives until the idle work is done.
 *
 * Prints "idle" when the work of an idle database begins. Argument: `alone` or `server`.
 */

import { MemoryFile, Pager } from "../../../pager/mod.ts";
import { IdleCheckpoint } from "../../../store/maintenance/idle_checkpoint.ts";

let end = () => {};
if (Deno.args[0] === "server") {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // Ends when the listener is closed, since no client connects.
  listener.accept().catch(() => {});
  end = () => listener.close();
}
const idle = new IdleCheckpoint(new Pager(new MemoryFile()), () => {}, {
  urgent: () => false,
  idle: () => {
    console.log("idle");
    end();
    return false;
  },
});
idle.wake();
