/**
 * How full the journal is, by the bytes of its area, and by the memory for pages that wait for a
 * checkpoint.
 *
 * The area of a small file is bounded by the size of its data too, so that the file stays in
 * proportion to it. But callers do not wait for a checkpoint of a short journal: many commits of
 * one turn share a sync, while a checkpoint of any length needs several.
 */

import { AREA_CHUNK_BYTES } from "../batch/journal_area.ts";
import type { Writeback } from "../cache/writeback.ts";
import type { Journal } from "../journal/journal.ts";
import { SMALL_AREA_BYTES } from "../journal/journal_areas.ts";
import type { JournalSavings } from "./journal_savings.ts";

/** An area is bounded by this part of the data too, but by no less than a chunk. */
const DATA_PART = 1 / 2;
const CHUNKS_MAX_MIN = 1;
/** Before a checkpoint is due an area has this part of its bound, for commits until it begins. */
const AHEAD_PART = 5 / 8;
/** An area grows ahead when it has less than a quarter left, or less than a half and this. */
const AHEAD_BYTES = 2 * 1024 * 1024;

/** How full a journal is. */
export class JournalFill {
  readonly #journal: Journal;
  readonly #writeback: Writeback;
  readonly #savings: JournalSavings;
  readonly #journalBytes: number;
  readonly #dirtyPagesMax: number;

  /**
   * The fill of a journal.
   *
   * @param bounds `journalBytes` = the bytes of an area from which on a checkpoint has to end
   * first, fewer in a small file; `dirtyPagesMax` = the same for pages that wait for it in memory.
   */
  constructor(
    journal: Journal,
    writeback: Writeback,
    savings: JournalSavings,
    bounds: { journalBytes: number; dirtyPagesMax: number },
  ) {
    this.#journal = journal;
    this.#writeback = writeback;
    this.#savings = savings;
    this.#journalBytes = bounds.journalBytes;
    this.#dirtyPagesMax = bounds.dirtyPagesMax;
  }

  /** Above a half a checkpoint is due. */
  get part(): number {
    return this.#partOf(this.bytesMax);
  }

  /** Above 1 a checkpoint has to end before commits go on. */
  get waitPart(): number {
    return this.#partOf(Math.max(this.bytesMax, Math.min(this.#journalBytes, SMALL_AREA_BYTES)));
  }

  #partOf(bytesMax: number): number {
    const { dirtyPages } = this.#writeback;
    return Math.max(this.#journal.usedBytes / bytesMax, dirtyPages / this.#dirtyPagesMax);
  }

  /** The bytes of an area at half of which a checkpoint is due. */
  get bytesMax(): number {
    const chunks = Math.max(CHUNKS_MAX_MIN, this.#savings.dataChunks * DATA_PART);
    return Math.min(this.#journalBytes, chunks * AREA_CHUNK_BYTES);
  }

  /** The part that is left until the current area has to grow; below 0 it should. */
  get partUntilGrowth(): number {
    const { area: { capacity }, bytesLeft } = this.#journal;
    if (capacity >= this.bytesAhead) return Infinity;
    const bytesKept = Math.max(capacity / 4, Math.min(capacity / 2, AHEAD_BYTES));
    return (bytesLeft - bytesKept) / this.bytesMax;
  }

  /** The bytes that an area needs until a checkpoint that is due has begun. */
  get bytesAhead(): number {
    return this.bytesMax * AHEAD_PART;
  }
}
