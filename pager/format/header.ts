/**
 * Reads and writes page headers in memory.
 *
 * The first group of functions takes a page in memory, (frame, slot). The second takes a header
 * page in memory, which is in slot 0 of its chunk frame or in any slot of a pool frame: in both
 * cases its bytes begin at slot << 13, and the header of slot k follows 8 * k words later.
 *
 * The accessors check nothing: headers are checked when they are loaded.
 */

import { headerSum } from "./checksum.ts";
import { CorruptionError } from "./errors.ts";
import {
  CHUNK_PAGES,
  CHUNK_SHIFT,
  FRESH_PAGES,
  HEADER,
  HEADER_SHIFT,
  HEADER_WORD_SHIFT,
  KIND_COUNT,
  KIND_FREE,
  KIND_JOURNAL,
  KIND_SUPERBLOCK,
  PAGE_BYTES,
  PAGE_WORD_SHIFT,
  PREFIX_LENGTH_MASK,
  SLOT_MASK,
} from "./format.ts";
import type { Frame } from "./frame.ts";
import type { ChunkNumber, PageNumber, Slot, Version } from "./units.ts";

const HALF_SHIFT = HEADER_SHIFT - 1;
const TREE_WORD = HEADER.tree / 4;
const LINK_WORD = HEADER.link / 4;
const VERSION_LOW_WORD = HEADER.versionLow / 4;
const VERSION_HIGH_WORD = HEADER.versionHigh / 4;
const RUN_BYTES_WORD = HEADER.runBytes / 4;
const HEADER_SUM_WORD = HEADER.headerSum / 4;
const PAGE_SUM_WORD = HEADER.pageSum / 4;
const VERSION_HIGH_HALF = HEADER.versionHigh / 2;
const ENTRIES_HALF = HEADER.entries / 2;
const CELL_START_HALF = HEADER.cellStart / 2;
const PREFIX_HALF = HEADER.prefix / 2;
const GARBAGE_HALF = HEADER.garbage / 2;
const TWO_32 = 0x1_0000_0000;

/** The kind of the page. */
export function kindOf(frame: Frame, slot: Slot): number {
  return frame.u8[slot << HEADER_SHIFT]!;
}

/** Sets the kind and level of a node. */
export function setShape(frame: Frame, slot: Slot, kind: number, level: number): void {
  frame.u8[slot << HEADER_SHIFT] = kind;
  frame.u8[(slot << HEADER_SHIFT) + HEADER.level] = level;
}

/** The level of a node, 0 = leaf. */
export function levelOf(frame: Frame, slot: Slot): number {
  return frame.u8[(slot << HEADER_SHIFT) + HEADER.level]!;
}

/** Kind, level and entries as one word: kind | level << 8 | entries << 16. */
export function shapeOf(frame: Frame, slot: Slot): number {
  return frame.u32[slot << HEADER_WORD_SHIFT]!;
}

/** The number of entries of a node. */
export function entriesOf(frame: Frame, slot: Slot): number {
  return frame.u16[(slot << HALF_SHIFT) + ENTRIES_HALF]!;
}

/** Sets the number of entries of a node. */
export function setEntries(frame: Frame, slot: Slot, entries: number): void {
  frame.u16[(slot << HALF_SHIFT) + ENTRIES_HALF] = entries;
}

/** The tree that owns the page. */
export function treeOf(frame: Frame, slot: Slot): number {
  return frame.u32[(slot << HEADER_WORD_SHIFT) + TREE_WORD]!;
}

/** The right sibling of a leaf, the next run of a value, or the first page of a run. */
export function linkOf(frame: Frame, slot: Slot): PageNumber {
  return frame.u32[(slot << HEADER_WORD_SHIFT) + LINK_WORD]!;
}

/** Sets the link. */
export function setLink(frame: Frame, slot: Slot, page: PageNumber): void {
  frame.u32[(slot << HEADER_WORD_SHIFT) + LINK_WORD] = page;
}

/** The version that last wrote the page. */
export function versionOf(frame: Frame, slot: Slot): number {
  return frame.u16[(slot << HALF_SHIFT) + VERSION_HIGH_HALF]! * TWO_32 +
    frame.u32[(slot << HEADER_WORD_SHIFT) + VERSION_LOW_WORD]!;
}

