/**
 * A pager's side of a file that others write: what they commit is taken over once in each turn of
 * the event loop, and a page that cannot be used is judged.
 *
 * A checkpoint waits for the pins of all processes, so a page that is too new, or that is being
 * written, shows only that this process was stopped for long, or that the journal was full. The
 * read begins anew. It is damage if that does not help.
 */

import { setImmediate } from "node:timers";
import type { Judge, Loader } from "../cache/loader.ts";
import { pauseThread } from "../file/disk_file.ts";
import type { FileLock } from "../file/share_files.ts";
import type { ChangedPages } from "../follow/changed_pages.ts";
import { MovedError } from "../follow/moved_error.ts";
import { CorruptionError, IoError, LockedError } from "../format/errors.ts";
import type { PageNumber } from "../format/units.ts";
import type { RemoteCommits } from "./remote_commits.ts";
import type { Share, SharingState } from "./share.ts";
import type { SharedFlusher } from "./shared_flusher.ts";

/** The tries of a read before a page counts as damaged. */
const TRIES = 6;
const PAUSE_MS = 5;
/** After so long without a batch the last commit is confirmed, in milliseconds. */
const REST_MS = 1000;
/** A turn that lasts longer refreshes again: callbacks of timers may precede its end. */
const TURN_MS = 1;

/** The errors of a beat that the next one, or the next read, meets again or not. */
const PASSING = [IoError, CorruptionError, LockedError];

/** Takes over what others have committed, and judges the pages that reads find. */
export class Sharing implements Judge {
  readonly #share: Share;
  readonly #flusher: SharedFlusher;
  readonly #remote: RemoteCommits;
  readonly #loader: Loader;
  /** Whether it has refreshed, or had no need to, since the last job of the event loop began. */
  #isInJob = false;
  /** Whether it has refreshed in this turn of the event loop, as far as the system says. */
  #isInTurn = false;
  #refreshedAt = -Infinity;
  /** The sequence of the last batch at the last beat, and when a beat found it first. */
  #last = -1;
  #lastAt = 0;
  /** Called when another process has moved the file to another state. */
  onMoved: (() => void) | undefined;
  /** Called when the commits of this handle are on the medium. */
  onFlushed: (() => void) | undefined;

  /**
   * Creates a pager's side of a share.
   *
   * @param share The share in the file.
   * @param flusher Takes its commits to the medium.
   * @param remote Takes over the commits of others.
   * @param loader Loads the pages.
   */
  constructor(share: Share, flusher: SharedFlusher, remote: RemoteCommits, loader: Loader) {
    this.#share = share;
    this.#flusher = flusher;
    this.#remote = remote;
    this.#loader = loader;
  }

  /** Takes over what others have committed, unless that was done in this turn of the event loop. */
  poll(): void {
    if (this.#isInJob || this.#share.isHeld) return;
    this.#isInJob = true;
    queueMicrotask(this.#endJob);
    const now = performance.now();
    if (this.#isInTurn && now - this.#refreshedAt < TURN_MS) return;
    this.#refreshedAt = now;
    if (!this.#isInTurn) setImmediate(this.#endTurn);
    this.#isInTurn = true;
    this.#share.refresh();
  }

  readonly #endJob = (): void => {
    this.#isInJob = false;
  };

  readonly #endTurn = (): void => {
    this.#isInTurn = false;
  };

  /**
   * Does what `poll` does, and renews the pin on request, so that an idle process neither holds up
   * others nor counts as dead. A failure shows at the next read.
   */
  beat(renews: boolean): void {
    if (this.#share.isHeld) return;
    try {
      if (renews) this.#share.renew();
      this.#share.refresh();
      this.#settle();
    } catch (error) {
      if (PASSING.every((type) => !(error instanceof type))) throw error;
    }
  }

  /**
   * If the last batch is that of the beat before, and is not known to be on the medium, takes it
   * there: its process may have died. If nobody commits for some time, confirms the last commit.
   */
  #settle(): void {
    const { sequence } = this.#share.end;
    const now = performance.now();
    if (sequence !== this.#last) {
      this.#last = sequence;
      this.#lastAt = now;
    } else if (!this.#share.isDurable) {
      this.#flusher.syncBehind();
    } else if (!this.#share.position.isConfirmed && now - this.#lastAt > REST_MS) {
      this.#flusher.confirmLast();
    }
  }

  /** The error to throw for a page that breaks a rule: it may be another process's doing. */
  refused(page: PageNumber, error: CorruptionError): Error {
    if (this.#share.isHeld) return error;
    this.#loader.forgetUnverified(page);
    return new MovedError(`Cannot read page ${page}: another process has replaced it`, {
      cause: error,
    });
  }

  /**
   * After a `MovedError`: refreshes under the lock, so that the caller can begin its read anew.
   *
   * @param error What the read threw.
   * @param tries The tries before this one.
   * @throws {unknown} The error, if it is another one; its cause, if nothing helps.
   */
  restart(error: unknown, tries: number): void {
    if (!(error instanceof MovedError) || this.#share.isHeld) throw error;
    if (tries >= TRIES) throw error.cause;
    if (tries > 1) pauseThread(PAUSE_MS);
    this.#share.enter();
    this.#share.leave();
  }

  /** Whether this handle has the write lock. */
  get isHeld(): boolean {
    return this.#share.isHeld;
  }

  /**
   * Takes the write lock, and reads on to the end of the journal.
   *
   * @param timeoutMs The longest wait; without one it waits for as long as others hold it.
   * @throws {LockedError} It was not free in time, or a transaction of another handle of this
   * thread has it.
   */
  hold(timeoutMs?: number): void {
    this.#flusher.beforeTransaction(timeoutMs);
  }

  /** Does what `hold` does, if the lock is free; whether this handle has it. */
  tryHold(): boolean {
    return this.#flusher.tryBeforeTransaction();
  }

  /**
   * Resolves when the write lock may be free, for a caller that did not get it.
   *
   * @param tries The tries before this one.
   */
  comeAgain(tries: number): Promise<void> {
    return this.#share.parts.lock.comeAgain(tries);
  }

  /** Notes that the last caller has stopped waiting for the lock. */
  stopWaiting(): void {
    this.#share.parts.lock.stopWaiting();
  }

  /** Between transactions: gives the lock up, unless commits wait for their flush. */
  endUnusedHold(): void {
    this.#flusher.endUnusedHold();
  }

  /** Begins to collect the pages that others change; undefined ends it. */
  collect(into: ChangedPages | undefined): void {
    this.#remote.collect(into);
  }

  /**
   * Takes over what others have committed, in the middle of a turn.
   *
   * @throws {IoError} The system refused.
   */
  refresh(): void {
    this.#share.refresh();
  }

  /**
   * Opens the lock of the one process that archives the database, which the caller closes.
   *
   * @throws {IoError} The system refused.
   */
  openArchiveLock(): FileLock {
    return this.#share.parts.openArchiveLock();
  }

  /** The processes that share the file. */
  state(): SharingState {
    return this.#share.state();
  }
}
