/**
 * A `File` that overlays another one: writes stay in memory, and the base is never written.
 *
 * It lets a read-only handle recover a database without changing a byte of it. It keeps whole
 * extents of 64 KiB.
 */

import type { File } from "./file.ts";
import { EXTENT_PAGES, PAGE_BYTES } from "../format/format.ts";

const BLOCK_BYTES = EXTENT_PAGES * PAGE_BYTES;

/** A `File` that overlays another one, which is never written. */
export class OverlayFile implements File {
  readonly #base: File;
  readonly #blocks = new Map<number, Uint8Array>();
  #size: number | undefined;
  /** The end of the part of the base that is visible: bytes truncated here do not reappear. */
  #baseEnd = Infinity;

  /**
   * Creates an overlay of a file.
   *
   * @param base The file, which is only read; closed with this one.
   */
  constructor(base: File) {
    this.#base = base;
  }

  /** The path of the base. */
  get path(): string | undefined {
    return this.#base.path;
  }

  /** The size in bytes. */
  size(): number {
    return this.#size ?? this.#base.size();
  }

  /** The end of the bytes that the base has or that were written; past it, all bytes are zero. */
  contentEnd(): number {
    const blocks = [...this.#blocks.keys()].map((index) => (index + 1) * BLOCK_BYTES);
    const most = blocks.reduce(
      (a, b) => Math.max(a, b),
      Math.min(this.#base.size(), this.#baseEnd),
    );
    return Math.min(most, this.size());
  }

  /** Starts reads of the base, if it can. */
  get startRead(): File["startRead"] {
    return this.#base.startRead?.bind(this.#base);
  }

  /** Reads up to `length` bytes. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    if (this.#size === undefined) return this.#base.readAt(target, start, length, position);
    const count = Math.max(0, Math.min(length, this.size() - position));
    for (let done = 0; done < count;) {
      const at = position + done;
      const part = Math.min(count - done, BLOCK_BYTES - at % BLOCK_BYTES);
      this.#readPart(target, start + done, part, at);
      done += part;
    }
    return count;
  }

  #readPart(target: Uint8Array, start: number, length: number, position: number): void {
    const block = this.#blocks.get(Math.floor(position / BLOCK_BYTES));
    if (block !== undefined) {
      const from = position % BLOCK_BYTES;
      target.set(block.subarray(from, from + length), start);
      return;
    }
    const done = this.#readBase(target, start, length, position);
    target.fill(0, start + done, start + length);
  }

  #readBase(target: Uint8Array, start: number, length: number, position: number): number {
    let done = 0;
    const most = Math.min(length, this.#baseEnd - position);
    while (done < most) {
      const count = this.#base.readAt(target, start + done, most - done, position + done);
      if (count <= 0) break;
      done += count;
    }
    return done;
  }

  /** Keeps all of `length` bytes in memory. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    for (let done = 0; done < length;) {
      const at = position + done;
      const from = at % BLOCK_BYTES;
      const part = Math.min(length - done, BLOCK_BYTES - from);
      this.#block(Math.floor(at / BLOCK_BYTES)).set(
        source.subarray(start + done, start + done + part),
        from,
      );
      done += part;
    }
    this.#size = Math.max(this.size(), position + length);
    return length;
  }

  /** Does the same as `writeAt`. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    return this.writeAt(source, start, length, position);
  }

  #block(index: number): Uint8Array {
    let block = this.#blocks.get(index);
    if (block === undefined) {
      block = new Uint8Array(BLOCK_BYTES);
      this.#readBase(block, 0, BLOCK_BYTES, index * BLOCK_BYTES);
      this.#blocks.set(index, block);
    }
    return block;
  }

  /** Shortens the file, or extends it with zeros, in memory. */
  truncate(size: number): void {
    this.#size = size;
    this.#baseEnd = Math.min(this.#baseEnd, size);
    for (const [index, block] of this.#blocks) {
      block.fill(0, Math.min(BLOCK_BYTES, Math.max(0, size - index * BLOCK_BYTES)));
    }
  }

  /** Does nothing: nothing is written to the base. */
  sync(): void {}

  /** Takes the lock of the base. */
  lock(exclusive: boolean): boolean {
    return this.#base.lock(exclusive);
  }

  /** Closes the base. */
  close(): void {
    this.#base.close();
  }
}
