/**
 * The records of the journal: the changes of a commit to one page.
 *
 * | at | size | field                                                                |
 * | -- | ---- | -------------------------------------------------------------------- |
 * |  0 | u32  | page                                                                 |
 * |  4 | u8   | type                                                                 |
 * |  5 | u8   | reserved, zero                                                       |
 * |  6 | u16  | pieces                                                               |
 * |  8 | 32   | header of the page after the commit; not in `FREED` and `HEADERS`    |
 * |    | ...  | pieces: u16 offset in the page, u16 length, bytes                    |
 *
 * A `WHOLE` record holds all of a page: its pieces replace zeros. A `CHANGED` record holds the
 * differences from the page before. A `FREED` record frees a page. A `BYPASSED` record names a
 * page whose bytes are in the file already. A `HEADERS` record holds all of a header page. Records
 * may be applied twice, or to a page with later records, as long as all are applied in order.
 *
 * Only `HEADERS` records name header pages, none names a superblock, and a header in a record
 * belongs to a page in use. The length of each record is a multiple of four.
 */

import { LimitError } from "../format/errors.ts";
import {
  FRESH_PAGES,
  HEADER,
  HEADER_BYTES,
  HEADER_WORD_SHIFT,
  HEADER_WORDS,
  KIND_FREE,
  PAGE_BYTES,
  PAGE_COUNT_MAX,
  PAGE_SHIFT,
  PAGE_WORD_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { freeMemory } from "../format/free_memory.ts";
import type { PageNumber, Slot } from "../format/units.ts";

/** All of a page. */
export const WHOLE = 1;
/** The changed bytes of a page. */
export const CHANGED = 2;
/** A page is free. */
export const FREED = 3;
/** A page whose bytes are in the file already. */
export const BYPASSED = 4;
/** All of a header page. */
export const HEADERS = 5;

const PIECES_AT = 6;
const HEADER_AT = 8;
const PIECE_HEAD_BYTES = 4;
const PAGE_WORDS = PAGE_BYTES / 4;
/** More words are copied by the system, which takes longer to begin. */
const LOOP_WORDS_MAX = 64;
/** A piece ends after more equal words than these; a shorter gap costs less than a new piece. */
const QUIET_WORDS = 3;
/** The bytes that one call compares: changes are in few blocks, and each call has a cost. */
const BLOCK_BYTES = 1024;
const BLOCK_WORDS = BLOCK_BYTES / 4;
const FIRST_BYTES = 64 * 1024;
/** The most bytes of records; offsets in them are 32-bit numbers. */
const BYTES_MAX = 2 ** 32 - 4;
const KEPT_BYTES_MAX = 8 * 1024 * 1024;
/** The most bytes that an expectation takes, which may be a thousand times too high. */
const EXPECTED_BYTES_MAX = 256 * 1024 * 1024;

/** The most bytes that a record can take. */
export const RECORD_BYTES_MAX: number = HEADER_AT + HEADER_BYTES + PAGE_BYTES + PIECE_HEAD_BYTES;

/** An empty page. */
const ZEROS = new Frame(-1, POOL, 1);

/** A growing buffer of records. Each method that adds one throws `LimitError` past 4 GiB. */
export class LogBuffer {
  /** The bytes of the records, up to `length`. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  /** Bytes of records. */
  length = 0;
  /** Whether a record names a page that must be on the medium before the record. */
  hasBypassed = false;
  /** The first page that a record frees; `PAGE_COUNT_MAX` if none does. */
  freedStart: PageNumber = PAGE_COUNT_MAX;
  /** The page after the last one that a record frees, or 0. */
  freedEnd = 0;
  /** The same bytes as words. */
  #words = new Uint32Array(this.bytes.buffer);

  /** Empties the buffer. */
  clear(): void {
    this.truncate(0);
  }

  /** Forgets the records from `length` on, and gives back the memory of a large transaction. */
  truncate(length: number): void {
    this.length = length;
    if (length === 0) {
      this.hasBypassed = false;
      this.freedStart = PAGE_COUNT_MAX;
      this.freedEnd = 0;
    }
    if (this.bytes.length <= KEPT_BYTES_MAX || length > KEPT_BYTES_MAX) return;
    this.#resize(length + FIRST_BYTES);
  }

  /**
   * Makes room for about `more` bytes of records at once. A buffer that grows step by step is
   * copied each time, and each step takes fresh memory, which costs more than the copy. A system
   * may refuse the memory of a wrong expectation, so there is a limit.
   */
  expect(more: number): void {
    const capacity = Math.min(this.length + Math.min(more, EXPECTED_BYTES_MAX), BYTES_MAX);
    if (capacity > this.bytes.length) this.#resize(capacity);
  }

  /** Adds a record of all of a page. */
  addWhole(page: PageNumber, frame: Frame, slot: Slot): void {
    const record = this.#begin(page, WHOLE, frame.u32, slot << HEADER_WORD_SHIFT);
    this.#finish(record, this.#addPieces(frame, slot, ZEROS, 0));
  }

  /** Adds a record of the differences of a page from its image. */
  addChanged(page: PageNumber, frame: Frame, slot: Slot, old: Frame, oldSlot: number): void {
    const record = this.#begin(page, CHANGED, frame.u32, slot << HEADER_WORD_SHIFT);
    this.#finish(record, this.#addPieces(frame, slot, old, oldSlot));
  }

  /**
   * Adds a record of words of a page that changed.
   *
   * @param spans The first word and the word after the last of each span; a span may be empty.
   */
  addWords(page: PageNumber, frame: Frame, slot: Slot, spans: Uint32Array): void {
    const record = this.#begin(page, CHANGED, frame.u32, slot << HEADER_WORD_SHIFT);
    let pieces = 0;
    for (let at = 0; at < spans.length; at += 2) {
      if (spans[at] === spans[at + 1]) continue;
      this.#addPiece(frame, slot, spans[at]!, spans[at + 1]!);
      pieces++;
    }
    this.#finish(record, pieces);
  }

  /** Adds a piece for each difference of a page from another; returns their count. */
  #addPieces(frame: Frame, slot: Slot, old: Frame, oldSlot: number): number {
    const now = frame.u32;
    const was = old.u32;
    const from = slot << PAGE_WORD_SHIFT;
    const oldFrom = oldSlot << PAGE_WORD_SHIFT;
    let pieces = 0;
    for (let word = 0; word < PAGE_WORDS;) {
      word = skipEqual(frame, from, old, oldFrom, word);
      if (word === PAGE_WORDS) break;
      const start = word;
      let quiet = 0;
      for (; word < PAGE_WORDS && quiet <= QUIET_WORDS; word++) {
        quiet = now[from + word] === was[oldFrom + word] ? quiet + 1 : 0;
      }
      this.#addPiece(frame, slot, start, word - quiet);
      pieces++;
    }
    return pieces;
  }

  /** Adds a record of a page that is free. */
  addFreed(page: PageNumber): void {
    this.#finish(this.#head(page, FREED), 0);
    if (page < this.freedStart) this.freedStart = page;
    if (page >= this.freedEnd) this.freedEnd = page + 1;
  }

  /** Adds a record of a page whose bytes are in the file; its header begins at a word. */
  addBypassed(page: PageNumber, words: Uint32Array, word: number): void {
    this.#finish(this.#begin(page, BYPASSED, words, word), 0);
    this.hasBypassed = true;
  }

  /** Adds a record that is encoded already, from `from` to `to` of `bytes`. */
  addEncoded(bytes: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from);
    this.bytes.set(bytes.subarray(from, to), this.length);
    this.length += to - from;
  }

  /** Adds a record of all of the header page in a slot. */
  addHeaders(page: PageNumber, frame: Frame, slot: Slot): void {
    const record = this.#head(page, HEADERS);
    this.#addPiece(frame, slot, 0, PAGE_WORDS);
    this.#finish(record, 1);
  }

  #head(page: PageNumber, type: number): number {
    this.#reserve(RECORD_BYTES_MAX + PAGE_WORDS);
    const record = this.length;
    const at = record >>> 2;
    this.#words[at] = page;
    this.#words[at + 1] = type;
    this.length = record + HEADER_AT;
    return record;
  }

  /** Begins a record of a page whose header begins at a word. */
  #begin(page: PageNumber, type: number, header: Uint32Array, word: number): number {
    const record = this.#head(page, type);
    const at = this.length >>> 2;
    for (let i = 0; i < HEADER_WORDS; i++) this.#words[at + i]! = header[word + i]!;
    this.length += HEADER_BYTES;
    return record;
  }

  #addPiece(frame: Frame, slot: Slot, startWord: number, endWord: number): void {
    const count = endWord - startWord;
    this.#reserve(count * 4 + PIECE_HEAD_BYTES);
    const words = this.#words;
    const at = this.length >>> 2;
    words[at] = startWord * 4 | (count * 4) << 16;
    const from = (slot << PAGE_WORD_SHIFT) + startWord;
    if (count > LOOP_WORDS_MAX) words.set(frame.u32.subarray(from, from + count), at + 1);
    else for (let i = 0; i < count; i++) words[at + 1 + i]! = frame.u32[from + i]!;
    this.length += PIECE_HEAD_BYTES + count * 4;
  }

  #finish(record: number, pieces: number): void {
    this.#words[(record >>> 2) + 1]! |= pieces << 16;
  }

  /** @throws {LimitError} The records are too long. */
  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    if (needed > BYTES_MAX) {
      throw new LimitError("Cannot commit: the records of the transaction exceed 4 GiB");
    }
    this.#resize(Math.min(Math.max(this.bytes.length * 2, needed), BYTES_MAX));
  }

  #resize(capacity: number): void {
    const resized = new Uint8Array(Math.ceil(capacity / 4) * 4);
    resized.set(this.bytes.subarray(0, this.length));
    freeMemory(this.bytes);
    this.bytes = resized;
    this.#words = new Uint32Array(resized.buffer);
  }
}

