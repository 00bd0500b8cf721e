/**
 * The interface for reading pages, from the pager (current pages), a snapshot (pages of one
 * version), or a reader of damaged files.
 */

import type { Frame } from "../format/frame.ts";
import type { MetaFields } from "../format/meta.ts";
import type { PageNumber, Place } from "../format/units.ts";

/** Reads pages. */
export interface PageReader {
  /** All frames, by index. */
  readonly frames: readonly Frame[];
  /** The facts about the whole file. */
  readonly meta: MetaFields;
  /** The slot of the header in the frame that `peek` returned last. */
  readonly peekedSlot: number;
  /** The place of a page, verified. */
  at(page: PageNumber): Place;
  /** The frame that has the header of a page, in slot `peekedSlot`; the page need not be read. */
  peek(page: PageNumber): Frame;
}
