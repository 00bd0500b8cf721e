/**
 * Makes a copy to which archived commits were applied a database of its own.
 *
 * The database gets a new id. The head sum of each page depends on the id, so every header is
 * sealed again: no journal, increment or archive of the source can ever be applied to it.
 */

import type { Disk } from "../file/disk.ts";
import { seedOf } from "../format/checksum.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  chunksOf,
  HEADER_WORD_SHIFT,
  PAGE_BYTES,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { checkHeaderPage, isInUse, seal, setInUse, statedPageSum } from "../format/header.ts";
import type { MetaFields } from "../format/meta.ts";
import type { Superblock } from "../format/superblock.ts";
import { isZero } from "../format/zeros.ts";
import { freshHeaderPage, freshSuperblock } from "../journal/superblocks.ts";

/** The chunks whose headers are sealed between two turns of the event loop. */
const SLICE_CHUNKS = 64;

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
  const chunks = chunksOf(meta.pageCount);
  let pageCount = 0;
  let allocatorHint = chunks;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const done = disk.read(frame.u8, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    frame.u8.fill(0, done, PAGE_BYTES);
    // A chunk that was part of the journal of the source has no header page.
    if (isZero(frame.u8, 0, PAGE_BYTES)) setInUse(frame, 0, 0);
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
