/**
 * A `File` in memory, for `":memory:"` databases and for tests.
 *
 * It grows by doubling, and reads and writes whole. Nobody else can reach it, so its lock is always
 * to be had.
 */

import type { File } from "./file.ts";

const FIRST_BYTES = 64 * 1024;

/** A `File` in memory. */
export class MemoryFile implements File {
  #bytes: Uint8Array;
  #size: number;

  /**
   * Begins with a copy of `content`, or empty.
   *
   * @param content The first bytes of the file.
   */
  constructor(content: Uint8Array = new Uint8Array(0)) {
    this.#bytes = content.slice();
    this.#size = content.length;
  }

  /** A copy of the bytes of the file. */
  content(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  /** The size in bytes. */
  size(): number {
    return this.#size;
  }

  /** Reads what there is, up to `length` bytes. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#size - position));
    target.set(this.#bytes.subarray(position, position + count), start);
    return count;
  }

  /** Writes all of `length` bytes. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    const end = position + length;
    if (end > this.#bytes.length) this.#reserve(end);
    this.#bytes.set(source.subarray(start, start + length), position);
    if (end > this.#size) this.#size = end;
    return length;
  }

  /** Cuts the file, or extends it with zeros. */
  truncate(size: number): void {
    if (size > this.#bytes.length) this.#reserve(size);
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }

  /** Does nothing: memory is as durable as it gets. */
  sync(): void {}

  /** Always taken: nobody else can reach this file. */
  lock(_exclusive: boolean): boolean {
    return true;
  }

  /** Keeps the bytes, so that a test can open them again. */
  close(): void {}

  #reserve(size: number): void {
    const bytes = new Uint8Array(Math.max(size, this.#bytes.length * 2, FIRST_BYTES));
    bytes.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = bytes;
  }
}
