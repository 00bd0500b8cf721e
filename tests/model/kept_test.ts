/**
 * What a kept result keeps: the buffers that are reachable from results, when a program keeps a few
 * of those that it read.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Database, json, open, string } from "../../mod.ts";

const ENTRIES = 5000;
const KIB = 1024;

/** A database of keys of 8 bytes, and values of a length. */
function makeDatabase(valueBytes: number): Database {
  const db = open(":memory:");
  db.writeSync((tx) => {
    const value = new Uint8Array(valueBytes).fill(7);
    const entries = Array.from({ length: ENTRIES }, (_, i) => [keyOf(i), value] as const);
    tx.tree("a").load(entries);
  });
  return db;
}

function keyOf(i: number): Uint8Array {
  return new TextEncoder().encode(String(i).padStart(8, "0"));
}

/** The bytes of all buffers that results keep. */
function keptBytes(results: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const buffer of new Set(results.map(({ buffer }) => buffer))) bytes += buffer.byteLength;
  return bytes;
}

/** Every 50th of a sequence. */
function someOf<T>(all: Iterable<T>): T[] {
  const kept: T[] = [];
  let i = 0;
  for (const one of all) if (i++ % 50 === 0) kept.push(one);
  return kept;
}

describe("bytes kept by results", () => {
  it("are those of some keys for a key of a scan, however long values are", () => {
    for (const valueBytes of [8, 100, 1500]) {
      using db = makeDatabase(valueBytes);
      const tree = db.tree("a");
      const ofEntries = someOf(tree.entries()).map(([key]) => key);
      for (const keys of [someOf(tree.keys()), ofEntries]) {
        assertEquals(keys, someOf(Array.from({ length: ENTRIES }, (_, i) => keyOf(i))));
        const bytes = keptBytes(keys) / keys.length;
        assert(bytes <= 4 * KIB, `${bytes} bytes a key beside values of ${valueBytes}`);
      }
      assert(keptBytes([[...tree.keys({ limit: 1000 })].at(-1)!]) <= 8 * KIB);
    }
  });

  it("are at most 32 KiB for a value of a scan, and 64 KiB for one above 256 bytes", () => {
    for (const [valueBytes, most] of [[8, 32], [100, 32], [256, 32], [1500, 64]] as const) {
      using db = makeDatabase(valueBytes);
      for (const value of someOf(db.tree("a").values())) assert(keptBytes([value]) <= most * KIB);
    }
  });

  it("follow the length of a value of get()", () => {
    for (const [length, most] of [[20, 2], [64, 2], [200, 8], [3000, 16]] as const) {
      using db = makeDatabase(length);
      const tree = db.tree("a");
      for (let i = 0; i < 200; i++) assert(keptBytes([tree.get(keyOf(i))!]) <= most * KIB);
      // Together they keep little more than themselves.
      const all = Array.from({ length: 500 }, (_, i) => tree.get(keyOf(i))!);
      assert(keptBytes(all) <= 500 * length * 1.4 + most * KIB, `${keptBytes(all)} at ${length}`);
    }
  });
});

describe("iterators of codecs that keep no bytes", () => {
  it("decode each entry right, several iterators in turn", async () => {
    using db = open(":memory:");
    const tree = db.tree("words", { key: string, value: json.as<{ i: number; text: string }>() });
    const entries = Array.from({ length: 2000 }, (_, i): [string, { i: number; text: string }] => [
      `${"prefix".slice(0, i % 7)} ${String(i).padStart(6, "0")}`,
      { i, text: "x".repeat(i % 50 === 0 ? 5000 : i % 300) },
    ]).sort(([a], [b]) => a < b ? -1 : 1);
    await tree.setMany(entries);
    const all = [tree.entries(), tree.entries({ reverse: true })] as const;
    const [keys, values] = [tree.keys(), tree.values()];
    for (let i = 0; i < entries.length; i++) {
      assertEquals(all[0].next().value, entries[i]);
      assertEquals(all[1].next().value, entries.at(-1 - i));
      assertEquals(keys.next().value, entries[i]![0]);
      assertEquals(values.next().value, entries[i]![1]);
    }
    for (const it of [...all, keys, values]) assertEquals(it.next().done, true);
  });
});
