/**
 * The role of the one process that archives a database which several processes write: the lock of
 * `NAME-archive`. It ends with the process.
 *
 * It keeps the work from being done twice, and an archive simple; nothing is wrong without it.
 * Something may delete the file, or a call of a store may end after its process has: then two
 * segments follow one, and each of them leads to states of the database.
 */

import type { FileLock } from "../../pager/mod.ts";

/** The role of the one process that archives a database. */
export class ArchiveRole {
  readonly #open: () => FileLock;
  #lock: FileLock | undefined;
  #isHeld = false;

  /**
   * Begins without the role.
   *
   * @param open Opens the file whose lock is the role.
   */
  constructor(open: () => FileLock) {
    this.#open = open;
  }

  /**
   * Takes the role if no other process has it; whether this one has it.
   *
   * @throws {IoError} The system refused.
   */
  tryTake(): boolean {
    if (this.#isHeld) return true;
    const lock = this.#lock ??= this.#open();
    if (!lock.tryLock(true)) return false;
    this.#isHeld = lock.isAtPath();
    // Something has deleted it: the next one is the one that counts.
    if (!this.#isHeld) lock.reopen();
    return this.#isHeld;
  }

  /** Gives the role up. A second call does nothing. */
  release(): void {
    this.#isHeld = false;
    this.#lock?.close();
    this.#lock = undefined;
  }
}
