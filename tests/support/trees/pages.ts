/**
 * Pages with distinguishable content, for tests of the pager and the layers above it.
 *
 * Content depends on the page number and a salt, so a misplaced or outdated page shows.
 */

import { assertEquals } from "@std/assert";
import {
  type File,
  format,
  header,
  MemoryFile,
  Pager,
  type PagerOptions,
} from "../../../pager/mod.ts";

const { CHUNK_PAGES, KIND_JOURNAL } = format;
const { CHUNK_SHIFT, KIND_BRANCH, KIND_LEAF } = format;
const { PAGE_BYTES, PAGE_SHIFT, SLOT_MASK } = format;
const PAGE_WORDS = PAGE_BYTES / 4;

/** The smallest cache, whose limit these tests reach quickly. */
export const SMALL_CACHE: PagerOptions = { cacheBytes: 8 * 1024 * 1024 };

/** Opens a pager that accepts any bytes in nodes. */
export function openNodes(file: File = new MemoryFile(), options: PagerOptions = {}): Pager {
  const pager = new Pager(file, options);
  for (const kind of [KIND_LEAF, KIND_BRANCH]) {
    pager.register(kind, () => {});
  }
  return pager;
}

/** Runs a callback in its own transaction. */
export function transact<T>(pager: Pager, body: () => T): T {
  pager.begin();
  const result = body();
  pager.commit();
  return result;
}

/** The 32-bit words of a page in memory. */
export function wordsAt(pager: Pager, place: number): Uint32Array {
  const start = (place & SLOT_MASK) << (PAGE_SHIFT - 2);
  return pager.frames[place >>> CHUNK_SHIFT]!.u32.subarray(start, start + PAGE_WORDS);
}

/** Touches a page and fills it with the content of a salt. */
export function write(pager: Pager, page: number, salt: number): void {
  const place = pager.at(page);
  pager.touch(place);
  fill(wordsAt(pager, place), page, salt);
}

/** Fails unless a page has the content of a salt. */
export function expectContent(pager: Pager, page: number, salt: number): void {
  expectWords(wordsAt(pager, pager.at(page)), page, salt);
}

/** Fills the words of a page with the content of a salt. */
export function fill(words: Uint32Array, page: number, salt: number): void {
  const step = stepOf(page, salt);
  for (let i = 0, word = step; i < words.length; i++, word = (word + step) | 0) words[i] = word;
}

/** Fails unless words are the content of a salt. */
export function expectWords(words: Uint32Array, page: number, salt: number): void {
  const step = stepOf(page, salt);
  for (let i = 0, word = step; i < words.length; i++, word = (word + step) | 0) {
    if (words[i] === word >>> 0) continue;
    assertEquals(words[i], word >>> 0, `word ${i} of page ${page}, salt ${salt}`);
  }
}

/** Takes a page into use, without an allocator, and fills it. */
export function allocate(pager: Pager, page: number, salt: number): void {
  const place = pager.allocate(page, 1, KIND_LEAF, 1);
  fill(wordsAt(pager, place), page, salt);
}

/** The data pages from 3 on, without header pages. */
export function dataPages(count: number): number[] {
  const pages: number[] = [];
  for (let page = 3; pages.length < count; page++) {
    if ((page & SLOT_MASK) !== 0) pages.push(page);
  }
  return pages;
}

/** The chunks of the journal. */
export function journalChunks(pager: Pager): number[] {
  const chunks: number[] = [];
  for (let page = 1; page < pager.meta.pageCount; page += CHUNK_PAGES) {
    if (isOfJournal(pager, page)) chunks.push(page / CHUNK_PAGES | 0);
  }
  return chunks;
}

/** Whether the header of a page says that it is of the journal. */
export function isOfJournal(pager: Pager, page: number): boolean {
  const place = pager.headerPage(page >>> CHUNK_SHIFT);
  const { u32 } = pager.frames[place >>> CHUNK_SHIFT]!;
  const word = header.headerWord(place & SLOT_MASK, page & SLOT_MASK);
  return (u32[word]! & 0xff) === KIND_JOURNAL;
}

/** Makes a cleanly closed file with `count` data pages, whose salt is their number. */
export function makeFile(count: number): MemoryFile {
  const file = new MemoryFile();
  const pager = openNodes(file);
  transact(pager, () => dataPages(count).forEach((page) => allocate(pager, page, page)));
  pager.close();
  return file;
}

/** Changes one bit of a file. */
export function flipBit(file: File, position: number, bit = 0): void {
  const byte = new Uint8Array(1);
  file.readAt(byte, 0, 1, position);
  byte[0]! ^= 1 << bit;
  file.writeAt(byte, 0, 1, position);
}

function stepOf(page: number, salt: number): number {
  return (Math.imul(page, 0x9e3779b1) ^ Math.imul(salt, 0x85ebca6b)) >>> 1 | 1;
}
