/**
 * The clock and the alarm. Dates are on the wall clock, because they outlive the process; waiting
 * is monotonic.
 *
 * An alarm never rings before its date. It looks at the wall clock again every minute, so that a
 * clock that was set forward makes it at most a minute late.
 */

import { clearInterval, clearTimeout, setInterval, setTimeout } from "node:timers";

const WAIT_MS_MAX = 60_000;

/** The date of now, in milliseconds since 1970. */
export function now(): number {
  return Date.now();
}

/** Options of an alarm. */
export interface AlarmOptions {
  /** Whether the process stays alive while the alarm is set. */
  readonly keepsAlive: boolean;
}

/** Calls a function at a date; the earliest one of those that it was given. */
export class Alarm {
  readonly #ring: () => void;
  readonly #keepsAlive: boolean;
  #date = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Creates an alarm that is not set. */
  constructor(ring: () => void, { keepsAlive }: AlarmOptions) {
    this.#ring = ring;
    this.#keepsAlive = keepsAlive;
  }

  /** Rings at a date, unless an earlier one is set. */
  setTo(date: number): void {
    if (date >= this.#date) return;
    this.#date = date;
    this.#wait();
  }

  /** Forgets the date. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#date = Infinity;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    const waitMs = Math.min(Math.max(this.#date - now(), 0), WAIT_MS_MAX);
    this.#timer = setTimeout(() => this.#look(), waitMs);
    if (!this.#keepsAlive) this.#timer.unref();
  }

  #look(): void {
    if (now() < this.#date) return this.#wait();
    this.stop();
    this.#ring();
  }
}

/** Keeps the process alive until the returned function is called. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, WAIT_MS_MAX);
  return () => clearInterval(timer);
}
