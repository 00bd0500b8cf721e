/**
 * The undo log: the changes of a transaction to pages, in order. It is a growing array of
 * fixed-size records of 32-bit words, without an object per record. The saved words of patched
 * pages are in an array of their own.
 *
 * It stores records; `Rollback` applies them.
 */

import { HEADER_WORD_SHIFT, HEADER_WORDS, PAGE_WORD_SHIFT } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { freeMemory } from "../format/free_memory.ts";
import type { PageNumber, Slot } from "../format/units.ts";

/** A page was changed; an image holds its old bytes. */
export const CHANGED = 1;
/** A free page was taken into use. */
export const ALLOCATED = 2;
/** A page in use was given back; its header is in the record. */
export const RELEASED = 3;
/** A header page was touched. */
export const HEADERS = 4;
/** Some words of a page were changed; the log holds the old words and the old header. */
export const PATCHED = 5;
/** The number of spans of a `PATCHED` record; the second may be empty. */
export const SPANS = 2;

/**
 * Words of a record: type, page, place of the image, scope or tick before, then a header. A
 * `PATCHED` record has one or two *spans*, each as its first word in the page | its end << 16. Its
 * third word is the index of its saved words, the fourth is one span, the last the other span or 0.
 */
const RECORD_WORDS = 13;
const HEADER_AT = 4;
const SPAN_AT = 3;
const SECOND_SPAN_AT = 12;
const FIRST_SAVED_WORDS = 4 * 1024;
/** Larger arrays are released when the transaction ends. */
const KEPT_RECORDS_MAX = 65_536;
const KEPT_SAVED_WORDS_MAX = 1024 * 1024;

/** The changes of a transaction to pages, in order. */
export class UndoLog {
  #words = new Uint32Array(RECORD_WORDS * 64);
  #length = 0;
  #saved = new Uint32Array(FIRST_SAVED_WORDS);
  #savedLength = 0;

  /** The number of records. */
  get length(): number {
    return this.#length;
  }

  /** Adds a record. */
  push(type: number, page: PageNumber, image: number, before: number): void {
    if ((this.#length + 1) * RECORD_WORDS > this.#words.length) this.#grow();
    const at = this.#length++ * RECORD_WORDS;
    this.#words[at] = type;
    this.#words[at + 1] = page;
    this.#words[at + 2] = image;
    this.#words[at + 3] = before;
  }

  /** Copies the header at a word to the last record. */
  keepHeader(words: Uint32Array, word: number): void {
    const at = (this.#length - 1) * RECORD_WORDS + HEADER_AT;
    for (let i = 0; i < HEADER_WORDS; i++) this.#words[at + i]! = words[word + i]!;
  }

  /**
   * Adds a `PATCHED` record with the header and the words of a page that are about to change.
   *
   * @param first The number in the page of the first word.
   * @param end The number of the word after the last.
   * @param secondFirst As `first`, for a second span after the other.
   * @param secondEnd As `end`; 0 = no second span.
   */
  pushWords(
    page: PageNumber,
    frame: Frame,
    slot: Slot,
    first: number,
    end: number,
    secondFirst: number,
    secondEnd: number,
  ): void {
    this.push(PATCHED, page, this.#savedLength, first | (end << 16));
    this.#words[(this.#length - 1) * RECORD_WORDS + SECOND_SPAN_AT] = secondFirst |
      (secondEnd << 16);
    this.keepHeader(frame.u32, slot << HEADER_WORD_SHIFT);
    this.#reserveSaved(end - first + secondEnd - secondFirst);
    this.#save(frame, slot, first, end);
    this.#save(frame, slot, secondFirst, secondEnd);
  }

  #save(frame: Frame, slot: Slot, first: number, end: number): void {
    const from = slot << PAGE_WORD_SHIFT;
    for (let word = first; word < end; word++) {
      this.#saved[this.#savedLength++]! = frame.u32[from + word]!;
    }
  }

  /** Copies the words and the header of a record to a slot. */
  restoreWords(index: number, frame: Frame, slot: Slot): void {
    const to = slot << PAGE_WORD_SHIFT;
    for (let span = 0; span < SPANS; span++) {
      let from = this.savedAt(index, span);
      const end = this.endWordAt(index, span);
      for (let word = this.firstWordAt(index, span); word < end; word++) {
        frame.u32[to + word]! = this.#saved[from++]!;
      }
    }
    this.restoreHeader(index, frame.u32, slot << HEADER_WORD_SHIFT);
  }

  /** The saved words of all records, in an array that the next record may replace. */
  get saved(): Uint32Array {
    return this.#saved;
  }

  /** The index in `saved` of the first word of a span, 0 or 1. */
  savedAt(index: number, span: number): number {
    const first = this.#words[index * RECORD_WORDS + 2]!;
    return span === 0 ? first : first + this.endWordAt(index, 0) - this.firstWordAt(index, 0);
  }

  /** The number in the page of the first word of a span. */
  firstWordAt(index: number, span: number): number {
    return this.#spanAt(index, span) & 0xffff;
  }

  /** The number in the page of the word after the last of a span. */
  endWordAt(index: number, span: number): number {
    return this.#spanAt(index, span) >>> 16;
  }

  #spanAt(index: number, span: number): number {
    return this.#words[index * RECORD_WORDS + (span === 0 ? SPAN_AT : SECOND_SPAN_AT)]!;
  }

  /** Turns a `PATCHED` record into a `CHANGED` one, with an image of the page before. */
  setImage(index: number, image: number): void {
    const at = index * RECORD_WORDS;
    this.#words[at] = CHANGED;
    this.#words[at + 2] = image;
    this.#words[at + 3] = 0;
  }

  /** Copies the header of a record to a word. */
  restoreHeader(index: number, words: Uint32Array, word: number): void {
    const at = index * RECORD_WORDS + HEADER_AT;
    for (let i = 0; i < HEADER_WORDS; i++) words[word + i]! = this.#words[at + i]!;
  }

  /** The type of a record. */
  typeAt(index: number): number {
    return this.#words[index * RECORD_WORDS]!;
  }

  /** The page of a record. */
  pageAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 1]!;
  }

  /** The place of the image of a `CHANGED` record. */
  imageAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 2]!;
  }

  /** The scope of the page before, or in a `RELEASED` record its tick. */
  beforeAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 3]!;
  }

  /** Forgets the records from `length` on. */
  truncate(length: number): void {
    if (length === 0) return this.#clear();
    for (let i = length; i < this.#length; i++) {
      if (this.typeAt(i) !== PATCHED) continue;
      this.#savedLength = this.savedAt(i, 0);
      break;
    }
    this.#length = length;
  }

  #clear(): void {
    this.#length = 0;
    this.#savedLength = 0;
    if (this.#words.length > RECORD_WORDS * KEPT_RECORDS_MAX) {
      freeMemory(this.#words);
      this.#words = new Uint32Array(RECORD_WORDS * 64);
    }
    if (this.#saved.length > KEPT_SAVED_WORDS_MAX) {
      freeMemory(this.#saved);
      this.#saved = new Uint32Array(FIRST_SAVED_WORDS);
    }
  }

  #reserveSaved(more: number): void {
    const length = this.#savedLength + more;
    if (length <= this.#saved.length) return;
    const grown = new Uint32Array(Math.max(length, this.#saved.length * 2));
    grown.set(this.#saved.subarray(0, this.#savedLength));
    freeMemory(this.#saved);
    this.#saved = grown;
  }

  #grow(): void {
    const grown = new Uint32Array(this.#words.length * 2);
    grown.set(this.#words);
    freeMemory(this.#words);
    this.#words = grown;
  }
}
