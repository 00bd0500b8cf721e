/**
 * A progress bar for work that may never let the event loop run: it draws itself from inside the
 * work. It shows how much is done, the rate, and the time left where the end is known.
 *
 * It goes to standard error, and only when that is a terminal; in a pipe there is nothing.
 */

import { count } from "./text.ts";

type Library = typeof import("npm:cli-progress@3.12.0");

/** How often it asks for the time. */
const LOOK_MASK = 0x3ff;
const DRAW_MS = 100;

/** How the work is shown. */
export interface ProgressLook {
  /** What is done, as in "loading". */
  readonly label: string;
  /** What `total` counts, in the plural. */
  readonly unit: string;
  /** How much there is to do; undefined where nobody knows. */
  readonly total: number | undefined;
  /** Draw nothing. Default false. */
  readonly isHidden?: boolean;
}

let library: Library | undefined;

/** Imports what draws bars, where there will be any. Without it there are none. */
export async function prepareProgress(): Promise<void> {
  if (!Deno.stderr.isTerminal()) return;
  // deno-lint-ignore no-import-prefix -- who runs this by URL has no import map
  library = await import("npm:cli-progress@3.12.0");
}

/** A bar on a terminal, or nothing. */
export class ProgressBar {
  readonly #bar: InstanceType<Library["SingleBar"]> | undefined;
  readonly #look: ProgressLook;
  readonly #started = performance.now();
  #drawn = 0;
  #ticks = 0;

  /** Draws the bar, at 0. */
  constructor(look: ProgressLook) {
    this.#look = look;
    if (library === undefined || look.isHidden === true) return;
    const { label, unit, total } = look;
    const known = "{bar} {percentage} %  {rate} a second, {eta_formatted} left";
    this.#bar = new library.SingleBar({
      format: total === undefined
        ? `${label} {done} ${unit}, {rate} a second`
        : `${label} ${known}`,
      barCompleteChar: "\u2588",
      barIncompleteChar: "\u2591",
      barsize: 32,
      fps: 1000 / DRAW_MS,
      etaBuffer: 50,
      synchronousUpdate: true,
      clearOnComplete: true,
      // Otherwise an interrupt would leave the terminal without line wrapping.
      linewrap: true,
      gracefulExit: false,
    });
    this.#bar.start(total ?? 1, 0, this.#payload(0, 0));
  }

  /**
   * Tells how much is done; may be called as often as one likes.
   *
   * @param done In units of the total.
   * @param items What the rate counts; default the same.
   */
  update(done: number, items: number = done): void {
    if (this.#bar === undefined || (this.#ticks++ & LOOK_MASK) !== 0) return;
    this.draw(done, items);
  }

  /** As `update`, for work that tells it seldom. */
  draw(done: number, items: number = done): void {
    const now = performance.now();
    if (this.#bar === undefined || now - this.#drawn < DRAW_MS) return;
    this.#drawn = now;
    // What nobody knows the end of is never done.
    const value = this.#look.total === undefined ? 0 : Math.min(done, this.#look.total);
    this.#bar.update(value, this.#payload(done, items));
  }

  /** Takes the bar away. */
  stop(): void {
    this.#bar?.stop();
  }

  #payload(done: number, items: number): Record<string, string> {
    const seconds = Math.max((performance.now() - this.#started) / 1000, 0.001);
    return { done: count(done), rate: count(Math.round(items / seconds)) };
  }
}
