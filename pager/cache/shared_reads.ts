/**
 * The reads off the thread of all prefetches of a pager. Prefetches that need the same pages at the
 * same time share a read.
 *
 * Header pages are needed with the pages of their chunks, so those read lately are remembered: the
 * system still has them in its cache.
 */

import type { Disk } from "../file/disk.ts";
import { CHUNK_SHIFT, PAGE_BYTES } from "../format/format.ts";
import type { ChunkNumber, PageNumber } from "../format/units.ts";

/** The number of chunks whose header pages are remembered; they displace each other. */
const CHUNKS_KNOWN = 1024;
const NO_CHUNK = -1;

/** Pages side by side. */
export interface Span {
  /** The first page. */
  readonly page: PageNumber;
  /** The number of pages. */
  readonly pages: number;
}

/** The reads off the thread of a pager. */
export class SharedReads {
  readonly #disk: Disk;
  /** The reads in flight, by their first page. */
  readonly #reads = new Map<
    PageNumber,
    { readonly pages: number; readonly ended: Promise<void> }
  >();
  readonly #headersRead = new Int32Array(CHUNKS_KNOWN).fill(NO_CHUNK);

  /**
   * Begins without a read.
   *
   * @param disk The file.
   */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Whether the header page of a chunk was read lately. */
  readHeadersOf(chunk: ChunkNumber): boolean {
    return this.#headersRead[chunk % CHUNKS_KNOWN] === chunk;
  }

  /** Reads a span, unless a read in flight includes it. */
  read(span: Span): Promise<void> {
    const known = this.#reads.get(span.page);
    if (known !== undefined && known.pages >= span.pages) return known.ended;
    const read = { pages: span.pages, ended: this.#start(span) };
    this.#reads.set(span.page, read);
    return read.ended.finally(() => {
      if (this.#reads.get(span.page) === read) this.#reads.delete(span.page);
    });
  }

  async #start({ page, pages }: Span): Promise<void> {
    await this.#disk.startRead(page * PAGE_BYTES, pages * PAGE_BYTES);
    const chunk = (page + pages - 1) >>> CHUNK_SHIFT;
    const first = chunk << CHUNK_SHIFT >>> 0;
    if (first >= page) this.#headersRead[chunk % CHUNKS_KNOWN] = chunk;
  }
}
