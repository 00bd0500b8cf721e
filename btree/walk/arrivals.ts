/**
 * Tracks where keys arrive: for each recently changed leaf, the number of entries added in a row,
 * each directly after the previous one, or each directly before it. A long row means that a series
 * grows at that place, where the leaf is then split.
 *
 * 1. A row is a hint. Leaves displace each other, and deletions and rollbacks are not noted; a
 *    wrong hint costs only space.
 * 2. Rows are not stored in the file.
 */

import type { PageNumber } from "../../pager/mod.ts";

/** Leaves that are remembered, each at its page number modulo this. */
const LEAVES = 2 ** 12;
/** Words of each: the page, the index after its last new entry, and the lengths of both rows. */
const WIDTH_SHIFT = 2;
const NEXT = 1;
const UP = 2;
const DOWN = 3;

/** Where keys arrive. */
export class Arrivals {
  readonly #words = new Uint32Array(LEAVES << WIDTH_SHIFT);

  /**
   * Notes a new entry of a leaf.
   *
   * @returns The number of entries before it in its row; negative if each was added before the
   *   previous one.
   */
  note(page: PageNumber, index: number): number {
    const words = this.#words;
    const at = (page & (LEAVES - 1)) << WIDTH_SHIFT;
    const next = words[at] === page ? words[at + NEXT]! : -1;
    const up = next === index ? words[at + UP]! + 1 : 0;
    const down = next === index + 1 ? words[at + DOWN]! + 1 : 0;
    words[at] = page;
    words[at + NEXT] = index + 1;
    words[at + UP] = up;
    words[at + DOWN] = down;
    return up - down;
  }

  /** Notes that the newest entry of a leaf, and its rows with it, moved to an index of another. */
  move(page: PageNumber, to: number, index: number): void {
    const words = this.#words;
    const from = (page & (LEAVES - 1)) << WIDTH_SHIFT;
    const up = words[from + UP]!;
    const down = words[from + DOWN]!;
    const at = (to & (LEAVES - 1)) << WIDTH_SHIFT;
    words[at] = to;
    words[at + NEXT] = index + 1;
    words[at + UP] = up;
    words[at + DOWN] = down;
  }
}
