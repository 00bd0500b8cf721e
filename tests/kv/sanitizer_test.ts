/**
 * A handle that was closed leaves nothing that the sanitizers of `Deno.test` count: no timer of
 * expiry, queue or watch, and no resource. A handle of a whole module leaves nothing behind a read.
 */

import { assertEquals } from "@std/assert";
import { openKv } from "../../kv/mod.ts";

/** A test with all sanitizers on, whatever the default. */
function strictly(name: string, fn: () => Promise<void>): void {
  const sanitizers = { sanitizeOps: true, sanitizeResources: true, sanitizeExit: true };
  Deno.test({ name: `sanitizers: ${name}`, fn, ...sanitizers });
}

strictly("expiry leaves nothing behind", async () => {
  using kv = await openKv(":memory:");
  await kv.set(["a"], 1, { expireIn: 60_000 });
  assertEquals((await kv.get(["a"])).value, 1);
});

strictly("a listener and delayed messages leave nothing behind", async () => {
  const kv = await openKv(":memory:");
  const ended = kv.listenQueue(() => {});
  await kv.enqueue("later", { delay: 60_000 });
  kv.close();
  await ended;
});

strictly("a watch that was left, and one that was not, leave nothing behind", async () => {
  using kv = await openKv(":memory:");
  for await (const [entry] of kv.watch([["a"]])) {
    assertEquals(entry.value, null);
    break;
  }
  const reader = kv.watch([["a"]]).getReader();
  await reader.read();
  const rest = reader.read();
  kv.close();
  assertEquals((await rest).done, true);
});
