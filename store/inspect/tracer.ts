/**
 * Traces a pager between two calls: it observes page requests, and takes differences of the pager's
 * counters of reads and writes.
 */

import type { DiskFigures, LoadFigures, PageObserver, PagerInspection } from "../../pager/mod.ts";
import type { Trace, TracedPage } from "./inspection_types.ts";

const PAGES_MAX = 10_000;

/** Traces the work of a pager. */
export class Tracer implements PageObserver {
  readonly #inspection: PagerInspection;
  #pages: TracedPage[] = [];
  #disk: DiskFigures;
  #loads: LoadFigures;
  #evictions: number;
  #hits = 0;
  #misses = 0;
  /** Pages found in memory since its creation. */
  hits = 0;
  /** Pages not found in memory since its creation. */
  misses = 0;

  /**
   * Begins a trace.
   *
   * @param inspection The inspection of the pager.
   */
  constructor(inspection: PagerInspection) {
    this.#inspection = inspection;
    this.#disk = { ...inspection.diskFigures };
    this.#loads = { ...inspection.loadFigures };
    this.#evictions = inspection.evictions;
  }

  /** Counts a page request. */
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

  /** Returns the work since the last call, or since its creation. */
  take(): Trace {
    const { diskFigures, loadFigures, evictions } = this.#inspection;
    const trace: Trace = {
      ...differenceOf(diskFigures, this.#disk),
      pages: this.#pages,
      requests: this.#hits + this.#misses,
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

/** The difference of each counter. */
export function differenceOf<T extends object>(now: T, before: T): T {
  const entries = Object.entries(now) as [keyof T, number][];
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value - (before[name] as number)]),
  ) as T;
}
