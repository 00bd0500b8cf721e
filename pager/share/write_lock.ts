/**
 * The write lock: held by the one process that writes, opens or closes.
 *
 * The system keeps no queue of those who wait for a lock, and a process that takes it again at once
 * would keep all others out. So one that fails to take it says so in its pin, and a process that
 * wants the lock again first lets those pass who waited when it gave the lock up: each of them
 * takes it once, or has died, which a bound of time finds out.
 *
 * `take` waits in line, as a sync does: a hold of the lock is one group of commits, and at most one
 * checkpoint. `tryTake` does not wait; its caller comes again. Handles of one thread cannot wait
 * for each other in line: the one that has the lock ends its hold first.
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
  /** The end of the time in which they may pass; undefined before the lock is wanted again. */
  #passEnd: number | undefined;
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
    while (this.#mustLetPass()) Atomics.wait(bell, 0, 0, PAUSE_MS);
    let pause = PAUSE_MS;
    while (!this.#try()) {
      this.#endOther();
      if (performance.now() >= end) throw new LockedError(this.#path, false);
      this.pins?.setWaiting(true);
      Atomics.wait(bell, 0, 0, pause);
      pause = Math.min(PAUSE_MS_MAX, pause * 2);
    }
    this.#noteHeld();
  }

  /**
   * Takes the lock if it is free, and nobody else has to pass first; whether this handle has it. If
   * it does not, others let it pass from now on.
   */
  tryTake(): boolean {
    if (this.#isHeld) return true;
    const isTaken = !this.#mustLetPass() && (this.#try() || (this.#hasOtherEnded() && this.#try()));
    if (isTaken) this.#noteHeld();
    else this.pins?.setWaiting(true);
    return isTaken;
  }

  #noteHeld(): void {
    this.#isHeld = true;
    heldHere.set(this.#identity, this.#holder);
    this.pins?.setWaiting(false);
  }

  /** Whether another handle of this thread had the lock, and has ended its hold. */
  #hasOtherEnded(): boolean {
    return heldHere.get(this.#file.identity)?.endHold() ?? false;
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

  /** Whether one of those who waited when this handle gave the lock up has to take it first. */
  #mustLetPass(): boolean {
    const { pins } = this;
    if (pins === undefined || this.#waiters.size === 0) return false;
    this.#passEnd ??= performance.now() + PASS_MS;
    if (pins.stillWaits(this.#waiters)) {
      if (performance.now() < this.#passEnd) return true;
      pins.ignore(this.#waiters);
    }
    this.#waiters = new Map();
    this.#passEnd = undefined;
    return false;
  }

  /** Gives the lock up. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    heldHere.delete(this.#identity);
    if (this.pins !== undefined) this.#waiters = this.pins.waiters();
    this.#passEnd = undefined;
    this.#file.unlock();
  }
}
