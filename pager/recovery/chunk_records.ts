/**
 * Where the records of a journal are, grouped by the chunks that they change.
 *
 * A forged journal may name another chunk with each record of 8 bytes, so a record takes 8 bytes
 * here, and a chunk none.
 */

import { BYPASSED, CHANGED, WHOLE } from "../batch/log_record.ts";
import { assert } from "../format/assert.ts";
import { CHUNK_PAGES, CHUNK_SHIFT, PAGE_COUNT_MAX, SLOT_MASK } from "../format/format.ts";
import type { ChunkNumber, PageNumber } from "../format/units.ts";

const FIRST_RECORDS = 256;
/** Records begin at multiples of this. */
const WORD_BYTES = 4;
/** A key is a chunk times this, and the word where a record begins: below 2^53. */
const WORDS_MAX = 2 ** 29;
const CHUNKS_MAX = (PAGE_COUNT_MAX >>> CHUNK_SHIFT) + 1;

/** Where records are. Add them in the order of a replay, then call `finish`: each has an index. */
export class ChunkRecords {
  /** The number of records. */
  count = 0;
  /** The number of chunks that have records. */
  chunks = 0;
  /** The bytes of the group of the record that was found last. */
  bytes: Uint8Array = new Uint8Array();
  /** Where in them that record begins. */
  at = 0;
  /** The keys of the records; in ascending order once they are finished. */
  #keys = new Float64Array(FIRST_RECORDS);
  readonly #groups: Uint8Array[] = [];
  /** The word where each group begins, as if one followed the other. */
  readonly #starts: number[] = [];
  #words = 0;

  /** Adds the bytes of a group of records, to which the records added next belong. */
  addGroup(bytes: Uint8Array): void {
    this.#groups.push(bytes);
    this.#starts.push(this.#words);
    this.#words += Math.ceil(bytes.length / WORD_BYTES);
    assert(this.#words <= WORDS_MAX, "the groups are no longer than two journal areas");
  }

  /** Adds the record of a page at an offset of the last group. */
  add(at: number, page: PageNumber): void {
    if (this.count === this.#keys.length) this.#grow();
    const word = this.#starts[this.#starts.length - 1]! + at / WORD_BYTES;
    this.#keys[this.count++] = (page >>> CHUNK_SHIFT) * WORDS_MAX + word;
  }

  #grow(): void {
    const keys = new Float64Array(this.count * 2);
    keys.set(this.#keys);
    this.#keys = keys;
  }

  /** Ends adding: brings the records of each chunk together, in the order in which they came. */
  finish(): void {
    this.#keys.subarray(0, this.count).sort();
    for (let index = 0; index < this.count; index = this.end(index)) this.chunks++;
  }

  /** The bytes of the groups. */
  get byteLength(): number {
    return this.#groups.reduce((sum, { length }) => sum + length, 0);
  }

  /** The chunk of a record; past the last one, more than any chunk. */
  chunk(index: number): ChunkNumber {
    return index < this.count ? Math.floor(this.#keys[index]! / WORDS_MAX) : CHUNKS_MAX;
  }

  /** The index after the last record of the same chunk. */
  end(index: number): number {
    const chunk = this.chunk(index);
    let end = index + 1;
    while (end < this.count && this.chunk(end) === chunk) end++;
    return end;
  }

  /** Finds a record: sets `bytes` and `at`. */
  find(index: number): void {
    const word = this.#keys[index]! % WORDS_MAX;
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= word) low = middle;
      else high = middle;
    }
    this.bytes = this.#groups[low]!;
    this.at = (word - this.#starts[low]!) * WORD_BYTES;
  }
}

/** Which slots of a chunk have a first record that applies to their bytes in the file. */
export class ChangedSlots {
  /** 1 for each of them. */
  readonly flags: Uint8Array = new Uint8Array(CHUNK_PAGES);
  /** 1 for each slot that has a record of its bytes. */
  readonly #seen = new Uint8Array(CHUNK_PAGES);

  /** Begins another chunk. */
  clear(): void {
    this.flags.fill(0);
    this.#seen.fill(0);
  }

  /** Adds the next record of the chunk. */
  add(type: number, page: PageNumber): void {
    if (type !== CHANGED && type !== WHOLE && type !== BYPASSED) return;
    const slot = page & SLOT_MASK;
    if (this.#seen[slot] === 0 && type === CHANGED) this.flags[slot] = 1;
    this.#seen[slot] = 1;
  }
}
