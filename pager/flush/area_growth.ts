/**
 * The lengths of the journal's areas, which follow what is committed: they grow before commits need
 * it, and an area that was much longer than it needs to be becomes shorter.
 *
 * Each change is a sequence of writes with a sync after each. The syncs are those of flights, while
 * commits go on; a checkpoint first finishes the sequence in line.
 */

import { AREA_CHUNK_BYTES, type JournalArea } from "../batch/journal_area.ts";
import type { Journal } from "../journal/journal.ts";
import { SyncedSteps } from "../journal/synced_steps.ts";
import type { DiskRoom } from "./disk_room.ts";
import type { JournalFill } from "./journal_fill.ts";
import type { JournalLocation } from "./journal_location.ts";

/** Between commits an area gives back no fewer spare chunks than this: 4 MiB. */
const SPARE_CHUNKS_MIN = 2;
/** An area grows ahead when it has less than a quarter left, or less than a half and this. */
const AHEAD_BYTES = 2 * 1024 * 1024;
/** It then gets this multiple of its chunks. */
const GROWTH = 3 / 2;
/** When the journal is that full, its other area gets room for as much. */
const SOON_PART = 3 / 8;

/** Makes the areas of the journal longer and shorter. */
export class AreaGrowth {
  readonly #journal: Journal;
  readonly #location: JournalLocation;
  readonly #room: DiskRoom;
  readonly #fill: JournalFill;
  readonly #steps = new SyncedSteps();

  /** The growth of the areas of a journal, at a location, on a disk with some room. */
  constructor(journal: Journal, location: JournalLocation, room: DiskRoom, fill: JournalFill) {
    this.#journal = journal;
    this.#location = location;
    this.#room = room;
    this.#fill = fill;
  }

  /** Whether a change of the lengths is under way. */
  get isRunning(): boolean {
    return this.#steps.isRunning;
  }

  /** Takes the next step, after a sync of the step before. */
  next(): void {
    this.#steps.next();
  }

  /** Takes all steps that remain. */
  finish(sync: () => void): void {
    if (this.#steps.isRunning) this.#steps.finish(sync, true);
  }

  /**
   * Lets an area grow before commits need it, and would wait for it in line: the current one while
   * it fills, the other one when it will soon be the current one. Both areas together then have
   * about twice the bytes that the journal holds.
   */
  growAhead(): void {
    const { area, otherArea, bytesLeft } = this.#journal;
    const { capacity, chunks } = area;
    const { bytesAhead, part } = this.#fill;
    const isFilling = bytesLeft < Math.max(capacity / 4, Math.min(capacity / 2, AHEAD_BYTES));
    if (isFilling && capacity < bytesAhead) {
      const grown = Math.ceil(chunks.length * GROWTH);
      this.begin(area, Math.min(grown, Math.ceil(bytesAhead / AREA_CHUNK_BYTES)));
    } else if (part > SOON_PART) {
      this.begin(otherArea, Math.ceil(SOON_PART * this.#fill.bytesMax / AREA_CHUNK_BYTES));
    }
  }

  /**
   * Begins to make an area that many chunks long with the next flights, unless it is as long or the
   * disk may be full.
   */
  begin(area: JournalArea, chunksMin: number): void {
    if (this.#room.mayBeFull) return;
    try {
      this.#steps.begin(this.#location.grow(area, chunksMin));
    } catch (error) {
      if (!this.#room.noteFull(error)) throw error;
    }
  }

  /** Begins to give back the spare chunks of an area, if they are most of it. */
  giveBackSpare(): void {
    if (this.#room.mayBeFull) return;
    const { spareChunks, chunksFilled } = this.#journal;
    if (spareChunks < Math.max(SPARE_CHUNKS_MIN, chunksFilled)) return;
    this.#steps.begin(this.#location.giveBackSpare());
  }
}
