/**
 * Encodes, decodes and checks superblocks.
 *
 * Slots 1 and 2 of chunk 0 hold two copies of one record. A new record is written to the slot given
 * by the parity of its number, synced, and then written to the other slot. So at any time at least
 * one copy is intact, and damage to one of them never brings back an older state.
 *
 * Bytes become a `Superblock` only if they pass every check here. Checks that involve the rest of
 * the file (is the page count within it?) are made when the file is opened.
 */

import { isZero } from "./bytes.ts";
import { crc } from "./checksum.ts";
import { CorruptionError } from "./errors.ts";
import {
  CHUNK_PAGES,
  chunksOf,
  FORMAT_VERSION,
  FRESH_PAGES,
  HEADER_BYTES,
  JOURNAL_CHUNKS_MAX,
  MAGIC,
  PAGE_BYTES,
  PAGE_COUNT_MAX,
  SUPERBLOCK,
  VERSION_MAX,
} from "./format.ts";
import type { MetaFields } from "./meta.ts";
import type { PageNumber } from "./units.ts";

const HEADER_PAGES = 1;
const TWO_32 = 0x1_0000_0000;
const CLEAN = 0;
const OPEN = 1;
const CHUNKS_MAX = 2 ** 24;
/** The limit of counters. They grow while the file is open, so it leaves room below 2^53. */
export const COUNTER_MAX: number = 2 ** 52;

/** The content of a superblock. */
export interface Superblock {
  /** Its number; of two superblocks, the one with the larger number is newer. */
  number: number;
  /** Whether a writing session has the file open, or ended without closing it. */
  open: boolean;
  /** 16 random bytes, chosen when the file is created. */
  databaseId: Uint8Array;
  /**
   * The number of the history. A copy has a random one, as it and its source may go on, each with
   * commits of its own, under the same id and the same versions; 0 = the file is no copy.
   */
  history: number;
  /** The history that the file was copied from. */
  origin: number;
  /** The version at which it was copied: up to it, both histories are the same. */
  originVersion: number;
  /** The last version in the file. */
  version: number;
  /** The number of pages of the file. */
  pageCount: number;
  /** The root page of the catalog, 0 = none yet. */
  catalogRoot: number;
  /** The number that the next new tree gets. */
  nextTreeId: number;
  /** No chunk below it has a free page. */
  allocatorHint: number;
  /** The journal generation where replay starts. */
  replayGeneration: number;
  /** The sequence number of the last batch whose pages are already in the file. */
  replaySequence: number;
  /** Syncs completed. */
  syncCount: number;
  /** The chunks of the two journal areas. */
  journals: readonly [readonly number[], readonly number[]];
}

/** Encodes a superblock into 8192 bytes. */
export function encodeSuperblock(superblock: Superblock, bytes: Uint8Array): void {
  bytes.fill(0);
  const view = viewOf(bytes);
  const put = (offset: number, value: number) => view.setUint32(offset, value, true);
  const put64 = (offset: number, value: number) => {
    put(offset, value % TWO_32);
    put(offset + 4, Math.floor(value / TWO_32));
  };
  bytes.set(MAGIC, SUPERBLOCK.magic);
  put(SUPERBLOCK.formatVersion, FORMAT_VERSION);
  put(SUPERBLOCK.pageBytes, PAGE_BYTES);
  put(SUPERBLOCK.chunkPages, CHUNK_PAGES);
  put(SUPERBLOCK.headerBytes, HEADER_BYTES);
  put(SUPERBLOCK.headerPages, HEADER_PAGES);
  put(SUPERBLOCK.state, superblock.open ? OPEN : CLEAN);
  bytes.set(superblock.databaseId, SUPERBLOCK.databaseId);
  put(SUPERBLOCK.history, superblock.history);
  put(SUPERBLOCK.origin, superblock.origin);
  put64(SUPERBLOCK.originVersion, superblock.originVersion);
  put64(SUPERBLOCK.number, superblock.number);
  put64(SUPERBLOCK.version, superblock.version);
  put(SUPERBLOCK.pageCount, superblock.pageCount);
  put(SUPERBLOCK.catalogRoot, superblock.catalogRoot);
  put(SUPERBLOCK.nextTreeId, superblock.nextTreeId);
  put(SUPERBLOCK.allocatorHint, superblock.allocatorHint);
  put64(SUPERBLOCK.replayGeneration, superblock.replayGeneration);
  put64(SUPERBLOCK.replaySequence, superblock.replaySequence);
  put64(SUPERBLOCK.syncCount, superblock.syncCount);
  put(SUPERBLOCK.journalCountA, superblock.journals[0].length);
  put(SUPERBLOCK.journalCountB, superblock.journals[1].length);
  superblock.journals[0].forEach((chunk, i) => put(SUPERBLOCK.journalA + 4 * i, chunk));
  superblock.journals[1].forEach((chunk, i) => put(SUPERBLOCK.journalB + 4 * i, chunk));
  view.setInt32(SUPERBLOCK.sum, crc(bytes.subarray(0, SUPERBLOCK.sum)), true);
}

