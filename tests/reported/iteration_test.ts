/**
 * Problems with iterators and ranges that users of other stores reported, tried against the public
 * API. The comment of each test names the report.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, type Database, open, string, type Tree, u64 } from "../../mod.ts";
import { inTempDir } from "../support/temp.ts";

/** Enough entries for a tree of several leaves. */
const ENTRIES = 1500;
const VALUE = "v".repeat(40);

type Texts = Tree<string, string>;

function nameOf(index: number): string {
  return `key ${String(index).padStart(5, "0")}`;
}

/** A database in memory with a tree of several leaves. */
function openFilled(): { db: Database; tree: Texts } {
  const db = open(":memory:");
  const tree = db.tree("texts", { key: string, value: string });
  db.writeSync((tx) => {
    for (let i = 0; i < ENTRIES; i++) tx.tree(tree).set(nameOf(i), VALUE);
  });
  return { db, tree };
}

/** A tree of short keys, given as bytes. */
function openBytes(
  keys: readonly number[][],
): { db: Database; keysIn: (range: object) => string[] } {
  const db = open(":memory:");
  const tree = db.tree("bytes");
  db.writeSync((tx) => {
    for (const key of keys) tx.tree(tree).set(Uint8Array.from(key), new Uint8Array(1));
  });
  const keysIn = (range: object) => tree.keys(range).map((key) => [...key].join(" ")).toArray();
  return { db, keysIn };
}

describe("what users of other stores reported: a loop that changes what it goes through", () => {
  // boltdb/bolt issues 357 and 620, etcd-io/bbolt issue 146: every second key stayed.
  it("I delete each entry in a loop, and half of them stay", async () => {
    for (const reverse of [false, true]) {
      const { db, tree } = openFilled();
      db.writeSync((tx) => {
        const inside = tx.tree(tree);
        for (let i = 0; i < ENTRIES; i++) inside.set(`${nameOf(i)}, of this transaction`, VALUE);
        let steps = 0;
        for (const key of inside.keys({ reverse })) {
          assert(inside.delete(key), key);
          steps++;
        }
        assertEquals([steps, inside.count()], [2 * ENTRIES, 0]);
      });

      const again = openFilled();
      for (const key of again.tree.keys({ reverse })) again.tree.delete(key);
      assertEquals(again.tree.count(), 0);
      await again.db.checkpoint();
      for (const opened of [db, again.db]) opened.close();
    }
  });

  // kriszyp/lmdb-js issue 41: an exception when the last entry was removed by its own loop.
  it("I remove the only entry while I am at it, and the loop fails", () => {
    using db = open(":memory:");
    const tree = db.tree("one", { key: string, value: string });
    for (let round = 0; round < 3; round++) {
      tree.set("only", VALUE);
      for (const key of tree.keys()) tree.delete(key);
      assertEquals([tree.count(), tree.keys().toArray()], [0, []]);
      db.writeSync((tx) => {
        const inside = tx.tree(tree);
        inside.set("only", VALUE);
        for (const key of inside.keys()) inside.delete(key);
        assertEquals(inside.count(), 0);
      });
    }
  });

  // WiseLibs/better-sqlite3 issues 203 and 336: the connection was busy while a query was iterated.
  it("I cannot update the row that my loop has just given me", () => {
    const { db, tree } = openFilled();
    const seen: string[] = [];
    for (const [key, value] of tree.entries()) {
      seen.push(value);
      tree.set(key, "done");
    }
    assertEquals(new Set(seen), new Set([VALUE]));
    assertEquals(new Set(tree.values()), new Set(["done"]));
    db.writeSync((tx) => {
      for (const [key] of tx.tree(tree).entries()) tx.tree(tree).set(key, "twice");
    });
    assertEquals([tree.count(), new Set(tree.values())], [ENTRIES, new Set(["twice"])]);
    db.close();
  });

  // sqlite.org/isolation.html, to which better-sqlite3 issue 336 leads: such a loop may never end.
  it("my loop inserts a key behind the one it is at, and never ends", () => {
    const { db, tree } = openFilled();
    for (const key of tree.keys()) tree.set(`${key}+`, VALUE);
    assertEquals(tree.count(), 2 * ENTRIES);

    // In a transaction an iterator follows its changes; a bounded range ends the loop.
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      let steps = 0;
      for (const key of inside.keys({ gte: "z0", lt: "z0++++" })) {
        inside.set(`${key}+`, VALUE);
        steps++;
      }
      assertEquals(steps, 0);
      inside.set("z0", VALUE);
      for (const key of inside.keys({ gte: "z0", lt: "z0++++" })) {
        inside.set(`${key}+`, VALUE);
        steps++;
      }
      assertEquals(steps, 4, "z0, z0+, z0++ and z0+++");
    });
    db.close();
  });

  // Level/abstract-leveldown issue 165, dain/leveldb issue 97: keys without values after a delete.
  it("I clear everything in the middle of a loop, and get keys without values", () => {
    const { db, tree } = openFilled();
    let steps = 0;
    for (const [key, value] of tree) {
      if (steps === 10) tree.clear();
      assertEquals([key, value], [nameOf(steps++), VALUE]);
    }
    assertEquals([steps, tree.count()], [ENTRIES, 0]);
    db.close();
  });

  // nodejs/node issue 61819: a get of the same statement set its iterator back to the beginning.
  it("I read the same tree in another way inside the loop, and the loop starts again", () => {
    const { db, tree } = openFilled();
    const one = tree.keys();
    const other = tree.keys({ reverse: true });
    for (let i = 0; i < ENTRIES; i++) {
      assertEquals(one.next().value, nameOf(i));
      tree.get(nameOf((i * 7) % ENTRIES));
      assertEquals(tree.first()?.[0], nameOf(0));
      assertEquals(other.next().value, nameOf(ENTRIES - 1 - i));
      if (i % 500 === 0) assertEquals(tree.count(), ENTRIES);
    }
    assertEquals([one.next().done, other.next().done], [true, true]);
    db.close();
  });

  // kriszyp/lmdb-js issue 337: what one look-up had returned became what the next one returned.
  it("the rows that I have kept all turn into the last one", () => {
    using db = open(":memory:");
    const tree = db.tree("kept", { key: u64 });
    for (let i = 0; i < 200; i++) tree.set(i, new Uint8Array([i]));
    const kept = [...tree.entries()];
    const many = tree.getMany(Array.from({ length: 200 }, (_, i) => i));
    for (let i = 199; i >= 0; i--) tree.get(i);
    assertEquals(tree.values().toArray().length, 200);
    assertEquals(kept, Array.from({ length: 200 }, (_, i) => [BigInt(i), new Uint8Array([i])]));
    assertEquals(many, kept.map(([, value]) => value));
  });
});

