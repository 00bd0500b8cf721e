/**
 * Flights: the way of commits to the medium that does not block the thread.
 *
 * `takeOff` writes all commits and starts a sync; the caller waits for it and calls `land`. One
 * flight is in the air at a time. Transactions, and flushes and checkpoints in line, go on
 * meanwhile.
 */

import type { Disk } from "./file/disk.ts";
import type { PagerFlusher } from "./flush/pager_flusher.ts";
import { assert } from "./format/assert.ts";
import type { Flight } from "./journal/journal.ts";

/** The pager that commits belong to. */
interface Owner {
  /** The count of open savepoints. */
  readonly depth: number;
  /** Whether it is closed. */
  readonly isClosed: boolean;
}

/** The flights of a pager. */
export class Flights {
  readonly #owner: Owner;
  readonly #disk: Disk;
  readonly #flusher: PagerFlusher | undefined;

  /**
   * The flights of a pager.
   *
   * @param owner The pager.
   * @param disk Its file.
   * @param flusher Takes its commits to the medium; without one, nothing outlives the handle.
   */
  constructor(owner: Owner, disk: Disk, flusher: PagerFlusher | undefined) {
    this.#owner = owner;
    this.#disk = disk;
    this.#flusher = flusher;
  }

  /**
   * Whether a flight would advance a checkpoint or a move of the journal. False after a close or a
   * failure.
   */
  get isNeeded(): boolean {
    if (this.#owner.isClosed || this.#disk.failure !== undefined) return false;
    return this.#flusher?.needsFlight ?? false;
  }

  /**
   * Whether the next flight would leave a running checkpoint as it is, because that is ahead of the
   * commits. False after a close or a failure.
   */
  get isAhead(): boolean {
    return this.isNeeded && (this.#flusher?.isAhead ?? false);
  }

  /**
   * Whether flights take off although nobody waits, because a checkpoint does not keep up with
   * commits. False after a close or a failure.
   */
  get isBehind(): boolean {
    return this.isNeeded && (this.#flusher?.isBehind ?? false);
  }

  /**
   * Whether a sync in line would be long, because many pages of a checkpoint wait for it. False
   * after a close or a failure.
   */
  get isSyncLong(): boolean {
    if (this.#owner.isClosed || this.#disk.failure !== undefined) return false;
    return this.#flusher?.isSyncLong ?? false;
  }

  /** Lets the next flights take a checkpoint, unless one has nothing to do. */
  requestCheckpoint(): void {
    this.#flusher?.requestCheckpoint();
  }

  /**
   * Writes a slice of a checkpoint, of what earlier flights confirmed, so that several slices share
   * the next flight. Between transactions only. Returns whether it did; if not, a flight is next.
   *
   * @throws {IoError} A write failed, and the handle latches.
   */
  writeConfirmed(): boolean {
    this.#checkBetween();
    return this.#flusher?.writeConfirmed() ?? false;
  }

  /**
   * Begins to move the journal behind the data with the next flights, where everything is in the
   * pages of the file; whether it did. Not while a snapshot is open, nor on a full disk.
   *
   * @param isRequested Whether it moves even if that saves nothing.
   * @throws {IoError} A write failed, and the handle latches.
   */
  beginMove(isRequested: boolean): boolean {
    this.#checkBetween();
    return this.#flusher?.beginMove(isRequested) ?? false;
  }

  /**
   * Takes all commits to a level that needs no sync, and advances no checkpoint. Between
   * transactions only.
   *
   * @throws {IoError} The system refused, and the handle latches.
   */
  write(level: "buffered" | "none"): void {
    this.#checkBetween();
    this.#flusher?.write(level);
  }

  /**
   * Writes all commits, unless that would wait for the medium; whether it did. Between transactions
   * only.
   *
   * @throws {IoError} The system refused, and the handle latches.
   */
  writeAhead(): boolean {
    this.#checkBetween();
    return this.#flusher?.writeAhead() ?? false;
  }

  /**
   * Writes all commits, and starts a sync that takes them to the medium. Between transactions only.
   *
   * Large values may need two flights, so the caller compares the durable version.
   *
   * @returns The flight; undefined if all commits are on the medium already.
   * @throws {IoError} The system refused, and the handle latches.
   */
  takeOff(): Flight | undefined {
    this.#checkBetween();
    return this.#flusher?.takeOff();
  }

  /**
   * Notes that the sync of a flight has ended, and advances a checkpoint that is due. After a close
   * it does nothing.
   *
   * @throws {IoError} A write failed, and the handle latches.
   */
  land(flight: Flight): void {
    this.#disk.checkWritable();
    if (!this.#owner.isClosed) this.#flusher?.land(flight);
  }

  /**
   * Takes everything to the medium in line, so that a flight that is in the air need not land; its
   * landing does nothing then. Between transactions only.
   *
   * @throws {IoError} The system refused, and the handle latches.
   */
  end(): void {
    this.#checkBetween();
    this.#flusher?.endFlight();
  }

  #checkBetween(): void {
    assert(this.#owner.depth === 0, "a flush is taken between transactions");
    this.#disk.checkWritable();
  }
}
