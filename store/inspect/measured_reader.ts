/**
 * A page reader that measures the load of each page: where it was, and what was read for it.
 */

import type { Frame, MetaFields, Pager, PageReader, PagerInspection } from "../../pager/mod.ts";
import type { PageLoad } from "./inspection_types.ts";
import { differenceOf } from "./tracer.ts";

const NOTHING: PageLoad = { from: "file", read: "nothing", readCalls: 0, bytesRead: 0 };

/** A page reader that measures the load of each page. */
export class MeasuredReader implements PageReader {
  /** All frames, by index. */
  readonly frames: readonly Frame[];
  /** The facts about the whole file. */
  readonly meta: MetaFields;
  /** The load of the page that was read last. */
  lastLoad: PageLoad = NOTHING;
  readonly #pager: Pager;
  readonly #inspection: PagerInspection;

  /**
   * Creates a measuring reader of a pager.
   *
   * @param pager The pager.
   * @param inspection The inspection of the pager.
   */
  constructor(pager: Pager, inspection: PagerInspection) {
    this.#pager = pager;
    this.#inspection = inspection;
    this.frames = pager.frames;
    this.meta = pager.meta;
  }

  /** The place of a page, verified. */
  at(page: number): number {
    const from = this.#inspection.whereIs(page);
    const disk = { ...this.#inspection.diskFigures };
    const loads = { ...this.#inspection.loadFigures };
    const place = this.#pager.at(page);
    const { readCalls, bytesRead } = differenceOf(this.#inspection.diskFigures, disk);
    const { chunks, extents, pages } = differenceOf(this.#inspection.loadFigures, loads);
    const read = chunks > 0 ? "chunk" : extents > 0 ? "extent" : pages > 0 ? "page" : "nothing";
    this.lastLoad = { from, read, readCalls, bytesRead };
    return place;
  }

  /** The header of a page without the page, in slot `peekedSlot`. */
  peek(page: number): Frame {
    return this.#pager.peek(page);
  }

  /** The slot of the header that `peek` returned. */
  get peekedSlot(): number {
    return this.#pager.peekedSlot;
  }
}
