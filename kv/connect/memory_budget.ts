/**
 * The memory that all requests of a server take together: their bodies, until they are answered,
 * and their answers, until the clients have read them.
 *
 * A request that finds too little is refused before it takes any, as for a state that passes: the
 * client tries again.
 */

import { RefusedError } from "./refusal.ts";

/** The memory of all requests. */
export class MemoryBudget {
  readonly #max: number;
  #taken = 0;

  /**
   * Creates a budget of which nothing is taken.
   *
   * @param max The most bytes.
   */
  constructor(max: number) {
    this.#max = max;
  }

  /** The bytes that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes bytes.
   *
   * @throws {RefusedError} Too few are left, and none were taken.
   */
  take(bytes: number): void {
    if (this.#taken + bytes > this.#max) {
      throw new RefusedError(503, `All requests together need more than ${this.#max} bytes`);
    }
    this.#taken += bytes;
  }

  /** Gives bytes back. */
  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}

/** What one request has taken of a budget. */
export class RequestMemory {
  readonly #budget: MemoryBudget;
  #taken = 0;

  /** Begins a request, which has taken nothing. */
  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /**
   * Takes bytes.
   *
   * @throws {RefusedError} Too few are left.
   */
  take(bytes: number): void {
    this.#budget.take(bytes);
    this.#taken += bytes;
  }

  /** Gives everything back. */
  release(): void {
    this.#budget.giveBack(this.#taken);
    this.#taken = 0;
  }
}
