/**
 * Changing a node in place: adding, replacing and removing one entry where the page has room for
 * it.
 *
 * The caller touches the page and ensures the room first. A change that does not fit in place
 * rebuilds the page (`entry_list.ts`). Free space stays zero.
 */

import { assert, format, type Frame, header, type Slot } from "../../pager/mod.ts";
import {
  BRANCH_WIDTH,
  cellAt,
  cellBytes,
  childIndex,
  freeBytesOf,
  gapOf,
  hasLeafLayout,
  HEAD_BYTES,
  headIndex,
  headOf,
  LEAF_WIDTH,
  LeafCell,
  lengthAt,
  offsetIndex,
  payloadBytes,
  putLength,
  REFERENCE_TAG,
  valueBytes,
  widthOf,
} from "./node.ts";

const { FLAG_HOLDS_RUNS, PAGE_BYTES, PAGE_SHIFT } = format;
const { cellStartOf, entriesOf, flagsOf, garbageOf, kindOf, levelOf, linkOf } = header;
const { prefixLengthOf } = header;
const { setCellStart, setEntries, setGarbage, setLink, setPrefix, setShape } = header;

const removed = new LeafCell();

/** Turns an allocated page into an empty node. */
export function clearNode(frame: Frame, slot: Slot): void {
  frame.u8.fill(0, slot << PAGE_SHIFT, (slot + 1) << PAGE_SHIFT);
  setEntries(frame, slot, 0);
  setPrefix(frame, slot, 0, 0);
  setCellStart(frame, slot, PAGE_BYTES);
  setGarbage(frame, slot, 0);
}

/** Gives an empty branch its first entry, which has no key. */
export function startBranch(frame: Frame, slot: Slot, child: number): void {
  const start = PAGE_BYTES - 1;
  frame.u32[childIndex(slot, 1, 0)] = child;
  frame.u16[offsetIndex(slot, 1, 0, false)] = start;
  setCellStart(frame, slot, start);
  setEntries(frame, slot, 1);
}

/** Adds an entry to a leaf. The key begins with the node's prefix, and the gap has room. */
export function insertLeafEntry(
  frame: Frame,
  slot: Slot,
  index: number,
  key: Uint8Array,
  length: number,
  tag: number,
  value: Uint8Array,
): void {
  const prefix = prefixLengthOf(frame, slot);
  const entries = entriesOf(frame, slot);
  const suffix = length - prefix;
  const bytes = cellBytes(suffix, payloadBytes(tag));
  assert(gapOf(frame, slot) >= bytes + LEAF_WIDTH, "a leaf has room for what is added in place");
  const start = cellStartOf(frame, slot) - bytes;
  openLeafSlot(frame, slot, entries, index);
  frame.u32[headIndex(slot, index)] = headOf(key, prefix, length);
  frame.u16[offsetIndex(slot, entries + 1, index, true)] = start;
  writeLeafCell(frame.u8, (slot << PAGE_SHIFT) + start, key, prefix, length, tag, value, 0);
  setCellStart(frame, slot, start);
  setEntries(frame, slot, entries + 1);
  if (tag === REFERENCE_TAG) setPrefix(frame, slot, prefix, FLAG_HOLDS_RUNS);
}

/** Writes the cell of a leaf entry, whose value begins at a byte of `bytes`. */
export function writeLeafCell(
  u8: Uint8Array,
  cell: number,
  key: Uint8Array,
  prefix: number,
  length: number,
  tag: number,
  bytes: Uint8Array,
  valueFrom: number,
): void {
  let at = putLength(u8, cell, length - prefix);
  at = putLength(u8, at, tag);
  for (let i = prefix + HEAD_BYTES; i < length; i++) u8[at++]! = key[i]!;
  copyBytes(bytes, valueFrom, u8, at, valueBytes(tag));
}

/** Shifts the arrays of a leaf to make room for one entry. */
function openLeafSlot(frame: Frame, slot: Slot, entries: number, index: number): void {
  const { u16, u32 } = frame;
  const from = offsetIndex(slot, entries, 0, true);
  const to = offsetIndex(slot, entries + 1, 0, true);
  u16.copyWithin(to + index + 1, from + index, from + entries);
  u16.copyWithin(to, from, from + index);
  const heads = headIndex(slot, 0);
  u32.copyWithin(heads + index + 1, heads + index, heads + entries);
}

