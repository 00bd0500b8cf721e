/**
 * The name of the one that took the write lock last, in the lock file. Who has taken the lock looks
 * there, and names itself before it does anything else. So a handle that finds its own name knows
 * that nobody else has had the lock since it gave it up: nothing was written meanwhile.
 *
 * | at | size | field                                               |
 * | -- | ---- | --------------------------------------------------- |
 * | 16 | u64  | a random number, another one for each handle; not 0 |
 *
 * `PlacedNote` has the bytes before it.
 */

import type { NoteBytes } from "./placed_note.ts";

const NAME_AT = 16;

/** The name of the last holder, as one handle sees it. */
export class HolderNote {
  readonly #file: NoteBytes;
  readonly #own = crypto.getRandomValues(new Uint32Array(2));
  readonly #ownBytes = new Uint8Array(this.#own.buffer);
  readonly #found = new Uint32Array(2);
  readonly #foundBytes = new Uint8Array(this.#found.buffer);

  /**
   * The note of a lock file.
   *
   * @param file The lock file.
   */
  constructor(file: NoteBytes) {
    this.#file = file;
    this.#own[0]! |= 1;
  }

  /** Names this handle; whether it was named before. The caller has just taken the lock. */
  take(): boolean {
    this.#file.readNote(this.#foundBytes, NAME_AT);
    const isOwn = this.#found[0] === this.#own[0] && this.#found[1] === this.#own[1];
    if (!isOwn) this.#file.writeNote(this.#ownBytes, NAME_AT);
    return isOwn;
  }
}
