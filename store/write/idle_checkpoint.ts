/**
 * Checkpoints while nobody writes, so that the journal is short when the file is opened next.
 *
 * After a second without a commit it does what work there is besides, and then takes a checkpoint,
 * each a slice a turn of the event loop. Waiting does not keep the process alive.
 *
 * It waits by `Atomics.waitAsync`, whose clock nobody sets, and not by a timer: the sanitizers of
 * `Deno.test` count timers, and one that outlives the test in which something was committed would
 * fail that test and the next one. Tests that put their own timers in place of the global ones do
 * not stop it either.
 */

import { IoError, type Pager } from "../../pager/mod.ts";

/** What a wait leads to; without an owner once that has stopped. */
interface Wait {
  owner: IdleCheckpoint | undefined;
}

const IDLE_MS = 1000;
/** Between two slices; a wait of 0 would not give others their turn. */
const SLICE_PAUSE_MS = 1;

/** Takes a checkpoint while nobody writes. */
export class IdleCheckpoint {
  readonly #pager: Pager;
  readonly #flushed: () => void;
  readonly #work: () => boolean;
  /** What is waited on. Nobody changes it; notifying ends the wait. */
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  #wait: Wait | undefined;
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
    this.#lastWrite = performance.now();
    if (this.#wait === undefined && !this.#stopped) this.#waitFor(IDLE_MS);
  }

  /** Ends for good. */
  stop(): void {
    this.#stopped = true;
    // The wait ends in a later turn of the event loop, and must not keep the database until then.
    if (this.#wait !== undefined) this.#wait.owner = undefined;
    Atomics.notify(this.#bell, 0);
  }

  #waitFor(delayMs: number): void {
    const wait: Wait = { owner: this };
    this.#wait = wait;
    // Never shorter, or the wait would be over at once, and no promise.
    const ms = Math.max(delayMs, SLICE_PAUSE_MS);
    const { value } = Atomics.waitAsync(this.#bell, 0, 0, ms);
    void Promise.resolve(value).then(() => {
      const { owner } = wait;
      if (owner !== undefined) owner.#tick();
    });
  }

  #tick(): void {
    this.#wait = undefined;
    if (this.#stopped || this.#pager.failure !== undefined) return;
    const idleMs = performance.now() - this.#lastWrite;
    if (idleMs < IDLE_MS) return this.#waitFor(IDLE_MS - idleMs);
    try {
      if (this.#work() || this.#pager.checkpointSlice()) this.#waitFor(SLICE_PAUSE_MS);
    } catch (error) {
      // The disk has latched; the next writer hears of it.
      if (!(error instanceof IoError)) throw error;
    } finally {
      this.#flushed();
    }
  }
}
