/**
 * The iterators that `entries`, `keys` and `values` return: the iterator protocol over the steps of
 * a scan. A generator would be shorter, but takes several times as long for each entry.
 *
 * Invariant: an iterator ends its steps, however it ends.
 */

import type { ScanMemory } from "../memory/slab.ts";
import type { Bounds } from "./range.ts";
import type { Scan } from "./scan.ts";
import { type Scanned, stepsOf } from "./scan_steps.ts";
import type { Steps } from "./tree_source.ts";

/** Produces the result of an iterator from an entry of the scan. */
export type Picker<T> = (scan: Scan, at: number) => T;

/** Iterates over the entries of a range. */
export class ScanIterator<T> extends Iterator<T, void, undefined>
  implements Generator<T, void, undefined> {
  readonly #steps: Steps;
  readonly #pick: Picker<T>;
  #isRunning = false;

  /**
   * Creates an iterator that has not begun.
   *
   * @param scanned The tree.
   * @param bounds The range.
   * @param pick Produces a result from an entry.
   * @param memory The memory of the keys and values that `pick` decodes.
   */
  constructor(scanned: Scanned, bounds: Bounds, pick: Picker<T>, memory: ScanMemory) {
    super();
    this.#steps = stepsOf(scanned, bounds, memory);
    this.#pick = pick;
  }

  /** The next result. */
  override next(): IteratorResult<T, void> {
    this.#refuseRunning();
    this.#isRunning = true;
    const steps = this.#steps;
    try {
      const scan = steps.next();
      if (scan !== undefined) return { value: this.#pick(scan, steps.at), done: false };
    } catch (error) {
      steps.end();
      throw error;
    } finally {
      this.#isRunning = false;
    }
    return this.return();
  }

  /** Ends the iterator. */
  override return(): IteratorResult<T, void> {
    this.#refuseRunning();
    this.#steps.end();
    return { value: undefined, done: true };
  }

  /** Ends the iterator, and throws the argument. */
  override throw(error: unknown): IteratorResult<T, void> {
    this.#refuseRunning();
    this.#steps.end();
    throw error;
  }

  /** Itself. */
  override [Symbol.iterator](): this {
    return this;
  }

  #refuseRunning(): void {
    if (this.#isRunning) throw new TypeError("Cannot step the iterator: it is in a step");
  }
}
