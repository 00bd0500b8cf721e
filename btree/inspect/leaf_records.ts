/**
 * Single leaves, read without their tree: the entries of a leaf, and the first leaf of a tree
 * according to its branches.
 */

import { format, header, type PageNumber, type PageReader } from "../../pager/mod.ts";
import type { TreeSource } from "../check/tree_walk.ts";
import { LeafBatch } from "../node/leaf_batch.ts";
import { childAt } from "../node/node.ts";
import { referredLength } from "../value/reference.ts";
import { readReferenced } from "../value/value.ts";

const { CHUNK_SHIFT, KIND_BRANCH, KIND_LEAF, SLOT_MASK } = format;
const { entriesOf, kindOf, levelOf, treeOf } = header;

/** The entries of one leaf, in memory of their own. */
export interface LeafRecords {
  /** The number of entries. */
  readonly count: number;
  /** The key of an entry. */
  key(index: number): Uint8Array;
  /** The length of the value of an entry, as the entry says. */
  valueLength(index: number): number;
  /**
   * The value of an entry.
   *
   * @throws {CorruptionError} It is in damaged runs.
   */
  value(index: number): Uint8Array;
}

/**
 * The entries of a leaf.
 *
 * @throws {CorruptionError} The page is damaged.
 */
export function leafRecords(reader: PageReader, page: PageNumber): LeafRecords {
  const place = reader.at(page);
  const frame = reader.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const batch = new LeafBatch();
  const tree = treeOf(frame, slot);
  batch.fill(frame, slot, 0, entriesOf(frame, slot));
  return {
    count: batch.count,
    key: (index) => batch.key(index),
    valueLength: (index) => {
      const value = batch.value(index);
      return batch.isReference[index] === 0 ? value.length : referredLength(value, 0);
    },
    value: (index) => {
      const value = batch.value(index);
      return batch.isReference[index] === 0 ? value : readReferenced(reader, tree, value, 0);
    },
  };
}

/**
 * The page of a tree's first leaf according to its branches, or undefined if they lead nowhere.
 *
 * @throws {CorruptionError} A branch on the way is damaged.
 */
export function firstLeafOf({ reader, id, root }: TreeSource): number | undefined {
  let page = root;
  for (let above = Infinity;;) {
    const place = reader.at(page);
    const frame = reader.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    const kind = kindOf(frame, slot);
    const level = levelOf(frame, slot);
    if (treeOf(frame, slot) !== id || level >= above) return undefined;
    if (kind === KIND_LEAF) return page;
    if (kind !== KIND_BRANCH) return undefined;
    page = childAt(frame, slot, 0);
    if (level === 1) return page;
    above = level;
  }
}
