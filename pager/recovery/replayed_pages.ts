/**
 * The pages that recovery replayed for a file that must not change. Each is kept as one record, and
 * rebuilt from it and the file at each read.
 *
 * A page that the journal holds whole is kept whole; of any other, the differences from the page in
 * the file are kept. So memory is in proportion to the journal: a record is no longer than the
 * records that it replaces, apart from short gaps between changes and at most 80 bytes for the
 * header of the page, and its index takes 8 bytes.
 *
 * The file must not change while this object is in use; its lock ensures that.
 */

import { LogBuffer, LogReader, WHOLE } from "../batch/log_record.ts";
import type { PagePatches } from "../file/overlay_file.ts";
import { PAGE_BYTES } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import type { PageNumber, Slot } from "../format/units.ts";

/** Replayed pages as records. Add pages in ascending order, then call `finish`. */
export class ReplayedPages implements PagePatches {
  readonly #records = new LogBuffer();
  readonly #reader = new LogReader();
  #pages = new Uint32Array(64);
  /** The offset of the record of each page. */
  #offsets = new Uint32Array(64);
  #count = 0;

  /** The byte after the last page; 0 = no pages. */
  get end(): number {
    return this.#count === 0 ? 0 : (this.#pages[this.#count - 1]! + 1) * PAGE_BYTES;
  }

  /** The bytes of memory in use. */
  get memoryBytes(): number {
    const { bytes } = this.#records;
    return bytes.byteLength + this.#pages.byteLength + this.#offsets.byteLength;
  }

  /** Adds the page in a slot, which does not depend on the file. */
  addWhole(page: PageNumber, frame: Frame, slot: Slot): void {
    this.#index(page);
    this.#records.addWhole(page, frame, slot);
  }

  /** Adds the page in a slot, as its differences from the same slot of `base`. */
  addChanged(page: PageNumber, frame: Frame, slot: Slot, base: Frame): void {
    this.#index(page);
    this.#records.addChanged(page, frame, slot, base, slot);
  }

  #index(page: PageNumber): void {
    if (this.#count === this.#pages.length) {
      this.#pages = resized(this.#pages, this.#count * 2);
      this.#offsets = resized(this.#offsets, this.#count * 2);
    }
    this.#pages[this.#count] = page;
    this.#offsets[this.#count++] = this.#records.length;
  }

  /** Frees the memory that was reserved for more pages. */
  finish(): void {
    this.#records.bytes = this.#records.bytes.slice(0, this.#records.length);
    this.#pages = resized(this.#pages, this.#count);
    this.#offsets = resized(this.#offsets, this.#count);
  }

  /** Returns the first replayed page from `page` on, or Infinity. */
  next(page: PageNumber): number {
    const index = this.#find(page);
    return index < this.#count ? this.#pages[index]! : Infinity;
  }

  /** Rebuilds a replayed page in slot 0 of a frame, which holds the page of the file. */
  apply(page: PageNumber, frame: Frame): void {
    const { bytes } = this.#records;
    this.#reader.read(bytes, this.#offsets[this.#find(page)]!, bytes.length);
    if (this.#reader.type === WHOLE) frame.u8.fill(0, 0, PAGE_BYTES);
    this.#reader.applyPieces(bytes, frame, 0);
  }

  /** The index of the first page that is not below `page`. */
  #find(page: PageNumber): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pages[middle]! < page) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function resized(words: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(length);
  copy.set(words.subarray(0, length));
  return copy;
}
