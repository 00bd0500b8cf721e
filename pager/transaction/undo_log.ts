/**
 * What a transaction did to pages, in order, so that it can be taken back: a growing array of
 * fixed-size records of 32-bit words, no object per record. Words of pages of which no image was
 * made stand in an array of their own.
 *
 * It only remembers. What a record means when it is taken back, `Rollback` knows.
 */

import { HEADER_WORD_SHIFT, PAGE_WORD_SHIFT } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";

/** A page was changed; there is an image of it as it was before. */
export const CHANGED = 1;
/** A free page was taken into use. */
export const OCCUPIED = 2;
/** A page in use was given back; its header is in the record. */
export const VACATED = 3;
/** A header page was touched. */
export const HEADERS = 4;
/** Some words of a page were changed; they and the header are in the log. */
export const PATCHED = 5;
/** How many spans a record of words has; the second may be empty. */
export const SPANS = 2;

/**
 * Words of a record: what, page, place of the image, scope or tick before, then a header. A record
 * of words has one or two *spans* of them, each as its first word in the page | its end << 16: the
 * third word of the record says where they are, the fourth is one span, the last the other, or 0.
 */
const RECORD_WORDS = 13;
const HEADER_AT = 4;
const HEADER_WORDS = 8;
const SPAN_AT = 3;
const SECOND_SPAN_AT = 12;
const FIRST_SAVED_WORDS = 4 * 1024;
/** More of each is given back when the transaction ends. */
const KEPT_RECORDS_MAX = 65_536;
const KEPT_SAVED_WORDS_MAX = 1024 * 1024;

/** What a transaction did to pages, in order. */
export class UndoLog {
  #words = new Uint32Array(RECORD_WORDS * 64);
  #length = 0;
  #saved = new Uint32Array(FIRST_SAVED_WORDS);
  #savedLength = 0;

  /** How many records there are. */
  get length(): number {
    return this.#length;
  }

  /** Adds a record. */
  push(what: number, page: number, image: number, before: number): void {
    if ((this.#length + 1) * RECORD_WORDS > this.#words.length) this.#grow();
    const at = this.#length++ * RECORD_WORDS;
    this.#words[at] = what;
    this.#words[at + 1] = page;
    this.#words[at + 2] = image;
    this.#words[at + 3] = before;
  }

  /** Adds the header that begins at a word to the last record. */
  keepHeader(words: Uint32Array, word: number): void {
    const at = (this.#length - 1) * RECORD_WORDS + HEADER_AT;
    for (let i = 0; i < HEADER_WORDS; i++) this.#words[at + i]! = words[word + i]!;
  }

  /**
   * Adds a record of words that will change, with these words and the header.
   *
   * @param first The first of them, as its number in the page.
   * @param end The one behind the last.
   * @param secondFirst As `first`, of those of a second span, which is behind the other.
   * @param secondEnd As `end`; 0 = there is none.
   */
  pushWords(
    page: number,
    frame: Frame,
    slot: number,
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

  #save(frame: Frame, slot: number, first: number, end: number): void {
    const from = slot << PAGE_WORD_SHIFT;
    for (let word = first; word < end; word++) {
      this.#saved[this.#savedLength++]! = frame.u32[from + word]!;
    }
  }

  /** Copies the words of a record, and the header, to a slot. */
  restoreWords(index: number, frame: Frame, slot: number): void {
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

  /** The words of all records, in an array that the next record may replace. */
  get saved(): Uint32Array {
    return this.#saved;
  }

  /** Where in `saved` the words of a span, 0 or 1, of a record begin. */
  savedAt(index: number, span: number): number {
    const first = this.#words[index * RECORD_WORDS + 2]!;
    return span === 0 ? first : first + this.endWordAt(index, 0) - this.firstWordAt(index, 0);
  }

  /** The number in the page of the first word of a span. */
  firstWordAt(index: number, span: number): number {
    return this.#spanAt(index, span) & 0xffff;
  }

  /** The number in the page of the word behind the last one of a span. */
  endWordAt(index: number, span: number): number {
    return this.#spanAt(index, span) >>> 16;
  }

  #spanAt(index: number, span: number): number {
    return this.#words[index * RECORD_WORDS + (span === 0 ? SPAN_AT : SECOND_SPAN_AT)]!;
  }

  /** Lets a record of words be one of a page whose image was saved at its first change. */
  setImage(index: number, image: number): void {
    const at = index * RECORD_WORDS;
    this.#words[at] = CHANGED;
    this.#words[at + 2] = image;
    this.#words[at + 3] = 0;
  }

  /** Copies the header of a record to where `word` says. */
  restoreHeader(index: number, words: Uint32Array, word: number): void {
    const at = index * RECORD_WORDS + HEADER_AT;
    for (let i = 0; i < HEADER_WORDS; i++) words[word + i]! = this.#words[at + i]!;
  }

  /** What a record tells of. */
  whatAt(index: number): number {
    return this.#words[index * RECORD_WORDS]!;
  }

  /** The page of a record. */
  pageAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 1]!;
  }

  /** The place of the image, of a `CHANGED` record. */
  imageAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 2]!;
  }

  /** The scope or, of a `VACATED` record, the tick that the page had before. */
  beforeAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 3]!;
  }

  /** Forgets the records from `length` on. */
  truncate(length: number): void {
    if (length === 0) return this.#clear();
    for (let i = length; i < this.#length; i++) {
      if (this.whatAt(i) !== PATCHED) continue;
      this.#savedLength = this.savedAt(i, 0);
      break;
    }
    this.#length = length;
  }

  #clear(): void {
    this.#length = 0;
    this.#savedLength = 0;
    if (this.#words.length > RECORD_WORDS * KEPT_RECORDS_MAX) {
      this.#words = new Uint32Array(RECORD_WORDS * 64);
    }
    if (this.#saved.length > KEPT_SAVED_WORDS_MAX) {
      this.#saved = new Uint32Array(FIRST_SAVED_WORDS);
    }
  }

  #reserveSaved(more: number): void {
    const length = this.#savedLength + more;
    if (length <= this.#saved.length) return;
    const grown = new Uint32Array(Math.max(length, this.#saved.length * 2));
    grown.set(this.#saved.subarray(0, this.#savedLength));
    this.#saved = grown;
  }

  #grow(): void {
    const grown = new Uint32Array(this.#words.length * 2);
    grown.set(this.#words);
    this.#words = grown;
  }
}
