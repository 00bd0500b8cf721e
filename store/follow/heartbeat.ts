/**
 * The heartbeat of a process that shares a file: it takes over what others have committed also
 * while nobody reads, and renews its pin, so that it holds up no checkpoint and does not count as
 * dead.
 *
 * The wait uses `Atomics.waitAsync` rather than a timer, as `IdleCheckpoint` does: it does not keep
 * the process alive.
 */

import type { Sharing } from "../../pager/mod.ts";

const BEAT_MS = 500;
/** The beats after which the pin is renewed. */
const RENEWAL_BEATS = 10;

/** A pending wait. It has no owner once the owner has stopped. */
interface Wait {
  owner: Heartbeat | undefined;
}

/** Takes over commits, and renews a pin, from time to time. */
export class Heartbeat {
  readonly #sharing: Sharing;
  /** The word that a wait watches. Its value never changes; a notification ends the wait. */
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  #wait: Wait | undefined;
  #beats = 0;

  /**
   * Begins to beat.
   *
   * @param sharing The pager's side of the file, until `stop`.
   */
  constructor(sharing: Sharing) {
    this.#sharing = sharing;
    this.#waitForBeat();
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
    const { value } = Atomics.waitAsync(this.#bell, 0, 0, BEAT_MS);
    void Promise.resolve(value).then(() => {
      const { owner } = wait;
      if (owner !== undefined) owner.#beat();
    });
  }

  #beat(): void {
    this.#waitForBeat();
    this.#beats++;
    this.#sharing.beat(this.#beats % RENEWAL_BEATS === 0);
  }
}
