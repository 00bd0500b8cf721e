/**
 * The pages of a file that another process may be writing, for looking at it: read without the
 * lock, straight from the file, one by one.
 *
 * What is read is not one state: a header may be newer than its page, a page may be half written,
 * and what the writer has in memory or in the journal is not seen at all. So nothing is checked
 * unless it is asked for, nothing is kept, and nothing is written.
 */

import { seedOf } from "../format/checksum.ts";
import { Disk } from "../file/disk.ts";
import { openUnlockedDiskFile } from "../file/disk_file.ts";
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
import { type SuperblockState, superblockStates } from "../journal/journal_state.ts";
import { checkPage, registerRuns, type Verifier, type Verifiers } from "../format/page_check.ts";

/** The pages of a file that another process may be writing. */
export class UnlockedPages {
  readonly #disk: Disk;
  readonly #seed: number;
  readonly #verifiers: Verifiers = [];

  /**
   * Opens a file to look at it, locked or not.
   *
   * @param path Where it is.
   * @throws {CorruptionError} It is not a Quire database, or none that can be told as one now.
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

  /** The size of the file in bytes, now. */
  fileBytes(): number {
    return this.#disk.size();
  }

  /** Whole pages that the file has, now. */
  get pageCount(): number {
    return Math.min(Math.floor(this.fileBytes() / PAGE_BYTES), PAGE_COUNT_MAX);
  }

  /** Both copies of the superblock. */
  superblocks(): SuperblockState[] {
    return superblockStates(this.#disk);
  }

  /** Registers who checks the structure of pages of a kind. */
  register(kind: number, verifier: Verifier): void {
    this.#verifiers[kind] = verifier;
  }

  /** Copies a chunk's header page to slot 0 of a frame; what the file does not have is zero. */
  copyHeaderPage(chunk: number, into: Frame): void {
    this.#read(into, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
  }

  /** Copies a page and its header to slot 1 of a frame; what the file does not have is zero. */
  copyPage(page: number, into: Frame): void {
    this.#read(into, 1 << HEADER_SHIFT, HEADER_BYTES, headerPosition(page));
    this.#read(into, 1 << PAGE_SHIFT, PAGE_BYTES, page * PAGE_BYTES);
  }

  /**
   * Checks a page and its header, which stand in a slot.
   *
   * @throws {CorruptionError} The first rule that they break: damage, or a write that was going on.
   */
  checkPage(frame: Frame, slot: number, page: number): void {
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
