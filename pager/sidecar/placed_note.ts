/**
 * The version up to which pages may be in place, in the lock file: no page of the file is newer. A
 * checkpoint writes it before its first page. Who needs all pages of a version looks there: a page
 * that was freed and placed since would look free.
 *
 * It is not in the sidecar. That may have been deleted, so that processes have different ones, and
 * one of them may have died while it placed pages. Whoever has the write lock has compared the lock
 * file with the one at the path.
 *
 * | at | size | field                 |
 * | -- | ---- | --------------------- |
 * |  0 | u64  | version               |
 * |  8 | u32  | CRC-32 of bytes 0..7  |
 */

import { crc } from "../format/checksum.ts";
import type { Version } from "../format/units.ts";

const NOTE_BYTES = 12;
const SUM_AT = 8;
const TWO_32 = 0x1_0000_0000;

/** The bytes of a lock file. */
export interface NoteBytes {
  /** Reads bytes; those past the end are zero. */
  readNote(into: Uint8Array, position: number): void;
  /** Writes bytes. */
  writeNote(bytes: Uint8Array, position: number): void;
}

/** The version up to which pages may be in place. */
export class PlacedNote {
  readonly #file: NoteBytes;
  readonly #bytes = new Uint8Array(NOTE_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);

  /**
   * The note of a lock file.
   *
   * @param file The lock file.
   */
  constructor(file: NoteBytes) {
    this.#file = file;
  }

  /** The version; undefined if it is not known. Under the write lock. */
  read(): Version | undefined {
    this.#file.readNote(this.#bytes, 0);
    const isWhole = this.#view.getInt32(SUM_AT, true) === crc(this.#bytes.subarray(0, SUM_AT));
    if (!isWhole) return undefined;
    return this.#view.getUint32(4, true) * TWO_32 + this.#view.getUint32(0, true);
  }

  /** Notes a version. Under the write lock. */
  write(version: Version): void {
    this.#view.setUint32(0, version % TWO_32, true);
    this.#view.setUint32(4, Math.floor(version / TWO_32), true);
    this.#view.setInt32(SUM_AT, crc(this.#bytes.subarray(0, SUM_AT)), true);
    this.#file.writeNote(this.#bytes, 0);
  }
}
