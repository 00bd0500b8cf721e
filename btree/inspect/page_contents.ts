/**
 * The contents of a page as plain data, for inspection: its regions, and its entries with keys,
 * values and targets, each with its position in the page.
 *
 * The page was verified before (`node_check.ts`); everything is copied.
 */

import { CorruptionError, format, type Frame, header, type Slot } from "../../pager/mod.ts";
import { CATALOG_TREE, readCatalogEntry } from "../catalog.ts";
import {
  BRANCH_WIDTH,
  cellAt,
  childAt,
  copyKey,
  hasLeafLayout,
  HEAD_BYTES,
  KEY_BYTES_MAX,
  LEAF_WIDTH,
  LeafCell,
  lengthAt,
  lengthBytes,
  REFERENCE_TAG,
} from "../node/node.ts";
import { isUnfinishedKey, readUnfinished } from "../unfinished_values.ts";
import { decodeReference } from "../value/reference.ts";
import { isSecond } from "../value/shared_page.ts";

const {
  KIND_BRANCH,
  KIND_LEAF,
  KIND_RUN,
  KIND_SHARED,
  PAGE_BYTES,
  PAGE_SHIFT,
} = format;
const { cellStartOf, entriesOf, kindOf, prefixLengthOf, runBytesOf, treeOf } = header;

const NO_BYTES = new Uint8Array(0);
const TREE_IDS_END = 2 ** 32;

/** A stretch of a page. */
export interface Region {
  /** What it holds: heads, children, offsets, free, cells, prefix, keys, values or bytes. */
  readonly name: string;
  /** Its offset in the page. */
  readonly offset: number;
  /** Its length in bytes. */
  readonly bytes: number;
}

/** An entry of a page. */
export interface Cell {
  /** Its index. */
  readonly index: number;
  /** The offset in the page of its cell, or of its key. */
  readonly offset: number;
  /** The length of that in bytes. */
  readonly bytes: number;
  /** The whole key; empty for a branch's first entry. */
  readonly key: Uint8Array;
  /** The length of the value in a leaf; otherwise -1. */
  readonly valueBytes: number;
  /** The value if it is inline; otherwise empty. */
  readonly value: Uint8Array;
  /** The page that it leads to: a child, the first run of a value or the page that it shares, the
   * root of a tree; 0 = none. */
  readonly target: number;
  /** A description of a catalog entry, or of a fragment; otherwise empty. */
  readonly note: string;
}

/** The contents of a page. */
export interface PageContents {
  /** All of it, in the order of the bytes. */
  readonly regions: readonly Region[];
  /** The prefix of all keys. */
  readonly prefix: Uint8Array;
  /** Its entries, in order. */
  readonly cells: readonly Cell[];
}

/** Reads a verified page in a slot. */
export function pageContents(frame: Frame, slot: Slot): PageContents {
  const kind = kindOf(frame, slot);
  if (kind === KIND_LEAF || kind === KIND_BRANCH) return nodeContents(frame, slot);
  if (kind === KIND_SHARED) return sharedContents(frame, slot);
  const used = kind === KIND_RUN ? Math.min(PAGE_BYTES, runBytesOf(frame, slot)) : PAGE_BYTES;
  return {
    regions: regionsOf([["bytes", used], ["free", PAGE_BYTES]]),
    prefix: NO_BYTES,
    cells: [],
  };
}

/** Adjacent regions, each given by its end. Empty ones are left out. */
function regionsOf(ends: readonly (readonly [name: string, end: number])[]): Region[] {
  let offset = 0;
  const regions = ends.map(([name, end]) => {
    const region = { name, offset, bytes: end - offset };
    offset = end;
    return region;
  });
  return regions.filter(({ bytes }) => bytes > 0);
}

function nodeContents(frame: Frame, slot: Slot): PageContents {
  const entries = entriesOf(frame, slot);
  const leaf = hasLeafLayout(frame, slot);
  const prefixAt = PAGE_BYTES - prefixLengthOf(frame, slot);
  const width = leaf ? LEAF_WIDTH : BRANCH_WIDTH;
  const regions = regionsOf([
    ["heads", entries * HEAD_BYTES],
    ["children", leaf ? entries * HEAD_BYTES : entries * HEAD_BYTES * 2],
    ["offsets", entries * width],
    ["free", cellStartOf(frame, slot)],
    ["cells", prefixAt],
    ["prefix", PAGE_BYTES],
  ]);
  const start = slot << PAGE_SHIFT;
  const prefix = frame.u8.slice(start + prefixAt, start + PAGE_BYTES);
  const read = leaf ? leafEntry : branchEntry;
  const cells = Array.from({ length: entries }, (_, index) => read(frame, slot, index));
  return { regions, prefix, cells };
}

/** Like a leaf, but a key begins with the number of its fragment. */
function sharedContents(frame: Frame, slot: Slot): PageContents {
  const { cells, ...rest } = nodeContents(frame, slot);
  return {
    ...rest,
    cells: cells.map((cell) => ({
      ...cell,
      key: cell.key.slice(1),
      note: `fragment ${cell.key[0]}${isSecond(cell.key[0]!) ? ", the second" : ""}`,
    })),
  };
}

function keyOf(frame: Frame, slot: Slot, index: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES_MAX);
  return key.slice(0, copyKey(frame, slot, index, key));
}

function leafEntry(frame: Frame, slot: Slot, index: number): Cell {
  const at = cellAt(frame, slot, index);
  const cell = new LeafCell();
  cell.read(frame.u8, at);
  const isReference = cell.tag === REFERENCE_TAG;
  const reference = isReference ? decodeReference(frame.u8, cell.valueAt) : undefined;
  const value = isReference ? NO_BYTES : frame.u8.slice(cell.valueAt, cell.end);
  const key = keyOf(frame, slot, index);
  return {
    index,
    offset: at - (slot << PAGE_SHIFT),
    bytes: cell.end - at,
    key,
    valueBytes: reference?.length ?? cell.tag,
    value,
    target: reference?.page ?? 0,
    note: reference === undefined || reference.secondPage === 0
      ? ""
      : `second fragment in page ${reference.secondPage}`,
    ...(!isReference && isOfCatalog(frame, slot) ? catalogWords(key, value) : {}),
  };
}

function isOfCatalog(frame: Frame, slot: Slot): boolean {
  return treeOf(frame, slot) === CATALOG_TREE && kindOf(frame, slot) === KIND_LEAF;
}

/** The description and the target page of a catalog entry. */
function catalogWords(key: Uint8Array, record: Uint8Array): Pick<Cell, "target" | "note"> {
  try {
    if (isUnfinishedKey(key)) {
      const { tree, reference } = readUnfinished(key, record, 0, TREE_IDS_END);
      const note = `unfinished value of ${reference.length} bytes for tree ${tree}`;
      return { target: reference.page, note };
    }
    const { id, root, name } = readCatalogEntry(key, record, 0, TREE_IDS_END);
    const note = name === undefined ? `dropped tree ${id}` : `tree ${id}: ${name}`;
    return { target: root, note };
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return { target: 0, note: `damaged: ${error.rule}` };
  }
}

function branchEntry(frame: Frame, slot: Slot, index: number): Cell {
  const at = cellAt(frame, slot, index);
  const suffix = lengthAt(frame.u8, at);
  return {
    index,
    offset: at - (slot << PAGE_SHIFT),
    bytes: lengthBytes(suffix) + Math.max(0, suffix - HEAD_BYTES),
    key: keyOf(frame, slot, index),
    valueBytes: -1,
    value: NO_BYTES,
    target: childAt(frame, slot, index),
    note: "",
  };
}
