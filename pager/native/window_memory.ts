/**
 * Memory for frames that can be windows of the file: 2 MiB of address space each, which show a
 * chunk of the file, or are memory of the process.
 *
 * A window has no copy of a page until the page changes in it: then the system makes one, of 4 KiB,
 * and the file does not change. All other bytes are those in the system's cache, at any moment.
 *
 * It does not know which chunk a frame shows, nor when a copy may be dropped (`Windows`).
 */

import { IoError } from "../format/errors.ts";
import { CHUNK_BYTES } from "../format/format.ts";
import type { FrameMemory, Segment } from "./frame_memory.ts";
import type { Libc } from "./libc.ts";

/** Frames of a segment. */
const SEGMENT_FRAMES = 128;

/** Memory for frames that can be windows. */
export class WindowMemory implements FrameMemory {
  readonly #libc: Libc;
  readonly #segments: Segment[] = [];
  /** Frames that were given back: zeros, and no window. */
  readonly #used: Uint8Array<ArrayBuffer>[] = [];
  /** Frames of the last segment that were never taken. */
  #fresh = 0;

  /**
   * Takes no memory yet.
   *
   * @param libc The calls of the system.
   */
  constructor(libc: Libc) {
    this.#libc = libc;
  }

  take(): Uint8Array<ArrayBuffer> {
    const used = this.#used.pop();
    if (used !== undefined) return used;
    if (this.#fresh === 0) {
      this.#segments.push(this.#libc.reserveMemory(SEGMENT_FRAMES * CHUNK_BYTES));
      this.#fresh = SEGMENT_FRAMES;
    }
    const { bytes } = this.#segments.at(-1)!;
    const end = bytes.byteLength - --this.#fresh * CHUNK_BYTES;
    return bytes.subarray(end - CHUNK_BYTES, end);
  }

  giveBack(bytes: Uint8Array<ArrayBuffer>): void {
    this.clear(bytes);
    this.#used.push(bytes);
  }

  /** Makes the memory of a frame that is no window zeros. It needs no other mapping. */
  clear(bytes: Uint8Array<ArrayBuffer>): void {
    this.#libc.dropCopies(bytes);
  }

  /**
   * Makes a window memory of the process, of zeros.
   *
   * @throws {IoError} The system refused; it is a window still.
   */
  endWindow(bytes: Uint8Array<ArrayBuffer>): void {
    this.#libc.clearMemory(bytes);
  }

  /**
   * Makes memory usable after the system refused to show the file in it: where it took the memory
   * away before that, it gives zeros; where it refuses these too, nothing has changed.
   */
  renew(bytes: Uint8Array<ArrayBuffer>): void {
    try {
      this.#libc.clearMemory(bytes);
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
    }
  }

  /** Drops the copies of changed pages of a window, which shows the file's bytes from then on. */
  dropCopies(bytes: Uint8Array<ArrayBuffer>): void {
    this.#libc.dropCopies(bytes);
  }

  close(): void {
    this.#used.length = 0;
    this.#fresh = 0;
    for (const segment of this.#segments) segment.release();
    this.#segments.length = 0;
  }
}
