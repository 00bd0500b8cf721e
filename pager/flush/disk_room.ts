/**
 * What a session knows of the room on its disk, from refusals and from the file that it opened.
 *
 * A disk that was full once counts as full for the rest of the session: other users of the disk
 * may take at any time what is free now.
 */

import { type Disk, isFull } from "../file/disk.ts";
import { PAGE_BYTES } from "../format/format.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";

/** What a session knows of the room on its disk. */
export class DiskRoom {
  /** Whether the disk was full in this session, or may have been in the session before. */
  mayBeFull: boolean;
  /** Whether the disk refused a transaction, and no checkpoint has made room since. */
  wasRefused = false;
  /** Whether the file was longer than its page count, as a close on a full disk leaves it. */
  readonly #wasLonger: boolean;

  /**
   * The room on the disk of a file that is about to be used.
   *
   * @param mayBeFull Whether the last session may have found the disk full.
   */
  constructor(disk: Disk, superblock: CurrentSuperblock, mayBeFull: boolean) {
    this.#wasLonger = disk.size() > superblock.fields.pageCount * PAGE_BYTES;
    // A process that was killed leaves such a file too, on any disk.
    const wasClosed = !superblock.isOpen;
    this.mayBeFull = (this.#wasLonger && wasClosed) || mayBeFull;
  }

  /** Whether a close has to see whether the disk has room for the next session. */
  get mayBeTight(): boolean {
    return this.mayBeFull || this.#wasLonger;
  }

  /** Notes an error if it says that the disk is full; whether it does. */
  noteFull(error: unknown): boolean {
    if (!isFull(error)) return false;
    this.mayBeFull = true;
    return true;
  }
}
