/**
 * Idle checkpoints: checkpoints between writes, so that the journal is short at the next open.
 *
 * After a second without a commit it does other pending work, and then takes a checkpoint, a slice
 * per turn of the event loop. Waiting does not keep the process alive.
 *
 * It waits by `Atomics.waitAsync`, whose clock is monotonic, and not by a timer. The sanitizers of
 * `Deno.test` count timers: a timer that outlives the test of a commit would fail that test and the
 * next one. Tests that replace the global timers do not stop it either.
 */

import { IoError, type Pager } from "../../pager/mod.ts";

/** What a wait leads to; without an owner once that has stopped. */
interface Wait {
  owner: IdleCheckpoint | undefined;
}

const IDLE_MS = 1000;
/** The pause between two slices; a wait of 0 would not yield to the event loop. */
const SLICE_PAUSE_MS = 1;

/** Takes checkpoints between writes. */
export class IdleCheckpoint {
  readonly #pager: Pager;
  readonly #flushed: () => void;
  readonly #work: () => boolean;
  /** The word to wait on. It never changes; a notification ends the wait. */
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  #wait: Wait | undefined;
  #lastWrite = 0;
  #stopped = false;

  /**
   * The idle checkpoints of a database.
   *
   * @param pager Its pager.
   * @param flushed Called after each slice, including failed ones.
   * @param work Does a slice of other work. Returns whether more may remain.
   */
  constructor(pager: Pager, flushed: () => void, work: () => boolean) {
    this.#pager = pager;
    this.#flushed = flushed;
    this.#work = work;
  }

  /** Notes a commit. */
  wake(): void {
    this.#lastWrite = performance.now();
    if (this.#wait === undefined && !this.#stopped) this.#waitFor(IDLE_MS);
  }

  /** Ends idle checkpoints. */
  stop(): void {
    this.#stopped = true;
    // The wait ends in a later turn of the event loop, and must not keep the database until then.
    if (this.#wait !== undefined) this.#wait.owner = undefined;
    Atomics.notify(this.#bell, 0);
  }

  #waitFor(delayMs: number): void {
    this.#isWaiting = true;
    // A wait of 0 would return a result instead of a promise.
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
      // The disk has latched the error, which the next write reports.
      if (!(error instanceof IoError)) throw error;
    } finally {
      this.#flushed();
    }
  }
}
