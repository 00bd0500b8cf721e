/**
 * A `File` that calls a function of the test before each operation, and in the middle of each
 * write, so that a reader of the same bytes meets the file in every state of a writer. It knows
 * which bytes a power cut leaves at least.
 */

import { type File, MemoryFile } from "../../../pager/mod.ts";

/** Writes are cut at a multiple of this. */
const SECTOR_BYTES = 512;

/** A `File` that a writer and readers use at the same time. */
export class LiveFile implements File {
  /** Called before each operation of the writer, and in the middle of its writes. */
  between: () => void = () => {};
  /** The bytes that a reader sees. */
  readonly now = new MemoryFile();
  /** The bytes that are certainly on the medium. */
  readonly medium = new MemoryFile();
  #pending: ((file: MemoryFile) => void)[] = [];

  /** The size in bytes. */
  size(): number {
    return this.now.size();
  }

  /** Reads up to `length` bytes. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    return this.now.readAt(target, start, length, position);
  }

  /** Writes in two parts. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    this.#write(source, start, length, position, (write) => this.#pending.push(write));
    return length;
  }

  /** Writes in two parts, to the medium. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    this.#write(source, start, length, position, (write) => write(this.medium));
    return length;
  }

  #write(
    source: Uint8Array,
    start: number,
    length: number,
    position: number,
    keep: (write: (file: MemoryFile) => void) => void,
  ): void {
    const bytes = source.slice(start, start + length);
    const half = Math.floor(length / 2 / SECTOR_BYTES) * SECTOR_BYTES;
    for (const [from, to] of [[0, half], [half, length]] as const) {
      if (to > from) this.between();
      this.now.writeAt(bytes, from, to - from, position + from);
    }
    keep((file) => file.writeAt(bytes, 0, length, position));
    this.between();
  }

  /** Shortens the file, or extends it. */
  truncate(size: number): void {
    this.between();
    this.now.truncate(size);
    this.#pending.push((file) => file.truncate(size));
  }

  /** Takes everything to the medium. */
  sync(): void {
    this.between();
    for (const write of this.#pending) write(this.medium);
    this.#pending = [];
    this.between();
  }

  /** The same. */
  startSync(): Promise<void> {
    this.sync();
    return Promise.resolve();
  }

  /** Always succeeds. */
  lock(): boolean {
    return true;
  }

  /** Keeps the bytes. */
  close(): void {}
}

/** The file of one writer, which may die: then nothing that it does has an effect. */
export class Handle implements File {
  /** Whether the writer has died. */
  isDead = false;
  readonly #file: LiveFile;

  /** Opens a file. */
  constructor(file: LiveFile) {
    this.#file = file;
  }

  /** The size in bytes. */
  size(): number {
    return this.#file.size();
  }

  /** Reads up to `length` bytes. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    return this.#file.readAt(target, start, length, position);
  }

  /** Writes, unless the writer has died. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    if (this.isDead) return length;
    return this.#file.writeAt(source, start, length, position);
  }

  /** Writes, unless the writer has died. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    if (this.isDead) return length;
    return this.#file.writeThroughAt(source, start, length, position);
  }

  /** Changes the size, unless the writer has died. */
  truncate(size: number): void {
    if (!this.isDead) this.#file.truncate(size);
  }

  /** Syncs, unless the writer has died. */
  sync(): void {
    if (!this.isDead) this.#file.sync();
  }

  /** The same. */
  startSync(): Promise<void> {
    this.sync();
    return Promise.resolve();
  }

  /** Always succeeds. */
  lock(): boolean {
    return true;
  }

  /** Keeps the bytes. */
  close(): void {}
}
