/**
 * The size of a file after a burst, a checkpoint and `compact`, while it is open and when it is
 * closed: little more than a bulk load of the same entries writes, whatever the burst was, and
 * whether the syncs run in line or off the thread. Pages do not move inside a chunk, so the last
 * one may have gaps. Bytes are counted, never time.
 *
 * QUIRE_FULL=1 tries every burst with both.
 */

import { assert } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Database } from "../../mod.ts";
import { format, MemoryFile, Pager } from "../../pager/mod.ts";
import { AdaptivePolicy } from "../../store/write/flush_policy.ts";
import { Session } from "../../store/write/session.ts";
import {
  assertContent,
  bytesOf,
  change,
  type Content,
  contentOf,
  openOn,
} from "../support/databases/database.ts";
import { FLIES } from "../support/databases/flush_policies.ts";
import { Random } from "../support/random.ts";

const { CHUNK_BYTES } = format;
const MIB = 1024 * 1024;
const IS_FULL = Deno.env.get("QUIRE_FULL") === "1";
/** The bytes that an open file may have besides: the last chunk of data, and two areas. */
const OPEN_BYTES = 3 * CHUNK_BYTES;
/** What a file may have of the bytes that a load writes. */
const PART = 1.1;
/** The same where values of mixed lengths share pages: packing judges these by the mean. */
const MIXED_PART = 1.16;
const MIXED = "values of mixed lengths that grow";

const POLICIES = { "in line": () => new AdaptivePolicy(), "off the thread": () => FLIES };

/** Work that leaves a file much longer than its data, or its leaves thin. */
const BURSTS: Readonly<Record<string, (db: Database, random: Random) => void>> = {
  "random sets, most of which are deleted in runs": (db) => {
    setAll(db, "t", 12_000, (i) => 300 + i % 200);
    for (let from = 0; from < 12_000; from += 800) {
      change(
        db,
        "t",
        (tree) => tree.deleteRange({ gte: keyOf(from + 200), lt: keyOf(from + 800) }),
      );
    }
  },
  "deletes all over": (db, random) => {
    setAll(db, "t", 12_000, () => 400);
    change(db, "t", (tree) => {
      for (let i = 0; i < 12_000; i++) if (!random.once(4)) tree.delete(keyOf(i));
    });
  },
  [MIXED]: (db) => {
    for (let round = 1; round <= 6; round++) setAll(db, "t", 1500, (i) => round * (200 + i % 900));
  },
  "large values that are replaced": (db, random) => {
    for (let i = 0; i < 120; i++) {
      change(db, "l", (tree) => tree.set(keyOf(random.below(24)), bytesOf(i, random.below(MIB))));
    }
  },
  "values of medium length, set and deleted": (db, random) => {
    for (let round = 0; round < 20; round++) {
      change(db, "m", (tree) => {
        for (let i = 0; i < 200; i++) {
          const key = keyOf(random.below(2000));
          if (random.once(3)) tree.delete(key);
          else tree.set(key, bytesOf(i, 2000 + random.below(3000)));
        }
      });
    }
  },
  "a tree that is dropped before another": (db) => {
    setAll(db, "gone", 12_000, () => 500);
    setAll(db, "kept", 8_000, () => 500);
    db.dropTree("gone");
  },
  "many small transactions": (db, random) => {
    for (let round = 0; round < 300; round++) {
      change(db, "t", (tree) => {
        for (let i = 0; i < 100; i++) tree.set(keyOf(random.below(1e6)), bytesOf(i, 300));
      });
    }
  },
};

function keyOf(index: number): string {
  return `key ${String(index * 7919 % 1_000_003).padStart(7, "0")}`;
}

/** Sets keys, in another order than theirs. */
function setAll(db: Database, name: string, count: number, length: (i: number) => number): void {
  for (let from = 0; from < count; from += 1000) {
    change(db, name, (tree) => {
      for (let i = from; i < Math.min(count, from + 1000); i++) {
        tree.set(keyOf(i), bytesOf(i, length(i)));
      }
    });
  }
}

/** The bytes of a closed file into which some content was loaded. */
async function loadedBytes(content: Content): Promise<number> {
  const file = new MemoryFile();
  const db = openOn(file);
  for (const [name, entries] of content) await db.tree(name).load(entries);
  db.close();
  return file.size();
}

describe("a file, after a checkpoint and compact(), is within 1.1 of a bulk load", () => {
  for (const [index, [burst, work]] of Object.entries(BURSTS).entries()) {
    for (const [at, [syncs, policy]] of Object.entries(POLICIES).entries()) {
      if (!IS_FULL && index % 2 !== at) continue;
      it(`after ${burst}, with syncs ${syncs}`, async () => {
        const file = new MemoryFile();
        const db = new Database(new Session(new Pager(file), "sync", false, policy()));
        work(db, new Random(index));
        const content = contentOf(db);
        const loaded = await loadedBytes(content);
        db.checkpoint();
        const before = file.size();
        await db.compact();
        const most = Math.floor((burst === MIXED ? MIXED_PART : PART) * loaded);
        const sizes = `${before} bytes before, ${loaded} loaded`;
        assert(file.size() <= most + OPEN_BYTES, `${file.size()} bytes open, ${sizes}`);
        assert((await db.verify()).ok);
        await db[Symbol.asyncDispose]();
        assert(file.size() <= most + CHUNK_BYTES, `${file.size()} bytes closed, ${sizes}`);
        const again = openOn(file);
        assertContent(contentOf(again), content);
        again.close();
      });
    }
  }
});
