/**
 * Reads the journal of a file that another process writes: the transactions behind a position, each
 * whole or not at all.
 *
 * A batch counts if it is the next one in sequence, names the one before it, and matches its sums,
 * so bytes of an older generation, and of a batch that is being written, end the journal. Where an
 * area has no next transaction, the first one of the other area may be it.
 *
 * Where the caller knows how far the batches go, it reads their bytes at once before it takes them.
 *
 * It does not know what is on the medium.
 */

import {
  BATCH_HEADER_BYTES,
  batchBytes,
  type BatchHeader,
  batchSum,
  decodeBatch,
  mayBeginAt,
} from "../batch/batch.ts";
import { AREA_CHUNK_BYTES, JournalArea } from "../batch/journal_area.ts";
import type { Disk } from "../file/disk.ts";
import { joinBytes } from "../format/bytes.ts";
import { crc } from "../format/checksum.ts";
import { CHUNK_BYTES, PAGE_BYTES } from "../format/format.ts";
import type { MetaFields } from "../format/meta.ts";
import type { Superblock } from "../format/superblock.ts";

const GENERATION_AT = 24;
const SEQUENCE_AT = 32;
const TWO_32 = 0x1_0000_0000;

/** The most bytes that are read at once. */
const AHEAD_BYTES_MAX = 1024 * 1024;
/** The memory for reads at once that is kept for the next one. */
const AHEAD_BYTES_KEPT = 256 * 1024;
/** The records of small batches have memory together, of this many bytes. */
const SLAB_BYTES = 64 * 1024;

/** Bytes of an area that were read before they are asked for. */
interface Ahead {
  readonly generation: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Where the next batch of a journal is expected. */
export interface Position {
  /** The generation; its parity selects the area. */
  readonly generation: number;
  /** The byte of the area. */
  readonly offset: number;
  /** The sequence of the last batch. */
  readonly sequence: number;
  /** The sum of the last batch, which the next one names; undefined if it may name any. */
  readonly sum: number | undefined;
}

/** The batches of one or more transactions that apply together. */
export interface Group {
  /** The records of all its batches; empty if it only confirms those before it. */
  readonly bytes: Uint8Array;
  /** The facts about the file after it. */
  readonly meta: MetaFields;
  /** Its generation. */
  readonly generation: number;
  /** The sequence of its last batch. */
  readonly sequence: number;
  /** The last sequence that its batches name as being on the medium. */
  readonly durableSequence: number;
  /** The position behind it. */
  readonly end: Position;
}

/** A batch in memory. */
interface Batch {
  readonly header: BatchHeader;
  readonly bytes: Uint8Array;
}

/** Reads the journal of a file that another process writes. */
export class BatchReader {
  readonly #disk: Disk;
  readonly #databaseId: Uint8Array;
  readonly #header = new Uint8Array(BATCH_HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  #areas: readonly [JournalArea, JournalArea];
  #ahead: Ahead | undefined;
  /** Memory for what is read at once. */
  #scratch = new Uint8Array(0);
  /** Memory for records, and how much of it is used. */
  #slab = new Uint8Array(0);
  #slabUsed = 0;

  /**
   * Creates a reader.
   *
   * @param disk The file.
   * @param superblock Its superblock, which lists the chunks of both areas.
   */
  constructor(disk: Disk, superblock: Superblock) {
    this.#disk = disk;
    this.#databaseId = superblock.databaseId;
    this.#areas = areasOf(disk, superblock);
  }

  /** Reads the areas that a newer superblock lists from now on. */
  adopt(superblock: Superblock): void {
    this.#areas = areasOf(this.#disk, superblock);
  }

  /**
   * Reads the bytes behind a position at once, up to an offset of its area. `next` takes what it
   * needs from there until `endAhead`; the caller asks only for batches that were written before.
   */
  readAhead({ generation, offset }: Position, end: number): void {
    const area = this.#areas[generation & 1]!;
    const length = Math.min(end, area.capacity) - offset;
    if (length <= BATCH_HEADER_BYTES || length > AHEAD_BYTES_MAX) return;
    if (length > this.#scratch.length) {
      this.#scratch = new Uint8Array(length > AHEAD_BYTES_KEPT ? length : AHEAD_BYTES_KEPT);
    }
    const bytes = this.#scratch.subarray(0, length);
    area.read(bytes, length, offset);
    this.#ahead = { generation, offset, bytes };
  }

  /** Forgets what was read at once. */
  endAhead(): void {
    this.#ahead = undefined;
    if (this.#scratch.length > AHEAD_BYTES_KEPT) this.#scratch = new Uint8Array(0);
  }

  /** The bytes of a part of an area, if they were read at once. */
  #takeAhead(generation: number, offset: number, length: number): Uint8Array | undefined {
    const ahead = this.#ahead;
    if (ahead?.generation !== generation || offset < ahead.offset) return undefined;
    const start = offset - ahead.offset;
    if (start + length > ahead.bytes.length) return undefined;
    return ahead.bytes.subarray(start, start + length);
  }

