/**
 * The memory that an open transaction keeps, and its bound.
 */

import { LimitError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";

/** The memory that an open transaction keeps. */
export class TransactionSize {
  /** Pages that it took into use. */
  newPages = 0;
  /** Pages that stay in memory until it ends, images among them. */
  pinned = 0;
  /** Patched pages that were widened to an image. */
  widenedPages = 0;
  readonly #pinnedMax: number;

  /**
   * Creates the size of an empty transaction.
   *
   * @param bytesMax The most bytes of pages that it may keep.
   */
  constructor(bytesMax: number) {
    this.#pinnedMax = Math.floor(bytesMax / PAGE_BYTES);
  }

  /** Whether it keeps more than half of the bound. */
  get isHalfFull(): boolean {
    return this.pinned * 2 > this.#pinnedMax;
  }

  /**
   * Counts pages that are about to stay in memory.
   *
   * @throws {LimitError} The bound is exceeded.
   */
  pin(pages: number): void {
    if (this.pinned + pages > this.#pinnedMax) {
      const bytes = this.#pinnedMax * PAGE_BYTES;
      throw new LimitError(
        `Cannot write: the transaction changes more than ${bytes} bytes of pages`,
      );
    }
    this.pinned += pages;
  }

  /** Resets the counts at the end of the transaction. */
  reset(): void {
    this.newPages = 0;
    this.widenedPages = 0;
    this.pinned = 0;
  }
}