/** The version in the header that begins at a word. */
export function versionAt(words: Uint32Array, word: number): number {
  return (words[word + VERSION_HIGH_WORD]! & 0xffff) * TWO_32 + words[word + VERSION_LOW_WORD]!;
}

/** Sets the version that last wrote the page. */
export function setVersion(frame: Frame, slot: Slot, version: Version): void {
  frame.u32[(slot << HEADER_WORD_SHIFT) + VERSION_LOW_WORD] = version % TWO_32;
  frame.u16[(slot << HALF_SHIFT) + VERSION_HIGH_HALF] = Math.floor(version / TWO_32);
}

/** The offset in the page of the lowest cell. */
export function cellStartOf(frame: Frame, slot: Slot): number {
  return frame.u16[(slot << HALF_SHIFT) + CELL_START_HALF]!;
}

/** Sets the offset of the lowest cell. */
export function setCellStart(frame: Frame, slot: Slot, offset: number): void {
  frame.u16[(slot << HALF_SHIFT) + CELL_START_HALF] = offset;
}

/** The length of the prefix that all keys of a node share. */
export function prefixLengthOf(frame: Frame, slot: Slot): number {
  return frame.u16[(slot << HALF_SHIFT) + PREFIX_HALF]! & PREFIX_LENGTH_MASK;
}

/** The flags of a node. */
export function flagsOf(frame: Frame, slot: Slot): number {
  return frame.u16[(slot << HALF_SHIFT) + PREFIX_HALF]! & ~PREFIX_LENGTH_MASK;
}

/** Sets prefix length and flags. */
export function setPrefix(frame: Frame, slot: Slot, length: number, flags: number): void {
  frame.u16[(slot << HALF_SHIFT) + PREFIX_HALF] = length | flags;
}

/** The bytes of removed cells among the live ones. */
export function garbageOf(frame: Frame, slot: Slot): number {
  return frame.u16[(slot << HALF_SHIFT) + GARBAGE_HALF]!;
}

/** Sets the garbage bytes. */
export function setGarbage(frame: Frame, slot: Slot, bytes: number): void {
  frame.u16[(slot << HALF_SHIFT) + GARBAGE_HALF] = bytes;
}

/** The number of pages of a run, from the header of its first page. */
export function runPagesOf(frame: Frame, slot: Slot): number {
  return frame.u8[(slot << HEADER_SHIFT) + HEADER.runPages]!;
}

/** The number of bytes of a value that a run holds. */
export function runBytesOf(frame: Frame, slot: Slot): number {
  return frame.u32[(slot << HEADER_WORD_SHIFT) + RUN_BYTES_WORD]!;
}

/** Sets the number of bytes of a value that a run holds. */
export function setRunBytes(frame: Frame, slot: Slot, bytes: number): void {
  frame.u32[(slot << HEADER_WORD_SHIFT) + RUN_BYTES_WORD] = bytes;
}

/**
 * Writes a new header, with all other fields zero.
 *
 * @param second The byte after the kind: the level of a node, or the pages of a run.
 */
export function formatHeader(
  frame: Frame,
  slot: Slot,
  kind: number,
  second: number,
  tree: number,
): void {
  const word = slot << HEADER_WORD_SHIFT;
  for (let i = 0; i < 8; i++) frame.u32[word + i] = 0;
  frame.u32[word] = kind | (second << 8);
  frame.u32[word + TREE_WORD] = tree;
}

/** Writes both sums of a page. */
export function seal(frame: Frame, slot: Slot, page: PageNumber, sum: number, seed: number): void {
  const word = slot << HEADER_WORD_SHIFT;
  frame.u32[word + PAGE_SUM_WORD] = sum;
  frame.u32[word + HEADER_SUM_WORD] = headerSum(frame.u32, word, page, seed);
}

/** The page sum in the header that begins at a word, as a signed integer. */
export function statedPageSum(words: Uint32Array, word: number): number {
  return words[word + PAGE_SUM_WORD]! | 0;
}

/** Whether the header sum of the header that begins at a word is correct. */
export function headerSumHolds(
  words: Uint32Array,
  word: number,
  page: PageNumber,
  seed: number,
): boolean {
  return (words[word + HEADER_SUM_WORD]! | 0) === headerSum(words, word, page, seed);
}

