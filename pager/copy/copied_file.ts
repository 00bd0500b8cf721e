/**
 * Writes a copy to a file, each page to its place. Free pages are holes.
 *
 * Invariants:
 * 1. The superblocks are written last, once everything else is on the medium: before that the file
 *    cannot be opened, whatever its name is.
 * 2. A page that came early is in its place before the header page of its chunk is written. Its
 *    header waits for that in memory, or in the file when there are too many.
 * 3. Chunks go to the medium while later ones are written, so that the sync before the superblocks
 *    has little left. One such sync runs at a time. If it fails, the file takes nothing more.
 */

import type { Disk } from "../file/disk.ts";
import {
  CHUNK_PAGES,
  HEADER_BYTES,
  HEADER_SHIFT,
  HEADER_WORD_SHIFT,
  HEADER_WORDS,
  PAGE_BYTES,
  PAGE_SHIFT,
  SUPERBLOCK_PAGE,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { headerPosition } from "../format/header.ts";
import { decodeSuperblock, encodeSuperblock, type Superblock } from "../format/superblock.ts";
import type { PageNumber, Slot } from "../format/units.ts";
import type { CopiedChunk } from "./copy_reader.ts";

const COPIES = 2;
/** The headers that are kept: with their numbers they take about 1 MiB. */
const COUNT_MAX = 16_384;
const COUNT_MIN = 256;
/** A sync begins behind as many bytes. */
const SYNC_BYTES = 32 * 1024 * 1024;

/**
 * The headers of pages that came early, in bounded memory: they are written with the header page,
 * instead of each by a write of its own.
 */
export class EarlyHeaders {
  readonly #countMax: number;
  /** The place of the header of each page. */
  readonly #places = new Map<PageNumber, number>();
  /** Places whose header was taken. */
  readonly #free: number[] = [];
  #words = new Uint32Array(0);

  /**
   * Begins without headers.
   *
   * @param countMax The most headers that are kept.
   */
  constructor(countMax = COUNT_MAX) {
    this.#countMax = countMax;
  }

  /** Keeps the header in a slot of a frame. Returns whether there was room. */
  keep(page: PageNumber, frame: Frame, slot: Slot): boolean {
    const count = this.#places.size;
    if (count === this.#countMax) return false;
    const place = this.#free.pop() ?? count;
    if ((place + 1) * HEADER_WORDS > this.#words.length) this.#grow();
    const word = slot << HEADER_WORD_SHIFT;
    const header = frame.u32.subarray(word, word + HEADER_WORDS);
    this.#words.set(header, place * HEADER_WORDS);
    this.#places.set(page, place);
    return true;
  }

  #grow(): void {
    const words = new Uint32Array(Math.max(COUNT_MIN * HEADER_WORDS, 2 * this.#words.length));
    words.set(this.#words);
    this.#words = words;
  }

  /** Moves the header of a page to a slot of a frame. Returns whether it was kept. */
  take(page: PageNumber, frame: Frame, slot: Slot): boolean {
    const place = this.#places.get(page);
    if (place === undefined) return false;
    const from = place * HEADER_WORDS;
    frame.u32.set(this.#words.subarray(from, from + HEADER_WORDS), slot << HEADER_WORD_SHIFT);
    this.#places.delete(page);
    this.#free.push(place);
    return true;
  }
}

/** A file that a copy is written to. */
export class CopiedFile {
  readonly #disk: Disk;
  readonly #headers = new Frame(-1, POOL, 1);
  readonly #early = new EarlyHeaders();
  readonly #syncBytes: number;
  /** The bytes of chunks that were written since the last sync began. */
  #unsynced = 0;
  #isSyncing = false;

  /**
   * Begins a copy.
   *
   * @param disk An empty file. The caller closes it.
   * @param syncBytes A sync begins behind as many bytes.
   */
  constructor(disk: Disk, syncBytes = SYNC_BYTES) {
    this.#disk = disk;
    this.#syncBytes = syncBytes;
  }

  /** Writes a page that came early out of a slot of a frame, and keeps its header. */
  takeEarly(page: PageNumber, frame: Frame, slot: Slot): void {
    this.#disk.write(frame.u8, slot << PAGE_SHIFT, PAGE_BYTES, page * PAGE_BYTES);
    if (this.#early.keep(page, frame, slot)) return;
    this.#disk.write(frame.u8, slot << HEADER_SHIFT, HEADER_BYTES, headerPosition(page));
  }

  /** Writes the header page of a chunk, and the pages that belong to the copy. */
  writeChunk({ chunk, frame, wants, early }: CopiedChunk): void {
    const first = chunk * CHUNK_PAGES;
    if (early.includes(1)) this.#takeOverHeaders(first, frame, early);
    // By itself: writes of whole chunks, each 2 MiB at a multiple of 2 MiB, took the system nearly
    // twice the processor time (Linux 6.18, ext4).
    this.#disk.write(frame.u8, 0, PAGE_BYTES, first * PAGE_BYTES);
    for (let slot = 1; slot < CHUNK_PAGES;) {
      let end = slot;
      while (end < CHUNK_PAGES && wants[end] === 1) end++;
      const bytes = (end - slot) * PAGE_BYTES;
      if (bytes > 0) {
        this.#disk.write(frame.u8, slot << PAGE_SHIFT, bytes, (first + slot) * PAGE_BYTES);
        this.#unsynced += bytes;
      }
      slot = end + 1;
    }
    if (this.#unsynced >= this.#syncBytes && !this.#isSyncing) void this.#syncBehind();
  }

  async #syncBehind(): Promise<void> {
    this.#unsynced = 0;
    this.#isSyncing = true;
    try {
      await this.#disk.startSync();
    } catch {
      // The disk has latched: the next write, or the last sync, fails.
    }
    this.#isSyncing = false;
  }

  #takeOverHeaders(first: PageNumber, frame: Frame, early: Uint8Array): void {
    const { u8, u32 } = this.#headers;
    let isRead = false;
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (early[slot] === 0 || this.#early.take(first + slot, frame, slot)) continue;
      if (!isRead) this.#disk.read(u8, 0, PAGE_BYTES, first * PAGE_BYTES);
      isRead = true;
      const word = slot << HEADER_WORD_SHIFT;
      frame.u32.set(u32.subarray(word, word + HEADER_WORDS), word);
    }
  }

  /**
   * Completes the file, without waiting for a sync in line.
   *
   * @throws {CorruptionError} The superblock breaks a rule; nothing was written.
   * @throws {IoError} The system refused; the file is not complete.
   */
  async complete(superblock: Superblock): Promise<void> {
    const bytes = superblockPages(superblock);
    this.#disk.truncate(superblock.pageCount * PAGE_BYTES);
    await this.#disk.startSync();
    this.#disk.write(bytes, 0, bytes.length, SUPERBLOCK_PAGE * PAGE_BYTES);
    await this.#disk.startSync();
  }
}

/**
 * Both copies of a superblock, as they are in a closed file. They can be read again: a copy that
 * nobody can open is none, whether a forged file or a fault of ours made it so.
 *
 * @throws {CorruptionError} It breaks a rule.
 */
export function superblockPages(superblock: Superblock): Uint8Array {
  const bytes = new Uint8Array(COPIES * PAGE_BYTES);
  const first = bytes.subarray(0, PAGE_BYTES);
  encodeSuperblock(superblock, first);
  decodeSuperblock(first, SUPERBLOCK_PAGE);
  bytes.set(first, PAGE_BYTES);
  return bytes;
}
