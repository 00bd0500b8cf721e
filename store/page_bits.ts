/**
 * A set of pages of one file, at one bit a page.
 */

/** A set of pages of one file. */
export class PageBits {
  /** How many pages are in it. */
  size = 0;
  readonly #bits: Uint8Array;

  /**
   * An empty set.
   *
   * @param pageCount Pages are below this.
   */
  constructor(pageCount: number) {
    this.#bits = new Uint8Array(Math.ceil(pageCount / 8));
  }

  /** Whether a page is in it. */
  has(page: number): boolean {
    return ((this.#bits[Math.floor(page / 8)] >>> (page & 7)) & 1) === 1;
  }

  /** Adds a page; false when it was there. A page past the end of the file is in no set. */
  add(page: number): boolean {
    if (this.has(page)) return false;
    const at = Math.floor(page / 8);
    if (at >= this.#bits.length) return true;
    this.#bits[at] |= 1 << (page & 7);
    this.size++;
    return true;
  }
}
