/**
 * The file of a sharing pager: reads see the records of the journal over it, writes go to the file
 * itself. And a file that is lent to an ordinary pager, which does not close it.
 */

import type { File } from "../file/file.ts";
import type { IndexedFile } from "../follow/indexed_file.ts";

/** A file that is lent to a pager, which does not close it. */
export class LentFile implements File {
  readonly #base: File;
  /** The path of the file. */
  readonly path: string | undefined;

  /**
   * Lends a file that this handle has locked for itself alone.
   *
   * @param base The file, whose owner closes it.
   */
  constructor(base: File) {
    this.#base = base;
    this.path = base.path;
  }

  /** The size in bytes. */
  size(): number {
    return this.#base.size();
  }

  /** The bytes that it takes on the medium, if that is known. */
  get allocated(): File["allocated"] {
    return this.#base.allocated?.bind(this.#base);
  }

  /** Reads bytes. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    return this.#base.readAt(target, start, length, position);
  }

  /** Writes bytes. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    return this.#base.writeAt(source, start, length, position);
  }

  /** Writes bytes to the medium. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    return this.#base.writeThroughAt(source, start, length, position);
  }

  /** Shortens the file, or extends it. */
  truncate(size: number): void {
    this.#base.truncate(size);
  }

  /** Returns when everything written is on the medium. */
  sync(): void {
    this.#base.sync();
  }

  /** Starts such a sync. */
  startSync(): Promise<void> {
    return this.#base.startSync();
  }

  /** The owner has the lock. */
  lock(): boolean {
    return true;
  }

  /** Does nothing: the owner closes the file. */
  close(): void {}
}

/** A file whose reads see the records of its journal; its share owns the lock, and closes it. */
export class SharedFile extends LentFile {
  readonly #indexed: IndexedFile;
  /** Starts reads of the file, if it can. */
  readonly startRead: File["startRead"];

  /**
   * Joins both sides of a file.
   *
   * @param base The file, whose owner closes it.
   * @param indexed The same, with the records of the journal over it.
   */
  constructor(base: File, indexed: IndexedFile) {
    super(base);
    this.#indexed = indexed;
    this.startRead = base.startRead?.bind(base);
  }

  /** Reads pages, headers, or a header page, each whole, with the records over them. */
  override readAt(target: Uint8Array, start: number, length: number, position: number): number {
    return this.#indexed.readAt(target, start, length, position);
  }
}
