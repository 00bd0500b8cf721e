/**
 * A progress bar for work that may never let the event loop run: it draws itself from inside the
 * work. It shows how much is done, the rate, and the time left where the end is known.
 *
 * It goes to standard error, and only when that is a terminal; in a pipe there is nothing.
 */

import { canDrawStatus, drawStatus } from "./output.ts";
import { count } from "./text.ts";

/** How often it asks for the time. */
const LOOK_MASK = 0x3ff;
const DRAW_MS = 100;
const BAR_CELLS = 32;
const COLUMNS = 80;
const MINUTE_S = 60;
const HOUR_S = 3600;

/** How the work is shown. */
export interface ProgressLook {
  /** What is done, as in "loading". */
  readonly label: string;
  /** What `total` counts, in the plural. */
  readonly unit: string;
  /** How much there is to do; undefined if unknown. */
  readonly total: number | undefined;
  /** Draw nothing. Default false. */
  readonly isHidden?: boolean;
}

/** How far the work is. */
export interface ProgressState {
  /** In units of the total. */
  readonly done: number;
  /** What the rate counts. */
  readonly items: number;
  /** Since it began. */
  readonly seconds: number;
}

/** A bar on a terminal, or nothing. */
export class ProgressBar {
  readonly #look: ProgressLook;
  readonly #started = performance.now();
  #isDrawn: boolean;
  #drawnAt = 0;
  #ticks = 0;

  /** Draws the bar, at 0. */
  constructor(look: ProgressLook) {
    this.#look = look;
    this.#isDrawn = look.isHidden !== true && canDrawStatus();
    if (this.#isDrawn) this.#show(0, 0, this.#started);
  }

  /**
   * Tells how much is done; may be called as often as one likes.
   *
   * @param done In units of the total.
   * @param items What the rate counts; default the same.
   */
  update(done: number, items: number = done): void {
    if (!this.#isDrawn || (this.#ticks++ & LOOK_MASK) !== 0) return;
    this.draw(done, items);
  }

  /** As `update`, for work that tells it seldom. */
  draw(done: number, items: number = done): void {
    if (!this.#isDrawn) return;
    const now = performance.now();
    if (now - this.#drawnAt >= DRAW_MS) this.#show(done, items, now);
  }

  /** Takes the bar away, for good. */
  stop(): void {
    if (this.#isDrawn) drawStatus("");
    this.#isDrawn = false;
  }

  #show(done: number, items: number, now: number): void {
    this.#drawnAt = now;
    const line = progressLine(this.#look, { done, items, seconds: (now - this.#started) / 1000 });
    // A line that wraps could not be replaced.
    drawStatus(line.slice(0, columns() - 1));
  }
}

/** The line that shows how far the work is. */
export function progressLine(
  { label, unit, total }: ProgressLook,
  { done, items, seconds }: ProgressState,
): string {
  const rate = `${count(Math.round(items / Math.max(seconds, 0.001)))} a second`;
  if (total === undefined) return `${label} ${count(done)} ${unit}, ${rate}`;
  const share = total === 0 ? 1 : Math.min(done / total, 1);
  const cells = Math.floor(share * BAR_CELLS);
  const bar = "\u2588".repeat(cells) + "\u2591".repeat(BAR_CELLS - cells);
  const left = share === 0 ? "" : `, ${duration(seconds * (1 - share) / share)} left`;
  return `${label} ${bar} ${Math.floor(share * 100)} %  ${rate}${left}`;
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < MINUTE_S) return `${whole}s`;
  if (whole < HOUR_S) return `${Math.floor(whole / MINUTE_S)}m${whole % MINUTE_S}s`;
  return `${Math.floor(whole / HOUR_S)}h${Math.floor(whole % HOUR_S / MINUTE_S)}m`;
}

/** How wide the terminal is. */
function columns(): number {
  try {
    return Deno.consoleSize().columns || COLUMNS;
  } catch {
    // Not every terminal tells.
    return COLUMNS;
  }
}
