/**
 * The sum of a state of a file: of the headers of all its pages in use, in any order.
 *
 * A header has the version and the sum of its page, and its header sum depends on the page number
 * and the database id. So two states with the same sum have the same pages.
 */

import { HEADER } from "../format/format.ts";

const HEADER_SUM_WORD = HEADER.headerSum / 4;

/** The sum of the headers of pages. */
export class StateSum {
  /** The number of pages. */
  pages = 0;
  /** The sum of their header sums, modulo 2^32. */
  sum = 0;
  /** The sum of their mixed header sums, modulo 2^32. */
  mixed = 0;

  /** Adds a page, whose header begins at `words[at]`. */
  add(words: Uint32Array, at: number): void {
    const headerSum = words[at + HEADER_SUM_WORD]!;
    this.pages++;
    this.sum = (this.sum + headerSum) >>> 0;
    this.mixed = (this.mixed + Math.imul(headerSum ^ (headerSum >>> 16), 0x9e3779b1)) >>> 0;
  }

  /** Whether another sum is of the same pages. */
  equals(other: Readonly<Pick<StateSum, "pages" | "sum" | "mixed">>): boolean {
    return this.pages === other.pages && this.sum === other.sum && this.mixed === other.mixed;
  }
}
