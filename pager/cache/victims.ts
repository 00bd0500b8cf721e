/**
 * The candidates for eviction, oldest first: a queue of places by age.
 *
 * It has a list of places for each age below 2048, and above that 1024 lists for the ages between
 * two powers of two. So `add` and `take` sort nothing, and places whose ages differ by less than a
 * thousandth may leave in either order.
 *
 * It does not know whether a place has been used since it was added.
 */

import type { Place } from "../format/units.ts";

const PRECISION_BITS = 10;
const AGE_BITS = 30;
const LISTS = (AGE_BITS - PRECISION_BITS + 1) << PRECISION_BITS;

/** Candidates for eviction, oldest first. */
export class Victims {
  /** The first place of each list plus 1, or 0. */
  readonly #first = new Int32Array(LISTS);
  /** The place after a place in its list plus 1, or 0. */
  #next = new Int32Array(0);
  /** The last list that may have places. */
  #oldest = 0;

  /** Makes room for the places below a limit. Returns whether this emptied the queue. */
  reserve(places: number): boolean {
    if (places <= this.#next.length) return false;
    this.#next = new Int32Array(Math.max(places, this.#next.length * 2));
    this.clear();
    return true;
  }

  /** Removes all places. */
  clear(): void {
    this.#first.fill(0);
    this.#oldest = 0;
  }

  /** Adds a place that is not in the queue, with its age in misses, below 2 ** 30. */
  add(place: Place, age: number): void {
    const list = listOf(age);
    this.#next[place] = this.#first[list]!;
    this.#first[list] = place + 1;
    if (list > this.#oldest) this.#oldest = list;
  }

  /** Removes one of the oldest places; -1 if the queue is empty. */
  take(): Place {
    while (this.#oldest > 0 && this.#first[this.#oldest] === 0) this.#oldest--;
    const place = this.#first[this.#oldest]! - 1;
    if (place >= 0) this.#first[this.#oldest] = this.#next[place]!;
    return place;
  }

  /** Whether the place taken last was added with this age, to the precision of the queue. */
  hadAge(age: number): boolean {
    return age >= 0 && listOf(age) === this.#oldest;
  }
}

/** The list of an age. */
function listOf(age: number): number {
  const shift = 31 - Math.clz32(age) - PRECISION_BITS;
  return shift <= 0 ? age : (shift << PRECISION_BITS) + (age >>> shift);
}
