/**
 * Writes an increment: encodes pages and chunks as records, and gathers these for few writes.
 */

import { assert } from "../format/assert.ts";
import { crcAfter } from "../format/checksum.ts";
import {
  CHUNK_PAGES,
  HEADER_BYTES,
  HEADER_SHIFT,
  PAGE_BYTES,
  PAGE_SHIFT,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { versionOf } from "../format/header.ts";
import type { PageNumber, Slot, Version } from "../format/units.ts";
import { giveSpareFrameBack, takeSpareFrame } from "../native/spare_frames.ts";
import type { CopiedChunk, CopyReader } from "./copy_reader.ts";
import {
  BITMAP_BYTES,
  CHUNK_RECORD,
  CHUNK_RECORD_BYTES,
  encodeHead,
  END_RECORD,
  END_RECORD_BYTES,
  PAGE_RECORD,
  PAGE_RECORD_BYTES,
  TAG_BYTES,
} from "./increment_format.ts";

const GATHERED_BYTES = 1024 * 1024;

/** Writes the records of an increment, in order. */
export class IncrementWriter {
  /** The number of page records. */
  pages = 0;
  readonly #since: Version;
  readonly #append: (bytes: Uint8Array) => void;
  /** Its bytes are used for the records, whatever place in a chunk they have. */
  readonly #memory = takeSpareFrame();
  readonly #gathered = this.#memory.u8.subarray(0, GATHERED_BYTES);
  readonly #view = this.#memory.view;
  #hasEnded = false;
  #length = 0;
  /** The CRC-32 of all bytes that were appended. */
  #sum = 0;

  /**
   * Begins an increment.
   *
   * @param since Pages of later versions are in it.
   * @param append Writes bytes behind those before; they are valid during the call.
   */
  constructor(since: Version, append: (bytes: Uint8Array) => void) {
    this.#since = since;
    this.#append = append;
  }

  /** Writes the head, before any record. */
  begin({ superblock, meta }: CopyReader): void {
    const head = encodeHead({ databaseId: superblock.databaseId, base: this.#since, meta });
    this.#gathered.set(head);
    this.#length = head.length;
  }

  /** Writes a page that came early, out of a slot of a frame, if its version is later. */
  takeEarly(page: PageNumber, frame: Frame, slot: Slot): void {
    if (versionOf(frame, slot) > this.#since) this.#writePage(page, frame, slot);
  }

  /** Writes the pages of a chunk, and its bitmap. */
  writeChunk({ chunk, frame, wants }: CopiedChunk): void {
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (wants[slot] === 1) this.#writePage(chunk * CHUNK_PAGES + slot, frame, slot);
    }
    const at = this.#begin(CHUNK_RECORD, chunk, CHUNK_RECORD_BYTES);
    this.#gathered.set(frame.u8.subarray(0, BITMAP_BYTES), at);
  }

  /** Writes the end. No call may follow. */
  end({ sum }: CopyReader): void {
    const at = this.#begin(END_RECORD, this.pages, END_RECORD_BYTES);
    this.#view.setUint32(at, sum.pages, true);
    this.#view.setUint32(at + 4, sum.sum, true);
    this.#view.setUint32(at + 8, sum.mixed, true);
    const total = crcAfter(this.#gathered.subarray(0, at + 12), this.#sum);
    this.#view.setUint32(at + 12, total, true);
    this.flush();
    this.#hasEnded = true;
    giveSpareFrameBack(this.#memory);
  }

  /** Hands the gathered records to `append`. */
  flush(): void {
    const bytes = this.#gathered.subarray(0, this.#length);
    this.#sum = crcAfter(bytes, this.#sum);
    this.#append(bytes);
    this.#length = 0;
  }

  #writePage(page: PageNumber, frame: Frame, slot: Slot): void {
    const at = this.#begin(PAGE_RECORD, page, PAGE_RECORD_BYTES);
    const header = slot << HEADER_SHIFT;
    const start = slot << PAGE_SHIFT;
    this.#gathered.set(frame.u8.subarray(header, header + HEADER_BYTES), at);
    this.#gathered.set(frame.u8.subarray(start, start + PAGE_BYTES), at + HEADER_BYTES);
    this.pages++;
  }

  /** Begins a record; returns where its content begins. */
  #begin(type: number, number: number, bytes: number): number {
    assert(!this.#hasEnded, "nothing follows the end of an increment");
    if (this.#length + bytes > GATHERED_BYTES) this.flush();
    const at = this.#length;
    this.#view.setUint32(at, type, true);
    this.#view.setUint32(at + 4, number, true);
    this.#length += bytes;
    return at + TAG_BYTES;
  }
}
