/**
 * A database file that is being built: it cannot be opened before it is complete.
 *
 * Writes to the two superblocks stay in memory; in their place the file has text that is not a
 * superblock, so that it cannot be opened at any length. `complete` writes the superblocks after
 * everything else is on the medium. So a killed process or a power failure leaves a file that is
 * complete or refused, whatever its name is. Until `complete`, nothing has to be on the medium: a
 * sync does nothing, and no write waits for one.
 *
 * `close` does nothing: the builder ends the file by `complete` or `discard`.
 */

import { PAGE_BYTES, SUPERBLOCK_PAGE } from "../format/format.ts";
import { Disk } from "./disk.ts";
import type { File } from "./file.ts";

const COPIES = 2;
const BEGIN = SUPERBLOCK_PAGE * PAGE_BYTES;
const END = BEGIN + COPIES * PAGE_BYTES;
const MARK = new TextEncoder().encode("This database is unfinished: remove it.\n");

/** A `File` whose superblocks are written last. */
export class BuildingFile implements File {
  readonly #file: File;
  readonly #superblocks = new Uint8Array(END - BEGIN);
  #hasMark = false;
  #isOpen = true;

  /**
   * Starts a database.
   *
   * @param file An empty file; this object owns it from now on.
   */
  constructor(file: File) {
    this.#file = file;
  }

  size(): number {
    return this.#file.size();
  }

  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    if (!this.#hasMark || isOutside(position, length)) {
      return this.#file.readAt(target, start, length, position);
    }
    if (position < BEGIN) return this.#file.readAt(target, start, BEGIN - position, position);
    const count = Math.min(length, END - position);
    const from = position - BEGIN;
    target.set(this.#superblocks.subarray(from, from + count), start);
    return count;
  }

  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    if (isOutside(position, length)) return this.#file.writeAt(source, start, length, position);
    if (position < BEGIN) return this.#file.writeAt(source, start, BEGIN - position, position);
    return this.#withhold(source, start, length, position);
  }

  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    return this.writeAt(source, start, length, position);
  }

  truncate(size: number): void {
    this.#file.truncate(size);
    if (size >= END) return;
    this.#superblocks.fill(0, Math.max(0, size - BEGIN));
    this.#hasMark = false;
  }

  sync(): void {}

  startSync(): Promise<void> {
    return Promise.resolve();
  }

  lock(exclusive: boolean): boolean {
    return this.#file.lock(exclusive);
  }

  close(): void {}

  /**
   * Writes the superblocks, which makes the file a durable database, and closes it.
   *
   * @throws {IoError} The system refused; the file must still be discarded.
   */
  complete(): void {
    const disk = new Disk(this.#file);
    disk.sync();
    disk.write(this.#superblocks, 0, END - BEGIN, BEGIN);
    disk.sync();
    this.#isOpen = false;
    disk.close();
  }

  /**
   * Like `complete`, but no sync holds up the thread.
   *
   * @throws {IoError} Later, in the promise: as `complete`.
   */
  async completeLater(): Promise<void> {
    const disk = new Disk(this.#file);
    await disk.startSync();
    disk.write(this.#superblocks, 0, END - BEGIN, BEGIN);
    await disk.startSync();
    this.#isOpen = false;
    disk.close();
  }

  /** Closes the file as it is, unless it is closed. */
  discard(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#file.close();
  }

  #withhold(source: Uint8Array, start: number, length: number, position: number): number {
    if (!this.#hasMark) this.#writeMark();
    const count = Math.min(length, END - position);
    this.#superblocks.set(source.subarray(start, start + count), position - BEGIN);
    return count;
  }

  #writeMark(): void {
    const text = new Uint8Array(END - BEGIN);
    for (let at = 0; at < text.length; at += PAGE_BYTES) text.set(MARK, at);
    new Disk(this.#file).write(text, 0, text.length, BEGIN);
    this.#hasMark = true;
  }
}

function isOutside(position: number, length: number): boolean {
  return position >= END || position + length <= BEGIN;
}
