// How far an archive may be behind, in time that the test owns.

import { setTimeout } from "node:timers/promises";
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryFile } from "../../pager/mod.ts";
import { bytesOf, openBoth } from "../../tests/support/databases/database.ts";
import { MemoryStore } from "../../tests/support/databases/memory_store.ts";
import { OwnedTime } from "../../tests/support/databases/owned_time.ts";
import { Random } from "../../tests/support/random.ts";
import { Archiver } from "./archiver.ts";

const EVERY_MS = 1000;
const COMMITS = 60;

describe("an archive whose store takes no time", () => {
  it("is behind a commit for everyMs at most, whenever the commit is made", async () => {
    const { db, session } = openBoth(new MemoryFile());
    const store = new MemoryStore();
    const time = new OwnedTime();
    const times = {
      everyMs: EVERY_MS,
      baseEvery: 20 * EVERY_MS,
      keep: Infinity,
      mergeAfter: Infinity,
    };
    const archiver = new Archiver(session, store, times, { waits: time });
    const random = new Random(1);
    const made: number[] = [];
    const shipped = () => archiver.stats().version ?? -1;
    await time.pass(0);
    for (let i = 0; i < COMMITS; i++) {
      for (const target = time.now() + random.below(2.5 * EVERY_MS); time.now() < target;) {
        await time.pass(1 + random.below(Math.min(50, target - time.now())));
        made.forEach((at, version) => {
          const isLate = version > shipped() && time.now() >= at + EVERY_MS;
          assert(!isLate, `version ${version}, made at ${at}, is missing at ${time.now()}`);
        });
      }
      db.writeSync((tx) => tx.tree("t").set(`${i % 7}`, bytesOf(i, 300)));
      made[db.version] = time.now();
    }
    await time.pass(EVERY_MS);
    assertEquals(shipped(), db.version);
    // A base was due meanwhile; it is written in the time of the machine.
    while (archiver.stats().bases < 2) await setTimeout(1);
    await archiver.close();
    db.close();
  });
});
