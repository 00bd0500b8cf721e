/**
 * Reads the pages of a file that may be damaged. Pages are verified like the pager's, in a cache of
 * their own; nothing is written, and the superblocks need not be intact.
 *
 * It replaces the pager where damage must not prevent the file from being opened.
 */

import { Cache, MISS } from "../cache/cache.ts";
import { Loader } from "../cache/loader.ts";
import type { PageReader } from "../cache/page_reader.ts";
import type { Disk } from "../file/disk.ts";
import { CHUNK_BYTES, CHUNK_SHIFT, chunksOf, SLOT_MASK } from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { Meta, type MetaFields } from "../format/meta.ts";
import type { Verifier } from "../format/page_check.ts";
import type { PageNumber, Place } from "../format/units.ts";
import { type Report, Scrub, type ScrubOptions } from "./scrub.ts";

/** The pages of a file that may be damaged, read-only. */
export class DamagedPages implements PageReader {
  /** All frames, by index. */
  readonly frames: readonly Frame[];
  /** The facts about the whole file, as far as they are known. */
  readonly meta: Meta = new Meta();
  /** The slot of the header that the last `peek` returned. */
  peekedSlot = 0;

  readonly #disk: Disk;
  readonly #cache: Cache;
  readonly #loader: Loader;
  readonly #peeked = new Frame(-1, POOL, 1);

  /**
   * Creates the reader of a file.
   *
   * @param disk The file.
   * @param meta The facts about the whole file.
   * @param seed The seed of its header sums.
   * @param cacheBytes The most memory for pages.
   */
  constructor(disk: Disk, meta: MetaFields, seed: number, cacheBytes: number) {
    this.#disk = disk;
    this.meta.assign(meta);
    this.#cache = new Cache(Math.floor(cacheBytes / CHUNK_BYTES), {
      canClean: () => false,
      clean: () => false,
      isInFlight: () => false,
    });
    this.#cache.reserve(chunksOf(meta.pageCount));
    this.frames = this.#cache.frames;
    this.#loader = new Loader(disk, this.#cache, this.meta, seed);
  }

  /** Registers the check of the structure of pages of a kind, which runs once per load. */
  register(kind: number, verifier: Verifier): void {
    this.#loader.verifiers[kind] = verifier;
  }

  /**
   * The place of a page, verified.
   *
   * @throws {CorruptionError} The page is not in use, or does not match its header.
   */
  at(page: PageNumber): Place {
    const place = (page & SLOT_MASK) === 0 ? MISS : this.#cache.lookup(page);
    return place >= 0 ? place : this.#loader.load(page);
  }

  /** The frame with the header of a page, in slot `peekedSlot`; the page itself is not loaded. */
  peek(page: PageNumber): Frame {
    const place = this.#loader.peek(page, this.#peeked);
    this.peekedSlot = place < 0 ? 0 : place & SLOT_MASK;
    return place < 0 ? this.#peeked : this.frames[place >>> CHUNK_SHIFT]!;
  }

  /** Creates a scrub, which reads the file a chunk at a time and reports broken rules. */
  scrub(report: Report, options?: ScrubOptions): Scrub {
    const { meta } = this;
    const { seed, verifiers } = this.#loader;
    return new Scrub({ disk: this.#disk, meta, seed, verifiers }, report, options);
  }
}
