/**
 * Fixed nodes: a page of exactly 1024 u64s, 512 keys and then 512 values or children.
 *
 * ```text
 * byte 0      512 keys, u64, ascending
 * byte 4096   512 values, u64 (leaf); or 512 children, page numbers as u64 (branch)
 * ```
 *
 * All little-endian, so the low word of a number comes first. Words past the entries are zero. The
 * header has kind, level (0 = leaf), entries, tree and, as the link of a leaf, its right sibling.
 * The link of a branch is zero; so are, in both kinds, the bytes between version and sums.
 *
 * Invariants:
 * 1. Keys ascend strictly.
 * 2. A branch has a child; its key 0 is unused and zero; the keys under child i are not less than
 *    key i (i > 0), and less than key i + 1.
 * 3. The high word of a child is zero, its low word is not.
 *
 * Numbers of 64 bits are compared and moved as two words, because a JavaScript number does not hold
 * them and a BigInt is an allocation. A key or entry that is not in a page is *in flight*: words in
 * a `Uint32Array`, laid out as in a page, key first. Passed as numbers, words of 2^31 and more
 * would be boxed.
 *
 * The functions here trust the page: it was verified when it was loaded, by the verifiers that
 * `registerFixedNodes` registers. They change pages that the caller has touched.
 */

import { corrupt, corruptHeader, format, type Frame, header } from "../../pager/mod.ts";
import type { Registry } from "../node/node_check.ts";

const { HEADER, KIND_FIXED_BRANCH, KIND_FIXED_LEAF, PAGE_WORD_SHIFT } = format;
const { entriesOf, kindOf, levelOf, linkOf, setEntries } = header;

/** Entries that a fixed node can have. */
export const CAPACITY = 512;
/** The highest level of a node: a tree is at most 32 nodes deep. */
export const LEVEL_MAX = 31;

/** Shift from slot to the word where its page begins. */
/** Words from a key to its value or child. */
const TO_VALUE = CAPACITY * 2;
const HEADER_HALF_SHIFT = format.HEADER_SHIFT - 1;
const TWO_32 = 0x1_0000_0000;

/** The kind of a fixed node of a level. */
export function kindOfLevel(level: number): number {
  return level === 0 ? KIND_FIXED_LEAF : KIND_FIXED_BRANCH;
}

