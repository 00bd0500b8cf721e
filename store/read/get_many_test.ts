// `getMany` of a tree that is high enough for batches: any keys, any codec, and sources of keys
// that use the database themselves.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, MemoryFile } from "../../pager/mod.ts";
import { bytesOf, openOn } from "../../tests/support/databases/database.ts";
import { type Codec, json, string } from "../codec/mod.ts";
import type { Database } from "../database.ts";
import type { Tree } from "../tree.ts";

const COUNT = 400;

/** Keys in pairs that differ at their end, so separators are long, and the tree is high. */
function keyAt(i: number): string {
  return `${1000 + (i >> 1)}${"x".repeat(700)}${i & 1}`;
}

function valueOf(i: number): Uint8Array {
  return bytesOf(i, i % 40 === 0 ? 30_000 : i % 30 === 1 ? 3000 : 1400);
}

function openHigh(cacheBytes?: number): { db: Database; tree: Tree } {
  const db = openOn(new MemoryFile(), { cacheBytes });
  const tree = db.tree("tree");
  db.writeSync((tx) => {
    const inside = tx.tree(tree);
    for (let i = 0; i < COUNT; i++) inside.set(keyAt(i), valueOf(i));
  });
  assertEquals(tree.stats().levels, 3);
  return { db, tree };
}

/** Numbers in another order, with some that are not in the tree. */
const ORDER = Array.from({ length: COUNT }, (_, i) => (i * 171) % (COUNT + 50));
const EXPECTED = ORDER.map((i) => i < COUNT ? valueOf(i) : undefined);

describe("getMany() of a high tree", () => {
  it("gives what get() gives, in a tree, a transaction and a snapshot", () => {
    const { db, tree } = openHigh();
    using snapshot = db.snapshot();
    const keys = ORDER.map(keyAt);
    assertEquals(tree.getMany(keys), EXPECTED);
    assertEquals(tree.getMany(keys.slice(0, 17)), EXPECTED.slice(0, 17));
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      inside.set(keyAt(1), bytesOf(7, 7));
      assertEquals(inside.getMany([keyAt(2), keyAt(1)]), [valueOf(2), bytesOf(7, 7)]);
    });
    assertEquals(snapshot.tree(tree).getMany(keys), EXPECTED);
    db.close();
  });

  it("gives what get() gives where all pages have to be loaded", () => {
    const { db, tree } = openHigh(8 * 1024 * 1024);
    const other = db.tree("other");
    db.writeSync((tx) => {
      const inside = tx.tree(other);
      for (let i = 0; i < 12_000; i++) inside.set(`${i}`, bytesOf(i, 1000));
    });
    for (let round = 0; round < 3; round++) {
      assertEquals(tree.getMany(ORDER.map(keyAt)), EXPECTED);
      for (const _ of other.values());
    }
    db.close();
  });

  it("decodes values, also by a codec that reads the database meanwhile", () => {
    const db = openOn(new MemoryFile());
    const reading: Codec<string> = {
      encode: (text) => new TextEncoder().encode(text),
      decode: (bytes) => {
        const text = new TextDecoder().decode(bytes);
        return text + plain.getMany([keyAt(1)])[0];
      },
    };
    const plain = db.tree("plain", { key: string, value: json });
    const tree = db.tree("tree", { key: string, value: reading });
    db.writeSync((tx) => {
      for (let i = 0; i < COUNT; i++) {
        tx.tree(plain).set(keyAt(i), i);
        tx.tree(tree).set(keyAt(i), "y".repeat(1400));
      }
    });
    const keys = ORDER.map(keyAt);
    const text = "y".repeat(1400) + "1";
    assertEquals(tree.getMany(keys), ORDER.map((i) => i < COUNT ? text : undefined));
    assertEquals(plain.getMany(keys), ORDER.map((i) => i < COUNT ? i : undefined));
    db.close();
  });

  it("reads the tree as it is when a batch is full, if the source of keys changes it", () => {
    const { db, tree } = openHigh();
    const changing = function* () {
      yield keyAt(2);
      for (let i = 0; i < COUNT; i++) {
        db.writeSync((tx) => tx.tree(tree).delete(keyAt(i)));
        if (i % 16 === 0) assertEquals(tree.getMany([keyAt(i), keyAt(399)]).length, 2);
        yield keyAt(399);
      }
    };
    const values = tree.getMany(changing());
    assertEquals(values.length, COUNT + 1);
    assertEquals([values[16], values[COUNT]], [valueOf(399), undefined]);
    assertEquals(tree.count(), 0);
    db.close();
  });

  it("fails where the source of keys closes the database, throws or yields no key", () => {
    const { db, tree } = openHigh();
    const failing = function* () {
      yield keyAt(1);
      throw new RangeError("mine");
    };
    assertThrows(() => tree.getMany(failing()), RangeError, "mine");
    assertThrows(() => tree.getMany([keyAt(1), 7 as never]), TypeError, "tree tree, key 7");
    assertEquals(tree.getMany([keyAt(3)]), [valueOf(3)]);
    const closing = function* () {
      yield keyAt(1);
      db.close();
      yield keyAt(2);
    };
    assertThrows(() => tree.getMany(closing()), ClosedError);
  });
});
