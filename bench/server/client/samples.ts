/**
 * A growing series of numbers, such as the latencies of requests, with its mean and percentiles.
 */

import { percentile } from "../../measure/figures.ts";

const FIRST_LENGTH = 1024;

/** Numbers in the order in which they were added. */
export class Samples {
  #values = new Float64Array(FIRST_LENGTH);
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds a number. */
  add(value: number): void {
    if (this.#length === this.#values.length) {
      const values = new Float64Array(2 * this.#length);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.#length++] = value;
  }

  /** Removes all. */
  clear(): void {
    this.#length = 0;
  }

  /** Their mean, 0 if there are none. */
  mean(): number {
    let sum = 0;
    for (let i = 0; i < this.#length; i++) sum += this.#values[i]!;
    return this.#length === 0 ? 0 : sum / this.#length;
  }

  /** Percentiles by share, 0 if there are none. */
  percentiles<Shares extends readonly number[]>(...shares: Shares): { [I in keyof Shares]: number };
  percentiles(...shares: readonly number[]): number[] {
    const sorted = this.#values.slice(0, this.#length).sort();
    return shares.map((share) => this.#length === 0 ? 0 : percentile(sorted, share));
  }
}
