/**
 * Tiles: summaries of adjacent pages, from their headers.
 *
 * A request has a bounded cost for a file of any size: a tile of many chunks is computed from an
 * evenly spread sample of them, and is marked `sampled`.
 */

import { CorruptionError } from "../../../mod.ts";
import { format } from "../../../pager/mod.ts";
import type { Inspection } from "../../inspect/mod.ts";
import type { TileStrip } from "../api_types.ts";

const { CHUNK_PAGES, KIND_FREE, KIND_JOURNAL, KIND_SUPERBLOCK, PAGE_BYTES } = format;
const { KIND_RUN, KIND_RUN_CONTINUED } = format;
/** The most chunks that a request for a few tiles reads. */
const CHUNKS_MAX = 512;
/** The most tiles of a request. */
export const TILES_MAX = 4096;
/** The largest tile, as a power of two of pages. */
export const TILE_SHIFT_MAX = 31;
const DAMAGED = -1;
const NO_TREE = -1;

/**
 * Adjacent tiles, up to the end of the file.
 *
 * @param from The first page of the first tile.
 * @param shift The pages of a tile, as a power of two.
 * @param count The most tiles to return.
 */
export function tileStrip(
  inspection: Inspection,
  from: number,
  shift: number,
  count: number,
): TileStrip {
  const { pages } = inspection.file();
  const pagesPerTile = 2 ** shift;
  const start = Math.floor(from / pagesPerTile) * pagesPerTile;
  const tiles = Math.max(0, Math.min(count, Math.ceil((pages - start) / pagesPerTile)));
  const source = new ChunkSource(inspection);
  const perTile = Math.max(1, Math.floor(CHUNKS_MAX / Math.max(1, tiles)));
  const chunksPerTile = Math.max(1, pagesPerTile / CHUNK_PAGES);
  const strip = {
    from: start,
    pagesPerTile,
    sampled: perTile < chunksPerTile,
    kinds: new Array<number>(tiles),
    fills: new Array<number>(tiles),
    inUse: new Array<number>(tiles),
    trees: new Array<number>(tiles),
    versions: new Array<number>(tiles),
  };
  for (let tile = 0; tile < tiles; tile++) {
    const first = start + tile * pagesPerTile;
    const sum = new TileSum();
    addPages(sum, source, first, Math.min(first + pagesPerTile, pages), perTile);
    strip.kinds[tile] = sum.isDamaged ? DAMAGED : sum.kinds.largest(KIND_FREE);
    strip.fills[tile] = sum.fill;
    strip.inUse[tile] = Math.round(100 * sum.used / Math.max(1, sum.pages));
    strip.trees[tile] = sum.trees.largest(NO_TREE);
    strip.versions[tile] = sum.version;
  }
  return strip;
}

/** Adds the pages of a tile, or of an evenly spread sample of its chunks. */
function addPages(
  sum: TileSum,
  source: ChunkSource,
  from: number,
  to: number,
  chunksMax: number,
): void {
  const firstChunk = Math.floor(from / CHUNK_PAGES);
  const chunks = Math.ceil(to / CHUNK_PAGES) - firstChunk;
  const some = Math.min(chunks, chunksMax);
  for (let i = 0; i < some; i++) {
    const chunk = firstChunk + Math.floor((i + 0.5) * chunks / some);
    const first = chunk * CHUNK_PAGES;
    source.add(sum, chunk, Math.max(0, from - first), Math.min(CHUNK_PAGES, to - first));
  }
}

/** The headers of chunks. Keeps the last, because tiles smaller than a chunk share it. */
class ChunkSource {
  readonly #inspection: Inspection;
  #last: ReturnType<Inspection["headers"]> | undefined;
  #lastChunk = -1;

  constructor(inspection: Inspection) {
    this.#inspection = inspection;
  }

  /** Adds the pages of the slots from `from` to below `to`. */
  add(sum: TileSum, chunk: number, from: number, to: number): void {
    const headers = this.#headers(chunk);
    sum.pages += to - from;
    if (headers === undefined) {
      sum.isDamaged = true;
      return;
    }
    for (let slot = from; slot < to; slot++) {
      const kind = headers.kinds[slot]!;
      // The header page is in use, but its kind says nothing about the use of the chunk.
      if (slot === 0) sum.used++;
      if (kind === KIND_FREE) continue;
      sum.add(kind, headers.trees[slot]!, headers.usedBytes[slot]!, headers.versions[slot]!);
    }
  }

  #headers(chunk: number): ReturnType<Inspection["headers"]> | undefined {
    if (chunk === this.#lastChunk) return this.#last;
    this.#lastChunk = chunk;
    try {
      this.#last = this.#inspection.headers(chunk);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#last = undefined;
    }
    return this.#last;
  }
}

/** The totals of a tile's pages. */
class TileSum {
  pages = 0;
  used = 0;
  version = 0;
  isDamaged = false;
  readonly kinds = new Tally();
  readonly trees = new Tally();
  #usedBytes = 0;
  #nodes = 0;

  add(kind: number, tree: number, usedBytes: number, version: number): void {
    this.used++;
    this.kinds.add(kind);
    if (kind === KIND_JOURNAL || kind === KIND_SUPERBLOCK) return;
    this.trees.add(tree);
    this.version = Math.max(this.version, version);
    this.#nodes++;
    // The header of a run's first page counts the bytes of the whole run.
    const isOfRun = kind === KIND_RUN || kind === KIND_RUN_CONTINUED;
    this.#usedBytes += isOfRun ? PAGE_BYTES : Math.min(usedBytes, PAGE_BYTES);
  }

  /** The bytes used in the pages of trees, in percent. */
  get fill(): number {
    return Math.round(100 * this.#usedBytes / Math.max(1, this.#nodes * PAGE_BYTES));
  }
}

/** Counts occurrences of numbers. */
class Tally {
  readonly #counts = new Map<number, number>();

  add(value: number): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
  }

  /** The most frequent number; the first in a tie. */
  largest(otherwise: number): number {
    let [found, most] = [otherwise, 0];
    for (const [value, count] of this.#counts) if (count > most) [found, most] = [value, count];
    return found;
  }
}
