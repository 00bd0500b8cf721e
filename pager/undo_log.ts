/**
 * What a transaction did to pages, in order, so that it can be taken back: a growing array of
 * fixed-size records of 32-bit words, no object per record.
 *
 * It only remembers. What a record means when it is taken back, the writer knows.
 */

/** A page was changed; an image of it was saved first. */
export const CHANGED = 1;
/** A free page was taken into use. */
export const OCCUPIED = 2;
/** A page in use was given back; its header is in the record. */
export const VACATED = 3;
/** A header page was touched. */
export const HEADERS = 4;

/** Words of a record: what, page, place of the image, scope or tick before, then a header. */
const RECORD_WORDS = 12;
const HEADER_AT = 4;
const HEADER_WORDS = 8;

/** What a transaction did to pages, in order. */
export class UndoLog {
  #words = new Uint32Array(RECORD_WORDS * 64);
  #length = 0;

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
    for (let i = 0; i < HEADER_WORDS; i++) this.#words[at + i] = words[word + i];
  }

  /** Copies the header of a record to where `word` says. */
  restoreHeader(index: number, words: Uint32Array, word: number): void {
    const at = index * RECORD_WORDS + HEADER_AT;
    for (let i = 0; i < HEADER_WORDS; i++) words[word + i] = this.#words[at + i];
  }

  /** What a record tells of. */
  whatAt(index: number): number {
    return this.#words[index * RECORD_WORDS];
  }

  /** The page of a record. */
  pageAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 1];
  }

  /** The place of the image, of a `CHANGED` record. */
  imageAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 2];
  }

  /** The scope or, of a `VACATED` record, the tick that the page had before. */
  beforeAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 3];
  }

  /** Forgets the records from `length` on. */
  truncate(length: number): void {
    this.#length = length;
    if (length === 0 && this.#words.length > RECORD_WORDS * 65_536) {
      this.#words = new Uint32Array(RECORD_WORDS * 64);
    }
  }

  #grow(): void {
    const grown = new Uint32Array(this.#words.length * 2);
    grown.set(this.#words);
    this.#words = grown;
  }
}
