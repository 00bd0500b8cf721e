/**
 * A database opened for a whole module of tests leaves nothing that the sanitizers of `Deno.test`
 * count, in the test that writes or in a later one: no timer, and no resource.
 */

import { setTimeout } from "node:timers/promises";
import { assertEquals } from "@std/assert";
import { open } from "../../mod.ts";
import { HANG_MS } from "../support/programs/hang.ts";

const MIB = 1024 * 1024;

const dir = Deno.makeTempDirSync({ prefix: "quire-test-" });
const db = open(`${dir}/db.quire`, { debugViews: true, journalBytes: 2 * MIB });
const tree = db.tree("tree");
globalThis.addEventListener("unload", () => {
  db.close();
  Deno.removeSync(dir, { recursive: true });
});

/** A test with both sanitizers on, whatever the default. */
function strictly(name: string, fn: () => void | Promise<void>): void {
  const sanitizers = { sanitizeOps: true, sanitizeResources: true, sanitizeExit: true };
  Deno.test({ name: `sanitizers: ${name}`, fn, ...sanitizers });
}

strictly("a durable change leaves nothing behind", async () => {
  await tree.set("key", new Uint8Array([1]));
});

strictly("changes that are not awaited leave nothing behind after a writeSync", () => {
  tree.set("later", new Uint8Array([3]));
  db.writeSync((tx) => tx.tree(tree).set("sync", new Uint8Array([2])));
});

strictly("a view that expires after the test leaves nothing behind", () => {
  assertEquals(tree.getView("key")?.length, 1);
});

strictly("commits that wait for the checkpoint leave nothing behind", async () => {
  const values = Array.from({ length: 30 }, (_, i) => tree.set(`large ${i}`, new Uint8Array(MIB)));
  await Promise.all(values);
  await tree.set("last", new Uint8Array(MIB));
});

strictly("a value from a stream leaves nothing behind", async () => {
  const parts = Array.from({ length: 10 }, () => new Uint8Array(MIB));
  assertEquals(await tree.setStream("stream", ReadableStream.from(parts)), 10 * MIB);
});

strictly("verify leaves nothing behind", async () => {
  assertEquals((await db.verify()).ok, true);
});

strictly("idle work does not show in a later test", async () => {
  // Where syncs are long, the checkpoint runs off the thread, and has to end in this test.
  const isBusy = () => db.stats().journalUsedBytes > 0 || db.inspect().file().checkpoint!.isRunning;
  const end = performance.now() + HANG_MS;
  while (isBusy() && performance.now() < end) await setTimeout(20);
  assertEquals(isBusy(), false);
});
