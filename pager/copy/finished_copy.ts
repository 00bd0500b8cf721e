/**
 * Makes a copy to which archived commits were applied a database of its own, and gives header pages
 * to chunks that no commit wrote to.
 *
 * The database gets a new id. The header sum of each page depends on the id, so every header is
 * sealed again: no journal, increment or archive of the source can ever be applied to it.
 *
 * Invariant: a commit that makes the file longer has a record in each chunk that it adds, unless
 * the journal took the chunk. So few chunks have no header page, and those behind the last byte
 * that was written are left out: a forged page count costs no more than the records beside it.
 */

import { emptyHeaderPage } from "../batch/journal_area.ts";
import type { Disk } from "../file/disk.ts";
import { isZero } from "../format/bytes.ts";
import { seedOf } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  chunksOf,
  HEADER_WORD_SHIFT,
  JOURNAL_CHUNKS_MAX,
  PAGE_BYTES,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { checkHeaderPage, isInUse, seal, setInUse, statedPageSum } from "../format/header.ts";
import type { MetaFields } from "../format/meta.ts";
import type { Superblock } from "../format/superblock.ts";
import type { ChunkNumber } from "../format/units.ts";
import { freshHeaderPage, freshSuperblock } from "../journal/superblocks.ts";

/** The chunks whose headers are sealed between two turns of the event loop. */
const SLICE_CHUNKS = 64;
/**
 * The most chunks without a header page, besides as many as have one: four times as many as both
 * areas of the journal ever have, as they may have been in several places.
 */
const GAPS_MAX = 8 * JOURNAL_CHUNKS_MAX;

/** Counts the chunks that commits wrote to, and the gaps between them. */
class Gaps {
  #written = 0;
  #count = 0;

  /**
   * Notes the next chunk.
   *
   * @param isGap Whether it has no header page.
   * @throws {CorruptionError} There are too many gaps.
   */
  note(chunk: ChunkNumber, isGap: boolean): void {
    if (!isGap) this.#written++;
    else if (++this.#count > GAPS_MAX + this.#written) {
      const rule = `no commit wrote to this chunk and ${this.#count - 1} before it`;
      throw new CorruptionError(chunk * CHUNK_PAGES, chunk * CHUNK_BYTES, rule);
    }
  }
}

/** The chunks of a copy up to the last byte that was written, of those that it may have. */
function writtenChunks(disk: Disk, pageCount: number): number {
  return Math.min(chunksOf(pageCount), Math.ceil(disk.size() / CHUNK_BYTES));
}

/** Prepares an empty file for a first increment, which needs the headers of the superblocks. */
export function beginCopy(disk: Disk, databaseId: Uint8Array): void {
  disk.write(freshHeaderPage(databaseId), 0, PAGE_BYTES, 0);
}

/**
 * Seals every header for a new database, and yields between slices. Returns the superblock with
 * which the caller completes the file.
 *
 * @param meta The facts about the file; its page count may be too high, and its hint is not used.
 * @param databaseId The id of the source.
 * @throws {CorruptionError} A header breaks a rule.
 * @throws {IoError} The system refused.
 */
export function* finishCopy(
  disk: Disk,
  meta: MetaFields,
  databaseId: Uint8Array,
): Generator<void, Superblock, undefined> {
  const fresh = freshSuperblock();
  const [from, to] = [seedOf(databaseId), seedOf(fresh.databaseId)];
  const frame = new Frame(-1, POOL, 1);
  const chunks = writtenChunks(disk, meta.pageCount);
  const gaps = new Gaps();
  let pageCount = 0;
  let allocatorHint = chunks;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const done = disk.read(frame.u8, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    frame.u8.fill(0, done, PAGE_BYTES);
    const isGap = isZero(frame.u8, 0, PAGE_BYTES);
    gaps.note(chunk, isGap);
    if (isGap) setInUse(frame, 0, 0);
    checkHeaderPage(frame, 0, chunk, meta.pageCount, from);
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const page = chunk * CHUNK_PAGES + slot;
      if (isInUse(frame, 0, slot)) {
        seal(frame, slot, page, statedPageSum(frame.u32, slot << HEADER_WORD_SHIFT), to);
        pageCount = page + 1;
      } else {
        allocatorHint = Math.min(allocatorHint, chunk);
      }
    }
    disk.write(frame.u8, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    if (chunk % SLICE_CHUNKS === SLICE_CHUNKS - 1) yield;
  }
  // Chunks of free pages at the end are cut.
  allocatorHint = Math.min(allocatorHint, chunksOf(pageCount));
  const { version, catalogRoot, nextTreeId } = meta;
  return { ...fresh, version, catalogRoot, nextTreeId, pageCount, allocatorHint };
}

/**
 * Gives each chunk that a file has grown by a header page, if it has none. Returns the page count
 * without the chunks at the end that no commit wrote to.
 *
 * @throws {CorruptionError} No commit wrote to too many chunks before.
 * @throws {IoError} The system refused.
 */
export function coverChunks(disk: Disk, fromPages: number, toPages: number): number {
  const page = new Uint8Array(PAGE_BYTES);
  const chunks = writtenChunks(disk, toPages);
  const gaps = new Gaps();
  for (let chunk = chunksOf(fromPages); chunk < chunks; chunk++) {
    const done = disk.read(page, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    page.fill(0, done);
    const isGap = isZero(page, 0, PAGE_BYTES);
    gaps.note(chunk, isGap);
    if (isGap) disk.write(emptyHeaderPage(), 0, PAGE_BYTES, chunk * CHUNK_BYTES);
  }
  return Math.min(toPages, chunks * CHUNK_PAGES);
}