/**
 * Decodes a superblock from 8192 bytes.
 *
 * @param page The page that the bytes were read from, for the error.
 * @throws {CorruptionError} They break a rule; the error is about the first.
 */
export function decodeSuperblock(bytes: Uint8Array, page: PageNumber): Superblock {
  const reader = new FieldReader(bytes, page);
  checkIdentity(reader);
  const superblock = readFields(reader);
  checkFields(reader, superblock);
  checkReserved(reader, superblock);
  return superblock;
}

/** Reads fields, and throws an error with the offset of the field if a rule is broken. */
class FieldReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #page: PageNumber;

  constructor(bytes: Uint8Array, page: PageNumber) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
    this.#page = page;
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number): number {
    const value = this.u32(offset + 4) * TWO_32 + this.u32(offset);
    this.check(value <= COUNTER_MAX, offset, "a number exceeds 2^52");
    return value;
  }

  list(offset: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.u32(offset + 4 * i));
  }

  check(holds: boolean, offset: number, rule: string): void {
    if (!holds) throw new CorruptionError(this.#page, this.#page * PAGE_BYTES + offset, rule);
  }
}

function checkIdentity(reader: FieldReader): void {
  const magic = MAGIC.every((byte, i) => reader.bytes[SUPERBLOCK.magic + i] === byte);
  reader.check(magic, SUPERBLOCK.magic, "not a Quire database");
  const version = reader.u32(SUPERBLOCK.formatVersion);
  reader.check(
    version === FORMAT_VERSION,
    SUPERBLOCK.formatVersion,
    `format version ${version}, and this Quire reads version ${FORMAT_VERSION}`,
  );
  const stated = reader.u32(SUPERBLOCK.sum) | 0;
  const sum = crc(reader.bytes.subarray(0, SUPERBLOCK.sum));
  reader.check(stated === sum, SUPERBLOCK.sum, "superblock sum does not match");
  const geometry = [
    [SUPERBLOCK.pageBytes, PAGE_BYTES],
    [SUPERBLOCK.chunkPages, CHUNK_PAGES],
    [SUPERBLOCK.headerBytes, HEADER_BYTES],
    [SUPERBLOCK.headerPages, HEADER_PAGES],
  ] as const;
  for (const [offset, value] of geometry) {
    reader.check(reader.u32(offset) === value, offset, "unknown geometry");
  }
}

