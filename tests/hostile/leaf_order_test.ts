/**
 * A forged file whose leaves have keys of their neighbours: whoever goes on behind a key, page by
 * page or slice by slice, comes to an end.
 */

import { assertLess, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, MemoryFile } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import { bytesOf, change, openOn } from "../support/databases/database.ts";
import { Image } from "../support/files/image.ts";
import { makeBases } from "./support/hostile_bases.ts";

const { HEADER, KIND_BRANCH, PAGE_BYTES } = format;
const ENTRIES = 100;
const keyOf = (number: number) => `key ${100 + number}`;

/**
 * A tree of leaves, each in the middle with its first key below those of the leaf before, or with
 * its last key above those of the leaf behind.
 */
function makeForged(isLow: boolean): Image {
  const file = new MemoryFile();
  const db = openOn(file);
  change(db, "main", (tree) => {
    for (let i = 0; i < ENTRIES; i++) tree.set(keyOf(i), bytesOf(i, 700));
  });
  db.close();
  const image = new Image(file.content());
  const branch = image.pagesOf([KIND_BRANCH]).at(-1)!;
  const children = branch * PAGE_BYTES + 4 * image.entriesOf(branch);
  for (const child of [3, 4, 5]) {
    const leaf = image.view.getUint32(children + 4 * child, true);
    const entry = isLow ? 0 : image.entriesOf(leaf) - 1;
    // The first byte of its head, which is little-endian.
    image.bytes[leaf * PAGE_BYTES + 4 * entry + 3] = isLow ? 0x20 : 0x7a;
    image.seal(leaf);
  }
  return image;
}

const forged = [true, false].map(makeForged);

function openForged(isLow: boolean): Database {
  return openOn(forged[isLow ? 0 : 1]!.file());
}

/** Lists a tree page by page, as programs do; fails if that goes on without end. */
function listInPages(db: Database, reverse: boolean): void {
  const tree = db.tree("main");
  let last: Uint8Array | undefined;
  for (let pages = 0;; pages++) {
    assertLess(pages, ENTRIES);
    const range = last === undefined ? {} : reverse ? { lt: last } : { gt: last };
    const keys = [...tree.keys({ ...range, reverse, limit: 3 })];
    if (keys.length === 0) return;
    last = keys.at(-1);
  }
}

describe("leaves that have keys of their neighbours", () => {
  for (const reverse of [false, true]) {
    it(`are refused by a list in pages, ${reverse ? "back" : "forward"}`, () => {
      using db = openForged(!reverse);
      assertThrows(() => listInPages(db, reverse), CorruptionError, "keys of its neighbour");
    });
  }

  it("are refused by a transaction that changes what it iterates over", () => {
    using db = openForged(true);
    let steps = 0;
    assertThrows(
      () =>
        db.writeSync((tx) => {
          const tree = tx.tree("main");
          for (const key of tree.keys()) {
            assertLess(steps++, 2 * ENTRIES);
            tree.set(key, bytesOf(1, 700));
          }
        }),
      CorruptionError,
      "keys of its neighbour",
    );
  });

  it("end a packing", async () => {
    const image = new Image(makeBases().deep.bytes);
    const levelOf = (page: number) => image.header(page)[HEADER.level];
    const root = image.pagesOf([KIND_BRANCH]).find((page) => levelOf(page) === 2)!;
    // A byte of the key between the second branch and the third.
    const offsets = root * PAGE_BYTES + 8 * image.entriesOf(root);
    const cell = image.view.getUint16(offsets + 2 * 2, true);
    image.bytes[root * PAGE_BYTES + cell + 100]!++;
    image.seal(root);
    using db = openOn(image.file());
    const signal = AbortSignal.timeout(20_000);
    await assertRejects(() => db.compact({ signal }), CorruptionError, "keys of its neighbour");
  });
});
