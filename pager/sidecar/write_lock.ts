/**
 * The write lock: held by the one process that writes, opens or closes.
 *
 * Those who can wait without blocking their event loop wait in a queue: for a second lock, the one
 * of the sidecar, in a call that the system ends when it is free. The one that has it is the next
 * to take the write lock, and gives both up together. So the system wakes one process for each
 * hold, in about the order in which they came, and the others sleep. `tryTake` goes past the queue
 * while nobody waited lately.
 *
 * `take` blocks its thread, as a sync does, and tries again and again. So a process that gives the
 * lock up looks at who waits, unless it did so less than `LOOK_MS` ago and saw nobody; one that was
 * blocking at two of its looks passes before it takes the lock again. So nobody waits longer than
 * for two holds of each of the others, and `LOOK_MS`. A waiter may have died, which a time limit
 * finds out.
 *
 * To hand the lock over takes longer than a commit on a fast disk. So a hold may go on for
 * `TURN_MS`, whoever waits; it ends with the first commit after that, and with the turn of the
 * event loop. Handles of one thread cannot block it for each other: the one that has the lock
 * ends its hold first.
 */

import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import { pauseThread, takeAll } from "../file/disk_file.ts";
import type { FileLock } from "../file/share_files.ts";
import { LockedError } from "../format/errors.ts";
import { HolderNote } from "./holder_note.ts";
import { NOBODY, type Pins, type Waiters } from "./pins.ts";

/** The pause between two tries, which grows up to the longer one, in milliseconds. */
const PAUSE_MS = 0.25;
const PAUSE_MS_MAX = 1;
/** A waiter that does not take the lock for this long, while it is free, does not count. */
const PASS_MS = 50;
/** A hold may go on for this long past those who wait, in milliseconds. */
const TURN_MS = 2;
/** Who saw nobody wait looks after so long again, in milliseconds. */
const LOOK_MS = 0.5;

/** What holds a write lock. */
export interface LockHolder {
  /** Ends the hold, if no transaction is open; whether it did. */
  endHold(): boolean;
}

/** The locks that handles of this thread hold, by the identity of the lock file. */
const heldHere = new Map<string, WriteLock>();

/** The tries of the first of the queue that follow one another without a pause. */
const EAGER_TRIES = 16;
/** The tries with the shortest pause between them. */
const SHORT_TRIES = 64;
/** The pause between later tries, in milliseconds. */
const LONG_MS = 4;
/** Whoever waits for this long tries past the queue: its first may be stopped. */
const QUEUE_MS = 100;

/** The write lock of a file, for one handle. */
export class WriteLock {
  readonly #file: FileLock;
  readonly #queue: FileLock;
  readonly #holder: HolderNote;
  readonly #path: string;
  readonly #now: () => number;
  #isHeld = false;
  #isUndisturbed = false;
  /** When it was taken. */
  #heldAt = 0;
  /** When this handle saw last that nobody waits. */
  #lookedAt = -Infinity;
  #identity = "";
  #isContended = false;
  /** Whether this handle is the first of the queue. */
  #isFirst = false;
  /** The wait for that; undefined if this handle is not in the queue. */
  #queuing: Promise<void> | undefined;
  /** Whether a caller waits to come again. */
  #isWanted = false;
  /** Whether it has waited long enough to try past the queue. */
  #passesQueue = false;
  /** When this handle gave the lock up to those in the queue. */
  #gaveUpAt = -Infinity;
  /** Whether this handle waited for the hold that it has. */
  #hasWaited = false;
  /** Those who waited when the lock was given up last. */
  #waiters: Waiters = NOBODY;
  /** Those of them who waited the time before too. */
  #due: Waiters = NOBODY;
  /** The end of the time in which these may pass; undefined before the lock is wanted again. */
  #passEnd: number | undefined;
  /** The pins; undefined while the handle has none. */
  pins: Pins | undefined;
  /** Ends the hold when another handle of this thread needs the lock; undefined while none can. */
  holder: LockHolder | undefined;

  /**
   * The write lock of a file.
   *
   * @param file The file that is locked.
   * @param queue The file whose lock the first waiter holds.
   * @param path The path of the database, for errors.
   * @param now The clock, in milliseconds.
   */
  constructor(
    file: FileLock,
    queue: FileLock,
    path: string,
    now: () => number = () => performance.now(),
  ) {
    this.#now = now;
    this.#file = file;
    this.#holder = new HolderNote(file);
    this.#queue = queue;
    this.#path = path;
  }

