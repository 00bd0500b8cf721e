/**
 * Merges the old segments of an archive now and then, beside its shipments, which do not wait.
 */

import type { Waits } from "../backup/waiting.ts";
import type { CommitClock } from "./commit_clock.ts";
import { ArchiveIndex } from "./segments/archive_index.ts";
import { deleteMembers, lastMerged, mergeRun, runsToMerge } from "./segments/merging.ts";
import type { StoreCalls } from "./store_calls.ts";

/** Merges the old segments of an archive. */
export class Merger {
  /** The error that ended the last round; undefined if none did. */
  failure: unknown;
  readonly #calls: StoreCalls;
  readonly #periodMs: number;
  readonly #clock: CommitClock;
  readonly #waits: Waits;
  /** The versions of the bases that were begun. */
  readonly #breaks = new Set<number>();
  /** The time of the next round, of `#waits`. */
  #next = 0;
  #round: Promise<void> | undefined;
  /** The version up to which segments were merged, or stay as they are; undefined at first. */
  #doneTo: number | undefined;
  #isOver = false;

  /**
   * Begins without a round.
   *
   * @param periodMs The length of a period, which is merged when it is as long ago; see `archive`.
   */
  constructor(calls: StoreCalls, periodMs: number, clock: CommitClock, waits: Waits) {
    this.#calls = calls;
    this.#periodMs = periodMs;
    this.#clock = clock;
    this.#waits = waits;
  }

  /** Notes the version of a base that is begun: no merged segment goes past it. */
  noteBase(version: number): void {
    this.#breaks.add(version);
  }

  /** Begins a round, if it is time. */
  look(): void {
    if (this.#periodMs === Infinity || this.#isOver) return;
    if (this.#round !== undefined || this.#waits.now() < this.#next) return;
    this.#next = this.#waits.now() + this.#periodMs;
    this.#round = this.#merge()
      .then(() => this.failure = undefined)
      .catch((error) => this.failure = error)
      .finally(() => this.#round = undefined);
  }

  /** Resolves when no round is being made. */
  async rest(): Promise<void> {
    await this.#round;
  }

  /** Makes no other round, and ends this one before its next object. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#round;
  }

  /** Deletes the members of what was merged some time ago, and merges what has become old. */
  async #merge(): Promise<void> {
    const index = new ArchiveIndex(await this.#calls.list());
    const now = this.#clock.now();
    const before = now - this.#periodMs;
    const isOver = () => this.#isOver;
    await deleteMembers(this.#calls, index, before, isOver);
    const from = this.#doneTo ?? lastMerged(index);
    const range = { from, breaks: this.#breaks, periodMs: this.#periodMs, before };
    for (const run of runsToMerge(index, range)) {
      await mergeRun(this.#calls, run, now, isOver);
      if (isOver()) return;
      this.#doneTo = run.at(-1)!.to;
    }
  }
}
