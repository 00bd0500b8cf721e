/**
 * A database of several chunks with several trees, and the pages that each entry needs.
 */

import { leafRecords } from "../../../btree/inspect/leaf_records.ts";
import { LeafBatch, TreeContext } from "../../../btree/mod.ts";
import { pagesOfReferenced } from "../../../btree/value/value.ts";
import { format, header, MemoryFile, Pager } from "../../../pager/mod.ts";
import { bytesOf, openBoth } from "../../support/databases/database.ts";
import { Image } from "../../support/files/image.ts";

const { KIND_LEAF } = format;

/** An entry, and the pages without which it is lost. */
export interface MappedEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly pages: readonly number[];
}

/** A database of several chunks. */
export interface Wide {
  readonly bytes: Uint8Array;
  /** The entries of each tree, by its number, in key order. */
  readonly entries: ReadonlyMap<number, readonly MappedEntry[]>;
  /** The number of each tree. */
  readonly ids: ReadonlyMap<string, number>;
}

/** The key of a number, which sorts as the number does. */
export function keyOf(number: number): string {
  return `key ${String(number).padStart(6, "0")}`;
}

/** A number as 8 bytes, which sort as it does. */
function u64(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

/** Makes the database, closed clean. */
export function makeWide(): Wide {
  const file = new MemoryFile();
  const { db, session } = openBoth(file, { cacheBytes: 16 * 1024 * 1024 });
  db.writeSync((tx) => {
    const long = tx.tree("long");
    const files = tx.tree("files");
    const short = tx.tree("short");
    for (let i = 0; i < 3000; i++) {
      long.set(keyOf((i * 1237) % 3000), bytesOf(i, 700));
      if (i % 12 === 0) files.set(keyOf(i), bytesOf(i, 2100 + (i * 97) % 30_000));
      if (i % 3 === 0) short.set(keyOf(i), bytesOf(i, 9));
    }
    tx.tree("empty").set("gone", bytesOf(1, 1));
    tx.tree("dropped").set("gone", bytesOf(1, 1));
  });
  db.writeSync((tx) => {
    tx.tree("empty").clear();
    tx.tree("long").deleteRange({ gte: keyOf(1000), lt: keyOf(1100) });
    const numbers = tx.tree("numbers");
    for (let i = 0; i < 5000; i++) numbers.set(u64((i * 7919) % 5003), u64(i));
  });
  db.dropTree("dropped");
  const names = db.trees();
  const ids = new Map(names.map((name) => [name, session.catalog.get(name)!.id]));
  db.close();
  const bytes = file.content();
  return { bytes, entries: entriesOf(bytes), ids };
}

/** Every entry of every tree with the pages that it needs, from the leaves. */
function entriesOf(bytes: Uint8Array): Map<number, MappedEntry[]> {
  const image = new Image(bytes);
  const pager = new Pager(image.file(), { readOnly: true });
  new TreeContext(pager);
  const trees = new Map<number, MappedEntry[]>();
  for (const page of image.pagesOf([KIND_LEAF])) {
    const tree = image.treeOf(page);
    const entries = trees.get(tree) ?? [];
    trees.set(tree, entries);
    const records = leafRecords(pager, page);
    for (let i = 0; i < records.count; i++) {
      const pages = [page, ...runPages(pager, tree, page, i)];
      entries.push({ key: records.key(i), value: records.value(i), pages });
    }
  }
  for (const entries of trees.values()) entries.sort((a, b) => compare(a.key, b.key));
  return trees;
}

function runPages(pager: Pager, tree: number, page: number, index: number): number[] {
  const place = pager.at(page);
  const frame = pager.frames[place >>> 8]!;
  const slot = place & 255;
  const batch = new LeafBatch();
  batch.fill(frame, slot, 0, header.entriesOf(frame, slot));
  if (batch.isReference[index] === 0) return [];
  return [...pagesOfReferenced(pager, tree, batch.value(index), 0)];
}

/** Below 0, 0 or above 0 as a key sorts before, with or after another. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