/** Shifts the arrays of a leaf to close over one entry, and zeroes what they leave. */
function closeLeafSlot(frame: Frame, slot: Slot, entries: number, index: number): void {
  const { u16, u32 } = frame;
  const heads = headIndex(slot, 0);
  u32.copyWithin(heads + index, heads + index + 1, heads + entries);
  const from = offsetIndex(slot, entries, 0, true);
  const to = offsetIndex(slot, entries - 1, 0, true);
  u16.copyWithin(to, from, from + index);
  u16.copyWithin(to + index, from + index + 1, from + entries);
  u16.fill(0, to + entries - 1, from + entries);
}

/** Removes an entry of a leaf. */
export function removeLeafEntry(frame: Frame, slot: Slot, index: number): void {
  const entries = entriesOf(frame, slot);
  const cell = cellAt(frame, slot, index);
  removed.read(frame.u8, cell);
  closeLeafSlot(frame, slot, entries, index);
  setEntries(frame, slot, entries - 1);
  dropCell(frame, slot, cell, removed.end - cell);
}

/**
 * Removes an entry of a leaf that has others. Only the arrays change: the bytes of its cell become
 * garbage, even where they are the first.
 */
export function unlinkLeafEntry(frame: Frame, slot: Slot, index: number): void {
  const entries = entriesOf(frame, slot);
  removed.read(frame.u8, cellAt(frame, slot, index));
  const bytes = removed.end - cellAt(frame, slot, index);
  closeLeafSlot(frame, slot, entries, index);
  setEntries(frame, slot, entries - 1);
  setGarbage(frame, slot, garbageOf(frame, slot) + bytes);
}

/** Adds an entry to a branch, at index 1 or later. */
export function insertBranchEntry(
  frame: Frame,
  slot: Slot,
  index: number,
  key: Uint8Array,
  length: number,
  child: number,
): void {
  assert(index > 0, "the first entry of a branch is not added in place");
  const prefix = prefixLengthOf(frame, slot);
  const entries = entriesOf(frame, slot);
  const bytes = cellBytes(length - prefix, 0);
  assert(
    gapOf(frame, slot) >= bytes + BRANCH_WIDTH,
    "a branch has room for what is added in place",
  );
  const start = cellStartOf(frame, slot) - bytes;
  openBranchSlot(frame, slot, entries, index);
  frame.u32[headIndex(slot, index)] = headOf(key, prefix, length);
  frame.u32[childIndex(slot, entries + 1, index)] = child;
  frame.u16[offsetIndex(slot, entries + 1, index, false)] = start;
  const cell = (slot << PAGE_SHIFT) + start;
  let at = putLength(frame.u8, cell, length - prefix);
  for (let i = prefix + HEAD_BYTES; i < length; i++) frame.u8[at++]! = key[i]!;
  setCellStart(frame, slot, start);
  setEntries(frame, slot, entries + 1);
}

/** Points an entry of a branch at another child. */
export function setChild(frame: Frame, slot: Slot, index: number, child: number): void {
  frame.u32[childIndex(slot, entriesOf(frame, slot), index)] = child;
}

/** Copies a node to an allocated page of the same tree. */
export function copyNode(from: Frame, fromSlot: Slot, to: Frame, toSlot: Slot): void {
  const start = fromSlot << PAGE_SHIFT;
  to.u8.set(from.u8.subarray(start, start + PAGE_BYTES), toSlot << PAGE_SHIFT);
  setShape(to, toSlot, kindOf(from, fromSlot), levelOf(from, fromSlot));
  setEntries(to, toSlot, entriesOf(from, fromSlot));
  setLink(to, toSlot, linkOf(from, fromSlot));
  setCellStart(to, toSlot, cellStartOf(from, fromSlot));
  setPrefix(to, toSlot, prefixLengthOf(from, fromSlot), flagsOf(from, fromSlot));
  setGarbage(to, toSlot, garbageOf(from, fromSlot));
}

/**
 * Removes an entry of a branch; when it is the first, the next one becomes first and loses its key.
 */
export function removeBranchEntry(frame: Frame, slot: Slot, index: number): void {
  const entries = entriesOf(frame, slot);
  if (index === 0 && entries > 1) {
    const child = frame.u32[childIndex(slot, entries, 1)]!;
    frame.u32[childIndex(slot, entries, 0)]! = child;
    return removeBranchEntry(frame, slot, 1);
  }
  const cell = cellAt(frame, slot, index);
  const bytes = cellBytes(lengthAt(frame.u8, cell), 0);
  closeBranchSlot(frame, slot, entries, index);
  setEntries(frame, slot, entries - 1);
  dropCell(frame, slot, cell, bytes);
}