/**
 * The first word, from `word` on, where two pages differ, or the end of the page. `Buffer.compare`
 * takes a tenth of the time of a loop over words, so it compares whole blocks.
 *
 * @param from The index of the first word of the page in its frame, as `oldFrom` of the other page.
 */
function skipEqual(
  frame: Frame,
  from: number,
  old: Frame,
  oldFrom: number,
  word: number,
): number {
  const now = frame.u32;
  const was = old.u32;
  let at = word;
  while (at < PAGE_WORDS) {
    const end = (at | (BLOCK_WORDS - 1)) + 1;
    const isWhole = end - at === BLOCK_WORDS;
    if (isWhole && isBlockEqual(frame, from + at, old, oldFrom + at)) {
      at = end;
    } else {
      for (; at < end; at++) if (now[from + at] !== was[oldFrom + at]) return at;
    }
  }
  return at;
}

/** Whether two blocks are equal, each given by its first word. */
function isBlockEqual(frame: Frame, word: number, old: Frame, oldWord: number): boolean {
  const start = word * 4;
  const oldStart = oldWord * 4;
  const { buffer } = frame;
  return buffer.compare(
    old.buffer,
    oldStart,
    oldStart + BLOCK_BYTES,
    start,
    start + BLOCK_BYTES,
  ) === 0;
}

