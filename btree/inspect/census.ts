/**
 * The census of a file: its pages by kind, from page headers alone, which are 1/256 of the file.
 */

import { type ChunkNumber, format, Frame, header, type Pager, type Slot } from "../../pager/mod.ts";
import { BRANCH_WIDTH, LEAF_WIDTH } from "../node/node.ts";

const {
  CHUNK_PAGES,
  CHUNK_SHIFT,
  KIND_BRANCH,
  KIND_COUNT,
  KIND_FREE,
  KIND_LEAF,
  KIND_RUN,
  KIND_SHARED,
  PAGE_BYTES,
} = format;
const { cellStartOf, entriesOf, garbageOf, kindOf, runBytesOf, treeOf, versionOf } = header;

const POOL = -1;

/** The headers of one chunk. Arrays are by slot; slot 0 is the header page. */
export interface ChunkCensus {
  /** The chunk's number. */
  readonly chunk: number;
  /** The number of its pages in the file. */
  readonly pages: number;
  /** Kinds, as `format.KIND_...`. */
  readonly kinds: Uint8Array;
  /** Bytes that entries use; the first page of a run has those of the whole run. */
  readonly usedBytes: Uint32Array;
  /** Entries of nodes, and fragments of shared pages. */
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
  /** Pages of each kind, without header pages. */
  readonly pagesOfKind: readonly number[];
  /** Bytes that are used in pages of each kind. */
  readonly usedBytesOfKind: readonly number[];
  /** Entries in nodes of each kind, and fragments in shared pages. */
  readonly entriesOfKind: readonly number[];
}

/**
 * The chunks of a file, one at a time, each in its state when it is read.
 *
 * @throws {CorruptionError} A header page breaks a rule.
 * @throws {TypeError} A transaction is open: headers that it changes have no sums yet.
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
 * @param tree The id of the tree; default all.
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

/** Decodes the header page of a chunk, in slot 0 of a frame. */
export function chunkHeaders(frame: Frame, chunk: ChunkNumber, pageCount: number): ChunkCensus {
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
    if (kind <= KIND_BRANCH || kind === KIND_SHARED) result.entries[slot] = entriesOf(frame, slot);
    result.trees[slot] = treeOf(frame, slot);
    result.versions[slot] = versionOf(frame, slot);
  }
  return result;
}

/** The bytes of a page, or of a whole run at its first page, that entries use. */
export function usedBytesOf(frame: Frame, slot: Slot, kind: number): number {
  const entries = entriesOf(frame, slot);
  if (kind === KIND_RUN) return runBytesOf(frame, slot);
  if (kind !== KIND_LEAF && kind !== KIND_BRANCH && kind !== KIND_SHARED) return 0;
  const cells = PAGE_BYTES - cellStartOf(frame, slot) - garbageOf(frame, slot);
  return entries * (kind === KIND_BRANCH ? BRANCH_WIDTH : LEAF_WIDTH) + cells;
}
