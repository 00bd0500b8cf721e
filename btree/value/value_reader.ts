/**
 * Reads parts of a value outside of its leaf: a range of its bytes, or the whole value piece by
 * piece.
 *
 * It does not read pages outside the range; of earlier runs it reads only headers. It returns
 * copies. It follows the runs from the first one, so they must not change meanwhile: read from a
 * snapshot, or change nothing between calls.
 */

import { assert, type PageReader } from "../../pager/mod.ts";
import { bodyBytes } from "./body.ts";
import { readTail } from "./fragments.ts";
import { decodeReference, type Reference } from "./reference.ts";
import { copyFromRun, runsOf } from "./runs.ts";

/** The most bytes in one piece: 64 KiB. */
export const PIECE_BYTES: number = 64 * 1024;

/** Reads parts of a value outside of its leaf. */
export class ValueReader {
  readonly #pager: PageReader;
  readonly #tree: number;
  readonly #reference: Reference;

  /**
   * Creates a reader of the value of a reference.
   *
   * @param pager The source of pages.
   * @param tree The number of the tree that owns the value.
   * @param bytes The bytes that contain the reference; the reader does not keep them.
   * @param at The offset of the reference in `bytes`.
   */
  constructor(pager: PageReader, tree: number, bytes: Uint8Array, at: number) {
    this.#pager = pager;
    this.#tree = tree;
    this.#reference = decodeReference(bytes, at);
  }

  /** The length of the value in bytes, by its reference. */
  get length(): number {
    return this.#reference.length;
  }

  /**
   * Reads the bytes from `start` to `end` - 1, which must be in the value.
   *
   * @throws {CorruptionError} The runs do not match the reference.
   */
  read(start: number, end: number): Uint8Array {
    assert(start >= 0 && start <= end && end <= this.length, "a range is inside its value");
    const { number, length } = this.#reference;
    const body = number === 0 ? length : bodyBytes(length);
    if (start >= body && number !== 0) return this.#tail().slice(start - body, end - body);
    let bytes: Uint8Array | undefined;
    let first = 0;
    for (const run of runsOf(this.#pager, this.#tree, this.#reference)) {
      // The walk of the runs has refused a length that the file cannot hold.
      bytes ??= new Uint8Array(end - start);
      const from = Math.max(start - first, 0);
      const to = Math.min(end - first, run.bytes);
      if (from < to) copyFromRun(this.#pager, run, from, to, bytes, first + from - start);
      first += run.bytes;
      if (first >= end) break;
    }
    if (bytes === undefined) return new Uint8Array(0);
    if (end > body) bytes.set(this.#tail().subarray(0, end - body), body - start);
    return bytes;
  }

  /**
   * Reads the whole value in pieces of 64 KiB. The last piece of a run may be shorter.
   *
   * @throws {CorruptionError} The runs, or the fragments, do not match the reference.
   */
  *pieces(): Generator<Uint8Array, void, undefined> {
    for (const run of runsOf(this.#pager, this.#tree, this.#reference)) {
      for (let from = 0; from < run.bytes; from += PIECE_BYTES) {
        const to = Math.min(from + PIECE_BYTES, run.bytes);
        const piece = new Uint8Array(to - from);
        copyFromRun(this.#pager, run, from, to, piece, 0);
        yield piece;
      }
    }
    if (this.#reference.number !== 0) yield this.#tail();
  }

  /** The bytes that fragments hold. */
  #tail(): Uint8Array {
    return readTail(this.#pager, this.#tree, this.#reference);
  }
}
