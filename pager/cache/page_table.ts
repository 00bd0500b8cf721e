/**
 * A hash table from page number to place, for the pages in pool frames. It uses open addressing
 * with linear probing and backward-shift deletion (Knuth, The Art of Computer Programming, volume
 * 3, 6.4, algorithm R), and is at most half full. It allocates only when it grows.
 */

import type { PageNumber, Place } from "../format/units.ts";

const EMPTY = -1;
const FIRST_BITS = 10;

/** A map from page number to place. */
export class PageTable {
  #bits = FIRST_BITS;
  #keys = new Int32Array(1 << FIRST_BITS).fill(EMPTY);
  #places = new Int32Array(1 << FIRST_BITS);
  #size = 0;

  /** The number of pages in the table. */
  get size(): number {
    return this.#size;
  }

  /** The place of a page, or -1. */
  get(page: PageNumber): number {
    const index = this.#find(page);
    return this.#keys[index] === EMPTY ? -1 : this.#places[index]!;
  }

  /** Adds a page, or changes its place. */
  set(page: PageNumber, place: Place): void {
    if ((this.#size + 1) * 2 > this.#keys.length) this.#grow();
    const index = this.#find(page);
    if (this.#keys[index] === EMPTY) this.#size++;
    this.#keys[index] = page | 0;
    this.#places[index] = place;
  }

  /** Removes a page, if it is in the table. */
  delete(page: PageNumber): void {
    const mask = this.#keys.length - 1;
    let hole = this.#find(page);
    if (this.#keys[hole] === EMPTY) return;
    this.#size--;
    for (let next = (hole + 1) & mask; this.#keys[next] !== EMPTY; next = (next + 1) & mask) {
      const home = this.#home(this.#keys[next]!);
      // The entry may move into the hole only if the hole is not before its home.
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        this.#keys[hole]! = this.#keys[next]!;
        this.#places[hole]! = this.#places[next]!;
        hole = next;
      }
    }
    this.#keys[hole] = EMPTY;
  }

  /** Removes all pages. */
  clear(): void {
    this.#keys.fill(EMPTY);
    this.#size = 0;
  }

  #find(page: PageNumber): number {
    const mask = this.#keys.length - 1;
    const key = page | 0;
    let index = this.#home(key);
    while (this.#keys[index] !== key && this.#keys[index] !== EMPTY) index = (index + 1) & mask;
    return index;
  }

  #home(key: number): number {
    return Math.imul(key, 0x9e3779b1) >>> (32 - this.#bits);
  }

  #grow(): void {
    const keys = this.#keys;
    const places = this.#places;
    this.#bits++;
    this.#keys = new Int32Array(1 << this.#bits).fill(EMPTY);
    this.#places = new Int32Array(1 << this.#bits);
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === EMPTY) continue;
      const index = this.#find(keys[i]!);
      this.#keys[index]! = keys[i]!;
      this.#places[index]! = places[i]!;
    }
  }
}
