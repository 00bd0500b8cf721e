/**
 * A set of page numbers, one bit each, in blocks of 16,384 pages. A block without pages takes no
 * memory.
 */

import type { PageNumber } from "../format/units.ts";

const BLOCK_SHIFT = 14;
const BLOCK_PAGES = 1 << BLOCK_SHIFT;
const BLOCK_MASK = BLOCK_PAGES - 1;

/** A set of page numbers. */
export class PageSet {
  /** The number of pages in the set. */
  size = 0;
  readonly #blocks = new Map<number, Uint32Array>();

  /** Whether a page is in the set. */
  has(page: PageNumber): boolean {
    const words = this.#blocks.get(page >>> BLOCK_SHIFT);
    const index = page & BLOCK_MASK;
    return words !== undefined && (words[index >>> 5]! & (1 << (index & 31))) !== 0;
  }

  /** Adds a page; returns whether it was new. */
  add(page: PageNumber): boolean {
    const block = page >>> BLOCK_SHIFT;
    let words = this.#blocks.get(block);
    if (words === undefined) this.#blocks.set(block, words = new Uint32Array(BLOCK_PAGES / 32));
    const index = page & BLOCK_MASK;
    const bit = 1 << (index & 31);
    if ((words[index >>> 5]! & bit) !== 0) return false;
    words[index >>> 5]! |= bit;
    this.size++;
    return true;
  }

  /** Removes a page, if it is in the set. */
  delete(page: PageNumber): void {
    if (!this.has(page)) return;
    const index = page & BLOCK_MASK;
    this.#blocks.get(page >>> BLOCK_SHIFT)![index >>> 5]! &= ~(1 << (index & 31));
    this.size--;
  }

  /** Removes `page` and all higher pages. */
  deleteFrom(page: PageNumber): void {
    for (const [block, words] of this.#blocks) {
      const from = Math.max(0, page - block * BLOCK_PAGES);
      if (from >= BLOCK_PAGES) continue;
      this.size -= clearFrom(words, from);
      if (from === 0) this.#blocks.delete(block);
    }
  }

  /** Empties the set. */
  clear(): void {
    this.#blocks.clear();
    this.size = 0;
  }
}

/** Clears the bits of words from one on; returns how many were set. */
function clearFrom(words: Uint32Array, from: number): number {
  let count = 0;
  let cleared = -1 << (from & 31);
  for (let at = from >>> 5; at < words.length; at++) {
    count += bitCount(words[at]! & cleared);
    words[at]! &= ~cleared;
    cleared = -1;
  }
  return count;
}

function bitCount(word: number): number {
  const pairs = word - (word >>> 1 & 0x55555555);
  const fours = (pairs & 0x33333333) + (pairs >>> 2 & 0x33333333);
  return Math.imul(fours + (fours >>> 4) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
