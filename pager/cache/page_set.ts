/**
 * A set of page numbers: one bit each, grouped by chunk.
 */

import { CHUNK_PAGES, CHUNK_SHIFT, SLOT_MASK } from "../format/format.ts";
import type { PageNumber } from "../format/units.ts";

/** A set of page numbers. */
export class PageSet {
  /** The number of pages in the set. */
  size = 0;
  readonly #chunks = new Map<number, Uint32Array>();

  /** Whether a page is in the set. */
  has(page: PageNumber): boolean {
    const words = this.#chunks.get(page >>> CHUNK_SHIFT);
    const slot = page & SLOT_MASK;
    return words !== undefined && (words[slot >>> 5]! & (1 << (slot & 31))) !== 0;
  }

  /** Adds a page; returns whether it was new. */
  add(page: PageNumber): boolean {
    const chunk = page >>> CHUNK_SHIFT;
    let words = this.#chunks.get(chunk);
    if (words === undefined) this.#chunks.set(chunk, words = new Uint32Array(CHUNK_PAGES / 32));
    const slot = page & SLOT_MASK;
    const bit = 1 << (slot & 31);
    if ((words[slot >>> 5]! & bit) !== 0) return false;
    words[slot >>> 5]! |= bit;
    this.size++;
    return true;
  }

  /** Removes a page, if it is in the set. */
  delete(page: PageNumber): void {
    if (!this.has(page)) return;
    const slot = page & SLOT_MASK;
    this.#chunks.get(page >>> CHUNK_SHIFT)![slot >>> 5]! &= ~(1 << (slot & 31));
    this.size--;
  }

  /** Removes `page` and all higher pages. */
  deleteFrom(page: PageNumber): void {
    for (const chunk of [...this.#chunks.keys()]) {
      const first = chunk * CHUNK_PAGES;
      if (first + CHUNK_PAGES <= page) continue;
      for (let slot = Math.max(0, page - first); slot < CHUNK_PAGES; slot++) {
        this.delete(first + slot);
      }
      if (first >= page) this.#chunks.delete(chunk);
    }
  }

  /** Empties the set. */
  clear(): void {
    this.#chunks.clear();
    this.size = 0;
  }
}
