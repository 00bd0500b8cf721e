/**
 * A `File` under rules: what a system may do in part is finished, what a signal interrupted is done
 * again, its errors become `IoError`, and the first failed write, truncation or sync is final.
 *
 * After such a failure nobody knows what the medium holds (a system may drop the pages of a failed
 * sync and report success the next time), so no write is tried again: the disk latches, and goes on
 * reading. There is one exception: a claim of space that fails because there is none has done
 * nothing, and is refused without a latch.
 */

import { constants, platform } from "node:os";
import { IoError } from "../format/errors.ts";
import type { File } from "./file.ts";

/** What was asked of a file. */
export interface DiskFigures {
  /** Calls that read. */
  readonly readCalls: number;
  /** Bytes that they read. */
  readonly bytesRead: number;
  /** Calls that wrote. */
  readonly writeCalls: number;
  /** Bytes that they wrote. */
  readonly bytesWritten: number;
  /** Calls that waited for the medium, writes that did among them. */
  readonly syncCalls: number;
}

/** A `File` whose failures are typed and final. */
export class Disk {
  /** What was asked of the file so far. */
  readonly figures = { readCalls: 0, bytesRead: 0, writeCalls: 0, bytesWritten: 0, syncCalls: 0 };

  readonly #file: File;
  #failure: IoError | undefined;

  /**
   * Puts a file under rules.
   *
   * @param file The file; this disk is its only user from now on.
   */
  constructor(file: File) {
    this.#file = file;
  }

  /** Where the file is; undefined for memory. */
  get path(): string | undefined {
    return this.#file.path;
  }

  /** The write, truncation or sync that failed, if one did. */
  get failure(): IoError | undefined {
    return this.#failure;
  }

  /**
   * Throws when an earlier write failed.
   *
   * @throws {IoError} It did; `cause` is that failure.
   */
  checkWritable(): void {
    if (this.#failure === undefined) return;
    throw new IoError(`Cannot write: an earlier write failed (${this.#failure.message})`, {
      cause: this.#failure,
    });
  }

  /** The size of the file in bytes. */
  size(): number {
    for (;;) {
      try {
        return this.#file.size();
      } catch (cause) {
        if (isInterrupted(cause)) continue;
        throw failure("tell the size of the file", cause);
      }
    }
  }

  /** Reads until `length` bytes are there or the file ends; returns how many there were. */
  read(target: Uint8Array, start: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const count = this.#readSome(target, start + done, length - done, position + done);
      if (count <= 0) break;
      done += count;
    }
    return done;
  }

  /** Writes all of `length` bytes. */
  write(source: Uint8Array, start: number, length: number, position: number): void {
    const failure = this.#put(source, start, length, position, false);
    if (failure !== undefined) throw this.#failure = failure;
  }

  /** Writes all of `length` bytes, which are on the medium when it returns. */
  writeThrough(source: Uint8Array, start: number, length: number, position: number): void {
    const failure = this.#put(source, start, length, position, true);
    if (failure !== undefined) throw this.#failure = failure;
  }

  /**
   * Writes bytes where nothing stands that counts, to claim their space. Should there be no space,
   * nothing is lost and the disk does not latch. Any other failure is final.
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

  /** Cuts the file, or extends it with zeros. */
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

  /** Closes the file. An interrupted close is done: closing again could hit another descriptor. */
  close(): void {
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

  /** Writes until all bytes are taken; what went wrong, if something did. */
  #put(
    source: Uint8Array,
    start: number,
    length: number,
    position: number,
    through: boolean,
  ): IoError | undefined {
    this.checkWritable();
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

function cannotWrite(length: number, position: number, cause: unknown): IoError {
  return failure(`write ${length} bytes at byte ${position}`, cause);
}

function failure(action: string, cause: unknown): IoError {
  return new IoError(`Cannot ${action}: ${reason(cause)}`, { cause: withCode(cause) });
}

/** A system's error with its code: Deno gives some, as those of quotas, a number alone. */
function withCode(cause: unknown): unknown {
  const code = codeOf(cause);
  const isMissing = code !== undefined && (cause as { code?: unknown }).code === undefined;
  return isMissing ? Object.assign(cause as Error, { code }) : cause;
}

/** What a system says when it has no space for what is written: on the disk, or for this user. */
const FULL_CODES: readonly unknown[] = ["ENOSPC", "EDQUOT", "EFBIG"];

/** Whether a write failed because there is no space for it. */
export function isFull(error: unknown): boolean {
  return error instanceof IoError && FULL_CODES.includes(codeOf(error.cause));
}

/** Whether a signal came before the system had done anything. */
function isInterrupted(cause: unknown): boolean {
  return codeOf(cause) === "EINTR";
}

/** The code of a system's error, by the number in its message if it has none. */
function codeOf(cause: unknown): unknown {
  if (!(cause instanceof Error)) return undefined;
  if ("code" in cause && cause.code !== undefined) return cause.code;
  const number = /\(os error (\d+)\)/.exec(cause.message)?.[1];
  return number === undefined ? undefined : CODES.get(Number(number));
}

/** The codes by number, but on Windows, where numbers in messages are of another kind. */
const CODES: ReadonlyMap<number, string> = new Map(
  platform() === "win32"
    ? []
    : Object.entries(constants.errno).map(([code, number]) => [number, code]),
);

/** What an unknown thrown thing says of itself. */
export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
