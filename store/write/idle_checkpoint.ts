/**
 * Checkpoints while nobody writes, so that the journal is short when the file is opened next.
 *
 * After a second without a commit it does what work there is besides, and then takes a checkpoint,
 * each a slice a turn of the event loop. Its timer does not keep the process alive.
 */

import { clearTimeout, setTimeout } from "node:timers";
import { IoError, type Pager } from "../../pager/mod.ts";

const IDLE_MS = 1000;

/** Takes a checkpoint while nobody writes. */
export class IdleCheckpoint {
  readonly #pager: Pager;
  readonly #flushed: () => void;
  readonly #work: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastWrite = 0;
  #stopped = false;

  /**
   * The idle checkpoints of a database.
   *
   * @param pager Its pager.
   * @param flushed Called after each slice, also one that failed.
   * @param work Does a slice of other work; whether there may be more.
   */
  constructor(pager: Pager, flushed: () => void, work: () => boolean) {
    this.#pager = pager;
    this.#flushed = flushed;
    this.#work = work;
  }

  /** Notes that something was committed. */
  wake(): void {
    this.#lastWrite = Date.now();
    if (this.#timer === undefined && !this.#stopped) this.#schedule(IDLE_MS);
  }

  /** Ends for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => this.#tick(), delayMs);
    this.#timer.unref();
  }

  #tick(): void {
    this.#timer = undefined;
    if (this.#pager.failure !== undefined) return;
    const idleMs = Date.now() - this.#lastWrite;
    if (idleMs < IDLE_MS) return this.#schedule(IDLE_MS - idleMs);
    try {
      if (this.#work() || this.#pager.checkpointSlice()) this.#schedule(0);
    } catch (error) {
      // The disk has latched; the next writer hears of it.
      if (!(error instanceof IoError)) throw error;
    } finally {
      this.#flushed();
    }
  }
}
