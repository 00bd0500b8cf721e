/**
 * The bytes of a closed database, for tests that damage it: they change fields of headers and pages
 * and, if desired, seal them again with sums that fit.
 */

import { crc32 } from "node:zlib";
import { headerSum, seedOf } from "../../../pager/format/checksum.ts";
import { format, MemoryFile } from "../../../pager/mod.ts";
import { bytesOf } from "../databases/database.ts";

const { CHUNK_PAGES, KIND_COUNT, FRESH_PAGES, HEADER, HEADER_BYTES, PAGE_BYTES, SUPERBLOCK } =
  format;

/** The bytes of a database. */
export class Image {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly seed: number;

  /** A copy of the bytes of a database. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes.slice();
    this.view = new DataView(this.bytes.buffer);
    const id = PAGE_BYTES + SUPERBLOCK.databaseId;
    this.seed = seedOf(this.bytes.subarray(id, id + 16));
  }

  /** The number of pages. */
  get pageCount(): number {
    return Math.floor(this.bytes.length / PAGE_BYTES);
  }

  /** The image as a file in memory. */
  file(): MemoryFile {
    return new MemoryFile(this.bytes);
  }

  /** The offset of the header of a page. */
  headerAt(page: number): number {
    const slot = page % CHUNK_PAGES;
    return (page - slot) * PAGE_BYTES + slot * HEADER_BYTES;
  }

  /** The bytes of a page: a view. */
  page(page: number): Uint8Array {
    return this.bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
  }

  /** The header of a page: a view. */
  header(page: number): Uint8Array {
    return this.bytes.subarray(this.headerAt(page), this.headerAt(page) + HEADER_BYTES);
  }

  /** The kind of a page. */
  kindOf(page: number): number {
    return this.bytes[this.headerAt(page)]!;
  }

  /** The tree of a page. */
  treeOf(page: number): number {
    return this.view.getUint32(this.headerAt(page) + HEADER.tree, true);
  }

  /** The entries of a node. */
  entriesOf(page: number): number {
    return this.view.getUint16(this.headerAt(page) + HEADER.entries, true);
  }

  /** The link of a page. */
  linkOf(page: number): number {
    return this.view.getUint32(this.headerAt(page) + HEADER.link, true);
  }

  /** Sets the link of a page, and seals it. */
  setLink(page: number, link: number): void {
    this.view.setUint32(this.headerAt(page) + HEADER.link, link, true);
    this.seal(page);
  }

  /** All data pages of some kinds, of one tree or of all. */
  pagesOf(kinds: readonly number[], tree?: number): number[] {
    const pages: number[] = [];
    for (let page = FRESH_PAGES; page < this.pageCount; page++) {
      if (page % CHUNK_PAGES === 0 || !kinds.includes(this.kindOf(page))) continue;
      if (tree === undefined || this.treeOf(page) === tree) pages.push(page);
    }
    return pages;
  }

  /** All data pages in use. */
  usedPages(): number[] {
    return this.pagesOf(Array.from({ length: KIND_COUNT - 1 }, (_, i) => i + 1));
  }

  /** Recomputes both sums of a page. */
  seal(page: number): void {
    const at = this.headerAt(page);
    this.view.setUint32(at + HEADER.pageSum, crc32(this.page(page)), true);
    this.sealHeader(page);
  }

  /** Recomputes the header sum of a page. */
  sealHeader(page: number): void {
    const at = this.headerAt(page);
    const words = new Uint32Array(this.bytes.slice(at, at + HEADER_BYTES).buffer);
    this.view.setInt32(at + HEADER.headerSum, headerSum(words, 0, page, this.seed), true);
  }

  /** Changes a field of both superblocks, and seals them. */
  setSuperblocks(offset: number, value: number): void {
    for (const page of [1, 2]) {
      const start = page * PAGE_BYTES;
      this.view.setUint32(start + offset, value, true);
      const sum = crc32(this.bytes.subarray(start, start + SUPERBLOCK.sum));
      this.view.setUint32(start + SUPERBLOCK.sum, sum, true);
    }
  }

  /** A field of the superblocks. */
  superblock(offset: number): number {
    return this.view.getUint32(PAGE_BYTES + offset, true);
  }

  /** Fills a page with junk. */
  destroy(page: number): void {
    this.page(page).set(bytesOf(page + 1, PAGE_BYTES));
  }

  /** Sets the bit of a page in its chunk's bitmap. */
  setInUse(page: number, used: boolean): void {
    const slot = page % CHUNK_PAGES;
    const at = (page - slot) * PAGE_BYTES + (slot >>> 3);
    const bit = 1 << (slot & 7);
    this.bytes[at] = used ? this.bytes[at]! | bit : this.bytes[at]! & ~bit;
  }

  /** Copies a page and its header to a free page, and seals it there. */
  copyTo(page: number, free: number): void {
    this.page(free).set(this.page(page));
    this.header(free).set(this.header(page));
    this.setInUse(free, true);
    this.seal(free);
  }
}
