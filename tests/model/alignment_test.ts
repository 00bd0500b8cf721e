/**
 * Returned bytes begin where an array of any numbers can begin, whatever was returned before them:
 * `new Float64Array(v.buffer, v.byteOffset, n)` works on every result.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  bytes,
  type Database,
  json,
  open,
  type ReadTree,
  string,
  structured,
  tuple,
} from "../../mod.ts";
import { Random } from "../support/random.ts";

const KEYS = 3000;

/** Bytes of a given length that identify themselves. */
function bytesOf(length: number, salt: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 31 + salt);
}

/** Fails if a result cannot be viewed as numbers of 8 bytes. */
function assertAligned(result: Uint8Array | undefined, what: string): void {
  if (result === undefined) throw new Error(`there is no ${what}`);
  assertEquals(result.byteOffset % 8, 0, `${what} of ${result.length} bytes`);
  const numbers = new Float64Array(result.buffer, result.byteOffset, result.length >> 3);
  assertEquals(numbers.length, result.length >> 3);
}

/** A database of keys and values of every length, in random order. */
async function makeDatabase(): Promise<Database> {
  const db = open(":memory:");
  const random = new Random(14);
  const entries = Array.from({ length: KEYS }, (_, i): [Uint8Array, Uint8Array] => {
    const length = i % 50 === 0 ? random.below(20_000) : random.below(random.pick([12, 300, 2000]));
    return [bytesOf(2 + random.below(60), i), bytesOf(length, i)];
  });
  await db.tree("mixed").setMany(entries);
  return db;
}

describe("returned bytes", () => {
  it("are aligned to 8 in single reads", async () => {
    using db = await makeDatabase();
    const tree = db.tree("mixed");
    const keys = tree.keys().toArray();
    for (const key of keys) {
      assertAligned(tree.get(key), "get");
      assertAligned(tree.getRange(key, 1), "getRange");
      assertAligned(tree.getRange(key, 3, 10), "getRange");
    }
    for (const value of tree.getMany(keys)) assertAligned(value, "getMany");
    for (const entry of [tree.first(), tree.last({ lt: keys[100]! })]) {
      assertAligned(entry?.[0], "key");
      assertAligned(entry?.[1], "value");
    }
    for (const key of keys.slice(0, 200)) {
      for await (const piece of tree.getStream(key)!) assertAligned(piece, "getStream");
    }
  });

  it("are aligned to 8 in every way of iterating over a range", async () => {
    using db = await makeDatabase();
    const check = (tree: ReadTree) => {
      const some = tree.entries({ limit: 900 }).toArray().map(([key]) => key);
      for (const reverse of [false, true]) {
        for (const limit of [1, 2, 7, Infinity]) {
          for (const gte of limit === Infinity ? [some[5]!] : some.slice(0, 300)) {
            for (const [key, value] of tree.entries({ gte, reverse, limit })) {
              assertAligned(key, "key");
              assertAligned(value, "value");
            }
          }
        }
      }
    };
    check(db.tree("mixed"));
    for (const key of db.tree("mixed").keys()) assertAligned(key, "keys()");
    for (const value of db.tree("mixed").values()) assertAligned(value, "values()");
    using snapshot = db.snapshot();
    check(snapshot.tree("mixed"));
    db.writeSync((tx) => check(tx.tree("mixed")));
  });

  it("are aligned to 8 in watched changes, in updates, and for codecs", async () => {
    using db = open(":memory:");
    const tree = db.tree("a", { key: bytes, value: bytes });
    const watcher = tree.watch();
    await tree.setMany([[bytesOf(3, 1), bytesOf(11, 1)], [bytesOf(5, 2), bytesOf(13, 2)]]);
    await tree.update(bytesOf(5, 2), (value) => {
      assertAligned(value, "update");
      return value;
    });
    const { value } = await watcher.next();
    for (const change of value?.changes ?? []) {
      if (change.type !== "set") throw new Error(change.type);
      assertAligned(change.key, "a watched key");
      assertAligned(change.value, "a watched value");
    }
    const tuples = db.tree("tuples", { key: tuple, value: tuple });
    const data = db.tree("data", { key: string, value: structured });
    for (let length = 0; length < 40; length++) {
      const part = bytesOf(length, length);
      await tuples.set(["x".repeat(length), part], [part, part]);
      await data.set("x".repeat(length), { at: "x".repeat(length), part, view: [part] });
    }
    for (const [key, value] of tuples) {
      for (const part of [key[1], value[0], value[1]]) assertAligned(part as Uint8Array, "a part");
    }
    for (const value of data.values()) {
      const { part, view } = value as { part: Uint8Array; view: Uint8Array[] };
      assertAligned(part, "bytes in structured");
      assertAligned(view[0], "bytes in structured");
    }
  });
});

describe("results of other codecs", () => {
  it("are unchanged beside values of any length", async () => {
    using db = open(":memory:");
    const tree = db.tree("words", { key: string, value: json.as<{ text: string }>() });
    const entries = Array.from({ length: KEYS }, (_, i): [string, { text: string }] => [
      `key ${String(i).padStart(5, "0")}`,
      { text: "\u00e9".repeat(i % 700) },
    ]);
    await tree.load(entries);
    assertEquals([...tree], entries);
    assertEquals([...tree.entries({ reverse: true, limit: 100 })], entries.slice(-100).reverse());
  });
});
