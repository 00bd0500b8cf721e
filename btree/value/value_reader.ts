/**
 * Reads parts of a value that is in runs: a range of its bytes, or one piece after the other.
 *
 * Pages outside of the range are not read; of runs before it, only headers are. What it returns are
 * copies. It goes through the runs from the first one on, so it has to read where they stay as they
 * are: in a snapshot, or with nothing changed in between.
 */

import { assert, type PageReader } from "../../pager/mod.ts";
import { copyFromRun, decodeReference, type Reference, runsOf } from "./value.ts";

/** The length of all pieces but the last: 64 KiB. */
export const PIECE_BYTES: number = 64 * 1024;

/** Reads parts of a value that is in runs. */
export class ValueReader {
  readonly #pager: PageReader;
  readonly #tree: number;
  readonly #reference: Reference;

  /**
   * A reader of the value that a reference refers to.
   *
   * @param pager Where pages are read.
   * @param tree The number of the tree that the value is of.
   * @param bytes Where the reference is; they are not needed afterwards.
   * @param at Where in them it begins.
   */
  constructor(pager: PageReader, tree: number, bytes: Uint8Array, at: number) {
    this.#pager = pager;
    this.#tree = tree;
    this.#reference = decodeReference(bytes, at);
  }

  /** Bytes of the value, as its reference says. */
  get length(): number {
    return this.#reference.length;
  }

  /**
   * The bytes from `start` on and below `end`, which must be in the value.
   *
   * @throws {CorruptionError} The runs are not what the reference says.
   */
  read(start: number, end: number): Uint8Array {
    assert(start >= 0 && start <= end && end <= this.length, "a range is inside its value");
    let bytes: Uint8Array | undefined;
    let first = 0;
    for (const run of runsOf(this.#pager, this.#tree, this.#reference)) {
      // A length that the file cannot hold has been refused by now.
      bytes ??= new Uint8Array(end - start);
      const from = Math.max(start - first, 0);
      const to = Math.min(end - first, run.bytes);
      if (from < to) copyFromRun(this.#pager, run, from, to, bytes, first + from - start);
      first += run.bytes;
      if (first >= end) break;
    }
    return bytes ?? new Uint8Array(0);
  }

  /**
   * All of the value, in pieces of 64 KiB; shorter ones stand at the ends of runs.
   *
   * @throws {CorruptionError} The runs are not what the reference says.
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
  }
}
