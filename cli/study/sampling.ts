/**
 * Repeats a read, and reports its median time and the bytes that devices moved for it.
 *
 * A trial has a number of places, which are visited in an order that no read-ahead follows. A cold
 * trial is made cold again before its places come close to each other.
 */

import type { Subject } from "./subject.ts";

const GOLDEN_RATIO = 0.618;
const SAMPLES_MAX = 20_000;
const SAMPLES_MIN = 5;
/** A cold trial reads this part of its places, so that the system takes none for a sequence. */
const COLD_SHARE = 16;
const COLD_PLACES_MIN = 4;
const COLD_ROUNDS_MAX = 8;
const CHECK_MASK = 0xff;
const MICROSECONDS = 1000;

/** How long, and until when. */
export interface Sampling {
  /** The time for one trial, in milliseconds. */
  readonly trialMs: number;
  /** Throws if a signal has ended the study. */
  check(): void;
}

/** One read, to be repeated at different places. */
export interface Trial {
  /** A power of two. */
  readonly places: number;
  /** The reads of one run; the figures are for one of them. Default 1. */
  readonly reads?: number;
  /** Makes all places cold; undefined for a warm trial. */
  readonly chill?: (() => void) | undefined;
  /** Reads at a place. */
  run(place: number): void;
}

/** The figures of one read. */
export interface Measured {
  readonly medianUs: number;
  /** The mean; null if it cannot be counted. */
  readonly movedBytes: number | null;
}

/** Measures a trial. */
export function measure(trial: Trial, subject: Subject, sampling: Sampling): Measured {
  const { places, chill, reads = 1 } = trial;
  const moved = "value" in subject.moved ? subject.moved.value : undefined;
  const most = chill === undefined ? SAMPLES_MAX : Math.max(COLD_PLACES_MIN, places / COLD_SHARE);
  const rounds = chill === undefined ? 1 : COLD_ROUNDS_MAX;
  const stride = strideOf(places);
  const times: number[] = [];
  let movedBytes = 0;
  const latest = performance.now() + sampling.trialMs * COLD_ROUNDS_MAX / 2;
  let left = sampling.trialMs;
  const isWanted = () => left > 0 || times.length < SAMPLES_MIN;
  for (let round = 0; round < rounds && isWanted(); round++) {
    sampling.check();
    chill?.();
    const before = moved?.() ?? 0;
    for (let i = 0; i < most && isWanted(); i++) {
      const start = performance.now();
      trial.run((i * stride) % places);
      const time = performance.now() - start;
      times.push(time);
      left -= time;
      if ((i & CHECK_MASK) === 0) sampling.check();
    }
    movedBytes += (moved?.() ?? 0) - before;
    // Making a file cold may take longer than the reads.
    if (performance.now() > latest && times.length >= SAMPLES_MIN) break;
  }
  times.sort((a, b) => a - b);
  return {
    medianUs: rounded(times[times.length >> 1]! * MICROSECONDS / reads),
    movedBytes: moved === undefined ? null : Math.round(movedBytes / times.length / reads),
  };
}

/** Visits the places far from each other: odd, and near the golden ratio of their number. */
function strideOf(places: number): number {
  return Math.floor(places * GOLDEN_RATIO) | 1;
}

/** A time with four digits at most. */
export function rounded(number: number): number {
  return Number(number.toPrecision(4));
}
