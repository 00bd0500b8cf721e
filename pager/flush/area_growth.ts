/**
 * The lengths of the journal's areas, which follow what is committed: they grow before commits need
 * it, and an area that was much longer than it needs to be becomes shorter.
 *
 * Each change is a sequence of writes with a sync after each. The syncs are those of flights, while
 * commits go on; a checkpoint first finishes the sequence in line.
 */

import { AREA_CHUNK_BYTES, type JournalArea } from "../batch/journal_area.ts";
import type { Disk } from "../file/disk.ts";
import type { Journal } from "../journal/journal.ts";
import { type Steps, SyncedSteps } from "../journal/synced_steps.ts";
import type { DiskRoom } from "./disk_room.ts";
import type { JournalFill } from "./journal_fill.ts";
import type { JournalLocation } from "./journal_location.ts";
import type { JournalSavings } from "./journal_savings.ts";

/**
 * Between commits an area gives back no fewer spare chunks than this, 4 MiB, unless they keep more
 * from the end of the file.
 */
const SPARE_CHUNKS_MIN = 2;
/** An area is too long from this multiple of what commits need until a checkpoint has begun. */
const TOO_LONG = 3 / 2;
/** Both areas then keep this part of the data, a chunk, and this multiple of what they hold. */
const FILE_PART = 1 / 20;
const FILE_CHUNK = 1;
const JOURNAL_PART = 2;
/** An area that grows ahead gets this multiple of its chunks. */
const GROWTH = 3 / 2;
/** When the journal is that full, its other area gets room for as much. */
const SOON_PART = 3 / 8;

/** Makes the areas of the journal longer and shorter. */
export class AreaGrowth {
  readonly #disk: Disk;
  readonly #journal: Journal;
  readonly #location: JournalLocation;
  readonly #room: DiskRoom;
  readonly #savings: JournalSavings;
  readonly #fill: JournalFill;
  readonly #steps = new SyncedSteps();
  /** Whether one area became shorter, and the next call does the same for the other one. */
  #hasGivenBack = false;

  /**
   * The growth of the areas of a journal.
   *
   * @param parts The file; the journal, its location, what it keeps from the file and how full it
   * is; and the room on the disk.
   */
  constructor(
    parts: {
      disk: Disk;
      journal: Journal;
      location: JournalLocation;
      room: DiskRoom;
      savings: JournalSavings;
      fill: JournalFill;
    },
  ) {
    this.#disk = parts.disk;
    this.#journal = parts.journal;
    this.#location = parts.location;
    this.#room = parts.room;
    this.#savings = parts.savings;
    this.#fill = parts.fill;
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
    const { area, otherArea } = this.#journal;
    const { bytesAhead, partUntilGrowth, part } = this.#fill;
    if (partUntilGrowth < 0) {
      const grown = Math.ceil(area.chunks.length * GROWTH);
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
    if (!this.#room.mayBeFull) this.#steps.begin(this.#growing(area, chunksMin));
  }

  *#growing(area: JournalArea, chunksMin: number): Steps {
    try {
      yield* this.#location.grow(area, chunksMin);
    } catch (error) {
      this.#disk.checkWritable();
      if (!this.#room.noteFull(error)) throw error;
    }
  }

  /**
   * After a checkpoint, begins to give back the spare chunks of the area that it freed, if large
   * transactions made that much longer than other commits need it, or if it is calm; after
   * the next checkpoint those of the other area too. It keeps them while the current one holds as
   * much. Returns whether it began.
   *
   * @param isCalm Whether commits are so small that it takes long until they need the chunks again.
   */
  giveBackSpare(isCalm: boolean): boolean {
    const isSecond = this.#hasGivenBack;
    this.#hasGivenBack = false;
    const { otherArea } = this.#journal;
    const isTooLong = isCalm || isSecond ||
      otherArea.capacity >= TOO_LONG * this.#fill.bytesAhead;
    if (this.#room.mayBeFull || !isTooLong) return false;
    const kept = this.#chunksKept;
    const spare = otherArea.chunks.length - kept;
    if (spare <= 0 || (spare < SPARE_CHUNKS_MIN && !this.#savings.keepsTail(0))) return false;
    this.#hasGivenBack = !isSecond;
    this.#steps.begin(this.#location.giveBackSpare(kept));
    return true;
  }

  /**
   * The chunks with which the other area leaves the file in proportion to its data, or as many as
   * commits need that go on as they came since the checkpoint began.
   */
  get #chunksKept(): number {
    const { area, filledBytes } = this.#journal;
    const filled = JOURNAL_PART * filledBytes / AREA_CHUNK_BYTES;
    const spare = FILE_PART * this.#savings.dataChunks + FILE_CHUNK + filled - area.chunks.length;
    return Math.max(1, Math.floor(Math.max(filled, spare)));
  }
}
