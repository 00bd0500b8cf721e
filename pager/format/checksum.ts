/**
 * The two sums of a page.
 *
 * The page sum is CRC-32 (zlib's polynomial), which detects every error burst of up to 32 bits. The
 * header sum is a multiply-and-rotate mix like the body of MurmurHash3: each step is a bijection of
 * the word it mixes in, so it detects every change within one word. It is seeded with the database
 * id and the page number, so it also detects a header or page that belongs elsewhere.
 *
 * CRC-32 is linear: the effect of a change on the page sum depends only on the changed bytes,
 * before and after, and on the number of bytes that follow them. So a small change updates the sum
 * without reading the whole page.
 *
 * Sums are compared as signed 32-bit integers, which V8 keeps unboxed.
 */

import { crc32 } from "node:zlib";
import { PAGE_BYTES, PAGE_SHIFT } from "./format.ts";
import type { Frame } from "./frame.ts";
import type { PageNumber, Slot } from "./units.ts";

/** The inverses of the header sum's multipliers, modulo 2^32. */
const INVERSE_PAGE = 0x0e8b2f51;
const INVERSE_WORD = 0xa5cb9243;
const INVERSE_LAST = 0x7ed1b41d;
/** The polynomial of CRC-32 without its highest coefficient; the lowest is in the highest bit. */
const CRC_POLYNOMIAL = 0xedb88320;
const POWERS = powers();
const BYTE_SUMS = byteSums();
/** What the four coefficients that a shift drops become, by their bits. */
const TIMES_X4 = Int32Array.from({ length: 16 }, (_, bits) => {
  return timesX(timesX(timesX(timesX(bits))));
});
/** The products of the second factor of `multiply` and each of four coefficients. */
const PRODUCTS = new Int32Array(16);

/** The CRC-32 of `bytes`, as a signed integer. */
export function crc(bytes: Uint8Array): number {
  return crc32(bytes) | 0;
}

/** The CRC-32, unsigned, of bytes whose CRC-32 is `before` and of `bytes` after them. */
export function crcAfter(bytes: Uint8Array, before: number): number {
  return crc32(bytes, before);
}

/** The page sum of the page in a slot, as a signed integer. */
export function pageSum(frame: Frame, slot: Slot): number {
  const start = slot << PAGE_SHIFT;
  return crc(frame.u8.subarray(start, start + PAGE_BYTES));
}

/**
 * The page sum after a change of some words.
 *
 * @param sum The page sum before.
 * @param difference The result of `crcOfDifference` for these words.
 * @param rest The number of bytes of the page that follow them.
 */
export function changedPageSum(sum: number, difference: number, rest: number): number {
  return sum ^ multiply(difference, POWERS[rest]!);
}

/** The exclusive or of the CRC-32 of some words and the CRC-32 of as many others. */
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

/** The part of a byte in a CRC-32 when 0 to 3 bytes follow it: 256 entries for each. */
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
 * The product of two polynomials over GF(2), modulo that of CRC-32, in its bit order: the highest
 * bit is the coefficient of 1. It takes four coefficients of `a` at a time, the highest powers
 * first.
 */
function multiply(a: number, b: number): number {
  const products = PRODUCTS;
  let factor = b;
  for (let bit = 8; bit > 0; bit >>>= 1) {
    products[bit] = factor;
    // The sums with the powers before, whose bits are higher.
    for (let other = 2 * bit; other < 16; other += 2 * bit) {
      products[other | bit] = products[other]! ^ factor;
    }
    factor = timesX(factor);
  }
  let product = products[a & 15]!;
  for (let shift = 4; shift < 32; shift += 4) {
    product = (product >>> 4) ^ TIMES_X4[product & 15]! ^ products[(a >>> shift) & 15]!;
  }
  return product;
}

function timesX(polynomial: number): number {
  return (polynomial >>> 1) ^ (CRC_POLYNOMIAL & -(polynomial & 1));
}

/** The factor by which n zero bytes appended to some bytes multiply their CRC-32: x to the 8 n. */
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
 * The header sum of the header whose seven summed words begin at `words[at]`, as a signed integer.
 *
 * @param seed The database's seed, from `seedOf`.
 */
export function headerSum(words: Uint32Array, at: number, page: PageNumber, seed: number): number {
  let hash = Math.imul(seed ^ page, 0x9e3779b1);
  for (let i = at; i < at + 7; i++) {
    hash = Math.imul(hash ^ words[i]!, 0x85ebca6b);
    hash = (hash << 13) | (hash >>> 19);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
  return hash ^ (hash >>> 15);
}

/** Folds the 16 bytes of a database id into the seed of its header sums. */
export function seedOf(databaseId: Uint8Array): number {
  return crc(databaseId);
}

/**
 * The seed that gives a header, whose eight words begin at `words[at]`, its header sum. It is
 * computed backwards from the sum, as each step is a bijection. All undamaged headers of a file
 * give the seed of that file.
 */
export function seedFrom(words: Uint32Array, at: number, page: PageNumber): number {
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
