/**
 * Idle checkpoints: they run while the database is idle, and keep the journal short for the next
 * open of the file.
 *
 * After a second without a commit, the idle work of housekeeping runs, and then a checkpoint, one
 * slice per turn of the event loop. Urgent work runs in the next turns, whether the database is
 * idle or not. The wait does not keep the process alive.
 *
 * The wait uses `Atomics.waitAsync` rather than a timer. The sanitizers of `Deno.test` count
 * timers: a timer that outlives the test that committed would fail that test and the next one. Nor
 * does the wait stop in tests that replace the global timers.
 */

import { IoError, type Pager } from "../../pager/mod.ts";

/** A pending wait. It has no owner once the owner has stopped. */
interface Wait {
  owner: IdleCheckpoint | undefined;
}

/** Work of housekeeping. Each function does a slice, and returns whether more may remain. */
export interface HouseWork {
  /** Runs after `hurry`, until nothing remains. */
  urgent(): boolean;
  /** Runs while the database is idle, before the checkpoint. */
  idle(): boolean;
}

const IDLE_MS = 1000;
/** The pause between two slices; after a pause of 0 no other task could run. */
const SLICE_PAUSE_MS = 1;

/** Takes a checkpoint while the database is idle. */
export class IdleCheckpoint {
  readonly #pager: Pager;
  readonly #flushed: () => void;
  readonly #work: HouseWork;
  /** The word that a wait watches. Its value never changes; a notification ends the wait. */
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  #wait: Wait | undefined;
  #lastWrite = 0;
  #stopped = false;

  /**
   * Creates the idle checkpoints of a database.
   *
   * @param pager Its pager.
   * @param flushed Called after each slice, including failed ones.
   * @param work The other work, and the slices of the checkpoint.
   */
  constructor(pager: Pager, flushed: () => void, work: HouseWork) {
    this.#pager = pager;
    this.#flushed = flushed;
    this.#work = work;
  }

  /** Notes a commit. */
  wake(): void {
    this.#lastWrite = performance.now();
    if (this.#wait === undefined && !this.#stopped) this.#waitFor(IDLE_MS);
  }

  /** Runs urgent work in the next turns. */
  hurry(): void {
    if (this.#stopped) return;
    if (this.#wait === undefined) this.#waitFor(SLICE_PAUSE_MS);
    else Atomics.notify(this.#bell, 0);
  }

  /** Ends idle checkpoints. */
  stop(): void {
    this.#stopped = true;
    // The wait ends in a later turn of the event loop; until then it must not retain the database.
    if (this.#wait !== undefined) this.#wait.owner = undefined;
    Atomics.notify(this.#bell, 0);
  }

  #waitFor(delayMs: number): void {
    const wait: Wait = { owner: this };
    this.#wait = wait;
    // A wait of 0 would end at once and return no promise.
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
    try {
      if (this.#work.urgent()) return this.#waitFor(SLICE_PAUSE_MS);
      const idleMs = performance.now() - this.#lastWrite;
      if (idleMs < IDLE_MS) return this.#waitFor(IDLE_MS - idleMs);
      if (this.#work.idle()) this.#waitFor(SLICE_PAUSE_MS);
    } catch (error) {
      // The disk has latched, so the next write reports the failure.
      if (!(error instanceof IoError)) throw error;
    } finally {
      this.#flushed();
    }
  }
}
