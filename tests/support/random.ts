/**
 * Reproducible random numbers, so that a failed run can be repeated.
 *
 * The generator is mulberry32: 32 bits of state, which suffices to choose operations.
 */

/** A seeded source of random numbers. */
export class Random {
  #state: number;

  /**
   * A source that depends only on the seed.
   *
   * @param seed Any 32-bit number.
   */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A number in 0..2^32 - 1. */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let hash = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    hash ^= hash + Math.imul(hash ^ (hash >>> 7), hash | 61);
    return (hash ^ (hash >>> 14)) >>> 0;
  }

  /** A whole number in 0..bound - 1. */
  below(bound: number): number {
    return Math.floor(this.u32() / 2 ** 32 * bound);
  }

  /** True once in `times` calls, on average. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
