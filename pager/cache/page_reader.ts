/**
 * The interface of everything that pages can be read from: the pager with its current pages, a
 * snapshot with those of one version, and the readers of damaged or locked files.
 */

import type { Frame } from "../format/frame.ts";
import type { MetaFields } from "../format/meta.ts";

/** Where pages can be read: the pager itself, or a snapshot. */
export interface PageReader {
  /** All frames, by index. */
  readonly frames: readonly Frame[];
  /** What is true of the whole file. */
  readonly meta: MetaFields;
  /** The slot that goes with what `peek` returned. */
  readonly peekedSlot: number;
  /** The place of a page, verified. */
  at(page: number): number;
  /** The header of a page without the page, in slot `peekedSlot`. */
  peek(page: number): Frame;
}
