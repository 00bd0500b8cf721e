/**
 * Handles that share a simulated file in one thread: random programs, kills at any call to the
 * system, and power cuts, held against the order of commits.
 *
 * `QUIRE_SHARED=N` runs N programs instead of a sample, `QUIRE_SEED` chooses others.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { openOnShare } from "../../pager/open_pager.ts";
import { Database } from "../../store/database.ts";
import { SharingSession } from "../../store/follow/sharing_session.ts";
import { openOn } from "../support/databases/database.ts";
import { makeImage, plansAt } from "../support/files/crash_images.ts";
import { PowerFile, PowerWalk } from "../support/files/power_file.ts";
import { Random } from "../support/random.ts";
import { TURN } from "../support/turn.ts";
import { CODECS, nextTurn, treeOf } from "./processes/handles.ts";
import { InterleavedRun } from "./processes/interleaved.ts";
import { SharedWorld } from "./processes/one_thread.ts";

const RUNS = Number(Deno.env.get("QUIRE_SHARED") ?? 2);
const STEPS = RUNS > 2 ? 400 : 150;

describe("handles that share a file", () => {
  it(`read committed states, in order, whatever is killed or cut, from seed ${TURN}`, async () => {
    const total = { transactions: 0, reads: 0, snapshotReads: 0, tooOld: 0, kills: 0, opens: 0 };
    let images = 0;
    for (let i = 0; i < RUNS; i++) {
      const run = new InterleavedRun(TURN + i);
      try {
        await run.run(STEPS, 4, 600);
        run.checkPower(200, 4);
      } catch (cause) {
        throw new Error(`QUIRE_SEED=${TURN + i}`, { cause });
      }
      for (const name of Object.keys(total) as (keyof typeof total)[]) {
        total[name] += run.counts[name];
      }
      images += run.counts.images;
    }
    console.log(`shared, seed ${TURN}: ${JSON.stringify({ ...total, images })}`);
    assertGreater(total.transactions, RUNS);
  });
});

describe("a commit that gives the lock up before its sync", () => {
  it("is on the medium when it is acknowledged", () => {
    const world = new SharedWorld(new PowerFile());
    const life = world.begin(Infinity);
    using db = new Database(new SharingSession(openOnShare(life.files(), "simulated", {})));
    const set = (value: string) => db.writeSync((tx) => tx.tree("words", CODECS).set("a", value));
    world.beginVisit();
    set("1");
    // Others wait, and each hold outlasts its turn.
    world.stepMs = () => 10;
    for (const value of ["2", "3"]) {
      world.beginVisit();
      set(value);
      const walk = new PowerWalk(world.file.start);
      for (const operation of world.file.operations) {
        walk.issue(operation);
        walk.complete(operation);
      }
      const options = { garbage: "none", rotPages: [], limit: 6 } as const;
      for (const plan of plansAt(walk, options, new Random(1))) {
        using left = openOn(new PowerFile(makeImage(walk, plan), false));
        assertEquals(treeOf(left).get("a"), value);
      }
    }
  });

  it("is known by others to be on the medium, without a sync of theirs", async () => {
    const world = new SharedWorld(new PowerFile());
    const begin = () => {
      const files = world.begin(Infinity).files();
      return new Database(new SharingSession(openOnShare(files, "simulated", {})));
    };
    using db = begin();
    using other = begin();
    world.stepMs = () => 10;
    for (const value of ["1", "2", "3"]) {
      world.beginVisit();
      db.writeSync((tx) => tx.tree("words", CODECS).set("a", value));
      const syncs = () => world.file.operations.filter(({ kind }) => kind === "sync").length;
      const before = syncs();
      assertEquals(treeOf(other).get("a"), value);
      assertEquals([other.durableVersion, syncs()], [db.version, before]);
      await nextTurn();
    }
  });
});
