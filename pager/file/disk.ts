/**
 * A `File` with rules: partial reads and writes are completed, calls interrupted by a signal are
 * repeated, errors become `IoError`, and the first failed write, truncation or sync is final.
 *
 * After such a failure the content of the medium is unknown (a system may drop the pages of a
 * failed sync, and report success the next time). So writes are not retried: the disk latches, and
 * serves only reads. There is one exception: a claim of space that fails because the disk is full
 * has lost nothing, and does not latch the disk.
 *
 * A closed disk calls its file no more: the number of its descriptor may be that of another file.
 */

import { constants, platform } from "node:os";
import { ClosedError, IoError } from "../format/errors.ts";
import type { File } from "./file.ts";

/** The calls made to a file so far. */
export interface DiskFigures {
  /** Calls that read. */
  readonly readCalls: number;
  /** Bytes that they read. */
  readonly bytesRead: number;
  /** Calls that wrote. */
  readonly writeCalls: number;
  /** Bytes that they wrote. */
  readonly bytesWritten: number;
  /** Calls that waited for the medium, including write-through writes. */
  readonly syncCalls: number;
}

/** Bytes of a file that have to be completed before they are used. */
export interface UnfinishedBytes {
  /**
   * Completes bytes that are about to be read or written. It may read and write them itself.
   *
   * @throws {IoError} The system refused.
   */
  complete(position: number, length: number): void;
}

/** A `File` whose failures are typed and final. */
export class Disk {
  /** Completes bytes before they are used; undefined if all are complete. */
  unfinished: UnfinishedBytes | undefined;
  /** The calls made to the file so far. */
  readonly figures = { readCalls: 0, bytesRead: 0, writeCalls: 0, bytesWritten: 0, syncCalls: 0 };

  readonly #file: File;
  #failure: IoError | undefined;
  #isClosed = false;

  /**
   * Wraps a file.
   *
   * @param file The file; this disk is its only user from now on.
   */
  constructor(file: File) {
    this.#file = file;
  }

  /** The path of the file; undefined for memory. */
  get path(): string | undefined {
    return this.#file.path;
  }

  /** The failure of a write, truncation or sync that latched the disk, if any. */
  get failure(): IoError | undefined {
    return this.#failure;
  }

  /** Latches the disk because of a failure without which writes would have gone on. */
  latch(failure: IoError): void {
    this.#failure ??= failure;
  }