function readFields(reader: FieldReader): Superblock {
  const countA = reader.u32(SUPERBLOCK.journalCountA);
  const countB = reader.u32(SUPERBLOCK.journalCountB);
  reader.check(countA <= JOURNAL_CHUNKS_MAX, SUPERBLOCK.journalCountA, "too many journal chunks");
  reader.check(countB <= JOURNAL_CHUNKS_MAX, SUPERBLOCK.journalCountB, "too many journal chunks");
  return {
    number: reader.u64(SUPERBLOCK.number),
    open: reader.u32(SUPERBLOCK.state) === OPEN,
    databaseId: reader.bytes.slice(SUPERBLOCK.databaseId, SUPERBLOCK.databaseId + 16),
    history: reader.u32(SUPERBLOCK.history),
    origin: reader.u32(SUPERBLOCK.origin),
    originVersion: reader.u64(SUPERBLOCK.originVersion),
    version: reader.u64(SUPERBLOCK.version),
    pageCount: reader.u32(SUPERBLOCK.pageCount),
    catalogRoot: reader.u32(SUPERBLOCK.catalogRoot),
    nextTreeId: reader.u32(SUPERBLOCK.nextTreeId),
    allocatorHint: reader.u32(SUPERBLOCK.allocatorHint),
    replayGeneration: reader.u64(SUPERBLOCK.replayGeneration),
    replaySequence: reader.u64(SUPERBLOCK.replaySequence),
    syncCount: reader.u64(SUPERBLOCK.syncCount),
    journals: [
      reader.list(SUPERBLOCK.journalA, countA),
      reader.list(SUPERBLOCK.journalB, countB),
    ],
  };
}

function checkFields(reader: FieldReader, superblock: Superblock): void {
  const { journals } = superblock;
  reader.check(reader.u32(SUPERBLOCK.state) <= OPEN, SUPERBLOCK.state, "unknown state");
  const broken = brokenRule(superblock, superblock.originVersion);
  if (broken !== undefined) reader.check(false, SUPERBLOCK[broken.field], broken.rule);
  const chunksArePossible = journals.flat().every((chunk) => chunk > 0 && chunk < CHUNKS_MAX);
  reader.check(chunksArePossible, SUPERBLOCK.journalA, "journal chunk outside the file");
  const distinct = new Set(journals.flat()).size === journals.flat().length;
  reader.check(distinct, SUPERBLOCK.journalA, "journal chunk listed twice");
}

/** A field that breaks a rule, and the rule. */
export interface BrokenRule {
  /** The name of the field. */
  readonly field: "version" | "originVersion" | "pageCount" | "catalogRoot" | "allocatorHint";
  /** The rule, in words. */
  readonly rule: string;
}

/**
 * The first rule that facts about a file break; undefined if none. A batch of the journal has the
 * same facts, and they go into a superblock.
 *
 * @param originVersion The version at which the file was copied.
 */
export function brokenRule(facts: MetaFields, originVersion: number): BrokenRule | undefined {
  const { version, pageCount, catalogRoot, allocatorHint } = facts;
  if (version > VERSION_MAX) return { field: "version", rule: "version exceeds 48 bits" };
  if (originVersion > version) {
    return { field: "originVersion", rule: "copied at a later version than the last one" };
  }
  if (pageCount < FRESH_PAGES || pageCount > PAGE_COUNT_MAX) {
    return { field: "pageCount", rule: `page count ${pageCount} is impossible` };
  }
  const rootIsPossible = catalogRoot === 0 ||
    (catalogRoot >= FRESH_PAGES && catalogRoot < pageCount && catalogRoot % CHUNK_PAGES !== 0);
  if (!rootIsPossible) {
    return { field: "catalogRoot", rule: `catalog root ${catalogRoot} is impossible` };
  }
  if (allocatorHint <= chunksOf(pageCount)) return undefined;
  return { field: "allocatorHint", rule: "hint past the last chunk" };
}

/**
 * Checks a superblock that is about to be written, as a later read does.
 *
 * @throws {CorruptionError} Its page breaks a rule; so did what it was made from.
 */
export function checkSuperblock(superblock: Superblock, page: PageNumber): void {
  const bytes = new Uint8Array(PAGE_BYTES);
  encodeSuperblock(superblock, bytes);
  decodeSuperblock(bytes, page);
}

function checkReserved(reader: FieldReader, superblock: Superblock): void {
  const [a, b] = superblock.journals;
  const gaps = [
    [SUPERBLOCK.reserved, SUPERBLOCK.journalA],
    [SUPERBLOCK.journalA + 4 * a.length, SUPERBLOCK.journalB],
    [SUPERBLOCK.journalB + 4 * b.length, SUPERBLOCK.sum],
  ] as const;
  for (const [start, end] of gaps) {
    reader.check(isZero(reader.bytes, start, end), start, "reserved bytes are not zero");
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