/** Shifts the arrays of a branch to make room for one entry, the last array first. */
function openBranchSlot(frame: Frame, slot: Slot, entries: number, index: number): void {
  const { u16, u32 } = frame;
  const offsets = offsetIndex(slot, entries, 0, false);
  const toOffsets = offsetIndex(slot, entries + 1, 0, false);
  u16.copyWithin(toOffsets + index + 1, offsets + index, offsets + entries);
  u16.copyWithin(toOffsets, offsets, offsets + index);
  const children = childIndex(slot, entries, 0);
  const toChildren = childIndex(slot, entries + 1, 0);
  u32.copyWithin(toChildren + index + 1, children + index, children + entries);
  u32.copyWithin(toChildren, children, children + index);
  const heads = headIndex(slot, 0);
  u32.copyWithin(heads + index + 1, heads + index, heads + entries);
}

/** Shifts the arrays of a branch to close over one entry, and zeroes what they leave. */
function closeBranchSlot(frame: Frame, slot: Slot, entries: number, index: number): void {
  const { u16, u32 } = frame;
  const heads = headIndex(slot, 0);
  u32.copyWithin(heads + index, heads + index + 1, heads + entries);
  const children = childIndex(slot, entries, 0);
  const toChildren = childIndex(slot, entries - 1, 0);
  u32.copyWithin(toChildren, children, children + index);
  u32.copyWithin(toChildren + index, children + index + 1, children + entries);
  const offsets = offsetIndex(slot, entries, 0, false);
  const toOffsets = offsetIndex(slot, entries - 1, 0, false);
  u16.copyWithin(toOffsets, offsets, offsets + index);
  u16.copyWithin(toOffsets + index, offsets + index + 1, offsets + entries);
  u16.fill(0, toOffsets + entries - 1, offsets + entries);
}

/**
 * Turns the bytes of a removed cell into free space where they are the first, else into garbage.
 */
function dropCell(frame: Frame, slot: Slot, cell: number, bytes: number): void {
  const start = cellStartOf(frame, slot);
  if (entriesOf(frame, slot) === 0) {
    clearNode(frame, slot);
  } else if (cell === (slot << PAGE_SHIFT) + start) {
    frame.u8.fill(0, cell, cell + bytes);
    setCellStart(frame, slot, start + bytes);
  } else {
    setGarbage(frame, slot, garbageOf(frame, slot) + bytes);
  }
}

const packed = new Uint8Array(PAGE_BYTES);

/** Moves the cells of a node together, so that its garbage becomes free space. */
export function compactNode(frame: Frame, slot: Slot): void {
  const leaf = hasLeafLayout(frame, slot);
  const entries = entriesOf(frame, slot);
  const prefix = prefixLengthOf(frame, slot);
  const base = slot << PAGE_SHIFT;
  let start = PAGE_BYTES - prefix;
  for (let index = 0; index < entries; index++) {
    const cell = cellAt(frame, slot, index);
    const bytes = cellBytesAt(frame, cell, leaf);
    start -= bytes;
    copyBytes(frame.u8, cell, packed, start, bytes);
    frame.u16[offsetIndex(slot, entries, index, leaf)] = start;
  }
  frame.u8.fill(0, base + entries * widthOf(frame, slot), base + start);
  frame.u8.set(packed.subarray(start, PAGE_BYTES - prefix), base + start);
  setCellStart(frame, slot, start);
  setGarbage(frame, slot, 0);
}

/** Ensures a gap of `bytes` in a node, compacting it if needed. Returns whether it fits. */
export function makeRoom(frame: Frame, slot: Slot, bytes: number): boolean {
  if (gapOf(frame, slot) >= bytes) return true;
  if (freeBytesOf(frame, slot) < bytes) return false;
  compactNode(frame, slot);
  return true;
}

function cellBytesAt(frame: Frame, cell: number, leaf: boolean): number {
  if (!leaf) return cellBytes(lengthAt(frame.u8, cell), 0);
  removed.read(frame.u8, cell);
  return removed.end - cell;
}

const LOOP_BYTES_MAX = 32;

/** Copies bytes: a few in a loop, many by the system's copy. */
export function copyBytes(
  from: Uint8Array,
  fromAt: number,
  to: Uint8Array,
  toAt: number,
  count: number,
): void {
  if (count <= LOOP_BYTES_MAX) {
    for (let i = 0; i < count; i++) to[toAt + i]! = from[fromAt + i]!;
  } else if (fromAt === 0 && count === from.length) {
    to.set(from, toAt);
  } else {
    to.set(from.subarray(fromAt, fromAt + count), toAt);
  }
}
