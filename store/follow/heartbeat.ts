/**
 * The heartbeat of a session whose file other processes write: it lets the session take over what
 * they have committed also while nobody reads, often while there is a watcher, and otherwise only
 * so that a sharing process holds up no checkpoint and does not count as dead.
 *
 * The wait uses `Atomics.waitAsync` rather than a timer, as `IdleCheckpoint` does: it does not keep
 * the process alive.
 */

/** The time between two beats while there is a watcher, in milliseconds. */
const WATCH_MS = 20;
const BEAT_MS = 500;

/** What a heartbeat drives. */
export interface Beating {
  /** Whether there is a watcher. */
  isWatched(): boolean;
  /** A beat. */
  beat(): void;
}

/** A pending wait. It has no owner once the owner has stopped. */
interface Wait {
  owner: Heartbeat | undefined;
}

/** Lets a session take over commits from time to time. */
export class Heartbeat {
  readonly #session: Beating;
  /** The word that a wait watches. Its value never changes; a notification ends the wait. */
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  #wait: Wait | undefined;

  /**
   * Begins to beat.
   *
   * @param session What it drives, until `stop`.
   */
  constructor(session: Beating) {
    this.#session = session;
    this.#waitForBeat();
  }

  /** Beats at once, and then as often as there is need now. */
  hurry(): void {
    Atomics.notify(this.#bell, 0);
  }

  /** Ends the beats. */
  stop(): void {
    if (this.#wait !== undefined) this.#wait.owner = undefined;
    this.#wait = undefined;
    Atomics.notify(this.#bell, 0);
  }

  #waitForBeat(): void {
    const wait: Wait = { owner: this };
    this.#wait = wait;
    const ms = this.#session.isWatched() ? WATCH_MS : BEAT_MS;
    const { value } = Atomics.waitAsync(this.#bell, 0, 0, ms);
    void Promise.resolve(value).then(() => {
      const { owner } = wait;
      if (owner !== undefined) owner.#beat();
    });
  }

  #beat(): void {
    this.#waitForBeat();
    this.#session.beat();
  }
}
