/**
 * The node of the variable-length tree: its layout, and reading it.
 *
 * The page's header holds counts, links and the prefix length. All 8192 bytes belong to the node:
 *
 * ```text
 * leaf     [heads u32 x n][offsets u16 x n][      zero      ][cells ...][prefix]
 * branch   [heads u32 x n][children u32 x n][offsets u16 x n][ zero ][cells ...][prefix]
 *                                                                    ^ cell start
 * ```
 *
 * - The *prefix* is the bytes that all keys of the node begin with. It is stored once, at the end
 *   of the page.
 * - A *head* is the four key bytes after the prefix, big-endian, zero-padded, so that comparing
 *   heads as unsigned numbers compares keys. These bytes are stored nowhere else.
 * - A *cell* holds the rest: the length of the key after the prefix, in a leaf the value's tag,
 *   then the key bytes after the head, then in a leaf the value. Lengths below 128 take one byte,
 *   others two: 0x80 | high, low. A value's tag is its length, or `REFERENCE_TAG` where the cell
 *   holds a reference of 16 bytes to a value outside of the leaf (`value/reference.ts`).
 * - A shared page has the layout of a leaf (`value/shared_page.ts`).
 * - Entries are in strict key order. A branch's entry 0 has no key (head 0, key length 0) and does
 *   not count for the prefix: its child holds everything below the key of entry 1.
 * - *Garbage* is the bytes of removed cells between live ones. The gap between the arrays and the
 *   cells is zero.
 *
 * Reading trusts the page: it was verified when it was loaded (`node_check.ts`).
 */

import { format, type Frame, header, type PageNumber, type Slot } from "../../pager/mod.ts";
import { warmLeaf } from "./cache_warming.ts";

const { KIND_BRANCH, PAGE_BYTES, PAGE_SHIFT, PAGE_WORD_SHIFT } = format;
const { cellStartOf, entriesOf, garbageOf, kindOf, prefixLengthOf } = header;

/** Bytes of a leaf entry outside its cell: head and offset. */
export const LEAF_WIDTH = 6;
/** Bytes of a branch entry outside its cell: head, child and offset. */
export const BRANCH_WIDTH = 10;
/** The longest key. */
export const KEY_BYTES_MAX = 2048;
/** The longest value that a leaf may hold. It is written for long keys only (`fitsLeaf`). */
export const INLINE_BYTES_MAX = 2048;
/** The most bytes of an entry, cell and array slots. It lets two of any three fit a page. */
export const ENTRY_BYTES_MAX = 4096;
/** The tag of a value stored outside of its leaf. */
export const REFERENCE_TAG = 0x7fff;
/** Bytes of a reference to such a value. */
export const REFERENCE_BYTES = 16;
/** Bytes of the key that a head holds. */
export const HEAD_BYTES = 4;
/** In a shared page, the shift from a head to its first byte, the number of the fragment. */
export const NUMBER_SHIFT = 24;
/** The highest level of a node; leaves are at 0. */
export const LEVEL_MAX = 31;

const HALF_SHIFT = PAGE_SHIFT - 1;

/** Whether a page has the layout of a leaf: a leaf, or a page that values share. */
export function hasLeafLayout(frame: Frame, slot: Slot): boolean {
  return kindOf(frame, slot) !== KIND_BRANCH;
}

/** Bytes of an entry of this node outside its cell. */
export function widthOf(frame: Frame, slot: Slot): number {
  return hasLeafLayout(frame, slot) ? LEAF_WIDTH : BRANCH_WIDTH;
}

/** The bytes between arrays and cells. */
export function gapOf(frame: Frame, slot: Slot): number {
  return cellStartOf(frame, slot) - widthOf(frame, slot) * entriesOf(frame, slot);
}

/** The bytes that entries do not use, garbage among them. */
export function freeBytesOf(frame: Frame, slot: Slot): number {
  return gapOf(frame, slot) + garbageOf(frame, slot);
}

/** The index in `Frame.u32` of an entry's head. */
export function headIndex(slot: Slot, index: number): number {
  return (slot << PAGE_WORD_SHIFT) + index;
}

/** The index in `Frame.u32` of a branch entry's child. */
export function childIndex(slot: Slot, entries: number, index: number): number {
  return (slot << PAGE_WORD_SHIFT) + entries + index;
}

/** The index in `Frame.u16` of an entry's cell offset. */
export function offsetIndex(slot: Slot, entries: number, index: number, leaf: boolean): number {
  return (slot << HALF_SHIFT) + (leaf ? entries << 1 : entries << 2) + index;
}

