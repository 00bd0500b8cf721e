/**
 * How much an open transaction keeps in memory, and the bound on that.
 */

import { LimitError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";

/** How much an open transaction keeps in memory. */
export class TransactionSize {
  /** Pages it took into use. */
  newPages = 0;
  /** Pages that stay in memory until it ends, images among them. */
  pinned = 0;
  /** Pages of which words were saved, and then an image. */
  widenedPages = 0;
  readonly #pinnedMax: number;

  /**
   * Nothing yet.
   *
   * @param bytesMax The most bytes of pages.
   */
  constructor(bytesMax: number) {
    this.#pinnedMax = Math.floor(bytesMax / PAGE_BYTES);
  }

  /** Whether half of the bound is reached. */
  get isHalfFull(): boolean {
    return this.pinned * 2 > this.#pinnedMax;
  }

  /**
   * Counts pages that will stay in memory, before they do.
   *
   * @throws {LimitError} They are too many.
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

  /** The transaction has ended. */
  reset(): void {
    this.newPages = 0;
    this.widenedPages = 0;
    this.pinned = 0;
  }
}
