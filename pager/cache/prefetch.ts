/**
 * Prefetches bring pages into memory without blocking the thread.
 *
 * A page is read twice. The first read runs off the thread, and its bytes are dropped: it brings
 * them into the cache of the system. Then the ordinary load reads them again, in microseconds. So
 * only the load verifies pages, and knows which ones are dirty, evicted or lost; a prefetch has no
 * rules of its own for that, and a failed read needs no care, because the load meets the failure.
 *
 * Invariants:
 * 1. A prefetch tries each page once, so a loop that brings in what is not ready ends.
 * 2. It reads no more than half of what the cache holds, so that it does not evict its own pages.
 *
 * It does not know what a page holds, nor which pages are needed.
 */

import { setImmediate } from "node:timers";
import type { Disk } from "../file/disk.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { CHUNK_PAGES, CHUNK_SHIFT, SLOT_MASK } from "../format/format.ts";
import type { MetaFields } from "../format/meta.ts";
import type { PageNumber } from "../format/units.ts";
import type { Cache } from "./cache.ts";
import type { Loader } from "./loader.ts";
import type { PageReader } from "./page_reader.ts";
import { PageSet } from "./page_set.ts";
import { SharedReads, type Span } from "./shared_reads.ts";

/** The most reads that one prefetch has in flight. */
const READS_MAX = 16;
/** The most pages of one read. */
const SPAN_PAGES_MAX = 32;
/** The longest that a prefetch occupies the thread in one turn of the event loop. */
const SLICE_MS = 1;

/** The parts of the pager that prefetches use. */
interface PrefetchParts {
  readonly disk: Disk;
  readonly cache: Cache;
  readonly loader: Loader;
  readonly meta: MetaFields;
}

/** The prefetches of a pager. */
export class Prefetches {
  readonly #parts: PrefetchParts;
  readonly #reads: SharedReads;

  /**
   * Creates the prefetches of a pager; none has begun.
   *
   * @param parts Parts of the pager.
   */
  constructor(parts: PrefetchParts) {
    this.#parts = parts;
    this.#reads = new SharedReads(parts.disk);
  }

  /**
   * Begins a prefetch; returns undefined if reads of the file do not wait.
   *
   * @param check Throws if the prefetch must end.
   */
  begin(check: () => void): Prefetch | undefined {
    if (!this.#parts.disk.startsReads) return undefined;
    return new Prefetch(this.#parts, this.#reads, check);
  }
}

/** One prefetch. */
export class Prefetch {
  /** Whether a page was refused, because half of the cache is filled. */
  isFull = false;
  /** Whether no page was refused, and none that is needed was damaged or unreadable. */
  isWhole = true;

  readonly #parts: PrefetchParts;
  readonly #reads: SharedReads;
  readonly #check: () => void;
  readonly #tried = new PageSet();
  /** Those that could not be loaded. They may be no longer needed. */
  readonly #failed = new PageSet();
  /** The number of pages that may still be read. */
  #left: number;
  #sliceEnd = performance.now() + SLICE_MS;

  /** Use `Prefetches.begin`. */
  constructor(parts: PrefetchParts, reads: SharedReads, check: () => void) {
    this.#parts = parts;
    this.#reads = reads;
    this.#check = check;
    this.#left = parts.cache.limit * CHUNK_PAGES >>> 1;
  }

  /** Whether a page that is needed is in memory, or was tried. Marks it as used. */
  isReady(page: PageNumber): boolean {
    if (this.#parts.cache.lookup(page) >= 0) return true;
    if (this.#failed.has(page)) this.isWhole = false;
    return this.#tried.has(page);
  }

  /**
   * Brings pages in, until the prefetch is full.
   *
   * @param pages Pages that are not ready.
   * @param reader The reader that will need them.
   */
  async bring(pages: readonly PageNumber[], reader: PageReader): Promise<void> {
    const taken: PageNumber[] = [];
    const spans = this.#plan(pages, taken);
    let next = 0;
    const readSpans = async () => {
      while (next < spans.length) {
        await this.#reads.read(spans[next++]!);
        this.#check();
      }
    };
    await Promise.all(Array.from({ length: Math.min(READS_MAX, spans.length) }, readSpans));
    if (spans.length > 0) this.#sliceEnd = performance.now() + SLICE_MS;
    for (const page of taken) {
      this.#parts.loader.endRun();
      if (!succeeds(() => reader.at(page))) this.#failed.add(page);
      await this.breathe();
    }
  }

  /** Ends the turn of the event loop, if the slice of this prefetch is over. */
  async breathe(): Promise<void> {
    if (performance.now() < this.#sliceEnd) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#check();
    this.#sliceEnd = performance.now() + SLICE_MS;
  }

  /** The result of a read of pages; undefined if one is damaged or unreadable. */
  attempt<T>(read: () => T): T | undefined {
    let result: T | undefined;
    if (!succeeds(() => result = read())) this.isWhole = false;
    return result;
  }

  /** The spans that loads of pages will read. Adds the pages that fit to `taken`. */
  #plan(pages: readonly PageNumber[], taken: PageNumber[]): Span[] {
    const { cache } = this.#parts;
    const wanted = new Set<PageNumber>();
    let room = cache.limit - cache.ownFrames;
    for (const page of pages) {
      const chunk = page >>> CHUNK_SHIFT;
      const first = chunk * CHUNK_PAGES;
      const isKnown = wanted.has(page) || this.#isInMemory(page);
      const isInChunk = !isKnown && room > 0 && this.#parts.loader.loadsChunk(chunk) &&
        !this.#parts.loader.showsChunk(chunk);
      const cost = isKnown ? 0 : isInChunk ? CHUNK_PAGES : 1;
      if (cost > this.#left) {
        this.isFull = true;
        this.isWhole = false;
        break;
      }
      this.#left -= cost;
      this.#tried.add(page);
      taken.push(page);
      if (isInChunk) {
        room--;
        for (let slot = 0; slot < CHUNK_PAGES; slot++) wanted.add(first + slot);
      } else if (!isKnown) {
        wanted.add(page);
        if (!this.#isInMemory(first) && !this.#reads.readHeadersOf(chunk)) wanted.add(first);
      }
    }
    return spansOf(wanted, this.#parts.meta.pageCount);
  }

  /** Whether a page is in memory. Of a window, the system has perhaps not read it yet. */
  #isInMemory(page: PageNumber): boolean {
    const place = this.#parts.cache.find(page);
    if (place < 0) return false;
    const { isWindow, ticks } = this.#parts.cache.frames[place >>> CHUNK_SHIFT]!;
    return !isWindow || ticks[place & SLOT_MASK] !== 0;
  }
}

/** Runs a read; returns whether the pages that it read are neither damaged nor unreadable. */
function succeeds(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof CorruptionError || error instanceof IoError) return false;
    throw error;
  }
}

/** Pages below an end, as spans in their order. */
function spansOf(pages: ReadonlySet<PageNumber>, end: number): Span[] {
  const sorted = Uint32Array.from(pages).sort();
  const spans: Span[] = [];
  for (let i = 0; i < sorted.length && sorted[i]! < end;) {
    const page = sorted[i]!;
    let count = 1;
    while (count < SPAN_PAGES_MAX && sorted[i + count] === page + count && page + count < end) {
      count++;
    }
    spans.push({ page, pages: count });
    i += count;
  }
  return spans;
}
