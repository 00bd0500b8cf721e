/**
 * The trials of `scale.ts`: work that goes on for long, as series of points. Each point says what
 * the database has cost so far: its files, the bytes written, the longest turn of the event loop.
 */

import type { Engine } from "../engines/engine.ts";
import { bytesOnDisk, bytesWritten, peakMemory } from "../measure/machine.ts";
import { day, dropped, grow, index, series, sets } from "./entry_trials.ts";
import { LongestTurn } from "./longest_turn.ts";
import type { Trial, TrialSize } from "./trial.ts";
import { buffered, large, medium, middle, removed } from "./value_trials.ts";

/** The share of the work between two points. */
const STEP = 0.025;

/** The cost of a database after some work. */
export interface Point {
  /** The share of the work that is done, and 1 with `closed` when the database is closed. */
  readonly done: number;
  readonly closed: boolean;
  /** Bytes of all its files. */
  readonly fileBytes: number;
  /** Bytes of the keys and values that are set. */
  readonly liveBytes: number;
  /** Bytes that the process has written; undefined where the system does not count them. */
  readonly writtenBytes: number | undefined;
  /** The longest turn of the event loop since the point before, in milliseconds. */
  readonly longestTurnMs: number;
  /** The most memory that the process has had, in bytes. */
  readonly peakBytes: number;
}

/** All trials by name. */
export const TRIALS: Readonly<Record<string, Trial>> = {
  grow,
  sets,
  large,
  middle,
  medium,
  series,
  removed,
  index,
  dropped,
  buffered,
  day,
};

/**
 * Runs a trial in a folder, and returns its series.
 *
 * @param closes Whether it closes the database, and adds a point after that.
 */
export async function runTrial(
  name: string,
  engine: Engine,
  folder: string,
  size: TrialSize,
  closes: boolean,
): Promise<Point[]> {
  const points: Point[] = [];
  const store = await engine.open(`${folder}/db`, { cacheBytes: size.cacheBytes });
  using turns = new LongestTurn();
  let live = 0;
  const point = (done: number, closed: boolean) => {
    const fileBytes = bytesOnDisk(folder);
    const longestTurnMs = turns.take();
    const [writtenBytes, peakBytes] = [bytesWritten(), peakMemory()];
    points.push({
      done,
      closed,
      fileBytes,
      liveBytes: live,
      writtenBytes,
      longestTurnMs,
      peakBytes,
    });
  };
  let next = 0;
  await TRIALS[name]!(store, size, (done, liveBytes) => {
    live = liveBytes;
    if (done < next) return;
    point(done, false);
    next = done + STEP;
  });
  if (closes) {
    await store.close();
    point(1, true);
  }
  return points;
}
