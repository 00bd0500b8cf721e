/**
 * The two sums of a page.
 *
 * The page sum is CRC-32 (zlib's polynomial), which finds every error burst of up to 32 bits. The
 * head sum is a multiply-and-rotate mix in the manner of MurmurHash3's body: each of its steps is a
 * bijection of the word it takes in, so a change confined to one word always shows. Seeding it with
 * the database id and the page number makes a header, or a page, that belongs elsewhere show too.
 *
 * Sums are compared as signed 32-bit integers, which V8 keeps unboxed.
 */

import { crc32 } from "node:zlib";
import { PAGE_BYTES, PAGE_SHIFT } from "./format.ts";
import type { Frame } from "./frame.ts";

/** What undoes the multiplications of the head sum, modulo 2^32. */
const INVERSE_PAGE = 0x0e8b2f51;
const INVERSE_WORD = 0xa5cb9243;
const INVERSE_LAST = 0x7ed1b41d;

/** The CRC-32 of `bytes`, as a signed integer. */
export function crc(bytes: Uint8Array): number {
  return crc32(bytes) | 0;
}

/** The page sum of what stands in a slot, as a signed integer. */
export function pageSum(frame: Frame, slot: number): number {
  const start = slot << PAGE_SHIFT;
  return crc(frame.u8.subarray(start, start + PAGE_BYTES));
}

/**
 * The head sum of the header whose seven summed words begin at `words[at]`, as a signed integer.
 *
 * @param seed The database's seed, from `seedOf`.
 */
export function headSum(words: Uint32Array, at: number, page: number, seed: number): number {
  let hash = Math.imul(seed ^ page, 0x9e3779b1);
  for (let i = at; i < at + 7; i++) {
    hash = Math.imul(hash ^ words[i], 0x85ebca6b);
    hash = (hash << 13) | (hash >>> 19);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
  return hash ^ (hash >>> 15);
}

/** Folds the 16 bytes of a database id into the seed of its head sums. */
export function seedOf(databaseId: Uint8Array): number {
  return crc(databaseId);
}

/**
 * The seed with which a header, whose eight words begin at `words[at]`, would carry its head sum:
 * the sum worked backwards, since each of its steps is a bijection. Headers of one file that were
 * not damaged all give the seed of that file.
 */
export function seedFrom(words: Uint32Array, at: number, page: number): number {
  let hash = words[at + 7] | 0;
  hash ^= (hash >>> 15) ^ (hash >>> 30);
  hash = Math.imul(hash, INVERSE_LAST);
  hash ^= hash >>> 16;
  for (let i = at + 6; i >= at; i--) {
    hash = (hash >>> 13) | (hash << 19);
    hash = Math.imul(hash, INVERSE_WORD) ^ words[i];
  }
  return Math.imul(hash, INVERSE_PAGE) ^ page;
}
