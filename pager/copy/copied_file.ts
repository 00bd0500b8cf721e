/**
 * Writes a copy to a file, each page to its place. Free pages are holes.
 *
 * Invariants:
 * 1. The superblocks are written last, once everything else is on the medium: before that the file
 *    cannot be opened, whatever its name is.
 * 2. A page that came early is in its place before the header page of its chunk is written, which
 *    takes over its header from the file.
 */

import type { Disk } from "../file/disk.ts";
import {
  CHUNK_PAGES,
  HEADER_BYTES,
  HEADER_SHIFT,
  HEADER_WORD_SHIFT,
  PAGE_BYTES,
  PAGE_SHIFT,
  SUPERBLOCK_PAGE,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { headerPosition } from "../format/header.ts";
import { encodeSuperblock, type Superblock } from "../format/superblock.ts";
import type { PageNumber, Slot } from "../format/units.ts";
import type { CopiedChunk } from "./copy_reader.ts";

const HEADER_WORDS = 1 << HEADER_WORD_SHIFT;
const COPIES = 2;

/** A file that a copy is written to. */
export class CopiedFile {
  readonly #disk: Disk;
  readonly #headers = new Frame(-1, POOL, 1);

  /**
   * Begins a copy.
   *
   * @param disk An empty file. The caller closes it.
   */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Writes a page that came early, and its header, out of a slot of a frame. */
  takeEarly(page: PageNumber, frame: Frame, slot: Slot): void {
    this.#disk.write(frame.u8, slot << PAGE_SHIFT, PAGE_BYTES, page * PAGE_BYTES);
    this.#disk.write(frame.u8, slot << HEADER_SHIFT, HEADER_BYTES, headerPosition(page));
  }

  /** Writes the header page of a chunk, and the pages that belong to the copy. */
  writeChunk({ chunk, frame, wants, early }: CopiedChunk): void {
    const first = chunk * CHUNK_PAGES;
    if (early.includes(1)) this.#takeOverHeaders(first, frame, early);
    this.#disk.write(frame.u8, 0, PAGE_BYTES, first * PAGE_BYTES);
    for (let slot = 1; slot < CHUNK_PAGES;) {
      let end = slot;
      while (end < CHUNK_PAGES && wants[end] === 1) end++;
      const bytes = (end - slot) * PAGE_BYTES;
      if (bytes > 0) {
        this.#disk.write(frame.u8, slot << PAGE_SHIFT, bytes, (first + slot) * PAGE_BYTES);
      }
      slot = end + 1;
    }
  }

  #takeOverHeaders(first: PageNumber, frame: Frame, early: Uint8Array): void {
    const { u8, u32 } = this.#headers;
    this.#disk.read(u8, 0, PAGE_BYTES, first * PAGE_BYTES);
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (early[slot] === 0) continue;
      const word = slot << HEADER_WORD_SHIFT;
      frame.u32.set(u32.subarray(word, word + HEADER_WORDS), word);
    }
  }

  /**
   * Completes the file, without waiting for a sync in line.
   *
   * @throws {IoError} The system refused; the file is not complete.
   */
  async complete(superblock: Superblock): Promise<void> {
    this.#disk.truncate(superblock.pageCount * PAGE_BYTES);
    await this.#disk.startSync();
    const bytes = superblockPages(superblock);
    this.#disk.write(bytes, 0, bytes.length, SUPERBLOCK_PAGE * PAGE_BYTES);
    await this.#disk.startSync();
  }
}

/** Both copies of a superblock, as they are in a closed file. */
export function superblockPages(superblock: Superblock): Uint8Array {
  const bytes = new Uint8Array(COPIES * PAGE_BYTES);
  encodeSuperblock(superblock, bytes.subarray(0, PAGE_BYTES));
  bytes.set(bytes.subarray(0, PAGE_BYTES), PAGE_BYTES);
  return bytes;
}