describe("what users of other stores reported: a database closed under a loop", () => {
  // nodejs/node issues 63180 and 64795: closing from a function that the store calls was a crash.
  it("I close the database in a function that it has called, and the process crashes", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/closed.quire`;
      let attempts = 0;
      const close = (db: Database) => {
        attempts++;
        assertThrows(() => db.close(), TypeError, "Cannot close: a transaction is open");
      };
      using db = open(path);
      const tree = db.tree("texts", {
        key: string,
        value: {
          encode: (text: string) => (close(db), string.encode(text)),
          decode: (bytes: Uint8Array) => string.decode(bytes),
        },
      });
      await tree.set("a", "1");
      await tree.update("a", (value) => (close(db), `${value}!`));
      await tree.setMany((function* () {
        yield ["b", "2"] as [string, string];
        close(db);
      })());
      await tree.load((function* () {
        close(db);
        yield ["c", "3"] as [string, string];
      })());
      await db.write((tx) => (close(db), tx.tree(tree).delete("b")));
      assertEquals([attempts, [...tree]], [8, [["a", "1!"], ["c", "3"]]]);
    });
  });

  // Level/leveldown issues 37 and 194: a read stream that was open at the close was a crash.
  it("I close the database while a loop goes on, and the process crashes or waits for ever", () => {
    const { db, tree } = openFilled();
    let steps = 0;
    assertThrows(() => {
      for (const _ of tree) if (++steps === 3) db.close();
    }, ClosedError);
    assert(steps < ENTRIES);
    assertThrows(() => tree.keys().next(), ClosedError);
  });

  // WiseLibs/better-sqlite3 issue 78: an iterator that was left alone kept the database open.
  it("I leave an iterator half-way, and the database cannot be closed", () => {
    inTempDir((dir) => {
      const db = open(`${dir}/left.quire`);
      for (let i = 0; i < 300; i++) db.tree("a").set(nameOf(i), new Uint8Array(100));
      const left = db.tree("a").keys();
      left.next();
      db.close();
      using again = open(`${dir}/left.quire`);
      assertEquals(again.tree("a").count(), 300);
    });
  });
});

describe("what users of other stores reported: ranges", () => {
  // cberner/redb pull request 1062: bounds on different pages, the wrong way round, found entries.
  it("the start of my range is after its end, and I get entries, or lose them", async () => {
    const { db, tree } = openFilled();
    const [early, late] = [nameOf(10), nameOf(ENTRIES - 10)] as const;
    const inverted = [
      { gte: late, lt: early },
      { gt: late, lte: early },
      { gt: early, lt: early },
      { gte: early, lt: early },
      { gt: early, lte: early },
      { gt: early, lt: `${early}\0` },
    ];
    for (const range of inverted) {
      for (const reverse of [false, true]) {
        assertEquals(tree.entries({ ...range, reverse }).toArray(), []);
      }
      assertEquals([tree.count(range), tree.first(range), tree.last(range)], [
        0,
        undefined,
        undefined,
      ]);
      assertEquals(await tree.deleteRange(range), 0);
      // facebook/rocksdb issue 8239: after such a range a right one was refused too.
      assertEquals(await tree.deleteRange({ gte: early, lte: early }), 1);
      await tree.set(early, VALUE);
    }
    assertEquals(tree.count(), ENTRIES);
    db.close();
  });

  // denoland/deno issues 19798 and 21711: a start before the prefix added entries to it.
  it("a start next to a prefix adds entries that do not begin with the prefix", () => {
    using db = open(":memory:");
    const tree = db.tree("texts", { key: string, value: string });
    for (const key of ["a", "ab", "ab1", "ab2", "ac", "b"]) tree.set(key, VALUE);
    const keysIn = (range: object) => tree.keys(range).toArray();
    assertEquals(keysIn({ prefix: "ab", gte: "" }), ["ab", "ab1", "ab2"]);
    assertEquals(keysIn({ prefix: "ab", gte: "a", lt: "b" }), ["ab", "ab1", "ab2"]);
    assertEquals(keysIn({ prefix: "ab", gt: "ab1", lte: "ac" }), ["ab2"]);
    assertEquals(keysIn({ prefix: "ab", gte: "ac" }), []);
    assertEquals(keysIn({ prefix: "ab", lt: "ab", reverse: true }), []);
  });

  // dgraph-io/badger issues 347, 436, 999 and 2108: a prefix in reverse found nothing.
  it("a prefix in reverse order finds nothing", () => {
    const { db, tree } = openFilled();
    const forward = tree.keys({ prefix: "key 010" }).toArray();
    assertEquals(forward.length, 100);
    assertEquals(tree.keys({ prefix: "key 010", reverse: true }).toArray(), forward.toReversed());
    assertEquals(tree.last({ prefix: "key 010" })?.[0], "key 01099");
    db.close();
  });

  // kriszyp/lmdb-js issues 80 and 86: in reverse the first entry, or the start, was left out.
  it("a range in reverse leaves out its first entry, or begins elsewhere", () => {
    const { db, tree } = openFilled();
    const range = { gt: nameOf(100), lte: nameOf(1200) };
    const forward = tree.keys(range).toArray();
    assertEquals(tree.keys({ ...range, reverse: true }).toArray(), forward.toReversed());
    const two = tree.keys({ ...range, reverse: true, limit: 2 }).toArray();
    assertEquals(two, [nameOf(1200), nameOf(1199)], "the last two, not the first two turned round");
    assertEquals(tree.keys({ lt: nameOf(0), reverse: true }).toArray(), []);
    db.close();
  });

  // Level/subleveldown pull request 88: keys with bytes above 196 were outside of their range.
  it("keys of high bytes are missing, and so are those whose prefix has nothing after it", () => {
    const keys = [[], [0], [0xc4], [0xc5, 1], [0xfe], [0xff], [0xff, 0], [0xff, 0xff]];
    const { db, keysIn } = openBytes([...keys, [0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 7]]);
    const ff = (count: number) => new Uint8Array(count).fill(0xff);
    const high = ["255", "255 0", "255 255", "255 255 255", "255 255 255 7"];
    assertEquals(keysIn({ prefix: ff(1) }), high);
    assertEquals(keysIn({ prefix: ff(2) }), high.slice(2));
    assertEquals(keysIn({ prefix: ff(3), reverse: true }), high.slice(3).toReversed());
    assertEquals(keysIn({ prefix: ff(4) }), []);
    assertEquals(keysIn({ prefix: new Uint8Array(0) }).length, 10);
    assertEquals(keysIn({ gt: ff(3) }), ["255 255 255 7"]);
    assertEquals(keysIn({ gte: Uint8Array.of(0xc5), lt: ff(1) }), ["197 1", "254"]);
    db.close();
  });

  // kriszyp/lmdb-js issue 339: what began with a zero byte was not in any range.
  it("a key that begins with a zero byte can be got and is in no range", () => {
    const { db, keysIn } = openBytes([[0, 0, 0, 1], [0], [0, 0], [], [1]]);
    assertEquals(keysIn({}), ["", "0", "0 0", "0 0 0 1", "1"]);
    assertEquals(keysIn({ prefix: Uint8Array.of(0), reverse: true }), ["0 0 0 1", "0 0", "0"]);
    db.close();
  });

  // kriszyp/lmdb-js issue 10: zero as a bound was taken for no bound.
  it("a bound of 0, of an empty text or of false counts as no bound", () => {
    using db = open(":memory:");
    const numbers = db.tree("numbers", { key: u64, value: string });
    for (const key of [0, 1, 2]) numbers.set(key, VALUE);
    assertEquals(numbers.keys({ lt: 0 }).toArray(), []);
    assertEquals(numbers.keys({ lte: 0n }).toArray(), [0n]);
    assertEquals(numbers.keys({ gt: 0 }).toArray(), [1n, 2n]);
    const texts = db.tree("texts", { key: string, value: string });
    for (const key of ["", "a"]) texts.set(key, VALUE);
    assertEquals(texts.keys({ lt: "" }).toArray(), []);
    assertEquals(texts.keys({ gt: "" }).toArray(), ["a"]);
    assertEquals(texts.keys({ limit: 0 }).toArray(), []);
  });
});