/** The index of the first entry whose key is not less than the key in flight. */
export function lowerBound(frame: Frame, slot: number, key: Uint32Array): number {
  const { u32 } = frame;
  const base = slot << PAGE_WORD_SHIFT;
  const low = key[0]!;
  const high = key[1]!;
  let from = 0;
  let to = entriesOf(frame, slot);
  while (from < to) {
    const middle = (from + to) >>> 1;
    const word = base + (middle << 1);
    const middleHigh = u32[word + 1]!;
    if (middleHigh < high || (middleHigh === high && u32[word]! < low)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The index of the child where the key in flight belongs: the last whose key is not greater. */
export function childIndex(frame: Frame, slot: number, key: Uint32Array): number {
  const { u32 } = frame;
  const base = slot << PAGE_WORD_SHIFT;
  const low = key[0]!;
  const high = key[1]!;
  let from = 1;
  let to = entriesOf(frame, slot);
  while (from < to) {
    const middle = (from + to) >>> 1;
    const word = base + (middle << 1);
    const middleHigh = u32[word + 1]!;
    if (middleHigh < high || (middleHigh === high && u32[word]! <= low)) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}

/** Whether there is an entry at an index and it has the key in flight. */
export function holdsKey(frame: Frame, slot: number, index: number, key: Uint32Array): boolean {
  if (index >= entriesOf(frame, slot)) return false;
  const word = (slot << PAGE_WORD_SHIFT) + (index << 1);
  return frame.u32[word] === key[0] && frame.u32[word + 1] === key[1];
}

/** The child at an index of a branch. */
export function childOf(frame: Frame, slot: number, index: number): number {
  return frame.u32[(slot << PAGE_WORD_SHIFT) + TO_VALUE + (index << 1)]!;
}

/** The value at an index of a leaf, rounded when it is over 2^53 - 1. */
export function valueNumberOf(frame: Frame, slot: number, index: number): number {
  const word = (slot << PAGE_WORD_SHIFT) + TO_VALUE + (index << 1);
  return frame.u32[word + 1]! * TWO_32 + frame.u32[word]!;
}

/** Copies the entry at an index into flight. */
export function readEntry(frame: Frame, slot: number, index: number, entry: Uint32Array): void {
  const word = (slot << PAGE_WORD_SHIFT) + (index << 1);
  entry[0]! = frame.u32[word]!;
  entry[1]! = frame.u32[word + 1]!;
  entry[2]! = frame.u32[word + TO_VALUE]!;
  entry[3]! = frame.u32[word + TO_VALUE + 1]!;
}

/** Sets the key at an index to the one in flight. */
export function writeKey(frame: Frame, slot: number, index: number, key: Uint32Array): void {
  const word = (slot << PAGE_WORD_SHIFT) + (index << 1);
  frame.u32[word]! = key[0]!;
  frame.u32[word + 1]! = key[1]!;
}

/** Sets the value or child at an index to that of the entry in flight. */
export function writeValue(frame: Frame, slot: number, index: number, entry: Uint32Array): void {
  const word = (slot << PAGE_WORD_SHIFT) + TO_VALUE + (index << 1);
  frame.u32[word]! = entry[2]!;
  frame.u32[word + 1]! = entry[3]!;
}

/** Makes the key of a branch's leftmost child what it must be, zero. */
export function clearFirstKey(frame: Frame, slot: number): void {
  const word = slot << PAGE_WORD_SHIFT;
  frame.u32[word] = 0;
  frame.u32[word + 1] = 0;
}

/** Inserts the entry in flight at an index of a node that is not full. */
export function insertEntry(frame: Frame, slot: number, index: number, entry: Uint32Array): void {
  const entries = entriesOf(frame, slot);
  if (index < entries) moveWithin(frame, slot, index, entries, index + 1);
  writeKey(frame, slot, index, entry);
  writeValue(frame, slot, index, entry);
  setEntries(frame, slot, entries + 1);
}

/** Removes the entry at an index. */
export function removeEntry(frame: Frame, slot: number, index: number): void {
  const entries = entriesOf(frame, slot);
  if (index < entries - 1) moveWithin(frame, slot, index + 1, entries, index);
  truncate(frame, slot, entries - 1);
}

/** Removes all entries from an index on. */
export function truncate(frame: Frame, slot: number, entries: number): void {
  const word = slot << PAGE_WORD_SHIFT;
  const from = word + (entries << 1);
  const to = word + (entriesOf(frame, slot) << 1);
  frame.u32.fill(0, from, to);
  frame.u32.fill(0, from + TO_VALUE, to + TO_VALUE);
  setEntries(frame, slot, entries);
}

/**
 * Moves entries between two neighbours so that the left one has `leftEntries`. Keys go along, so
 * key 0 of a right branch must be what separates the two, and is again afterwards.
 */
export function divideEntries(
  left: Frame,
  leftSlot: number,
  right: Frame,
  rightSlot: number,
  leftEntries: number,
): void {
  const inLeft = entriesOf(left, leftSlot);
  const inRight = entriesOf(right, rightSlot);
  const count = Math.abs(inLeft - leftEntries);
  const leftWord = slotWord(leftSlot) + (Math.min(inLeft, leftEntries) << 1);
  const rightWord = slotWord(rightSlot);
  if (leftEntries > inLeft) {
    copyWords(right, rightWord, left, leftWord, count);
    setEntries(left, leftSlot, leftEntries);
    moveWithin(right, rightSlot, count, inRight, 0);
    truncate(right, rightSlot, inRight - count);
  } else {
    moveWithin(right, rightSlot, 0, inRight, count);
    copyWords(left, leftWord, right, rightWord, count);
    setEntries(right, rightSlot, inRight + count);
    truncate(left, leftSlot, leftEntries);
  }
}

/** Copies all words of a page, and neither entries nor anything else of its header. */
export function copyNode(from: Frame, fromSlot: number, to: Frame, toSlot: number): void {
  copyWords(from, slotWord(fromSlot), to, slotWord(toSlot), CAPACITY);
}

/**
 * Registers the verifiers of both kinds of fixed nodes. Must come before the pager loads one.
 *
 * @param pager The pager that will load them.
 */
export function registerFixedNodes(pager: Registry): void {
  pager.register(KIND_FIXED_LEAF, verifyFixedNode);
  pager.register(KIND_FIXED_BRANCH, verifyFixedNode);
}

/**
 * Checks all that the head of this file says of one page, but not its neighbours.
 *
 * @throws {CorruptionError} It is not so.
 */
export function verifyFixedNode(frame: Frame, slot: number, page: number): void {
  const isBranch = kindOf(frame, slot) === KIND_FIXED_BRANCH;
  const level = levelOf(frame, slot);
  const entries = entriesOf(frame, slot);
  if (isBranch ? level === 0 || level > LEVEL_MAX : level !== 0) {
    corruptHeader(page, HEADER.level, `a fixed node of its kind cannot be at level ${level}`);
  }
  if (entries > CAPACITY) corruptHeader(page, HEADER.entries, `a fixed node of ${entries} entries`);
  if (isBranch && entries === 0) corruptHeader(page, HEADER.entries, "a fixed branch of no child");
  if (isBranch && linkOf(frame, slot) !== 0) {
    corruptHeader(page, HEADER.link, "a fixed branch with a link");
  }
  const half = slot << HEADER_HALF_SHIFT;
  for (let at: number = HEADER.cellStart; at < HEADER.pageSum; at += 2) {
    if (frame.u16[half + (at >>> 1)] !== 0) corruptHeader(page, at, "reserved, and not zero");
  }
  verifyKeys(frame, slot, page, entries);
  verifyUnused(frame, slot, page, entries);
  if (isBranch) verifyChildren(frame, slot, page, entries);
}

function verifyKeys(frame: Frame, slot: number, page: number, entries: number): void {
  const { u32 } = frame;
  const base = slotWord(slot);
  for (let word = base + 2; word < base + (entries << 1); word += 2) {
    const low = u32[word - 2]!;
    const high = u32[word - 1]!;
    if (high < u32[word + 1]! || (high === u32[word + 1] && low < u32[word]!)) continue;
    corrupt(page, (word - base) << 2, "keys do not ascend");
  }
}

function verifyUnused(frame: Frame, slot: number, page: number, entries: number): void {
  const { u32 } = frame;
  const base = slotWord(slot);
  for (let word = base + (entries << 1); word < base + TO_VALUE; word++) {
    if ((u32[word]! | u32[word + TO_VALUE]!) === 0) continue;
    corrupt(page, (word - base) << 2, "an unused key or its value is not zero");
  }
}

function verifyChildren(frame: Frame, slot: number, page: number, entries: number): void {
  const { u32 } = frame;
  const base = slotWord(slot);
  if ((u32[base]! | u32[base + 1]!) !== 0) corrupt(page, 0, "key 0 of a branch is not zero");
  for (let index = 0; index < entries; index++) {
    const word = base + TO_VALUE + (index << 1);
    if (u32[word] !== 0 && u32[word + 1] === 0) continue;
    corrupt(page, (word - base) << 2, "a child is not a page number");
  }
}

function slotWord(slot: number): number {
  return slot << PAGE_WORD_SHIFT;
}

/** Moves entries `from`..`end` of a page to begin at index `to`. */
function moveWithin(frame: Frame, slot: number, from: number, end: number, to: number): void {
  const word = slotWord(slot);
  const { u32 } = frame;
  u32.copyWithin(word + (to << 1), word + (from << 1), word + (end << 1));
  const values = word + TO_VALUE;
  u32.copyWithin(values + (to << 1), values + (from << 1), values + (end << 1));
}

/** Copies `count` keys from a word on, and their values. */
function copyWords(from: Frame, word: number, to: Frame, toWord: number, count: number): void {
  const length = count << 1;
  const values = word + TO_VALUE;
  to.u32.set(from.u32.subarray(word, word + length), toWord);
  to.u32.set(from.u32.subarray(values, values + length), toWord + TO_VALUE);
}
