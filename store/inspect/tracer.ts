/**
 * Counts what a pager does between two moments: the pages that are asked for, by watching it; what
 * is read and written, by the difference of its figures.
 */

import type { DiskFigures, LoadFigures, PageObserver, PagerInspection } from "../../pager/mod.ts";
import type { Trace, TracedPage } from "./inspection_types.ts";

const PAGES_MAX = 10_000;

/** Counts what a pager does. */
export class Tracer implements PageObserver {
  readonly #inspection: PagerInspection;
  #pages: TracedPage[] = [];
  #disk: DiskFigures;
  #loads: LoadFigures;
  #evictions: number;
  #hits = 0;
  #misses = 0;
  /** Pages found in memory since it was made. */
  hits = 0;
  /** Pages not found there since it was made. */
  misses = 0;

  /**
   * Counts from now on.
   *
   * @param inspection The figures of the pager.
   */
  constructor(inspection: PagerInspection) {
    this.#inspection = inspection;
    this.#disk = { ...inspection.diskFigures };
    this.#loads = { ...inspection.loadFigures };
    this.#evictions = inspection.evictions;
  }

  /** Counts a page that was asked for. */
  asked(page: number, hit: boolean): void {
    if (hit) {
      this.#hits++;
      this.hits++;
    } else {
      this.#misses++;
      this.misses++;
    }
    if (this.#pages.length < PAGES_MAX) this.#pages.push({ page, hit });
  }

  /** What was counted since the last call, or since it was made. */
  take(): Trace {
    const { diskFigures, loadFigures, evictions } = this.#inspection;
    const trace: Trace = {
      ...differenceOf(diskFigures, this.#disk),
      pages: this.#pages,
      touches: this.#hits + this.#misses,
      hits: this.#hits,
      misses: this.#misses,
      loads: differenceOf(loadFigures, this.#loads),
      evictions: evictions - this.#evictions,
    };
    this.#disk = { ...diskFigures };
    this.#loads = { ...loadFigures };
    this.#evictions = evictions;
    this.#pages = [];
    this.#hits = 0;
    this.#misses = 0;
    return trace;
  }
}

/** Each figure less what it was. */
export function differenceOf<T extends object>(now: T, before: T): T {
  const entries = Object.entries(now) as [keyof T, number][];
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value - (before[name] as number)]),
  ) as T;
}
