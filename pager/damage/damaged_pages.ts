/**
 * The pages of a file, for reading only: verified as the pager's are, in a cache of their own, with
 * nothing written and nothing taken for granted that a superblock says.
 *
 * It stands in for the pager where the file may be damaged, so that opening it must not fail.
 */

import { Cache, MISS } from "../cache/cache.ts";
import type { Disk } from "../file/disk.ts";
import { CHUNK_BYTES, CHUNK_SHIFT, chunksOf, SLOT_MASK } from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { Loader } from "../cache/loader.ts";
import { Meta, type MetaFields } from "../format/meta.ts";
import type { Verifier } from "../format/page_check.ts";
import { type Report, Scrub, type ScrubOptions } from "./scrub.ts";
import type { PageReader } from "../cache/page_reader.ts";

/** The pages of a file, for reading only. */
export class DamagedPages implements PageReader {
  /** All frames, by index. */
  readonly frames: readonly Frame[];
  /** What is true of the whole file, as far as is known. */
  readonly meta: Meta = new Meta();
  /** The slot that goes with what `peek` returned. */
  peekedSlot = 0;

  readonly #disk: Disk;
  readonly #cache: Cache;
  readonly #loader: Loader;
  readonly #peeked = new Frame(-1, POOL, 1);

  /**
   * The pages of a file.
   *
   * @param disk The file.
   * @param meta What is true of it.
   * @param seed The seed of its head sums.
   * @param cacheBytes The most memory for pages.
   */
  constructor(disk: Disk, meta: MetaFields, seed: number, cacheBytes: number) {
    this.#disk = disk;
    this.meta.assign(meta);
    this.#cache = new Cache(Math.floor(cacheBytes / CHUNK_BYTES), {
      canClean: () => false,
      clean: () => false,
    });
    this.#cache.reserve(chunksOf(meta.pageCount));
    this.frames = this.#cache.frames;
    this.#loader = new Loader(disk, this.#cache, this.meta, seed);
  }

  /** Registers who checks the structure of pages of a kind, once per load. */
  register(kind: number, verifier: Verifier): void {
    this.#loader.verifiers[kind] = verifier;
  }

  /**
   * The place of a page, verified.
   *
   * @throws {CorruptionError} The page is not in use, or not what its header says.
   */
  at(page: number): number {
    const place = (page & SLOT_MASK) === 0 ? MISS : this.#cache.lookup(page);
    return place >= 0 ? place : this.#loader.load(page);
  }

  /** The header of a page without the page, in slot `peekedSlot`. */
  peek(page: number): Frame {
    const place = this.#loader.peek(page, this.#peeked);
    this.peekedSlot = place < 0 ? 0 : place & SLOT_MASK;
    return place < 0 ? this.#peeked : this.frames[place >>> CHUNK_SHIFT]!;
  }

  /** Reads the whole file a chunk at a time, and reports what breaks a rule. */
  scrub(report: Report, options?: ScrubOptions): Scrub {
    const { meta } = this;
    const { seed, verifiers } = this.#loader;
    return new Scrub({ disk: this.#disk, meta, seed, verifiers }, report, options);
  }
}
