/**
 * Applies an increment to a copy of its base that has no superblocks yet.
 *
 * Each page record is checked against its own sums before it is written. A chunk record frees the
 * pages that its bitmap does not have; then every header of the chunk is checked. The end record
 * has the sum of all headers, which shows that nothing is missing and that the base was the right
 * one. So a copy to which an increment was applied without an error has exactly its state.
 *
 * It does not know the chain of increments: the caller checks that the base has the right version.
 */

import type { Disk } from "../file/disk.ts";
import { pageSum, seedOf } from "../format/checksum.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  CHUNK_SHIFT,
  chunksOf,
  FRESH_PAGES,
  HEADER_BYTES,
  HEADER_SHIFT,
  HEADER_WORD_SHIFT,
  HEADER_WORDS,
  isOfTree,
  KIND_FREE,
  PAGE_BYTES,
  PAGE_SHIFT,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import {
  checkHeaderPage,
  headerPosition,
  headerSumHolds,
  isInUse,
  kindOf,
  statedPageSum,
  versionOf,
} from "../format/header.ts";
import {
  BITMAP_BYTES,
  CHUNK_RECORD,
  damaged,
  isData,
  PAGE_RECORD,
  TAG_BYTES,
} from "./increment_format.ts";
import type { IncrementReader, IncrementRecord } from "./increment_reader.ts";
import { StateSum } from "./state_sum.ts";

/** The slot of a page by itself; headers are in slot 0. */
const SCRATCH = 1;
/** The bytes of records that are applied between two turns of the event loop. */
const SLICE_BYTES = 2 * 1024 * 1024;

/** Applies an increment to a copy of its base. */
export class IncrementApply {
  /** The number of pages written. */
  pages = 0;
  readonly #disk: Disk;
  readonly #increment: IncrementReader;
  readonly #seed: number;
  readonly #sum = new StateSum();
  readonly #frame = new Frame(-1, POOL, SCRATCH + 1);
  #nextChunk = 0;

  /**
   * Begins to apply an increment; `run` does it.
   *
   * @param disk The copy.
   * @param increment The increment.
   */
  constructor(disk: Disk, increment: IncrementReader) {
    this.#disk = disk;
    this.#increment = increment;
    this.#seed = seedOf(increment.head.databaseId);
  }

  /**
   * Applies all records, and yields between slices. Returns whether the result is the state of the
   * increment; if not, the base was another one.
   *
   * @throws {CorruptionError} The increment breaks a rule.
   * @throws {IoError} The system refused.
   */
  *run(): Generator<void, boolean, undefined> {
    for (let done = 0;;) {
      const record = this.#increment.next();
      done += TAG_BYTES + record.content.length;
      if (record.type === PAGE_RECORD) this.#writePage(record);
      else if (record.type !== CHUNK_RECORD) return this.#end(record);
      else if (!this.#writeChunk(record)) return false;
      if (done < SLICE_BYTES) continue;
      done = 0;
      yield;
    }
  }

  #writePage({ number: page, content, offset }: IncrementRecord): void {
    const { base, meta } = this.#increment.head;
    const { u8, u32 } = this.#frame;
    if (!isData(page, meta.pageCount)) throw damaged(offset + 4, `no page of data can be ${page}`);
    if (page >>> CHUNK_SHIFT < this.#nextChunk) {
      throw damaged(offset + 4, `page ${page} follows the record of its chunk`);
    }
    u8.set(content.subarray(0, HEADER_BYTES), SCRATCH << HEADER_SHIFT);
    u8.set(content.subarray(HEADER_BYTES), SCRATCH << PAGE_SHIFT);
    const word = SCRATCH << HEADER_WORD_SHIFT;
    const kind = kindOf(this.#frame, SCRATCH);
    if (!isOfTree(kind)) throw damaged(offset, `page ${page} is of kind ${kind}`);
    if (!headerSumHolds(u32, word, page, this.#seed)) {
      throw damaged(offset, `the header sum of page ${page} does not match`);
    }
    if (pageSum(this.#frame, SCRATCH) !== statedPageSum(u32, word)) {
      throw damaged(offset, `the page sum of page ${page} does not match`);
    }
    const version = versionOf(this.#frame, SCRATCH);
    if (version <= base || version > meta.version) {
      throw damaged(offset, `page ${page} is of version ${version}`);
    }
    this.#disk.write(u8, SCRATCH << PAGE_SHIFT, PAGE_BYTES, page * PAGE_BYTES);
    this.#disk.write(u8, SCRATCH << HEADER_SHIFT, HEADER_BYTES, headerPosition(page));
    this.pages++;
  }

  /** Frees the pages that a bitmap does not have. Returns whether the others have headers. */
  #writeChunk({ number: chunk, content, offset }: IncrementRecord): boolean {
    const { pageCount } = this.#increment.head.meta;
    if (chunk !== this.#nextChunk++ || chunk >= chunksOf(pageCount)) {
      throw damaged(offset + 4, `chunk ${chunk} is out of order`);
    }
    const frame = this.#frame;
    const done = this.#disk.read(frame.u8, 0, PAGE_BYTES, chunk * CHUNK_PAGES * PAGE_BYTES);
    frame.u8.fill(0, done, PAGE_BYTES);
    frame.u8.set(content.subarray(0, BITMAP_BYTES));
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const word = slot << HEADER_WORD_SHIFT;
      if (!isInUse(frame, 0, slot)) frame.u32.fill(0, word, word + HEADER_WORDS);
      else if (kindOf(frame, slot) === KIND_FREE) return false;
      else if (chunk * CHUNK_PAGES + slot >= FRESH_PAGES) this.#sum.add(frame.u32, word);
    }
    checkHeaderPage(frame, 0, chunk, pageCount, this.#seed);
    this.#disk.write(frame.u8, 0, PAGE_BYTES, chunk * CHUNK_PAGES * PAGE_BYTES);
    return true;
  }

  #end(record: IncrementRecord): boolean {
    if (!this.#isState(record)) return false;
    // Chunks that the state does not have would come back if commits make the file longer.
    const end = chunksOf(this.#increment.head.meta.pageCount) * CHUNK_BYTES;
    if (this.#disk.size() > end) this.#disk.truncate(end);
    return true;
  }

  #isState({ number, content, offset }: IncrementRecord): boolean {
    if (number !== this.pages) throw damaged(offset + 4, `it has ${this.pages} pages`);
    if (this.#nextChunk !== chunksOf(this.#increment.head.meta.pageCount)) {
      throw damaged(offset, "chunks are missing");
    }
    const view = new DataView(content.buffer, content.byteOffset);
    const u32 = (at: number) => view.getUint32(at, true);
    return this.#sum.equals({ pages: u32(0), sum: u32(4), mixed: u32(8) });
  }
}
