/**
 * The lengths of the journal's areas, which follow what is committed: they grow before commits need
 * it, and an area that was much longer than it needs to be becomes shorter.
 *
 * Each change is a sequence of writes with a sync after each. The syncs are those of flights, while
 * commits go on; a checkpoint first finishes the sequence in line.
 */

import { AREA_CHUNK_BYTES } from "../batch/journal_area.ts";
import type { Journal } from "../journal/journal.ts";
import { SyncedSteps } from "../journal/synced_steps.ts";
import type { DiskRoom } from "./disk_room.ts";
import type { JournalPlace } from "./journal_place.ts";

/** Between commits an area gives back no fewer spare chunks than this: 4 MiB. */
const SPARE_CHUNKS_MIN = 2;

/** Makes the areas of the journal longer and shorter. */
export class AreaGrowth {
  readonly #journal: Journal;
  readonly #place: JournalPlace;
  readonly #room: DiskRoom;
  readonly #steps = new SyncedSteps();

  /** The growth of the areas of a journal, at a place, on a disk with some room. */
  constructor(journal: Journal, place: JournalPlace, room: DiskRoom) {
    this.#journal = journal;
    this.#place = place;
    this.#room = room;
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
    if (this.#steps.isRunning) this.#steps.finish(sync);
  }

  /** Lets the areas grow before commits need it, and would wait for it in line. */
  growAhead(bytes: number): void {
    if (!this.#journal.isFilling(bytes)) return;
    const twice = 2 * this.#journal.area.chunks.length;
    this.begin(Math.min(twice, Math.ceil(bytes / AREA_CHUNK_BYTES)));
  }

  /**
   * Begins to make both areas that many chunks long with the next flights, unless they are as long
   * or the disk may be full.
   */
  begin(chunksMin: number): void {
    if (this.#room.mayBeFull) return;
    try {
      this.#steps.begin(this.#place.grow(chunksMin));
    } catch (error) {
      if (!this.#room.noteFull(error)) throw error;
    }
  }

  /** Begins to give back the spare chunks of an area, if they are most of it. */
  giveBackSpare(): void {
    if (this.#room.mayBeFull) return;
    const { spareChunks, chunksFilled } = this.#journal;
    if (spareChunks < Math.max(SPARE_CHUNKS_MIN, chunksFilled)) return;
    this.#steps.begin(this.#place.giveBackSpare());
  }
}
