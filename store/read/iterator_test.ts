// The results of `entries`, `keys` and `values`: the iterator protocol, their helpers, the version
// that each keeps and when it is released, and results that are sent to another thread.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, MemoryFile } from "../../pager/mod.ts";
import { bytesOf, change, openOn } from "../../tests/support/databases/database.ts";
import { collectUntil } from "../../tests/support/garbage.ts";
import { string, u64 } from "../codec/mod.ts";
import type { Database } from "../database.ts";
import type { Tree } from "../tree.ts";

/** A tree of some leaves: "key 1000" has 1000, and so on. */
function openNumbers(count = 500): { db: Database; tree: Tree<string, bigint, string> } {
  const db = openOn(new MemoryFile());
  const made = db.tree("tree", { key: string, value: u64 });
  db.writeSync((tx) => {
    const inside = tx.tree(made);
    for (let i = 0; i < count; i++) inside.set(`key ${1000 + i}`, 1000 + i);
  });
  return { db, tree: made as unknown as Tree<string, bigint, string> };
}

describe("an iterator of a tree", () => {
  it("has the helpers of iterators", () => {
    const { db, tree } = openNumbers();
    const sums = tree.values({ limit: 6 }).filter((value) => value % 2n === 0n).map(Number);
    assertEquals([...sums], [1000, 1002, 1004]);
    assertEquals(tree.keys().drop(498).toArray(), ["key 1498", "key 1499"]);
    assertEquals(tree.entries().take(1).toArray(), [["key 1000", 1000n]]);
    assertEquals(tree.keys({ reverse: true }).some((key) => key === "key 1400"), true);
    assertEquals(tree.values().find((value) => value > 1200n), 1201n);
    assertEquals(tree.keys({ limit: 3 }).reduce((all, key) => all + key.at(-1), ""), "012");
    assertEquals([...tree.keys({ limit: 2 }).flatMap((key) => [key, "-"])].length, 4);
    assertEquals(db.stats().snapshots, 0);
    db.close();
  });

  it("keeps no version before its first step, and one from then until it is done", () => {
    const { db, tree } = openNumbers();
    const entries = tree.entries();
    assertEquals(db.stats().snapshots, 0);
    entries.next();
    assertEquals(db.stats().snapshots, 1);
    assertEquals([...entries].length, 499);
    assertEquals(db.stats().snapshots, 0);
    assertEquals(entries.next(), { done: true, value: undefined });
    const limited = tree.keys({ limit: 2 });
    limited.next();
    limited.next();
    assertEquals(limited.next().done, true);
    assertEquals(db.stats().snapshots, 0);
    db.close();
  });

  it("keeps no version where all it will give is in one leaf, and shows it all the same", () => {
    const { db, tree } = openNumbers();
    const ranges = [{ limit: 3 }, { lt: "key 1003" }, { gt: "key 1496", reverse: true }];
    const left = ranges.map((range) => tree.values(range));
    const expected = ranges.map((range) => [...tree.values(range)]);
    for (const values of left) values.next();
    assertEquals(db.stats().snapshots, 0);
    db.writeSync((tx) => tx.tree(tree).clear());
    assertEquals(left.map((values) => [...values]), expected.map((values) => values.slice(1)));
    assertEquals(left.map((values) => values.next().done), [true, true, true]);
    db.close();
  });

  it("of one leaf is refused after a close too", () => {
    const { db, tree } = openNumbers(3);
    const keys = tree.keys({ limit: 2 });
    keys.next();
    db.close();
    assertThrows(() => keys.next(), Error, "closed");
    assertEquals(keys.next().done, true);
  });

  it("of one leaf keeps a version where values are in runs", () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree");
    const value = bytesOf(7, 5000);
    change(db, tree, (inside) => {
      for (const key of ["a", "b"]) inside.set(key, value);
    });
    const values = tree.values({ limit: 2 });
    assertEquals([values.next().value, db.stats().snapshots], [value, 1]);
    change(db, tree, (inside) => inside.set("b", bytesOf(8, 6000)));
    assertEquals([[...values], db.stats().snapshots], [[value], 0]);
    db.close();
  });

  it("of one leaf follows the changes of its transaction", () => {
    const { db, tree } = openNumbers(4);
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      const keys = inside.keys({ limit: 3 });
      keys.next();
      inside.delete("key 1001");
      inside.set("key 1002.5", 0n);
      assertEquals([...keys], ["key 1002", "key 1002.5"]);
    });
    db.close();
  });

  const endings: Record<string, (tree: Tree<string, bigint, string>) => void> = {
    "return()": (tree) => {
      const entries = tree.entries();
      entries.next();
      assertEquals(entries.return(), { done: true, value: undefined });
      assertEquals(entries.next(), { done: true, value: undefined });
    },
    "return() before the first step": (tree) => void tree.entries().return(),
    "throw()": (tree) => {
      const entries = tree.entries();
      entries.next();
      assertThrows(() => entries.throw(new Error("thrown in")), Error, "thrown in");
    },
    "break": (tree) => {
      for (const key of tree.keys()) if (key === "key 1100") break;
    },
    "an error inside": (tree) => {
      const body = () => {
        for (const key of tree.keys({ reverse: true })) {
          if (key === "key 1100") throw new Error("inside");
        }
      };
      assertThrows(body, Error, "inside");
    },
    "using": (tree) => {
      using entries = tree.entries();
      entries.next();
    },
    "using with an error inside": (tree) => {
      const body = () => {
        using entries = tree.values();
        entries.next();
        throw new Error("inside");
      };
      assertThrows(body, Error, "inside");
    },
    "destructuring": (tree) => {
      const [first] = tree.entries();
      assertEquals(first?.[0], "key 1000");
    },
    "take()": (tree) => assertEquals(tree.keys().take(3).toArray().length, 3),
    "the return() of a helper": (tree) => {
      const mapped = tree.keys().map((key) => key.length);
      mapped.next();
      mapped.return?.();
    },
    "an error in a helper": (tree) => {
      const fail = () => {
        throw new Error("in a helper");
      };
      assertThrows(() => tree.keys().map(fail).next(), Error, "in a helper");
    },
    "first() and last()": (tree) => {
      assertEquals([tree.first()?.[1], tree.last()?.[1]], [1000n, 1499n]);
    },
    "an empty range": (tree) => assertEquals([...tree.keys({ gt: "b", lt: "a" })], []),
    "limit 0": (tree) => assertEquals([...tree.keys({ limit: 0 })], []),
  };
  for (const [what, end] of Object.entries(endings)) {
    it(`lets its version go at its end: ${what}`, () => {
      const { db, tree } = openNumbers();
      end(tree);
      assertEquals(db.stats().snapshots, 0);
      db.close();
    });
  }

  it("left half-way keeps its version, and what it would show, until it is ended", () => {
    const { db, tree } = openNumbers();
    const left = Array.from({ length: 5 }, () => tree.values());
    for (const [i, iterator] of left.entries()) {
      iterator.next();
      change(db, "tree2", (other) => other.set("a", bytesOf(i, 9)));
    }
    assertEquals(db.stats().snapshots, 5);
    db.writeSync((tx) => tx.tree(tree).clear());
    assertEquals(left[0]!.next().value, 1001n);
    left[1]!.return();
    assertEquals(db.stats().snapshots, 4);
    assertEquals([...left[2]!].length, 499);
    assertEquals(db.stats().snapshots, 3);
    assertEquals([...left[3]!, ...left[4]!, ...left[0]!].length, 499 + 499 + 498);
    assertEquals([db.stats().snapshots, tree.count()], [0, 0]);
    db.close();
  });

  it("that the program loses ends after a commit", async () => {
    const { db, tree } = openNumbers();
    const held = tree.keys();
    held.next();
    for (let i = 0; i < 20; i++) tree.entries().next();
    for (let i = 0; i < 20; i++) tree.keys().map((key) => key.length).next();
    assertEquals(db.stats().snapshots, 41);
    db.writeSync((tx) => tx.tree(tree).clear());
    assert(await collectUntil(() => db.stats().snapshots === 1));
    assertEquals([...held].length, 499);
    assertEquals([db.stats().snapshots, db.stats().snapshotBytes], [0, 0]);
    db.close();
  });

  it("that the program loses ends without a commit, but for the last 256", async () => {
    const { db, tree } = openNumbers();
    for (let i = 0; i < 600; i++) tree.entries().next();
    assertEquals(db.stats().snapshots, 600);
    assert(await collectUntil(() => db.stats().snapshots < 256));
    db.close();
  });

  it("that the program loses may end after the close of its database", async () => {
    const { db, tree } = openNumbers();
    tree.entries().next();
    db.writeSync((tx) => tx.tree(tree).clear());
    let isCollected = false;
    const registry = new FinalizationRegistry(() => isCollected = true);
    registry.register(tree.entries(), undefined);
    db.close();
    assert(await collectUntil(() => isCollected));
  });

  it("goes on to the end of its leaf after a close, and is refused then", () => {
    const { db, tree } = openNumbers();
    const keys = tree.keys();
    keys.next();
    db.close();
    assertThrows(() => [...keys], Error, "closed");
    assertEquals(keys.next().done, true);
    assertEquals(tree.keys().return().done, true);
  });

  it("of a snapshot, or of a version that is kept, is refused after a close", () => {
    for (const isOfSnapshot of [true, false]) {
      const { db, tree } = openNumbers();
      const keys = isOfSnapshot ? db.snapshot().tree(tree).keys() : tree.keys();
      keys.next();
      db.writeSync((tx) => tx.tree(tree).clear());
      keys.next();
      db.close();
      assertThrows(() => keys.next(), ClosedError, "Cannot use the database: it is closed");
      assertEquals(keys.next().done, true);
    }
  });

  it("cannot be stepped within a step of its own", () => {
    const { db } = openNumbers(2);
    const value = {
      ...u64,
      decode: (bytes: Uint8Array): bigint => {
        entries.next();
        return u64.decode(bytes);
      },
    };
    const entries = db.tree("tree2", { key: string, value }).entries();
    db.renameTree("tree", "tree2");
    assertThrows(() => entries.next(), TypeError, "in a step");
    assertEquals(entries.next().done, true);
    assertEquals(db.stats().snapshots, 0);
    db.close();
  });

  it("is its own iterator, and shows nothing of what it is made of", () => {
    const { db, tree } = openNumbers(2);
    const keys = tree.keys();
    assert(keys[Symbol.iterator]() === keys);
    assertEquals(Object.keys(keys), []);
    keys.return();
    db.close();
  });
});

