/**
 * Power cuts of a database that several real processes share: their writes, truncations and syncs
 * are recorded in the order in which they happen, with kills -9 at random calls, and each image
 * that a cut can leave must open in a state that may be.
 *
 * `QUIRE_SHARED_CUTS=N` makes N recordings of more processes, each with 2,000 images, instead of a
 * small one. A recording that shows a fault is left in its folder, in memory where that is a
 * folder, or in `QUIRE_RECORDINGS`.
 */

import { existsSync } from "node:fs";
import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../support/temp.ts";
import { TURN } from "../support/turn.ts";
import { type Entry, LogWriter, readLog } from "./power/call_log.ts";
import { CallWalk } from "./power/call_walk.ts";
import { cutRecording, recordFleet } from "./power/fleet.ts";
import type { CallKind } from "./power/recording_fs.ts";

const GIVEN = Deno.env.get("QUIRE_SHARED_CUTS");
const RECORDINGS = Number(GIVEN ?? 1);
const IMAGES = GIVEN === undefined ? 150 : 2000;
const MEMORY = "/dev/shm";
const PLACE = Deno.env.get("QUIRE_RECORDINGS") ?? (existsSync(MEMORY) ? MEMORY : undefined);

/** Records processes, and cuts the power. */
async function runOnce(folder: string, seed: number) {
  const lives = GIVEN === undefined ? 4 : 12;
  const steps = GIVEN === undefined ? 30 : 60;
  const processes = GIVEN === undefined ? 3 : 2 + seed % 3;
  const { kills, ...paths } = await recordFleet({
    ...{ folder, seed, processes, lives, steps },
    killedOneIn: 2,
  });
  const { faults, ...report } = await cutRecording({ ...paths, folder, seed, images: IMAGES });
  const counts = { recordings: 1, processes: lives, kills, ...report };
  console.log(`power cuts of processes, seed ${seed}: ${JSON.stringify(counts)}`);
  return { faults, report };
}

describe("power cuts of processes that share a file", () => {
  for (let i = 0; i < RECORDINGS; i++) {
    const seed = TURN + i;
    it(`lose nothing that was acknowledged, from seed ${seed}`, async () => {
      const place = PLACE === undefined ? {} : { dir: PLACE };
      const folder = Deno.makeTempDirSync({ prefix: "quire-power-", ...place });
      const { faults, report } = await runOnce(folder, seed);
      assertEquals(faults, [], `the recording is in ${folder}`);
      Deno.removeSync(folder, { recursive: true });
      assertGreater(report.transactions, 0);
      assertGreater(report.lossy, 0);
    });
  }
});

describe("a recording of calls", () => {
  const call = (call: string, kind: CallKind, position = 0): Entry => {
    const bytes = kind === "write" || kind === "through" ? Uint8Array.of(1) : new Uint8Array(0);
    return { is: "issue", call, what: { file: "main", kind, position, bytes } };
  };
  const done = (call: string): Entry => ({ is: "done", call });
  const pendingAfter = (...entries: Entry[]) => {
    const walk = new CallWalk();
    for (const entry of entries) walk.take(entry);
    return walk.pending.map(({ operation }) => `${operation}`);
  };

  it("has what a sync takes to the medium: what returned before it began", () => {
    const entries = [call("1.1", "write", 0), done("1.1"), call("1.2", "write", 8)];
    const sync = [call("2.1", "sync"), done("1.2"), call("1.3", "write", 16), done("1.3")];
    assertEquals(pendingAfter(...entries, ...sync, done("2.1")), ["write 8+1", "write 16+1"]);
    assertEquals(pendingAfter(...entries, ...sync), ["write 0+1", "write 8+1", "write 16+1"]);
  });

  it("has what a write through takes to the medium: itself", () => {
    const before = [call("1.1", "write", 0), done("1.1")];
    const apart = call("2.1", "through", 8);
    assertEquals(pendingAfter(...before, apart), ["write 0+1", "through 8+1"]);
    assertEquals(pendingAfter(...before, apart, done("2.1")), ["write 0+1"]);
    const above = [call("2.1", "through", 0), done("2.1")];
    assertEquals(pendingAfter(...before, ...above), ["write 0+1", "through 0+1"]);
    const synced = [call("3.1", "sync"), done("3.1")];
    assertEquals(pendingAfter(...before, ...above, ...synced), []);
  });

  it("keeps the order of truncations and writes", () => {
    const cut = [call("1.1", "truncate", 4), done("1.1")];
    const through = [call("2.1", "through", 8), done("2.1")];
    assertEquals(pendingAfter(...cut, ...through), ["truncate to 4", "through 8+1"]);
  });

  it("is read as it was written, and not at all if it is torn", () => {
    inTempDir((dir) => {
      const path = `${dir}/log`;
      const writer = new LogWriter(path, 7);
      const what = { file: "side", kind: "write", position: 96, bytes: Uint8Array.of(4) } as const;
      writer.done(writer.issue(what));
      writer.note({ is: "durable", number: 3 });
      const note = { is: "durable", number: 3 } as const;
      assertEquals(readLog(path), [
        { is: "issue", call: "7.1", what },
        { is: "done", call: "7.1" },
        { is: "note", note },
      ]);
      Deno.truncateSync(path, Deno.statSync(path).size - 1);
      assertThrows(() => readLog(path), Error, "torn");
    });
  });
});