  /**
   * Checks that no write, truncation or sync has failed.
   *
   * @throws {IoError} One has; `cause` is that failure.
   * @throws {ClosedError} The disk is closed.
   */
  checkWritable(): void {
    this.#checkOpen();
    if (this.#failure === undefined) return;
    throw new IoError(`Cannot write: an earlier write or sync failed (${this.#failure.message})`, {
      cause: this.#failure,
    });
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new ClosedError("Cannot use the file: it is closed");
  }

  /** The size of the file in bytes. */
  size(): number {
    this.#checkOpen();
    return sizeFrom(() => this.#file.size());
  }

  /** The bytes that the file takes on the medium, without its holes; its size if not known. */
  allocated(): number {
    this.#checkOpen();
    return sizeFrom(() => this.#file.allocated?.() ?? this.#file.size());
  }

  /** Reads until it has `length` bytes or the file ends; returns the number of bytes read. */
  read(target: Uint8Array, start: number, length: number, position: number): number {
    this.#checkOpen();
    this.unfinished?.complete(position, length);
    let done = 0;
    while (done < length) {
      const count = this.#readSome(target, start + done, length - done, position + done);
      if (count <= 0) break;
      done += count;
    }
    return done;
  }

  /** Whether memory can show bytes of the file now. */
  get showsBytes(): boolean {
    return this.#file.showAt !== undefined;
  }

  /**
   * Shows bytes of the file in memory; see `File.showAt`.
   *
   * @throws {IoError} The system refused, and may have taken the memory away.
   */
  show(target: Uint8Array<ArrayBuffer>, position: number): void {
    this.#checkOpen();
    this.#file.showAt?.(target, position);
  }

  /** Whether reads can be started that do not block the thread. */
  get startsReads(): boolean {
    return this.#file.startRead !== undefined;
  }

  /**
   * Starts a read that does not block the thread, and drops the bytes; see `File.startRead`. If it
   * fails, a later read meets the failure.
   */
  async startRead(position: number, length: number): Promise<void> {
    this.#checkOpen();
    await this.#file.startRead?.(position, length);
  }

  /** Writes all of `length` bytes. */
  write(source: Uint8Array, start: number, length: number, position: number): void {
    const failure = this.#put(source, start, length, position, false);
    if (failure !== undefined) throw this.#failure = failure;
  }

  /** Writes all of `length` bytes; they are on the medium when it returns. */
  writeThrough(source: Uint8Array, start: number, length: number, position: number): void {
    const failure = this.#put(source, start, length, position, true);
    if (failure !== undefined) throw this.#failure = failure;
  }

  /**
   * Writes bytes to an unused part of the file, to claim its space. If the disk is full, nothing is
   * lost and the disk does not latch. Any other failure is final.
   */
  claim(source: Uint8Array, start: number, length: number, position: number): void {
    const failure = this.#put(source, start, length, position, false);
    if (failure === undefined) return;
    if (!isFull(failure)) this.#failure = failure;
    throw failure;
  }

  /** Returns when everything written is on the medium. */
  sync(): void {
    this.checkWritable();
    for (;;) {
      this.figures.syncCalls++;
      try {
        return this.#file.sync();
      } catch (cause) {
        if (!isInterrupted(cause)) throw this.#latch("sync", cause);
      }
    }
  }

  /**
   * Starts a sync that does not block the thread; resolves when everything written before the call
   * is on the medium.
   *
   * @throws {IoError} Later, in the promise: the sync failed, and the disk has latched.
   */
  async startSync(): Promise<void> {
    this.checkWritable();
    for (;;) {
      this.figures.syncCalls++;
      try {
        return await this.#file.startSync();
      } catch (cause) {
        if (!isInterrupted(cause)) throw this.#latch("sync", cause);
      }
    }
  }

  /** Shortens the file, or extends it with zeros. */
  truncate(size: number): void {
    this.checkWritable();
    for (;;) {
      try {
        return this.#file.truncate(size);
      } catch (cause) {
        if (!isInterrupted(cause)) throw this.#latch(`truncate to ${size} bytes`, cause);
      }
    }
  }

  /** Closes the file. An interrupted close is not repeated: that could hit another descriptor. */
  close(): void {
    this.#isClosed = true;
    try {
      this.#file.close();
    } catch (cause) {
      if (isInterrupted(cause)) return;
      throw failure("close", cause);
    }
  }

  #readSome(target: Uint8Array, start: number, length: number, position: number): number {
    for (;;) {
      try {
        const count = this.#file.readAt(target, start, length, position);
        this.figures.readCalls++;
        this.figures.bytesRead += count;
        return count;
      } catch (cause) {
        if (isInterrupted(cause)) continue;
        throw failure(`read ${length} bytes at byte ${position}`, cause);
      }
    }
  }

  /** Writes all bytes; returns the failure, if any. */
  #put(
    source: Uint8Array,
    start: number,
    length: number,
    position: number,
    through: boolean,
  ): IoError | undefined {
    this.checkWritable();
    this.unfinished?.complete(position, length);
    for (let done = 0; done < length;) {
      const rest = length - done;
      let count = 0;
      try {
        count = through
          ? this.#file.writeThroughAt(source, start + done, rest, position + done)
          : this.#file.writeAt(source, start + done, rest, position + done);
      } catch (cause) {
        if (isInterrupted(cause)) continue;
        return cannotWrite(rest, position + done, cause);
      }
      if (count <= 0) return cannotWrite(rest, position + done, "no byte was taken");
      this.figures.writeCalls++;
      this.figures.bytesWritten += count;
      if (through) this.figures.syncCalls++;
      done += count;
    }
    return undefined;
  }

  #latch(action: string, cause: unknown): IoError {
    return this.#failure = failure(action, cause);
  }
}

function sizeFrom(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (cause) {
      if (isInterrupted(cause)) continue;
      throw failure("get the size of the file", cause);
    }
  }
}

function cannotWrite(length: number, position: number, cause: unknown): IoError {
  return failure(`write ${length} bytes at byte ${position}`, cause);
}

function failure(action: string, cause: unknown): IoError {
  return new IoError(`Cannot ${action}: ${reason(cause)}`, { cause: withCode(cause) });
}

/** Adds the code to a system's error. Some errors of Deno, such as quotas, have only a number. */
function withCode(cause: unknown): unknown {
  const code = codeOf(cause);
  const isMissing = code !== undefined && (cause as { code?: unknown }).code === undefined;
  return isMissing ? Object.assign(cause as Error, { code }) : cause;
}

/** The error codes of a write without space: on the disk, in a quota, or below a size limit. */
const FULL_CODES: readonly unknown[] = ["ENOSPC", "EDQUOT", "EFBIG"];

/** Whether a write failed for lack of space. */
export function isFull(error: unknown): boolean {
  return error instanceof IoError && FULL_CODES.includes(codeOf(error.cause));
}

/** Whether a signal interrupted a call before it had any effect. */
function isInterrupted(cause: unknown): boolean {
  return codeOf(cause) === "EINTR";
}

/** The code of a system's error; if it has none, from the number in its message. */
function codeOf(cause: unknown): unknown {
  if (!(cause instanceof Error)) return undefined;
  if ("code" in cause && cause.code !== undefined) return cause.code;
  const number = /\(os error (\d+)\)/.exec(cause.message)?.[1];
  return number === undefined ? undefined : CODES.get(Number(number));
}

/** The codes by number; empty on Windows, where the numbers in messages are not these codes. */
const CODES: ReadonlyMap<number, string> = new Map(
  platform() === "win32"
    ? []
    : Object.entries(constants.errno).map(([code, number]) => [number, code]),
);

/** The message of a thrown value of unknown type. */
export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
