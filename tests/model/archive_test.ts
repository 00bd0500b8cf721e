// Archives: commits at random, archived while others are made, and restored at random versions and
// times, which must show exactly the state of that commit. QUIRE_SEED=N runs only that seed, and
// QUIRE_ARCHIVE=N makes N commits.

import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { archive } from "../../mod.ts";
import { MemoryFile, type PagerOptions } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import { mergeAll, restoreToMemory } from "../support/databases/archived.ts";
import {
  assertContent,
  bytesOf,
  type Content,
  contentOf,
  openBoth,
  openOn,
} from "../support/databases/database.ts";
import { MemoryStore } from "../support/databases/memory_store.ts";
import { Random } from "../support/random.ts";

const MIB = 1024 * 1024;
const OPTIONS: PagerOptions = { cacheBytes: 8 * MIB, journalBytes: 2 * MIB };
const SEEDS = Deno.env.has("QUIRE_SEED") ? [Number(Deno.env.get("QUIRE_SEED"))] : [1];
const COMMITS = Number(Deno.env.get("QUIRE_ARCHIVE") ?? 100);
const RESTORES = COMMITS / 3;
const KEYS = 200;
const OFTEN = { everyMs: 1, baseEvery: 150, mergeAfter: 40 };

/** Changes a database at random, in one transaction. */
function change(db: Database, random: Random): void {
  db.writeSync((tx) => {
    for (let left = random.below(30) + 1; left > 0; left--) {
      const tree = tx.tree(`tree ${random.below(3)}`);
      const key = `key ${random.below(KEYS)}`;
      const action = random.below(40);
      if (action < 26) tree.set(key, bytesOf(left, random.below(600)));
      else if (action < 36) tree.delete(key);
      else if (action === 36) tree.deleteRange({ gte: key, lt: `${key}~` });
      else tree.set(key, bytesOf(left, random.below(200_000)));
    }
    // Pages of large values go to the file past the journal.
    if (random.once(10)) tx.tree("large").set(`${random.below(3)}`, bytesOf(random.below(9), MIB));
  });
  if (random.once(30)) db.dropTree(`tree ${random.below(3)}`);
  if (random.once(20)) db.checkpoint();
}

/** The states of all commits, and the times between which each was the last one. */
class History {
  readonly states: Map<number, Content> = new Map();
  readonly times: [time: number, version: number][] = [];

  note(db: Database): void {
    this.states.set(db.version, contentOf(db));
    this.times.push([Date.now(), db.version]);
  }
}

/** Restores a point, compares it with its state, and changes it. */
async function expectState(
  store: MemoryStore,
  at: number | Date | undefined,
  wanted: (version: number) => Content,
): Promise<number> {
  const db = openOn(await restoreToMemory(store, at), OPTIONS);
  const { version } = db;
  assertContent(contentOf(db), wanted(version), `at version ${version}`);
  const { ok, findings } = await db.verify();
  assert(ok, JSON.stringify(findings));
  db.writeSync((tx) => tx.tree("after").set("key", new Uint8Array(9)));
  assert((await db.verify()).ok);
  db.close();
  return version;
}

describe("an archive", () => {
  for (const seed of SEEDS) {
    it(`restores every commit exactly: seed ${seed}`, async () => {
      const random = new Random(seed);
      const store = new MemoryStore();
      const history = new History();
      const file = new MemoryFile();
      const { db } = openBoth(file, OPTIONS);
      change(db, random);
      history.note(db);
      let shipping = archive(db, store, OFTEN);
      await shipping.flush();
      const first = db.version;
      for (let i = 0; i < COMMITS; i++) {
        const before = Date.now();
        change(db, random);
        history.note(db);
        if (random.once(3)) await new Promise((resolve) => setTimeout(resolve, random.below(4)));
        while (random.once(3) && Date.now() === before);
        if (!random.once(25)) continue;
        await shipping.close();
        shipping = archive(db, store, OFTEN);
        await shipping.flush();
      }
      await shipping.close();
      const { losses, bases, failure, version: last } = db.stats().archive!;
      assertEquals([losses, failure], [0, undefined]);
      assertGreater(bases, 0);
      const wanted = (version: number) => history.states.get(version)!;
      const versions = [...history.states.keys()].filter((version) => version >= first);
      for (let i = 0; i < RESTORES; i++) {
        // The other half are of an archive whose segments are merged.
        if (i === Math.floor(RESTORES / 2)) {
          await mergeAll(store);
          assertGreater(store.puts.filter((name) => name.startsWith("merged-")).length, 0);
        }
        const version = versions[random.below(versions.length)]!;
        assertEquals(await expectState(store, version, wanted), version);
      }
      assertEquals(await expectState(store, undefined, () => contentOf(db)), last);
      let refused = 0;
      for (let i = 0; i < RESTORES; i++) {
        const time = random.pick(history.times)[0];
        const [, version] = history.times.findLast(([at]) => at <= time)!;
        if (version < first) continue;
        try {
          // A later commit may have the same time.
          const found = await expectState(store, new Date(time), wanted);
          assert(found >= version, `${found} >= ${version}`);
        } catch (error) {
          // After the last commit, or beside one of housekeeping while no archive was written; the
          // next archive then begins with a base.
          if (!(error instanceof RangeError)) throw error;
          assertMatch(error.message, /between versions|is not in the archive|has a gap, and/);
          refused++;
        }
      }
      console.log(`restores of archives: ${COMMITS} commits, ${2 * Math.ceil(RESTORES)} restores`);
      assertLess(refused, RESTORES / 3);
      db.close();
    });
  }
});
