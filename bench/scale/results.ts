/**
 * The results of the scale bench: a series of points for each trial and engine, and what opening
 * took after a kill.
 */

import type { Machine } from "../measure/machine.ts";
import type { TrialSize } from "./trial.ts";
import type { Point } from "./trials.ts";

/** What opening takes after a kill. */
export interface Opening {
  /** The files before. */
  readonly fileBytes: number;
  /** The time until the first get is answered. */
  readonly openMs: number;
  /** Bytes read by system calls; undefined where the system does not count them. */
  readonly readBytes?: number;
  /** The most memory that the process has had until then. */
  readonly peakBytes: number;
  /** The files after a close. */
  readonly closedBytes: number;
}

/** The result of a trial on an engine. */
export interface TrialResult {
  /** Why the engine is absent; the others are then missing. */
  readonly absent?: string;
  /** The cost as the work grew. */
  readonly points: readonly Point[];
  /** Opening after a kill, if the trial ends with one. */
  readonly opening?: Opening;
  /** The whole trial in seconds. */
  readonly seconds: number;
}

/** The results by trial and engine. */
export type TrialResults = Record<string, Record<string, TrialResult>>;

/** A run, as JSON. */
export interface ScaleResults {
  readonly machine: Machine;
  readonly size: TrialSize;
  readonly results: TrialResults;
}
