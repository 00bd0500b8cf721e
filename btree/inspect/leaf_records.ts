/**
 * Leaves by themselves, whatever leads to them: what a leaf holds, of either kind of tree, and
 * which leaf is a tree's first by its branches.
 *
 * Keys come as bytes that sort as they do in the tree: those of a fixed tree as 8 bytes,
 * big-endian, and so do its values.
 */

import { format, type Frame, header, type PageReader } from "../../pager/mod.ts";
import { childOf } from "../fixed/fixed_node.ts";
import { LeafBatch } from "../node/leaf_batch.ts";
import { childAt } from "../node/node.ts";
import type { TreeSource } from "../check/tree_walk.ts";
import { readRuns } from "../value/value.ts";

const { CHUNK_SHIFT, KIND_BRANCH, KIND_FIXED_BRANCH, KIND_FIXED_LEAF, PAGE_BYTES, PAGE_SHIFT } =
  format;
const { KIND_LEAF, SLOT_MASK } = format;
const { entriesOf, kindOf, levelOf, treeOf } = header;

const U64_BYTES = 8;
const VALUES_AT = PAGE_BYTES / 2;

/** The entries of one leaf, in memory of their own. */
export interface LeafRecords {
  /** How many there are. */
  readonly count: number;
  /** The key of one. */
  key(index: number): Uint8Array;
  /**
   * The value of one.
   *
   * @throws {CorruptionError} It is in runs, and they are damaged.
   */
  value(index: number): Uint8Array;
}

/**
 * The entries of a leaf.
 *
 * @throws {CorruptionError} The page is damaged.
 */
export function leafRecords(reader: PageReader, page: number): LeafRecords {
  const place = reader.at(page);
  const frame = reader.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  if (kindOf(frame, slot) === KIND_FIXED_LEAF) return fixedRecords(frame, slot);
  const batch = new LeafBatch();
  const tree = treeOf(frame, slot);
  batch.fill(frame, slot, 0, entriesOf(frame, slot));
  return {
    count: batch.count,
    key: (index) => batch.key(index),
    value: (index) => {
      const value = batch.value(index);
      return batch.isReference[index] === 0 ? value : readRuns(reader, tree, value, 0);
    },
  };
}

function fixedRecords(frame: Frame, slot: number): LeafRecords {
  const start = slot << PAGE_SHIFT;
  const bytes = frame.u8.slice(start, start + PAGE_BYTES);
  // In a page the low byte comes first.
  const read = (at: number) => bytes.slice(at, at + U64_BYTES).reverse();
  return {
    count: entriesOf(frame, slot),
    key: (index) => read(index * U64_BYTES),
    value: (index) => read(VALUES_AT + index * U64_BYTES),
  };
}

/**
 * The page where a tree's first leaf is, or was, by its branches; undefined when they do not lead
 * there.
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
    if (kind === KIND_LEAF || kind === KIND_FIXED_LEAF) return page;
    if (kind !== KIND_BRANCH && kind !== KIND_FIXED_BRANCH) return undefined;
    page = kind === KIND_BRANCH ? childAt(frame, slot, 0) : childOf(frame, slot, 0);
    if (level === 1) return page;
    above = level;
  }
}
