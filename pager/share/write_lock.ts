/**
 * The write lock: held by the one process that writes, opens or closes.
 *
 * The system keeps no queue of those who wait for a lock, and a process that takes it again at once
 * would keep all others out. So one that fails to take it says so in its pin, and a process that
 * wants the lock again first lets those pass who waited when it gave the lock up: each of them
 * takes it once, or has died, which a bound of time finds out.
 *
 * It waits in line, as a sync does: a hold of the lock is one group of commits, and at most one
 * checkpoint. Handles of one thread cannot wait for each other: the one that has the lock ends its
 * hold first.
 */

import type { FileLock } from "../file/share_files.ts";
import { LockedError } from "../format/errors.ts";
import type { Pins } from "./pins.ts";

/** The pause between two tries, which grows up to the longer one, in milliseconds. */
const PAUSE_MS = 0.25;
const PAUSE_MS_MAX = 4;
/** A waiter that does not take the lock for so long, while it is free, does not count. */
const PASS_MS = 50;

/** The holder of a write lock in this thread. */
interface Holder {
  /** Ends the hold, if no transaction is open; whether it did. */
  endHold(): boolean;
}

/** The holders of this thread, by the identity of the lock file. */
const heldHere = new Map<string, Holder>();

const bell = new Int32Array(new SharedArrayBuffer(4));

/** The write lock of a file, for one handle. */
export class WriteLock {
  readonly #file: FileLock;
  readonly #path: string;
  readonly #holder: Holder;
  #isHeld = false;
  #identity = "";
  /** Those who waited when the lock was given up last. */
  #waiters: ReadonlyMap<number, string> = new Map();
  /** The pins; undefined while the handle has none. */
  pins: Pins | undefined;

  /**
   * The write lock of a file.
   *
   * @param file The file that is locked.
   * @param path The path of the database, for errors.
   * @param holder Ends a hold of this handle, when another one of this thread needs the lock.
   */
  constructor(file: FileLock, path: string, holder: Holder) {
    this.#file = file;
    this.#path = path;
    this.#holder = holder;
  }

  /** Whether this handle has the lock. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /**
   * Takes the lock.
   *
   * @param timeoutMs The longest wait; without one it waits for as long as others hold it.
   * @throws {LockedError} It was not free in time, or a transaction of another handle of this
   * thread has it.
   */
  take(timeoutMs: number = Infinity): void {
    if (this.#isHeld) return;
    const end = performance.now() + timeoutMs;
    this.#letPass();
    let pause = PAUSE_MS;
    while (!this.#try()) {
      this.#endOther();
      if (performance.now() >= end) throw new LockedError(this.#path, false);
      this.pins?.setWaiting(true);
      Atomics.wait(bell, 0, 0, pause);
      pause = Math.min(PAUSE_MS_MAX, pause * 2);
    }
    this.#isHeld = true;
    heldHere.set(this.#identity, this.#holder);
    this.pins?.setWaiting(false);
  }

  /** Takes the lock if it is free, and the file is still the one that its path names. */
  #try(): boolean {
    if (!this.#file.tryLock(true)) return false;
    if (this.#file.isAtPath()) {
      this.#identity = this.#file.identity;
      return true;
    }
    this.#file.reopen();
    return false;
  }

  /** Ends the hold of another handle of this thread, which could not go on while this one waits. */
  #endOther(): void {
    const other = heldHere.get(this.#file.identity);
    if (other === undefined || other.endHold()) return;
    throw new LockedError(this.#path, true);
  }

  /** Waits for those who waited when this handle gave the lock up. */
  #letPass(): void {
    const { pins } = this;
    if (pins === undefined || this.#waiters.size === 0) return;
    const end = performance.now() + PASS_MS;
    while (pins.stillWaits(this.#waiters)) {
      if (performance.now() >= end) {
        pins.ignore(this.#waiters);
        break;
      }
      Atomics.wait(bell, 0, 0, PAUSE_MS);
    }
    this.#waiters = new Map();
  }

  /** Gives the lock up. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    heldHere.delete(this.#identity);
    if (this.pins !== undefined) this.#waiters = this.pins.waiters();
    this.#file.unlock();
  }
}
