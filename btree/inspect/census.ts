/**
 * What a file is made of, told by its page headers alone: 1/256 of it is read.
 */

import { format, Frame, header, type Pager } from "../../pager/mod.ts";
import { BRANCH_WIDTH, LEAF_WIDTH } from "../node/node.ts";

const {
  CHUNK_PAGES,
  CHUNK_SHIFT,
  KIND_BRANCH,
  KIND_COUNT,
  KIND_FREE,
  KIND_LEAF,
  KIND_RUN,
  PAGE_BYTES,
} = format;
const { cellStartOf, entriesOf, garbageOf, kindOf, runBytesOf, treeOf, versionOf } = header;

const POOL = -1;

/** One chunk, told by its headers. Arrays are by slot; slot 0 is the header page. */
export interface ChunkCensus {
  /** The chunk's number. */
  readonly chunk: number;
  /** How many of its pages the file has. */
  readonly pages: number;
  /** Kinds, as `format.KIND_...`. */
  readonly kinds: Uint8Array;
  /** Bytes that entries use; of a run, all at its first page. */
  readonly usedBytes: Uint32Array;
  /** Entries of nodes. */
  readonly entries: Uint16Array;
  /** Owning trees. */
  readonly trees: Uint32Array;
  /** Versions that last wrote the pages. */
  readonly versions: Float64Array;
}

/** Sums over a whole file. Arrays are by kind, `format.KIND_...`. */
export interface Census {
  /** Pages of the file. */
  readonly pages: number;
  /** Chunks of the file, each with one header page. */
  readonly chunks: number;
  /** Pages of each kind; header pages are in none. */
  readonly pagesOfKind: readonly number[];
  /** Bytes that are used in pages of each kind. */
  readonly usedBytesOfKind: readonly number[];
  /** Entries in nodes of each kind. */
  readonly entriesOfKind: readonly number[];
}

/**
 * The chunks of a file one by one, each as it is when its turn comes.
 *
 * @throws {CorruptionError} A header page breaks a rule.
 * @throws {TypeError} A transaction is open: its headers have no sums yet.
 */
export function* chunkCensus(pager: Pager): Generator<ChunkCensus> {
  const frame = new Frame(-1, POOL, 1);
  for (let chunk = 0; chunk < format.chunksOf(pager.meta.pageCount); chunk++) {
    if (pager.depth > 0) throw new TypeError("Cannot take a census: a transaction is open");
    pager.copyHeaderPage(chunk, frame);
    yield chunkHeaders(frame, chunk, pager.meta.pageCount);
  }
}

/**
 * Sums over a whole file, or over the pages of one tree in it.
 *
 * @param tree The tree's number; default all.
 * @throws {CorruptionError} A header page breaks a rule.
 * @throws {TypeError} A transaction is open.
 */
export function census(pager: Pager, tree?: number): Census {
  const zeros = () => new Array<number>(KIND_COUNT).fill(0);
  const [pagesOfKind, usedBytesOfKind, entriesOfKind] = [zeros(), zeros(), zeros()];
  let chunks = 0;
  for (const { kinds, usedBytes, entries, pages, trees } of chunkCensus(pager)) {
    chunks++;
    for (let slot = 1; slot < pages; slot++) {
      if (tree !== undefined && trees[slot] !== tree) continue;
      pagesOfKind[kinds[slot]!]!++;
      usedBytesOfKind[kinds[slot]!]! += usedBytes[slot]!;
      entriesOfKind[kinds[slot]!]! += entries[slot]!;
    }
  }
  return { pages: pager.meta.pageCount, chunks, pagesOfKind, usedBytesOfKind, entriesOfKind };
}

/** What the header page of a chunk, which stands in slot 0 of a frame, tells of its pages. */
export function chunkHeaders(frame: Frame, chunk: number, pageCount: number): ChunkCensus {
  const result = {
    chunk,
    pages: Math.min(CHUNK_PAGES, pageCount - (chunk << CHUNK_SHIFT >>> 0)),
    kinds: new Uint8Array(CHUNK_PAGES),
    usedBytes: new Uint32Array(CHUNK_PAGES),
    entries: new Uint16Array(CHUNK_PAGES),
    trees: new Uint32Array(CHUNK_PAGES),
    versions: new Float64Array(CHUNK_PAGES),
  };
  for (let slot = 1; slot < CHUNK_PAGES; slot++) {
    const kind = kindOf(frame, slot);
    if (kind === KIND_FREE) continue;
    result.kinds[slot] = kind;
    result.usedBytes[slot] = usedBytesOf(frame, slot, kind);
    if (kind <= KIND_BRANCH) result.entries[slot] = entriesOf(frame, slot);
    result.trees[slot] = treeOf(frame, slot);
    result.versions[slot] = versionOf(frame, slot);
  }
  return result;
}

/** The bytes of a page, or of a whole run at its first page, that entries use. */
export function usedBytesOf(frame: Frame, slot: number, kind: number): number {
  const entries = entriesOf(frame, slot);
  if (kind === KIND_RUN) return runBytesOf(frame, slot);
  if (kind !== KIND_LEAF && kind !== KIND_BRANCH) return 0;
  const cells = PAGE_BYTES - cellStartOf(frame, slot) - garbageOf(frame, slot);
  return entries * (kind === KIND_LEAF ? LEAF_WIDTH : BRANCH_WIDTH) + cells;
}
