/**
 * The end of the data: in no state that a crash may bring back since the last checkpoint, and for
 * no snapshot, is a page at or past it in use, apart from those of the journal.
 *
 * Batches and superblocks have it as their page count, so the file may be cut there, or behind the
 * journal where that is later, as soon as the journal gives chunks back. A recovery counts the
 * chunks of the journal again.
 *
 * A page that is taken into use moves it on, and only a checkpoint that begins moves it back. So it
 * may be too high, after a rollback for instance. Until the first checkpoint it is not known.
 */

import { PAGE_COUNT_MAX } from "../format/format.ts";
import type { PageNumber } from "../format/units.ts";

/** The end of the data. */
export class DataEnd {
  /** The page after the last one that may be in use. */
  page: PageNumber = PAGE_COUNT_MAX;
}
