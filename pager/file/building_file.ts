/**
 * A database file that is being built: nobody can open it before it is whole.
 *
 * What goes to the two superblocks stays in memory, and in their place the file has a text that is
 * no superblock, so that it is refused however long it is. `complete` writes them, after everything
 * else is on the medium. So a process that is killed, or a power cut, leaves a file that is whole
 * or refused, whatever its name is.
 *
 * `close` does nothing: who built the database ends the file by `complete` or `discard`.
 */

import { Disk } from "./disk.ts";
import type { File } from "./file.ts";
import { PAGE_BYTES, SUPERBLOCK_PAGE } from "../format/format.ts";

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
   * A database to be built.
   *
   * @param file An empty file, which this one owns from here on.
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
    const file = this.#file;
    if (isOutside(position, length)) return file.writeThroughAt(source, start, length, position);
    if (position < BEGIN) return file.writeThroughAt(source, start, BEGIN - position, position);
    return this.#withhold(source, start, length, position);
  }

  truncate(size: number): void {
    this.#file.truncate(size);
    if (size >= END) return;
    this.#superblocks.fill(0, Math.max(0, size - BEGIN));
    this.#hasMark = false;
  }

  sync(): void {
    this.#file.sync();
  }

  lock(exclusive: boolean): boolean {
    return this.#file.lock(exclusive);
  }

  close(): void {}

  /**
   * Makes it a database, on the medium, and closes it.
   *
   * @throws {IoError} The system refused; it is still to be discarded.
   */
  complete(): void {
    const disk = new Disk(this.#file);
    disk.sync();
    disk.write(this.#superblocks, 0, END - BEGIN, BEGIN);
    disk.sync();
    this.#isOpen = false;
    disk.close();
  }

  /** Closes it as it is, unless that is done. */
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
