/**
 * The format of an increment: the pages of a database that differ between two of its versions.
 *
 * ```text
 * [head][page]... [chunk 0][page]... [chunk 1] ... [end]
 *
 * head   128 bytes:
 *    0   8 bytes   magic: "QUIRI", then bytes that a text-mode copy changes
 *    8   u32       version of this format
 *   12   u32       bytes in a page
 *   16   u32       pages in a chunk
 *   20   u32       0
 *   24   16 bytes  database id
 *   40   u64       base version: the increment has the pages of later versions
 *   48   u64       version: of the state that it leads to
 *   56   u32       page count          of that state,
 *   60   u32       catalog root        as in a superblock
 *   64   u32       next tree id
 *   68   u32       allocator's hint
 *   72   zeros
 *  124   u32       CRC-32 of the bytes before
 *
 * page   u32 1, u32 page number, its header of 32 bytes, its 8192 bytes
 * chunk  u32 2, u32 chunk number, its bitmap of 32 bytes
 * end    u32 3, u32 number of page records,
 *        u32 pages in use, u32 and u32: the sum of the state (`state_sum.ts`),
 *        u32 CRC-32 of all bytes before
 * ```
 *
 * Integers are little-endian. Each chunk of the state has a record, in order, after those of its
 * pages. A page has at most one record. Pages that were freed have none: the bitmap shows them.
 *
 * The header sum of a page depends on the database id and the page number, so a record needs no
 * sum. The sum of the state covers the pages that did not change, too: a base with another history
 * does not match it, even if all its versions do.
 */

import { isZero } from "../format/bytes.ts";
import { crc } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import {
  CHUNK_PAGES,
  chunksOf,
  FRESH_PAGES,
  HEADER_BYTES,
  PAGE_BYTES,
  PAGE_COUNT_MAX,
  SLOT_MASK,
  VERSION_MAX,
} from "../format/format.ts";
import type { MetaFields } from "../format/meta.ts";
import type { Version } from "../format/units.ts";

/** The bytes of the head. */
export const HEAD_BYTES = 128;
/** The bytes of the record of a page. */
export const PAGE_RECORD_BYTES: number = 8 + HEADER_BYTES + PAGE_BYTES;
/** The bytes of the bitmap of a chunk. */
export const BITMAP_BYTES: number = CHUNK_PAGES / 8;
/** The bytes of the record of a chunk. */
export const CHUNK_RECORD_BYTES: number = 8 + BITMAP_BYTES;
/** The bytes of the last record. */
export const END_RECORD_BYTES = 24;
/** The bytes of the type of a record and of its number. */
export const TAG_BYTES = 8;

/** The record of a page. */
export const PAGE_RECORD = 1;
/** The record of a chunk. */
export const CHUNK_RECORD = 2;
/** The last record. */
export const END_RECORD = 3;

const MAGIC = [0x51, 0x55, 0x49, 0x52, 0x49, 0x0d, 0x0a, 0x1a];
const FORMAT_VERSION = 1;
const AT = {
  formatVersion: 8,
  pageBytes: 12,
  chunkPages: 16,
  reserved: 20,
  databaseId: 24,
  base: 40,
  version: 48,
  pageCount: 56,
  catalogRoot: 60,
  nextTreeId: 64,
  allocatorHint: 68,
  unused: 72,
  sum: 124,
} as const;
const ID_BYTES = 16;

/** The head of an increment. */
export interface IncrementHead {
  /** The id of the database. */
  readonly databaseId: Uint8Array;
  /** The version that the increment begins at. */
  readonly base: Version;
  /** The state that it leads to. */
  readonly meta: MetaFields;
}

/** Encodes the head of an increment. */
export function encodeHead({ databaseId, base, meta }: IncrementHead): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(AT.formatVersion, FORMAT_VERSION, true);
  view.setUint32(AT.pageBytes, PAGE_BYTES, true);
  view.setUint32(AT.chunkPages, CHUNK_PAGES, true);
  bytes.set(databaseId, AT.databaseId);
  view.setBigUint64(AT.base, BigInt(base), true);
  view.setBigUint64(AT.version, BigInt(meta.version), true);
  view.setUint32(AT.pageCount, meta.pageCount, true);
  view.setUint32(AT.catalogRoot, meta.catalogRoot, true);
  view.setUint32(AT.nextTreeId, meta.nextTreeId, true);
  view.setUint32(AT.allocatorHint, meta.allocatorHint, true);
  view.setInt32(AT.sum, crc(bytes.subarray(0, AT.sum)), true);
  return bytes;
}

/**
 * Decodes the head of an increment.
 *
 * @throws {CorruptionError} It breaks a rule.
 */
export function decodeHead(bytes: Uint8Array): IncrementHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const check = (holds: boolean, offset: number, rule: string) => {
    if (!holds) throw damaged(offset, rule);
  };
  const u32 = (offset: number) => view.getUint32(offset, true);
  const isMagic = bytes.length === HEAD_BYTES && MAGIC.every((byte, i) => bytes[i] === byte);
  check(isMagic, 0, "not an increment of a Quire database");
  const format = u32(AT.formatVersion);
  const known = `increment format ${format}, and this Quire reads format ${FORMAT_VERSION}`;
  check(format === FORMAT_VERSION, AT.formatVersion, known);
  const sum = crc(bytes.subarray(0, AT.sum));
  check(view.getInt32(AT.sum, true) === sum, AT.sum, "the sum of the head does not match");
  const isKnown = u32(AT.pageBytes) === PAGE_BYTES && u32(AT.chunkPages) === CHUNK_PAGES;
  check(isKnown, AT.pageBytes, "unknown geometry");
  const isUnused = u32(AT.reserved) === 0 && isZero(bytes, AT.unused, AT.sum);
  check(isUnused, AT.unused, "reserved bytes are not zero");
  const base = Number(view.getBigUint64(AT.base, true));
  const version = Number(view.getBigUint64(AT.version, true));
  check(base <= version && version <= VERSION_MAX, AT.base, "impossible versions");
  const pageCount = u32(AT.pageCount);
  const isPossible = pageCount >= FRESH_PAGES && pageCount <= PAGE_COUNT_MAX;
  check(isPossible, AT.pageCount, `page count ${pageCount} is impossible`);
  const catalogRoot = u32(AT.catalogRoot);
  check(
    catalogRoot === 0 || isData(catalogRoot, pageCount),
    AT.catalogRoot,
    `catalog root ${catalogRoot} is impossible`,
  );
  const allocatorHint = u32(AT.allocatorHint);
  const isHint = allocatorHint <= chunksOf(pageCount);
  check(isHint, AT.allocatorHint, "hint past the last chunk");
  const meta = { version, pageCount, catalogRoot, nextTreeId: u32(AT.nextTreeId), allocatorHint };
  return { databaseId: bytes.slice(AT.databaseId, AT.databaseId + ID_BYTES), base, meta };
}

/** Whether a page of data can have a number, in a file of `pageCount` pages. */
export function isData(page: number, pageCount: number): boolean {
  return page >= FRESH_PAGES && page < pageCount && (page & SLOT_MASK) !== 0;
}

/** The error for a rule that an increment breaks, at a byte of it. */
export function damaged(offset: number, rule: string): CorruptionError {
  return new CorruptionError(Math.floor(offset / PAGE_BYTES), offset, rule);
}
