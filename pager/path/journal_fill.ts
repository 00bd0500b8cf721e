/**
 * How full the journal is, by the bytes of its area, and by the memory for pages that wait for a
 * checkpoint.
 *
 * The area of a small file is bounded by the size of its data too, so that the file stays in
 * proportion to it.
 */

import type { Writeback } from "../cache/writeback.ts";
import { CHUNK_BYTES } from "../format/format.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournalSavings } from "./journal_savings.ts";

/** An area is bounded by the size of the data too, but by no less than this. */
const BYTES_MAX_MIN = 4 * 1024 * 1024;

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

  /** Above a half a checkpoint is due, and above 1 it has to end before commits go on. */
  get part(): number {
    return Math.max(
      this.#journal.usedBytes / this.bytesMax,
      this.#writeback.dirtyPages / this.#dirtyPagesMax,
    );
  }

  /** The bytes of an area from which on a checkpoint has to end first. */
  get bytesMax(): number {
    return Math.min(
      this.#journalBytes,
      Math.max(BYTES_MAX_MIN, this.#savings.dataChunks * CHUNK_BYTES),
    );
  }
}