  /** Whether this handle has the lock. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Whether a caller waits for the lock. */
  get isWanted(): boolean {
    return this.#isWanted || this.#queuing !== undefined;
  }

  /** Whether no other handle had the lock between the last hold of this one and this hold. */
  get isUndisturbed(): boolean {
    return this.#isUndisturbed;
  }

  /** Whether somebody waited for the lock lately: this handle, or another one. */
  get isContended(): boolean {
    return this.#isContended;
  }

  /** Whether the hold may go on, whoever waits. */
  get isInTurn(): boolean {
    return this.#isHeld && this.#now() - this.#heldAt < TURN_MS;
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
    while (this.#letPass(false)) pauseThread(PAUSE_MS);
    let pause = PAUSE_MS;
    while (!this.#try()) {
      this.#endOther();
      if (performance.now() >= end) {
        this.stopWaiting();
        throw new LockedError(this.#path, false, "writing");
      }
      this.#hasWaited = true;
      this.pins?.setWaiting("blocking");
      pauseThread(pause);
      pause = Math.min(PAUSE_MS_MAX, pause * 2);
    }
    this.#noteHeld();
  }

  /**
   * Takes the lock if it is free, and nobody else has to pass first; whether this handle has it. If
   * it does not, the caller comes again after `comeAgain`.
   */
  tryTake(): boolean {
    if (this.#isHeld) return true;
    if (this.#isYielding) return false;
    const mayTry = !this.#isContended || this.#passesQueue || this.#tryQueue();
    const isTaken = mayTry && !this.#letPass(true) &&
      (this.#try() || (this.#hasOtherEnded() && this.#try()));
    if (isTaken) this.#noteHeld();
    return isTaken;
  }

  /** Whether it gave the lock up to others only now: the system is waking one of them. */
  get #isYielding(): boolean {
    return this.#now() - this.#gaveUpAt < TURN_MS;
  }

  /** Takes the first place of the queue if nobody has it; whether this handle has it. */
  #tryQueue(): boolean {
    if (this.#queuing !== undefined) return false;
    this.#isFirst ||= this.#queue.tryLock(true);
    return this.#isFirst;
  }

  /**
   * Resolves when the first of the queue may try to take the lock, which is this handle, or has
   * kept others waiting for long.
   *
   * @param tries The tries since it is in the queue.
   */
  async comeAgain(tries: number): Promise<void> {
    this.#hasWaited = true;
    this.#isWanted = true;
    this.pins?.setWaiting("queued");
    // A call that does not wait would overtake those whom the system wakes now.
    if (!this.#isYielding && this.#tryQueue()) return await pause(tries);
    this.#gaveUpAt = -Infinity;
    this.#queuing ??= this.#queueUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#passesQueue = true;
      resolve();
    }, QUEUE_MS);
    await Promise.race([this.#queuing, promise]);
    clearTimeout(timer);
  }

  async #queueUp(): Promise<void> {
    this.#isFirst = await this.#queue.lock();
    this.#queuing = undefined;
    if (this.#isFirst && !this.#isWanted && !this.#isHeld) this.#leaveQueue();
  }

  /** Ends the wait of a caller that does not come again. */
  stopWaiting(): void {
    this.#isWanted = false;
    if (this.#isHeld) return;
    if (this.#isFirst) this.#leaveQueue();
    this.pins?.stopWaiting();
  }

  #leaveQueue(): void {
    this.#isFirst = false;
    this.#queue.unlock();
  }

  #noteHeld(): void {
    this.#isHeld = true;
    this.#gaveUpAt = -Infinity;
    this.#heldAt = this.#now();
    this.#isWanted = false;
    this.#passesQueue = false;
    if (this.#hasWaited) this.#isContended = true;
    heldHere.set(this.#identity, this);
    this.pins?.endWaiting();
  }

  /** Whether another handle of this thread had the lock, and has ended its hold. */
  #hasOtherEnded(): boolean {
    return heldHere.get(this.#file.identity)?.holder?.endHold() ?? false;
  }

  /** Takes the lock if it is free, and the file is still the one that its path names. */
  #try(): boolean {
    if (!this.#file.tryLock(true)) return false;
    if (this.#file.isAtPath()) {
      this.#identity = this.#file.identity;
      this.#nameHolder();
      return true;
    }
    this.#file.reopen();
    return false;
  }

  /** Names this handle as the holder. If the system refuses that, the lock is given up. */
  #nameHolder(): void {
    try {
      this.#isUndisturbed = this.#holder.take();
    } catch (error) {
      this.#file.unlock();
      throw error;
    }
  }

  /** Ends the hold of another handle of this thread, which could not go on while this one waits. */
  #endOther(): void {
    const other = heldHere.get(this.#file.identity);
    if (other === undefined || other.holder?.endHold() === true) return;
    throw new LockedError(this.#path, true, "writing");
  }

  /**
   * Lets those pass who waited when this handle gave the lock up; true if one of them has to take
   * it first. Those in the queue do not wait for others behind them.
   */
  #letPass(isQueued: boolean): boolean {
    const { pins } = this;
    if (pins === undefined || this.#due.size === 0) return false;
    this.#passEnd ??= performance.now() + PASS_MS;
    if (pins.stillWaits(this.#due, isQueued)) {
      if (performance.now() < this.#passEnd) return true;
      pins.ignore(this.#due);
    }
    this.#due = NOBODY;
    this.#passEnd = undefined;
    return false;
  }

  /** Gives the lock up if the turn is over and somebody is seen to wait; whether it is held. */
  keepOrYield(): boolean {
    if (!this.#isHeld) return false;
    if (this.isInTurn || this.#hasLooked) return true;
    const waiters = this.#lookForWaiters();
    if (waiters.size > 0) {
      this.#giveUp(waiters);
      return false;
    }
    this.#noteWaiters(waiters);
    return true;
  }

  /** Whether this handle looked only now, and saw nobody wait. */
  get #hasLooked(): boolean {
    return this.#now() - this.#lookedAt < LOOK_MS;
  }

  /** Who waits. If the sidecar cannot be read, the lock is given up first. */
  #lookForWaiters(): Waiters {
    try {
      const waiters = this.pins?.waiters() ?? NOBODY;
      this.#lookedAt = waiters.size === 0 ? this.#now() : -Infinity;
      return waiters;
    } catch (error) {
      this.#giveUp(NOBODY);
      throw error;
    }
  }

  /** Gives the lock up. */
  release(): void {
    if (!this.#isHeld) return;
    this.#giveUp(!this.#hasWaited && this.#hasLooked ? NOBODY : this.#lookForWaiters());
  }

  /** Gives everything up, and closes the files. */
  close(): void {
    this.pins = undefined;
    takeAll([() => this.release(), () => this.#file.close(), () => this.#queue.close()]);
  }

  #giveUp(waiters: Waiters): void {
    this.#isHeld = false;
    if (isAnyQueued(waiters)) this.#gaveUpAt = this.#now();
    heldHere.delete(this.#identity);
    this.#noteWaiters(waiters);
    this.#file.unlock();
    if (this.#isFirst) this.#leaveQueue();
  }

  #noteWaiters(waiters: Waiters): void {
    this.#isContended = this.#hasWaited || waiters.size > 0;
    this.#hasWaited = false;
    this.#due = both(this.#waiters, waiters);
    this.#waiters = waiters;
    this.#passEnd = undefined;
  }
}

/** Lets other tasks run, for longer after many tries. */
function pause(tries: number): Promise<void> {
  return new Promise((resolve) => {
    if (tries < EAGER_TRIES) setImmediate(resolve);
    else setTimeout(resolve, tries < SHORT_TRIES ? 1 : LONG_MS);
  });
}

/** Whether one of those who wait is in the queue. */
function isAnyQueued(waiters: Waiters): boolean {
  for (const waiter of waiters.values()) if (waiter % 2 === 0) return true;
  return false;
}

/** Those who wait in both of two looks, with the same tickets. */
function both(before: Waiters, now: Waiters): Waiters {
  if (before.size === 0 || now.size === 0) return NOBODY;
  return new Map([...now].filter(([place, ticket]) => before.get(place) === ticket));
}