/** One record of a batch: `read` fills it, and the next `read` replaces it. */
export class LogReader {
  /** The page of the record. */
  page = 0;
  /** The type of the record. */
  type = 0;
  #pieces = 0;
  #piecesAt = 0;
  #headerAt = 0;

  /**
   * Reads the record at a byte.
   *
   * @returns The byte after it, or -1 when the bytes up to `end` are not a whole record.
   */
  read(bytes: Uint8Array, at: number, end: number): number {
    if (at + HEADER_AT > end) return -1;
    this.readHead(bytes, at);
    this.#pieces = bytes[at + PIECES_AT]! | (bytes[at + PIECES_AT + 1]! << 8);
    this.#headerAt = at + HEADER_AT;
    if (this.type < WHOLE || this.type > HEADERS || bytes[at + 5] !== 0) return -1;
    this.#piecesAt = this.#headerAt + (this.#hasHeader ? HEADER_BYTES : 0);
    return this.#endOfPieces(bytes, end);
  }

  /** Reads the page and the type of a record that is known to be whole, and nothing else. */
  readHead(bytes: Uint8Array, at: number): void {
    this.page = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) |
      (bytes[at + 3]! << 24)) >>> 0;
    this.type = bytes[at + 4]!;
  }

  get #hasHeader(): boolean {
    return this.type !== FREED && this.type !== HEADERS;
  }

  /** Whether a record of its type may name its page, with its header. */
  isPlausible(bytes: Uint8Array): boolean {
    if ((this.page & SLOT_MASK) === 0) return this.type === HEADERS;
    if (this.type === HEADERS || this.page < FRESH_PAGES) return false;
    return !this.#hasHeader || bytes[this.#headerAt + HEADER.kind] !== KIND_FREE;
  }

  #endOfPieces(bytes: Uint8Array, end: number): number {
    let at = this.#piecesAt;
    for (let piece = 0; piece < this.#pieces; piece++) {
      if (at + PIECE_HEAD_BYTES > end) return -1;
      const offset = bytes[at]! | (bytes[at + 1]! << 8);
      const length = bytes[at + 2]! | (bytes[at + 3]! << 8);
      if (offset > PAGE_BYTES - length || (length & 3) !== 0) return -1;
      at += PIECE_HEAD_BYTES + length;
    }
    return at <= end ? at : -1;
  }

  /** Copies the record's header to a slot. */
  applyHeader(bytes: Uint8Array, frame: Frame, slot: Slot): void {
    frame.u8.set(
      bytes.subarray(this.#headerAt, this.#headerAt + HEADER_BYTES),
      slot * HEADER_BYTES,
    );
  }

  /** Writes the record's pieces over the page in a slot. */
  applyPieces(bytes: Uint8Array, frame: Frame, slot: Slot): void {
    let at = this.#piecesAt;
    for (let piece = 0; piece < this.#pieces; piece++) {
      const offset = bytes[at]! | (bytes[at + 1]! << 8);
      const length = bytes[at + 2]! | (bytes[at + 3]! << 8);
      at += PIECE_HEAD_BYTES;
      frame.u8.set(bytes.subarray(at, at + length), (slot << PAGE_SHIFT) + offset);
      at += length;
    }
  }
}
