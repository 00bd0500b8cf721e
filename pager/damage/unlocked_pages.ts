/**
 * Reads the pages of a file that another process may be writing, for inspection: without the lock,
 * directly from the file, one by one.
 *
 * The pages read are not one consistent state: a header may be newer than its page, a page may be
 * half written, and the writer's changes in memory and in the journal are not visible. So pages are
 * checked only by `checkPage`, nothing is cached, and nothing is written.
 */

import { Disk } from "../file/disk.ts";
import { openUnlockedDiskFile } from "../file/disk_file.ts";
import { seedOf } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  FRESH_PAGES,
  HEADER_BYTES,
  HEADER_SHIFT,
  PAGE_BYTES,
  PAGE_COUNT_MAX,
  PAGE_SHIFT,
  SUPERBLOCK_PAGE,
  VERSION_MAX,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { headerPosition } from "../format/header.ts";
import { checkPage, registerRuns, type Verifier, type Verifiers } from "../format/page_check.ts";
import type { ChunkNumber, PageNumber, Slot } from "../format/units.ts";
import { type SuperblockState, superblockStates } from "../journal/journal_state.ts";

/** The pages of a file that another process may be writing. */
export class UnlockedPages {
  readonly #disk: Disk;
  readonly #seed: number;
  readonly #verifiers: Verifiers = [];

  /**
   * Opens a file for inspection, locked or not.
   *
   * @param path The path of the file.
   * @throws {CorruptionError} It is not a Quire database, or cannot be recognised as one now.
   * @throws {IoError} The system refused, or there is no file.
   */
  constructor(path: string) {
    this.#disk = new Disk(openUnlockedDiskFile(path));
    try {
      this.#seed = this.#findSeed();
    } catch (error) {
      this.#disk.close();
      throw error;
    }
    registerRuns(this.#verifiers);
  }

  #findSeed(): number {
    if (this.fileBytes() < FRESH_PAGES * PAGE_BYTES) {
      throw new CorruptionError(0, 0, "the file is too short for a Quire database");
    }
    const copies = this.superblocks();
    const content = copies.find((copy) => copy.content !== undefined)?.content;
    if (content !== undefined) return seedOf(content.databaseId);
    const page = SUPERBLOCK_PAGE;
    throw new CorruptionError(page, page * PAGE_BYTES, copies[0]!.damage ?? "");
  }

  /** The current size of the file, in bytes. */
  fileBytes(): number {
    return this.#disk.size();
  }

  /** The current number of whole pages in the file. */
  get pageCount(): number {
    return Math.min(Math.floor(this.fileBytes() / PAGE_BYTES), PAGE_COUNT_MAX);
  }

  /** Both copies of the superblock. */
  superblocks(): SuperblockState[] {
    return superblockStates(this.#disk);
  }

  /** Registers the check of the structure of pages of a kind. */
  register(kind: number, verifier: Verifier): void {
    this.#verifiers[kind] = verifier;
  }

  /** Copies a chunk's header page to slot 0 of a frame; bytes past the end of the file are zero. */
  copyHeaderPage(chunk: ChunkNumber, into: Frame): void {
    this.#read(into, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
  }

  /** Copies a page and its header to slot 1 of a frame; bytes past the end of the file are zero. */
  copyPage(page: PageNumber, into: Frame): void {
    this.#read(into, 1 << HEADER_SHIFT, HEADER_BYTES, headerPosition(page));
    this.#read(into, 1 << PAGE_SHIFT, PAGE_BYTES, page * PAGE_BYTES);
  }

  /**
   * Checks the page and header in a slot.
   *
   * @throws {CorruptionError} They break a rule, through damage or a write in progress.
   */
  checkPage(frame: Frame, slot: Slot, page: PageNumber): void {
    checkPage(frame, slot, page, this.#seed, VERSION_MAX, this.#verifiers);
  }

  #read(into: Frame, start: number, length: number, position: number): void {
    const done = this.#disk.read(into.u8, start, length, position);
    into.u8.fill(0, start + done, start + length);
  }

  /** Closes the file. */
  close(): void {
    this.#disk.close();
  }
}
