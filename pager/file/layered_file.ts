/**
 * A `File` over another one, its base, which does not change: writes stay in memory. Each version
 * of a replica is one. A fork is a later version; the earlier version keeps its pages.
 *
 * Invariant: the bytes of a page in memory never change once they are there, so forks share them.
 */

import { PAGE_BYTES } from "../format/format.ts";
import type { PageNumber } from "../format/units.ts";
import { Disk } from "./disk.ts";
import type { File } from "./file.ts";

/** A `File` over another one. */
export class LayeredFile implements File {
  readonly #base: File;
  readonly #pages: Map<PageNumber, Uint8Array>;
  #size: number;
  /** The end of the base's bytes that can be read here: bytes that were cut do not come back. */
  #baseEnd: number;

  /**
   * Begins without changes.
   *
   * @param base The file, which the caller closes.
   */
  constructor(base: File, pages: ReadonlyMap<PageNumber, Uint8Array> = new Map()) {
    this.#base = base;
    this.#pages = new Map(pages);
    this.#size = this.#baseEnd = new Disk(base).size();
  }

  /** The path of the base. */
  get path(): string | undefined {
    return this.#base.path;
  }

  /** The bytes of pages in memory. */
  get bytes(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  /** A later version, with the same pages so far. */
  fork(): LayeredFile {
    const later = new LayeredFile(this.#base, this.#pages);
    later.#size = this.#size;
    later.#baseEnd = this.#baseEnd;
    return later;
  }

  /** The size in bytes. */
  size(): number {
    return this.#size;
  }

  /** Reads up to `length` bytes. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#size - position));
    target.fill(0, start, start + count);
    const inBase = Math.min(count, this.#baseEnd - position);
    for (let done = 0; done < inBase;) {
      const some = this.#base.readAt(target, start + done, inBase - done, position + done);
      if (some <= 0) break;
      done += some;
    }
    if (this.#pages.size > 0) this.#replace(target, start, count, position);
    return count;
  }

  /** Replaces bytes that were read from the base by those of pages in memory. */
  #replace(target: Uint8Array, start: number, count: number, position: number): void {
    for (let at = position; at < position + count;) {
      const page = Math.floor(at / PAGE_BYTES);
      const from = at - page * PAGE_BYTES;
      const length = Math.min(PAGE_BYTES - from, position + count - at);
      const bytes = this.#pages.get(page);
      if (bytes !== undefined) {
        target.set(bytes.subarray(from, from + length), start + at - position);
      }
      at += length;
    }
  }

  /** Keeps bytes in memory. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    this.#size = Math.max(this.#size, position + length);
    for (let done = 0; done < length;) {
      const page = Math.floor((position + done) / PAGE_BYTES);
      const from = position + done - page * PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - from, length - done);
      const bytes = new Uint8Array(PAGE_BYTES);
      if (count < PAGE_BYTES) this.readAt(bytes, 0, PAGE_BYTES, page * PAGE_BYTES);
      bytes.set(source.subarray(start + done, start + done + count), from);
      this.#pages.set(page, bytes);
      done += count;
    }
    return length;
  }

  /** As `writeAt`: nothing is on the medium. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    return this.writeAt(source, start, length, position);
  }

  /** Shortens the file, or extends it with zeros. */
  truncate(size: number): void {
    for (const [page, bytes] of this.#pages) {
      const left = size - page * PAGE_BYTES;
      if (left <= 0) this.#pages.delete(page);
      else if (left < PAGE_BYTES) this.#pages.set(page, bytes.slice().fill(0, left));
    }
    this.#size = size;
    this.#baseEnd = Math.min(this.#baseEnd, size);
  }

  /** Does nothing: what is in memory is not on a medium. */
  sync(): void {}

  /** Does nothing, as `sync`. */
  startSync(): Promise<void> {
    return Promise.resolve();
  }

  /** Always succeeds: the base is locked by its owner. */
  lock(_exclusive: boolean): boolean {
    return true;
  }

  /** Leaves the base open, which other versions read. */
  close(): void {}
}
