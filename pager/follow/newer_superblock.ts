/**
 * Looks for a newer superblock by one read of 8 bytes. Superblock n is written to the copy of the
 * parity of n first, and to the other one once that is on the medium. So nothing is newer than n
 * while the copy of the other parity has the number n, or n - 1, which it had before.
 */

import type { Disk } from "../file/disk.ts";
import { PAGE_BYTES, SUPERBLOCK, SUPERBLOCK_PAGE } from "../format/format.ts";

const NUMBER_BYTES = 8;
const TWO_32 = 0x1_0000_0000;

/** Looks for newer superblocks. */
export class NewerSuperblock {
  readonly #disk: Disk;
  readonly #bytes = new Uint8Array(NUMBER_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);

  /**
   * Creates the look-out of a file.
   *
   * @param disk The file.
   */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Whether there may be a superblock that is newer than the one with a number. */
  mayBeAfter(number: number): boolean {
    const page = SUPERBLOCK_PAGE + ((number + 1) & 1);
    this.#disk.read(this.#bytes, 0, NUMBER_BYTES, page * PAGE_BYTES + SUPERBLOCK.number);
    const found = this.#view.getUint32(4, true) * TWO_32 + this.#view.getUint32(0, true);
    return found !== number && found !== number - 1;
  }
}