/** The index in `Frame.u8` where the cell of an entry begins. */
export function cellAt(frame: Frame, slot: Slot, index: number): number {
  const at = offsetIndex(slot, entriesOf(frame, slot), index, hasLeafLayout(frame, slot));
  return (slot << PAGE_SHIFT) + frame.u16[at]!;
}

/** The child of a branch entry. */
export function childAt(frame: Frame, slot: Slot, index: number): PageNumber {
  return frame.u32[childIndex(slot, entriesOf(frame, slot), index)]!;
}

/** The index in `Frame.u8` where the prefix begins. */
export function prefixAt(frame: Frame, slot: Slot): number {
  return ((slot + 1) << PAGE_SHIFT) - prefixLengthOf(frame, slot);
}

/** The length, or tag, that begins at a byte. */
export function lengthAt(u8: Uint8Array, at: number): number {
  const first = u8[at]!;
  return first < 0x80 ? first : ((first & 0x7f) << 8) | u8[at + 1]!;
}

/** The bytes that a length, or tag, takes. */
export function lengthBytes(length: number): number {
  return length < 0x80 ? 1 : 2;
}

/** Writes a length, or tag, and returns where it ends. */
export function putLength(u8: Uint8Array, at: number, length: number): number {
  if (length < 0x80) {
    u8[at] = length;
    return at + 1;
  }
  u8[at] = 0x80 | (length >>> 8);
  u8[at + 1] = length & 0xff;
  return at + 2;
}

/** The bytes that a value with this tag takes in its cell. */
export function valueBytes(tag: number): number {
  return tag === REFERENCE_TAG ? REFERENCE_BYTES : tag;
}

/**
 * The bytes of a cell whose key has `suffix` bytes after the prefix. `payload` is the bytes of its
 * tag and value.
 */
export function cellBytes(suffix: number, payload: number): number {
  return (suffix < 0x80 ? 1 : 2) + (suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0) + payload;
}

/** The bytes that tag and value take in a leaf's cell. */
export function payloadBytes(tag: number): number {
  return (tag < 0x80 ? 1 : 2) + (tag === REFERENCE_TAG ? REFERENCE_BYTES : tag);
}

/** A parsed leaf cell. The object is reused, so that reading allocates nothing. */
export class LeafCell {
  /** The length of the key after the prefix. */
  suffix = 0;
  /** Where, in `Frame.u8`, the key bytes after the head begin. */
  tailAt = 0;
  /** The length of the value, or `REFERENCE_TAG`. */
  tag = 0;
  /** Where, in `Frame.u8`, the value or the reference begins. */
  valueAt = 0;
  /** Where the cell ends. */
  end = 0;

  /** Reads the cell that begins at a byte. */
  read(u8: Uint8Array, cell: number): void {
    let at = cell;
    let suffix = u8[at++]!;
    if (suffix >= 0x80) suffix = ((suffix & 0x7f) << 8) | u8[at++]!;
    let tag = u8[at++]!;
    if (tag >= 0x80) tag = ((tag & 0x7f) << 8) | u8[at++]!;
    this.suffix = suffix;
    this.tag = tag;
    this.tailAt = at;
    this.valueAt = suffix > HEAD_BYTES ? at + suffix - HEAD_BYTES : at;
    this.end = this.valueAt + (tag === REFERENCE_TAG ? REFERENCE_BYTES : tag);
  }
}

/** The length of the key of an entry, the prefix included. A branch's entry 0 has none. */
export function keyLengthAt(frame: Frame, slot: Slot, index: number): number {
  if (index === 0 && !hasLeafLayout(frame, slot)) return 0;
  return prefixLengthOf(frame, slot) + lengthAt(frame.u8, cellAt(frame, slot, index));
}

/** Assembles the key of an entry in `into` at `at`, and returns its length. */
export function copyKey(
  frame: Frame,
  slot: Slot,
  index: number,
  into: Uint8Array,
  at: number = 0,
): number {
  const leaf = hasLeafLayout(frame, slot);
  if (index === 0 && !leaf) return 0;
  const { u8 } = frame;
  const prefix = prefixLengthOf(frame, slot);
  let from = prefixAt(frame, slot);
  let to = at;
  for (let i = 0; i < prefix; i++) into[to++]! = u8[from++]!;
  from = cellAt(frame, slot, index);
  const suffix = lengthAt(u8, from);
  const head = frame.u32[headIndex(slot, index)]!;
  for (let i = 0; i < suffix && i < HEAD_BYTES; i++) into[to++] = head >>> (24 - 8 * i);
  from += lengthBytes(suffix);
  if (leaf) from += u8[from]! < 0x80 ? 1 : 2;
  for (let i = HEAD_BYTES; i < suffix; i++) into[to++]! = u8[from++]!;
  return prefix + suffix;
}

