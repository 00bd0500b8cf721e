/**
 * Time that a test owns: it passes only when the test says so.
 */

import { setImmediate } from "node:timers";
import type { Waits } from "../../../store/backup/waiting.ts";

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

/** Time that passes only when the test says so. */
export class OwnedTime implements Waits {
  #now = 0;
  #sleepers: Sleeper[] = [];

  readonly now = (): number => this.#now;

  readonly rest = (ms: number, signal: AbortSignal | undefined): Promise<void> => {
    if (signal?.aborted === true) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const sleeper = { until: this.#now + ms, wake: resolve };
    this.#sleepers.push(sleeper);
    signal?.addEventListener("abort", () => {
      this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
      resolve();
    });
    return promise;
  };

  /** Resolves when somebody waits for the time to pass. */
  async slept(): Promise<void> {
    while (this.#sleepers.length === 0) await new Promise<void>((turn) => setImmediate(turn));
  }

  /** Lets time pass. Whoever wakes up finishes all its work before time passes on. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await this.slept();
      const next = this.#sleepers.toSorted((a, b) => a.until - b.until)[0]!;
      if (next.until > end) break;
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      this.#now = Math.max(this.#now, next.until);
      next.wake();
    }
    this.#now = end;
  }
}
