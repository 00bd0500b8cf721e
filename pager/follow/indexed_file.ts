/**
 * A `File` that shows another one with the records of the journal over it: each page, and each
 * header in the header pages, as of the last group in the index.
 *
 * Another process may be writing the file. Where it has written a page meanwhile, the result does
 * not match its header, so the sums of a page tell whether it can be used. Bytes past the end of
 * the file are zero: its last pages may be in the journal only.
 */

import { Disk } from "../file/disk.ts";
import type { File } from "../file/file.ts";
import { assert } from "../format/assert.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  CHUNK_SHIFT,
  HEADER_BYTES,
  HEADER_SHIFT,
  KIND_FREE,
  PAGE_BYTES,
  PAGE_SHIFT,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { clearInUse, headerPosition, kindOf, setInUse } from "../format/header.ts";
import type { PageNumber, Slot, Version } from "../format/units.ts";
import type { RecordIndex } from "./record_index.ts";

/** The slot of a scratch frame that holds a page, and its header outside of it. */
const PAGE_SLOT = 1;

/** A file with the records of its journal over it, read-only. */
export class IndexedFile implements File {
  /** The path of the file. */
  readonly path: string | undefined;
  /** Starts reads of the file, if it can. */
  readonly startRead: File["startRead"];
  readonly #base: File;
  /** The file, for reads that no `Disk` makes on this one. */
  readonly #disk: Disk;
  readonly #index: RecordIndex;
  readonly #page = new Frame(-1, POOL, PAGE_SLOT + 1);
  readonly #headers = new Frame(-1, POOL, 1);

  /**
   * Lays an index over a file.
   *
   * @param base The file, which is closed with this one.
   * @param index The records.
   */
  constructor(base: File, index: RecordIndex) {
    this.path = base.path;
    this.startRead = base.startRead?.bind(base);
    this.#base = base;
    this.#disk = new Disk(base);
    this.#index = index;
  }

  /** The size of the file in bytes, without pages that are in the journal only. */
  size(): number {
    return this.#base.size();
  }

  /** Reads pages, headers, or a header page, each whole. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    target.fill(0, start + this.#read(target, start, length, position), start + length);
    const isHeaders = position % CHUNK_BYTES < PAGE_BYTES;
    if (isHeaders && length < PAGE_BYTES) this.#overlayHeaders(target, start, length, position);
    else this.#overlayPages(target, start, length, position);
    return length;
  }

  /** Reads bytes of the file; returns their number, which is less at its end. */
  #read(target: Uint8Array, start: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const count = this.#base.readAt(target, start + done, length - done, position + done);
      if (count <= 0) break;
      done += count;
    }
    return done;
  }

  #overlayHeaders(target: Uint8Array, start: number, length: number, position: number): void {
    const first = Math.floor(position / CHUNK_BYTES) * CHUNK_PAGES;
    const slot = (position % CHUNK_BYTES) >>> HEADER_SHIFT;
    for (let i = 0; i < length >>> HEADER_SHIFT; i++) {
      if (!this.#index.copyHeader(first + slot + i, this.#headers, 0)) continue;
      target.set(this.#headers.u8.subarray(0, HEADER_BYTES), start + (i << HEADER_SHIFT));
    }
  }

  #overlayPages(target: Uint8Array, start: number, length: number, position: number): void {
    assert(position % PAGE_BYTES === 0 && length % PAGE_BYTES === 0, "pages are read whole");
    const first = position / PAGE_BYTES;
    for (let i = 0; i < length >>> PAGE_SHIFT; i++) {
      const at = start + (i << PAGE_SHIFT);
      if ((first + i) % CHUNK_PAGES === 0) this.#overlayHeaderPage(target, at, first + i);
      else if (this.#index.has(first + i)) this.#overlayPage(target, at, first + i);
    }
  }

  #overlayPage(target: Uint8Array, at: number, page: PageNumber): void {
    const { u8 } = this.#page;
    u8.set(target.subarray(at, at + PAGE_BYTES), PAGE_SLOT << PAGE_SHIFT);
    this.#index.apply(page, this.#page, PAGE_SLOT);
    target.set(u8.subarray(PAGE_SLOT << PAGE_SHIFT, (PAGE_SLOT + 1) << PAGE_SHIFT), at);
  }

  /** Replaces the headers of the pages that have records, and their bits. */
  #overlayHeaderPage(target: Uint8Array, at: number, page: PageNumber): void {
    if (!this.#index.hasPartOf(page >>> CHUNK_SHIFT)) return;
    const headers = this.#headers;
    headers.u8.set(target.subarray(at, at + PAGE_BYTES));
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (!this.#index.copyHeader(page + slot, headers, slot)) continue;
      if (kindOf(headers, slot) === KIND_FREE) clearInUse(headers, 0, slot);
      else setInUse(headers, 0, slot);
    }
    // The chunk may be new, so that the file does not have its header page yet.
    setInUse(headers, 0, 0);
    target.set(headers.u8, at);
  }

  /**
   * Puts a page and its header, as they were at a version, into a slot of a frame. They may not
   * match each other: the file may have a newer page.
   *
   * @throws {IoError} The system refused.
   */
  copyAt(page: PageNumber, version: Version, frame: Frame, slot: Slot): void {
    const { u8 } = this.#page;
    u8.fill(0);
    this.#disk.read(u8, PAGE_SLOT << PAGE_SHIFT, PAGE_BYTES, page * PAGE_BYTES);
    this.#disk.read(u8, PAGE_SLOT << HEADER_SHIFT, HEADER_BYTES, headerPosition(page));
    this.#index.apply(page, this.#page, PAGE_SLOT, version);
    const from = PAGE_SLOT << PAGE_SHIFT;
    frame.u8.set(u8.subarray(from, from + PAGE_BYTES), slot << PAGE_SHIFT);
    const header = PAGE_SLOT << HEADER_SHIFT;
    frame.u8.set(u8.subarray(header, header + HEADER_BYTES), slot << HEADER_SHIFT);
  }

  /** Is never called: a follower writes nothing. */
  writeAt(): number {
    return refuse();
  }

  /** Is never called: a follower writes nothing. */
  writeThroughAt(): number {
    return refuse();
  }

  /** Is never called: a follower writes nothing. */
  truncate(): void {
    refuse();
  }

  /** Is never called: a follower syncs nothing. */
  sync(): void {
    refuse();
  }

  /** Is never called: a follower syncs nothing. */
  startSync(): Promise<void> {
    return refuse();
  }

  /** Is never called: a follower takes no lock. */
  lock(): boolean {
    return refuse();
  }

  /** Closes the file. */
  close(): void {
    this.#base.close();
  }
}

function refuse(): never {
  assert(false, "a follower only reads");
}
