/**
 * The content of the golden files, described so that it can be written and checked: every kind of
 * page, keys and values around every limit, a tree of three levels, freed pages, a dropped and a
 * renamed tree.
 *
 * A published golden file never changes, and neither does this description.
 */

import { u64 } from "../../../mod.ts";
import {
  bytesOf,
  change,
  type Content,
  type Opened,
  utf8,
} from "../../support/databases/database.ts";

/** The u64 pairs of the tree `numbers`: a key and its value. */
export const NUMBERS: readonly (readonly [bigint, bigint])[] = [
  ...Array.from({ length: 1200 }, (_, i) => [BigInt(i) * 3n, BigInt(i) << 40n] as const),
  [2n ** 63n, 1n],
  [2n ** 64n - 1n, 2n ** 64n - 1n],
];

/** The codecs of that tree. */
export const NUMBER_CODECS = { key: u64, value: u64 };

const LONGEST = new Uint8Array(2048).fill(0xff);
const SHORT_BYTES = [0, 1, 127, 128, 2047, 2048];
const VALUE_BYTES = [...SHORT_BYTES, 2049, 5500, 5501, 8191, 8192, 8193, 12_345, 24_000];

/** The entries of every tree but `numbers`, in key order. */
export function goldenContent(): Content {
  return new Map([
    ["deep", sorted(Array.from({ length: 40 }, (_, i) => [bytesOf(i, 1800), bytesOf(i, 20)]))],
    [
      "edges",
      sorted([
        [new Uint8Array(0), utf8("the empty key")],
        [new Uint8Array(1), utf8("a zero")],
        [LONGEST, utf8("the last key there can be")],
        [LONGEST.subarray(1), new Uint8Array(0)],
        [utf8("\u00e9\u4e2d\u{1f600}"), utf8("text")],
      ]),
    ],
    ["empty", []],
    ["text", sorted(Array.from({ length: 300 }, (_, i) => [utf8(`key ${i}`), utf8(`value ${i}`)]))],
    ["values", sorted(VALUE_BYTES.map((bytes) => [utf8(`${bytes} bytes`), bytesOf(bytes, bytes)]))],
  ]);
}

/** Writes all of it to an empty database, with intermediate changes. */
export function makeGolden({ db }: Opened): void {
  const content = goldenContent();
  change(db, "dropped", (dropped) => dropped.load(content.get("text")!));
  for (const [name, entries] of content) {
    const first = name === "text" ? "first name" : name;
    change(db, first, (tree) => {
      // In a shuffled order, so that pages split in the middle.
      for (const [key, value] of [...entries.keys()].sort().map((i) => entries[i]!)) {
        tree.set(key, value);
      }
      tree.set("passing", bytesOf(1, 20_000));
    });
    db.checkpoint();
    change(db, first, (tree) => tree.delete("passing"));
  }
  db.writeSync((tx) => tx.tree(db.tree("numbers", NUMBER_CODECS)).setMany(NUMBERS));
  db.renameTree("first name", "text");
  db.dropTree("dropped");
}

function sorted(entries: [Uint8Array, Uint8Array][]): [Uint8Array, Uint8Array][] {
  const hex = (bytes: Uint8Array) => bytes.toHex();
  return entries.sort(([a], [b]) => hex(a) < hex(b) ? -1 : 1);
}
