/**
 * The pages that other processes have changed since a time, as the records of the journal name
 * them.
 */

import { SnapshotTooOldError } from "../format/errors.ts";
import type { PageNumber } from "../format/units.ts";

/** The pages that other processes have changed since a time. */
export class ChangedPages {
  /** The pages. */
  readonly pages: Set<PageNumber> = new Set();
  /** Whether others changed too, which are not known: a state was loaded anew. */
  isLost = false;

  /** Whether nothing has changed. */
  get isEmpty(): boolean {
    return this.pages.size === 0 && !this.isLost;
  }

  /**
   * Refuses an incomplete collection.
   *
   * @throws {SnapshotTooOldError} Others changed too.
   */
  checkComplete(): void {
    if (!this.isLost) return;
    throw new SnapshotTooOldError("Cannot watch: the journal of other commits is gone");
  }

  /** Begins anew. */
  clear(): void {
    this.pages.clear();
    this.isLost = false;
  }
}