/** The head of a key after its first `from` bytes. */
export function headOf(key: Uint8Array, from: number, length: number): number {
  if (length - from >= HEAD_BYTES) {
    return ((key[from]! << 24) | (key[from + 1]! << 16) | (key[from + 2]! << 8) |
      key[from + 3]!) >>> 0;
  }
  let head = 0;
  for (let i = from; i < length; i++) head |= key[i]! << (24 - 8 * (i - from));
  return head >>> 0;
}

/**
 * Compares a key with the prefix of a node: 0 if the key begins with it, below 0 if the key sorts
 * before every key with that prefix, above 0 if it sorts after them.
 */
export function comparePrefix(
  frame: Frame,
  slot: Slot,
  key: Uint8Array,
  length: number,
): number {
  const prefix = prefixLengthOf(frame, slot);
  const at = ((slot + 1) << PAGE_SHIFT) - prefix;
  const { u8 } = frame;
  for (let i = 0; i < prefix; i++) {
    if (i === length) return -1;
    const difference = key[i]! - u8[at + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Compares an entry with a key of equal head: below 0 if the entry is smaller.
 *
 * @param suffix The length of the entry's key after the prefix.
 * @param tailAt Where the entry's key bytes after the head begin.
 * @param from Where the key's bytes after the head begin.
 */
function compareTails(
  u8: Uint8Array,
  suffix: number,
  tailAt: number,
  key: Uint8Array,
  from: number,
  length: number,
): number {
  // Heads are zero-padded: if a key ends within equal heads, the shorter key is smaller.
  const rest = length - from;
  const common = suffix - HEAD_BYTES < rest ? suffix - HEAD_BYTES : rest;
  for (let i = 0; i < common; i++) {
    const difference = u8[tailAt + i]! - key[from + i]!;
    if (difference !== 0) return difference;
  }
  return suffix - HEAD_BYTES - rest;
}

/** The index of a key in a leaf, or the complement (~) of its insertion point. */
export function searchLeaf(frame: Frame, slot: Slot, key: Uint8Array, length: number): number {
  warmLeaf(frame, slot);
  const entries = entriesOf(frame, slot);
  const prefix = prefixLengthOf(frame, slot);
  if (prefix !== 0) {
    const order = comparePrefix(frame, slot, key, length);
    if (order !== 0) return order < 0 ? ~0 : ~entries;
  }
  const { u8, u16, u32 } = frame;
  const heads = slot << PAGE_WORD_SHIFT;
  const head = headOf(key, prefix, length);
  let low = 0;
  let high = entries;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = u32[heads + middle]!;
    if (other < head) low = middle + 1;
    else if (other > head) high = middle;
    else {
      const cell = (slot << PAGE_SHIFT) + u16[(slot << HALF_SHIFT) + (entries << 1) + middle]!;
      const suffix = lengthAt(u8, cell);
      const tag = cell + lengthBytes(suffix);
      const tailAt = tag + (u8[tag]! < 0x80 ? 1 : 2);
      const order = compareTails(u8, suffix, tailAt, key, prefix + HEAD_BYTES, length);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
  }
  return ~low;
}

/** Negative, 0 or positive, as the key of an entry of a leaf compares to a key. */
export function compareEntry(
  frame: Frame,
  slot: Slot,
  index: number,
  key: Uint8Array,
  length: number,
): number {
  const prefix = prefixLengthOf(frame, slot);
  if (prefix !== 0) {
    const order = comparePrefix(frame, slot, key, length);
    if (order !== 0) return -order;
  }
  const other = frame.u32[headIndex(slot, index)]!;
  const head = headOf(key, prefix, length);
  if (other !== head) return other < head ? -1 : 1;
  return compareCell(frame, slot, index, key, prefix + HEAD_BYTES, length);
}

/** Compares an entry of a leaf with a key of equal head, whose other bytes begin at `from`. */
function compareCell(
  frame: Frame,
  slot: Slot,
  index: number,
  key: Uint8Array,
  from: number,
  length: number,
): number {
  const { u8 } = frame;
  const cell = cellAt(frame, slot, index);
  const suffix = lengthAt(u8, cell);
  const tag = cell + lengthBytes(suffix);
  const tailAt = tag + (u8[tag]! < 0x80 ? 1 : 2);
  return compareTails(u8, suffix, tailAt, key, from, length);
}

/**
 * The first entry of a leaf, from an entry on, whose key is not below a key. It looks at near ones
 * first, as many ranges are short.
 */
export function boundFrom(
  frame: Frame,
  slot: Slot,
  from: number,
  key: Uint8Array,
  length: number,
): number {
  const entries = entriesOf(frame, slot);
  const prefix = prefixLengthOf(frame, slot);
  if (prefix !== 0) {
    const order = comparePrefix(frame, slot, key, length);
    if (order !== 0) return order < 0 ? from : entries;
  }
  const head = headOf(key, prefix, length);
  const tail = prefix + HEAD_BYTES;
  let low = from;
  let step = 1;
  while (low + step <= entries && isBelow(frame, slot, low + step - 1, head, key, tail, length)) {
    low += step;
    step <<= 1;
  }
  let high = Math.min(low + step - 1, entries);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBelow(frame, slot, middle, head, key, tail, length)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether an entry of a leaf is below a key with the leaf's prefix; `tail` is after its head. */
function isBelow(
  frame: Frame,
  slot: Slot,
  index: number,
  head: number,
  key: Uint8Array,
  tail: number,
  length: number,
): boolean {
  const other = frame.u32[(slot << PAGE_WORD_SHIFT) + index]!;
  if (other !== head) return other < head;
  return compareCell(frame, slot, index, key, tail, length) < 0;
}

/** The first entry of a leaf whose head is not below that of a key that has the leaf's prefix. */
export function boundOfHead(frame: Frame, slot: Slot, key: Uint8Array, length: number): number {
  const { u32 } = frame;
  const heads = slot << PAGE_WORD_SHIFT;
  const head = headOf(key, prefixLengthOf(frame, slot), length);
  let low = 0;
  let high = entriesOf(frame, slot);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (u32[heads + middle]! < head) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether an entry of a leaf has a key; an index past the last entry has none. */
export function isKeyAt(
  frame: Frame,
  slot: Slot,
  index: number,
  key: Uint8Array,
  length: number,
): boolean {
  const entries = entriesOf(frame, slot);
  if (index >= entries) return false;
  const prefix = prefixLengthOf(frame, slot);
  const { u8, u16, u32 } = frame;
  if (u32[(slot << PAGE_WORD_SHIFT) + index] !== headOf(key, prefix, length)) return false;
  if (prefix !== 0 && comparePrefix(frame, slot, key, length) !== 0) return false;
  const cell = (slot << PAGE_SHIFT) + u16[(slot << HALF_SHIFT) + (entries << 1) + index]!;
  const suffix = lengthAt(u8, cell);
  const tag = cell + lengthBytes(suffix);
  const tailAt = tag + (u8[tag]! < 0x80 ? 1 : 2);
  return compareTails(u8, suffix, tailAt, key, prefix + HEAD_BYTES, length) === 0;
}

/** The branch entry whose child holds a key: the last entry whose key is not above it. */
export function searchBranch(frame: Frame, slot: Slot, key: Uint8Array, length: number): number {
  const entries = entriesOf(frame, slot);
  const prefix = prefixLengthOf(frame, slot);
  if (prefix !== 0) {
    const order = comparePrefix(frame, slot, key, length);
    if (order !== 0) return order < 0 ? 0 : entries - 1;
  }
  const { u8, u16, u32 } = frame;
  const heads = slot << PAGE_WORD_SHIFT;
  const head = headOf(key, prefix, length);
  let low = 1;
  let high = entries;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = u32[heads + middle]!;
    if (other < head) low = middle + 1;
    else if (other > head) high = middle;
    else {
      const cell = (slot << PAGE_SHIFT) + u16[(slot << HALF_SHIFT) + (entries << 2) + middle]!;
      const suffix = lengthAt(u8, cell);
      const tailAt = cell + lengthBytes(suffix);
      if (compareTails(u8, suffix, tailAt, key, prefix + HEAD_BYTES, length) <= 0) low = middle + 1;
      else high = middle;
    }
  }
  return low - 1;
}

/** Bytes of a node's page that entries and the prefix use. */
export function usedBytesOf(frame: Frame, slot: Slot): number {
  return PAGE_BYTES - freeBytesOf(frame, slot);
}
