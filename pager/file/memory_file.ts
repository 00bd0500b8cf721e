/**
 * A `File` in memory, for `":memory:"` databases and for tests.
 *
 * It grows by segments of 2 MiB that never move; its reads and writes are never partial. No other
 * handle can reach it, so its lock is always available.
 */

import { setImmediate } from "node:timers";
import { CHUNK_BYTES } from "../format/format.ts";
import type { File } from "./file.ts";

const SEGMENT_BYTES = CHUNK_BYTES;

/** A `File` in memory. */
export class MemoryFile implements File {
  readonly #segments: Uint8Array[] = [];
  #size = 0;

  /**
   * Creates a file that has a copy of `content`.
   *
   * @param content The first bytes of the file. Default none.
   */
  constructor(content: Uint8Array = new Uint8Array(0)) {
    if (content.length > 0) this.writeAt(content, 0, content.length, 0);
  }

  /** A copy of the bytes of the file. */
  content(): Uint8Array {
    const bytes = new Uint8Array(this.#size);
    this.readAt(bytes, 0, this.#size, 0);
    return bytes;
  }

  /** The size in bytes. */
  size(): number {
    return this.#size;
  }

  /** Reads up to `length` bytes: fewer only at the end of the file. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#size - position));
    for (let done = 0; done < count;) {
      const part = this.#partAt(position + done, count - done);
      target.set(part, start + done);
      done += part.length;
    }
    return count;
  }

  /** Writes all of `length` bytes. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    this.#reserve(position + length);
    for (let done = 0; done < length;) {
      const part = this.#partAt(position + done, length - done);
      part.set(source.subarray(start + done, start + done + part.length));
      done += part.length;
    }
    return length;
  }

  /** Writes all of `length` bytes. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    return this.writeAt(source, start, length, position);
  }

  /** Shortens the file, or extends it with zeros. */
  truncate(size: number): void {
    for (let at = size; at < this.#size;) {
      const part = this.#partAt(at, this.#size - at);
      part.fill(0);
      at += part.length;
    }
    this.#segments.length = Math.min(this.#segments.length, Math.ceil(size / SEGMENT_BYTES));
    this.#size = Math.min(size, this.#size);
    this.#reserve(size);
  }

  /** Does nothing: there is no medium to sync to. */
  sync(): void {}

  /** Resolves in a later turn of the event loop, as a sync of a disk does. */
  startSync(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Returns true: no other handle can reach this file. */
  lock(_exclusive: boolean): boolean {
    return true;
  }

  /** Keeps the bytes, so that a test can open them again. */
  close(): void {}

  /** A view of up to `length` bytes from a position on, within one segment. */
  #partAt(position: number, length: number): Uint8Array {
    const offset = position % SEGMENT_BYTES;
    const segment = this.#segments[Math.floor(position / SEGMENT_BYTES)]!;
    return segment.subarray(offset, Math.min(offset + length, SEGMENT_BYTES));
  }

  #reserve(size: number): void {
    while (this.#segments.length * SEGMENT_BYTES < size) {
      this.#segments.push(new Uint8Array(SEGMENT_BYTES));
    }
    if (size > this.#size) this.#size = size;
  }
}
