/**
 * The chain of batches in a journal: consecutive batches, first of the generation in which replay
 * begins, then of the next one. It ends at the first batch that fails its checks. Whether that one
 * is torn or rotten is for `journal_tail.ts` to tell.
 */

import {
  BATCH_HEADER_BYTES,
  batchBytes,
  type BatchHeader,
  batchSum,
  decodeBatch,
} from "../batch/batch.ts";
import { AREA_CHUNK_BYTES, type JournalArea } from "../batch/journal_area.ts";
import { crc } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import { CHUNK_PAGES, PAGE_BYTES } from "../format/format.ts";
import { freeMemory } from "../format/free_memory.ts";
import type { Superblock } from "../format/superblock.ts";

/** The areas of a journal; the last bit of a generation is the index of its area. */
export type Areas = readonly [JournalArea, JournalArea];

/** A batch that was read. */
export class ReadBatch {
  /** Its header. */
  readonly header: BatchHeader;
  /** The bytes that it takes in its area. */
  readonly length: number;
  /** Its records, or its part of them. */
  records: Uint8Array;
  /** The bytes of its header. */
  #head: Uint8Array;
  /** All its bytes, unless its records have moved. */
  #bytes: Uint8Array<ArrayBuffer> | undefined;

  /** The batch that is in some bytes, header and padding among them. */
  constructor(header: BatchHeader, bytes: Uint8Array<ArrayBuffer>) {
    this.header = header;
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#head = bytes.subarray(0, BATCH_HEADER_BYTES);
    this.records = bytes.subarray(BATCH_HEADER_BYTES, BATCH_HEADER_BYTES + header.payloadBytes);
  }

  /** The sum in its header. */
  get sum(): number {
    return batchSum(this.#head);
  }

  /** Writes all its bytes to their place in its area again, header and padding among them. */
  rewrite(area: JournalArea): void {
    const bytes = this.#bytes ?? this.#put();
    area.write(bytes, this.length, this.header.offset);
    if (this.#bytes === undefined) freeMemory(bytes);
  }

  /** All its bytes, put together again. */
  #put(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.length);
    bytes.set(this.#head);
    bytes.set(this.records, BATCH_HEADER_BYTES);
    return bytes;
  }

  /** Moves its records into an array that outlives it, and frees their memory. */
  moveRecords(to: Uint8Array, at: number): void {
    if (this.#bytes === undefined) return;
    to.set(this.records, at);
    this.records = to.subarray(at, at + this.records.length);
    this.#head = this.#head.slice();
    freeMemory(this.#bytes);
    this.#bytes = undefined;
  }
}

/**
 * The records of batches that apply together, one after the other. Those of several batches move:
 * a large transaction fills the journal, and memory must not hold it twice.
 */
export function joinRecords(batches: readonly ReadBatch[]): Uint8Array {
  if (batches.length === 1) return batches[0]!.records;
  const joined = new Uint8Array(batches.reduce((sum, { records }) => sum + records.length, 0));
  let at = 0;
  for (const batch of batches) {
    batch.moveRecords(joined, at);
    at += batch.records.length;
  }
  return joined;
}

/** The consecutive batches of a journal. */
export class BatchChain {
  /** The batches, in order. */
  readonly batches: ReadBatch[] = [];
  /** The generation in which they end. */
  generation: number;
  /** Where they end in its area, in bytes. */
  offset = 0;
  /** The sequence of the last of them; the superblock's if there is none. */
  sequence: number;
  readonly #areas: Areas;
  readonly #superblock: Superblock;

  /** Finds the batches that follow a superblock. */
  constructor(areas: Areas, superblock: Superblock) {
    this.#areas = areas;
    this.#superblock = superblock;
    this.generation = superblock.replayGeneration;
    this.sequence = superblock.replaySequence;
    this.#find();
  }

  /** The header of the last batch; undefined if there is none. */
  get last(): BatchHeader | undefined {
    return this.batches.at(-1)?.header;
  }

  /** Drops the batches at the end whose group lacks its last batch. Returns their bytes. */
  dropTornGroup(): number {
    let bytes = 0;
    while (this.last?.continues) bytes += this.batches.pop()!.length;
    return bytes;
  }

  #find(): void {
    const first = this.#superblock.replayGeneration;
    let lastSum: number | undefined;
    for (const generation of [first, first + 1]) {
      let offset = 0;
      for (;;) {
        const batch = this.#read(generation, offset, lastSum);
        if (batch === undefined) break;
        this.batches.push(batch);
        lastSum = batch.sum;
        this.sequence = batch.header.sequence;
        offset += batch.length;
      }
      if (generation === first || offset > 0) {
        this.generation = generation;
        this.offset = offset;
      }
    }
  }

  /** The next batch of the chain, if it begins at an offset and passes all checks. */
  #read(generation: number, offset: number, lastSum: number | undefined): ReadBatch | undefined {
    const area = this.#areas[generation & 1]!;
    const header = this.#readHeader(area, offset);
    if (header === undefined || header.generation !== generation) return undefined;
    if (header.offset !== offset || header.sequence !== this.sequence + 1) return undefined;
    if (lastSum !== undefined && header.previousSum !== lastSum) return undefined;
    const length = batchBytes(header.payloadBytes);
    if (length > area.capacity - offset) return undefined;
    const bytes = new Uint8Array(length);
    area.read(bytes, length, offset);
    const end = BATCH_HEADER_BYTES + header.payloadBytes;
    if (crc(bytes.subarray(BATCH_HEADER_BYTES, end)) !== header.payloadSum) return undefined;
    return new ReadBatch(header, bytes);
  }

  #readHeader(area: JournalArea, offset: number): BatchHeader | undefined {
    const bytes = new Uint8Array(BATCH_HEADER_BYTES);
    area.read(bytes, BATCH_HEADER_BYTES, offset);
    return decodeBatch(bytes, this.#superblock.databaseId);
  }
}

/** Throws a `CorruptionError` about a byte of the area of a generation. */
export function corruptJournal(areas: Areas, generation: number, at: number, rule: string): never {
  const chunk = areas[generation & 1]!.chunks[Math.floor(at / AREA_CHUNK_BYTES)]!;
  const page = chunk * CHUNK_PAGES + 1 + Math.floor((at % AREA_CHUNK_BYTES) / PAGE_BYTES);
  throw new CorruptionError(page, page * PAGE_BYTES + at % PAGE_BYTES, rule);
}