describe("results that leave the thread", () => {
  /** Some results that share memory, each with what it must be. */
  async function results(): Promise<[Uint8Array, Uint8Array][]> {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree");
    const keyOf = (i: number) => bytesOf(1000 + i, 20);
    await tree.setMany(Array.from({ length: 40 }, (_, i) => [keyOf(i), bytesOf(i, 60)] as const));
    const found: [Uint8Array, Uint8Array][] = [];
    for (let i = 0; i < 40; i++) found.push([tree.get(keyOf(i))!, bytesOf(i, 60)]);
    for (const [key, value] of tree) found.push([key, key.slice()], [value, value.slice()]);
    for (const key of tree.keys({ reverse: true })) found.push([key, key.slice()]);
    for (const key of tree.keys({ limit: 3 })) found.push([key, key.slice()]);
    db.close();
    return found;
  }

  it("cannot be transferred, and so take no other along", async () => {
    const found = await results();
    for (const [bytes] of found) {
      const transfer = [bytes.buffer as ArrayBuffer];
      assertThrows(() => structuredClone(bytes, { transfer }));
      const { port1, port2 } = new MessageChannel();
      assertThrows(() => port1.postMessage(bytes, transfer));
      port1.close();
      port2.close();
    }
    for (const [bytes, expected] of found) assertEquals(bytes, expected);
  });

  it("cannot be transferred even if they are empty", async () => {
    using db = openOn(new MemoryFile());
    const tree = db.tree("empty");
    await tree.setMany([[new Uint8Array(0), new Uint8Array(0)]]);
    for (const bytes of [...tree.keys(), ...tree.values(), ...tree.entries().toArray().flat()]) {
      assertThrows(() => structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] }));
    }
    assertEquals([...tree], [[new Uint8Array(0), new Uint8Array(0)]]);
  });

  it("reach a worker as they are", async () => {
    const source = `onmessage = ({ data }) => { data.fill(0); postMessage(data.length); }`;
    const url = `data:application/javascript,${encodeURIComponent(source)}`;
    const worker = new Worker(url, { type: "module" });
    const found = await results();
    for (const [bytes] of found.slice(0, 60)) {
      const answer = new Promise<number>((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
      });
      worker.postMessage(bytes);
      assertEquals(await answer, bytes.length);
    }
    worker.terminate();
    for (const [bytes, expected] of found) assertEquals(bytes, expected);
  });

  it("bring no neighbour along when they are sliced first", async () => {
    for (const [bytes, expected] of await results()) {
      const clone = structuredClone(bytes.slice());
      assertEquals(clone, expected);
      assert(clone.buffer.byteLength === expected.length);
    }
  });
});
