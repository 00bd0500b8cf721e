/**
 * The two sums of a page.
 *
 * The page sum is CRC-32 (zlib's polynomial), which finds every error burst of up to 32 bits. The
 * head sum is a multiply-and-rotate mix in the manner of MurmurHash3's body: each of its steps is a
 * bijection of the word it takes in, so a change confined to one word always shows. Seeding it with
 * the database id and the page number makes a header, or a page, that belongs elsewhere show too.
 *
 * CRC-32 is linear: what a change of some bytes does to the page sum follows from these bytes
 * before and after, and from how many come behind them. So a small change needs no look at the
 * whole page.
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
/** The polynomial of CRC-32, its highest coefficient left out, the lowest in the highest bit. */
const CRC_POLYNOMIAL = 0xedb88320;
const POWERS = powers();
const BYTE_SUMS = byteSums();

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
 * The page sum after a change of some words.
 *
 * @param sum The page sum before.
 * @param difference What `crcOfDifference` tells of these words.
 * @param rest How many bytes of the page come behind them.
 */
export function changedPageSum(sum: number, difference: number, rest: number): number {
  return sum ^ multiply(difference, POWERS[rest]!);
}

/** How the CRC-32 of some words differs from that of as many others: their exclusive or. */
export function crcOfDifference(
  words: Uint32Array,
  at: number,
  others: Uint32Array,
  otherAt: number,
  count: number,
): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const word = sum ^ words[at + i]! ^ others[otherAt + i]!;
    sum = BYTE_SUMS[768 + (word & 0xff)]! ^ BYTE_SUMS[512 + ((word >>> 8) & 0xff)]! ^
      BYTE_SUMS[256 + ((word >>> 16) & 0xff)]! ^ BYTE_SUMS[word >>> 24]!;
  }
  return sum;
}

/** What a byte adds to a CRC-32, with none to three bytes behind it: 256 entries each. */
function byteSums(): Int32Array {
  const all = new Int32Array(1024);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let behind = 0; behind < 4; behind++) {
      for (let bit = 0; bit < 8; bit++) sum = timesX(sum);
      all[behind * 256 + byte] = sum;
    }
  }
  return all;
}

/**
 * The product of two polynomials over GF(2), modulo that of CRC-32, as it has them: the highest bit
 * is the coefficient of 1.
 */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bits = a, factor = b; bits !== 0; bits <<= 1) {
    product ^= factor & (bits >> 31);
    factor = timesX(factor);
  }
  return product;
}

function timesX(polynomial: number): number {
  return (polynomial >>> 1) ^ (CRC_POLYNOMIAL & -(polynomial & 1));
}

/** What so many zero bytes behind some others multiply their CRC-32 by: x to the power of 8 n. */
function powers(): Int32Array {
  const all = new Int32Array(PAGE_BYTES + 1);
  all[0] = 1 << 31;
  for (let n = 1; n <= PAGE_BYTES; n++) {
    all[n]! = all[n - 1]!;
    for (let bit = 0; bit < 8; bit++) all[n] = timesX(all[n]!);
  }
  return all;
}

/**
 * The head sum of the header whose seven summed words begin at `words[at]`, as a signed integer.
 *
 * @param seed The database's seed, from `seedOf`.
 */
export function headSum(words: Uint32Array, at: number, page: number, seed: number): number {
  let hash = Math.imul(seed ^ page, 0x9e3779b1);
  for (let i = at; i < at + 7; i++) {
    hash = Math.imul(hash ^ words[i]!, 0x85ebca6b);
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
  let hash = words[at + 7]! | 0;
  hash ^= (hash >>> 15) ^ (hash >>> 30);
  hash = Math.imul(hash, INVERSE_LAST);
  hash ^= hash >>> 16;
  for (let i = at + 6; i >= at; i--) {
    hash = (hash >>> 13) | (hash << 19);
    hash = Math.imul(hash, INVERSE_WORD) ^ words[i]!;
  }
  return Math.imul(hash, INVERSE_PAGE) ^ page;
}
