/**
 * What a trial of `scale.ts` is given, and what it reports.
 *
 * A trial knows its live data itself, the bytes of the keys and values that are set, and asks the
 * engine nothing about them.
 */

import type { Store } from "../engines/engine.ts";

/** How much a trial does. */
export interface TrialSize {
  /** Entries that `grow` loads. */
  readonly entries: number;
  /** Changes that `grow` makes then. */
  readonly churn: number;
  /** How often each large value is replaced. */
  readonly rounds: number;
  /** Memory of the engine's cache. */
  readonly cacheBytes: number;
  /** The pause after each hour of the night of `day`, in milliseconds. */
  readonly pauseMs: number;
}

/** Receives the progress of a trial. */
export type Progress = (
  /** The share of the work that is done. */
  done: number,
  /** Bytes of the keys and values that are set. */
  live: number,
) => void;

/** A trial: does its work, and calls `at` after each part of it. */
export type Trial = (store: Store, size: TrialSize, at: Progress) => Promise<void>;