/** The offset in the file of the header of a page, in bytes. */
export function headerPosition(page: PageNumber): number {
  return (page >>> CHUNK_SHIFT) * CHUNK_PAGES * PAGE_BYTES +
    (page & (CHUNK_PAGES - 1)) * (1 << HEADER_SHIFT);
}

/** The word where the header of `slot` begins in the header page in slot `at`. */
export function headerWord(at: number, slot: Slot): number {
  return (at << PAGE_WORD_SHIFT) + (slot << HEADER_WORD_SHIFT);
}

/** Whether the bitmap of a header page says that a slot is in use. */
export function isInUse(frame: Frame, at: number, slot: Slot): boolean {
  return ((frame.u32[(at << PAGE_WORD_SHIFT) + (slot >>> 5)]! >>> (slot & 31)) & 1) === 1;
}

/** Whether each page of a chunk belongs to the journal, as its header page says. */
export function isOfJournal(frame: Frame, at: number): boolean {
  let slot = 1;
  while (slot < CHUNK_PAGES && (frame.u32[headerWord(at, slot)]! & 0xff) === KIND_JOURNAL) slot++;
  return slot === CHUNK_PAGES;
}

/** The last slot that the bitmap of a header page says is in use; 0 if no other one is. */
export function lastInUse(frame: Frame, at: number): Slot {
  const first = at << PAGE_WORD_SHIFT;
  for (let word = SLOT_MASK >>> 5; word >= 0; word--) {
    const bits = frame.u32[first + word]!;
    if (bits !== 0) return (word << 5) + 31 - Math.clz32(bits);
  }
  return 0;
}

/** Sets the bit of a slot in the bitmap of a header page. */
export function setInUse(frame: Frame, at: number, slot: Slot): void {
  frame.u32[(at << PAGE_WORD_SHIFT) + (slot >>> 5)]! |= 1 << (slot & 31);
}

/** Clears the bit of a slot in the bitmap of a header page. */
export function clearInUse(frame: Frame, at: number, slot: Slot): void {
  frame.u32[(at << PAGE_WORD_SHIFT) + (slot >>> 5)]! &= ~(1 << (slot & 31));
}

/**
 * Checks a header page completely, which must precede every write based on it: bit 0 is set, each
 * other bit is set if and only if its header has a kind, all kinds are known, headers in use have
 * correct sums, free ones are zero, and no page at or past the page count is in use.
 *
 * @throws {CorruptionError} A header breaks a rule; the error is about the first.
 */
export function checkHeaderPage(
  frame: Frame,
  at: number,
  chunk: ChunkNumber,
  pageCount: number,
  seed: number,
): void {
  for (let slot = 0; slot < CHUNK_PAGES; slot++) {
    const rule = headerRule(frame, at, chunk, slot, pageCount, seed);
    if (rule === undefined) continue;
    const page = chunk * CHUNK_PAGES + slot;
    throw new CorruptionError(page, headerPosition(page), rule);
  }
}

/** The rule that one header of a header page breaks, or undefined. Slot 0 is the bitmap. */
export function headerRule(
  frame: Frame,
  at: number,
  chunk: ChunkNumber,
  slot: Slot,
  pageCount: number,
  seed: number,
): string | undefined {
  const used = isInUse(frame, at, slot);
  if (slot === 0) return used ? undefined : "the header page is marked free";
  const page = chunk * CHUNK_PAGES + slot;
  const word = headerWord(at, slot);
  const kind = frame.u32[word]! & 0xff;
  if (page < FRESH_PAGES !== (kind === KIND_SUPERBLOCK)) return "superblock out of place";
  if (used !== (kind !== KIND_FREE)) return "bitmap and header disagree";
  if (kind === KIND_FREE) {
    return isZero(frame.u32, word) ? undefined : "the header of a free page is not zero";
  }
  if (page >= pageCount) return "in use past the page count";
  if (kind >= KIND_COUNT) return `unknown kind ${kind}`;
  return headerSumHolds(frame.u32, word, page, seed) ? undefined : "header sum does not match";
}

function isZero(words: Uint32Array, from: number): boolean {
  for (let word = from; word < from + 8; word++) if (words[word] !== 0) return false;
  return true;
}