  /** Reads the transaction behind a position, or returns undefined if none is whole there. */
  next(from: Position): Group | undefined {
    return this.#group(from.generation, from.offset, from) ??
      this.#group(from.generation + 1, 0, from);
  }

  /**
   * Whether a batch seems to follow a position in its area: one read of 128 bytes, or none at the
   * end of the area.
   */
  hasNext({ generation, offset, sequence }: Position): boolean {
    return this.#seems(generation, offset, sequence + 1);
  }

  /** Whether the batch behind a position seems to be in the other area: one read of 128 bytes. */
  hasSwitched({ generation, sequence }: Position): boolean {
    return this.#seems(generation + 1, 0, sequence + 1);
  }

  #seems(generation: number, offset: number, sequence: number): boolean {
    if (!this.#readHeader(generation, offset)) return false;
    return mayBeginAt(this.#header, 0) && this.#get64(GENERATION_AT) === generation &&
      this.#get64(SEQUENCE_AT) === sequence;
  }

  #get64(at: number): number {
    return this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }

  /** Reads the bytes of a header; false if the area, or the file, has none at the offset. */
  #readHeader(generation: number, offset: number): boolean {
    const { chunks, capacity } = this.#areas[generation & 1]!;
    if (offset >= capacity) return false;
    const ahead = this.#takeAhead(generation, offset, BATCH_HEADER_BYTES);
    if (ahead !== undefined) {
      this.#header.set(ahead);
      return true;
    }
    const chunk = chunks[Math.floor(offset / AREA_CHUNK_BYTES)]!;
    const position = chunk * CHUNK_BYTES + PAGE_BYTES + offset % AREA_CHUNK_BYTES;
    return this.#disk.read(this.#header, 0, BATCH_HEADER_BYTES, position) === BATCH_HEADER_BYTES;
  }

  /** Reads the batches of the next transaction, if it begins at an offset of a generation. */
  #group(generation: number, from: number, { sequence, sum }: Position): Group | undefined {
    const parts: Uint8Array[] = [];
    let durableSequence = 0;
    let before = sum;
    for (let offset = from, number = sequence + 1;; number++) {
      const batch = this.#batch(generation, offset, number, before);
      if (batch === undefined) return undefined;
      const { header, bytes } = batch;
      parts.push(this.#keep(bytes, header.payloadBytes));
      durableSequence = Math.max(durableSequence, header.durableSequence);
      before = batchSum(bytes);
      offset += bytes.length;
      if (header.continues) continue;
      const end = { generation, offset, sequence: number, sum: before };
      return {
        bytes: joinBytes(parts),
        meta: header,
        generation,
        sequence: number,
        durableSequence,
        end,
      };
    }
  }

  /** The records of a batch, which stay when its bytes do not: most of these fill up a sector. */
  #keep(bytes: Uint8Array, length: number): Uint8Array {
    const records = bytes.subarray(BATCH_HEADER_BYTES, BATCH_HEADER_BYTES + length);
    if (length > SLAB_BYTES / 8) return this.#isAhead(bytes) ? records.slice() : records;
    if (this.#slabUsed + length > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    const kept = this.#slab.subarray(this.#slabUsed, this.#slabUsed + length);
    kept.set(records);
    this.#slabUsed += length;
    return kept;
  }

  /** Whether bytes of a batch are in the memory of what was read at once. */
  #isAhead(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#scratch.buffer;
  }

  #batch(
    generation: number,
    offset: number,
    sequence: number,
    previousSum: number | undefined,
  ): Batch | undefined {
    if (!this.#readHeader(generation, offset)) return undefined;
    const header = decodeBatch(this.#header, this.#databaseId);
    if (header?.generation !== generation || header.offset !== offset) return undefined;
    if (header.sequence !== sequence) return undefined;
    if (previousSum !== undefined && header.previousSum !== previousSum) return undefined;
    const area = this.#areas[generation & 1]!;
    const length = batchBytes(header.payloadBytes);
    if (length > area.capacity - offset) return undefined;
    const bytes = this.#takeAhead(generation, offset, length) ?? new Uint8Array(length);
    if (!this.#isAhead(bytes)) area.read(bytes, length, offset);
    // The writer may have replaced the batch since the header was read.
    if (batchSum(bytes) !== batchSum(this.#header)) return undefined;
    const end = BATCH_HEADER_BYTES + header.payloadBytes;
    if (crc(bytes.subarray(BATCH_HEADER_BYTES, end)) !== header.payloadSum) return undefined;
    return { header, bytes };
  }
}

function areasOf(disk: Disk, { journals }: Superblock): [JournalArea, JournalArea] {
  const [a, b] = journals;
  // Nothing is written to them, so how much of them was written before does not matter.
  return [new JournalArea(disk, a, 0), new JournalArea(disk, b, 0)];
}
