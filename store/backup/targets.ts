/**
 * The forms of a copy: a database file, the same bytes in order, or an increment.
 *
 * Bytes in order have zeros for free pages, and take no page early: the place of each is fixed.
 */

import {
  assert,
  type CopiedChunk,
  CopiedFile,
  type CopyReader,
  format,
  type Frame,
  IncrementWriter,
  superblockPages,
} from "../../pager/mod.ts";
import type { ChunkTarget } from "./copy_loop.ts";
import type { ByteSink, FileSink } from "./sinks.ts";

const { CHUNK_BYTES, CHUNK_PAGES, PAGE_BYTES, PAGE_SHIFT, SUPERBLOCK_PAGE } = format;

/** Receives a copy in one of its forms. */
export interface CopyTarget extends ChunkTarget {
  /** Takes a page out of a slot of a frame before its turn; undefined if it cannot. */
  readonly takeEarly: ((page: number, frame: Frame, slot: number) => void) | undefined;
  /** Writes what comes before the first chunk. */
  begin(reader: CopyReader): void;
  /** Writes what comes after the last chunk, and completes the copy. */
  complete(reader: CopyReader): Promise<void>;
}

/** A database file. */
export class DatabaseTarget implements CopyTarget {
  readonly #sink: FileSink;
  readonly #file: CopiedFile;

  /** Writes to a new file. */
  constructor(sink: FileSink) {
    this.#sink = sink;
    this.#file = new CopiedFile(sink.disk);
  }

  readonly takeEarly = (page: number, frame: Frame, slot: number): void =>
    this.#file.takeEarly(page, frame, slot);

  begin(): void {}

  writeChunk(chunk: CopiedChunk): void {
    this.#file.writeChunk(chunk);
  }

  async complete({ superblock }: CopyReader): Promise<void> {
    await this.#file.complete(superblock);
    await this.#sink.complete();
  }
}

/** The bytes of a database file, in order. */
export class BytesTarget implements CopyTarget {
  readonly takeEarly = undefined;
  readonly #sink: ByteSink;
  #begun: { readonly superblocks: Uint8Array; readonly pageCount: number } | undefined;

  /** Writes to a sink. */
  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  begin({ superblock, meta }: CopyReader): void {
    this.#begun = { superblocks: superblockPages(superblock), pageCount: meta.pageCount };
  }

  async writeChunk({ chunk, frame, wants }: CopiedChunk): Promise<void> {
    assert(this.#begun !== undefined, "a target begins before its chunks");
    const { superblocks, pageCount } = this.#begun;
    const length = Math.min(CHUNK_BYTES, (pageCount - chunk * CHUNK_PAGES) * PAGE_BYTES);
    for (let slot = 1; slot << PAGE_SHIFT < length; slot++) {
      if (wants[slot] === 0) frame.u8.fill(0, slot << PAGE_SHIFT, (slot + 1) << PAGE_SHIFT);
    }
    if (chunk === 0) frame.u8.set(superblocks, SUPERBLOCK_PAGE * PAGE_BYTES);
    this.#sink.append(frame.u8.subarray(0, length));
    await this.#sink.drained();
  }

  complete(): Promise<void> {
    return this.#sink.complete();
  }
}

/** An increment. Its records may come in any order, but a stream would keep them in memory. */
export class IncrementTarget implements CopyTarget {
  readonly takeEarly: CopyTarget["takeEarly"];
  readonly #sink: ByteSink;
  readonly #writer: IncrementWriter;

  /**
   * Writes to a sink.
   *
   * @param since Pages of later versions are in the increment.
   */
  constructor(sink: ByteSink, since: number) {
    this.#sink = sink;
    this.#writer = new IncrementWriter(since, (bytes) => sink.append(bytes));
    this.takeEarly = sink.isImmediate
      ? (page, frame, slot) => this.#writer.takeEarly(page, frame, slot)
      : undefined;
  }

  /** The number of pages written. */
  get pages(): number {
    return this.#writer.pages;
  }

  begin(reader: CopyReader): void {
    this.#writer.begin(reader);
  }

  async writeChunk(chunk: CopiedChunk): Promise<void> {
    this.#writer.writeChunk(chunk);
    await this.#sink.drained();
  }

  async complete(reader: CopyReader): Promise<void> {
    this.#writer.end(reader);
    await this.#sink.complete();
  }
}
