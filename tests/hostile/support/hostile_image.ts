/**
 * The bytes of a database, for targeted changes: each change records which sums no longer fit, and
 * `sealAll` recomputes them, those of pages, superblocks and journal batches.
 *
 * Batches are located before the first change.
 */

import { crc32 } from "node:zlib";
import { BATCH_ALIGN, BATCH_HEADER_BYTES, decodeBatch } from "../../../pager/batch/batch.ts";
import { format } from "../../../pager/mod.ts";
import { Image } from "../../support/files/image.ts";

const { CHUNK_BYTES, CHUNK_PAGES, FRESH_PAGES, HEADER_BYTES, PAGE_BYTES, SUPERBLOCK } = format;

/** Byte offsets of the fields of a batch's header. */
export const BATCH = {
  generation: 24,
  sequence: 32,
  syncCount: 40,
  durableSequence: 48,
  offset: 56,
  version: 64,
  payloadBytes: 72,
  payloadSum: 76,
  previousSum: 80,
  pageCount: 84,
  nextTreeId: 88,
  catalogRoot: 92,
  allocatorHint: 96,
  continues: 100,
  reserved: 104,
  payload: BATCH_HEADER_BYTES,
} as const;

/** A batch of the journal, and its position in the file. */
export interface Batch {
  readonly position: number;
  /** Its length in bytes, with header and padding. */
  readonly length: number;
  readonly sequence: number;
}

/** The bytes of a database, and the sums to recompute. */
export class HostileImage extends Image {
  /** The batches of the journal that recovery would replay, in order. */
  readonly batches: readonly Batch[];
  readonly #pages = new Set<number>();
  readonly #batches = new Set<number>();

  /** A copy of the bytes of a database. */
  constructor(bytes: Uint8Array) {
    super(bytes);
    this.batches = batchesOf(this);
  }

  /** Sets a byte. */
  put8(at: number, value: number): void {
    this.put(at, [value]);
  }

  /** Sets a u16. */
  put16(at: number, value: number): void {
    this.put(at, [value & 0xff, value >>> 8]);
  }

  /** Sets a u32. */
  put32(at: number, value: number): void {
    this.put(at, [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]);
  }

  /** Sets bytes, as far as the file reaches. */
  put(at: number, bytes: ArrayLike<number>): void {
    for (let i = 0; i < bytes.length && at + i < this.bytes.length; i++) {
      this.bytes[at + i]! = bytes[i]!;
    }
    this.#note(at, Math.min(at + bytes.length, this.bytes.length));
  }

  /** Changes one bit. */
  flip(at: number, bit: number): void {
    this.put8(at, this.bytes[at]! ^ (1 << bit));
  }

  /** Sets a byte of the header of a page. */
  putHeader8(page: number, field: number, value: number): void {
    this.put8(this.headerAt(page) + field, value);
  }

  /** Sets a u16 of the header of a page. */
  putHeader16(page: number, field: number, value: number): void {
    this.put16(this.headerAt(page) + field, value);
  }

  /** Sets a u32 of the header of a page. */
  putHeader32(page: number, field: number, value: number): void {
    this.put32(this.headerAt(page) + field, value);
  }

  /** Sets a u32 of one superblock or of both. */
  putSuperblock(field: number, value: number, pages: readonly number[] = [1, 2]): void {
    for (const page of pages) this.put32(page * PAGE_BYTES + field, value);
  }

  /** Sets a u32 of a batch of the journal. */
  putBatch(batch: number, field: number, value: number): void {
    this.put32(this.batches[batch]!.position + field, value);
  }

  /** Copies the bytes of one page, or of header and page, over another's. */
  overlay(from: number, to: number, withHeader: boolean): void {
    this.put(to * PAGE_BYTES, this.page(from).slice());
    if (withHeader) this.put(this.headerAt(to), this.header(from).slice());
  }

  /** Recomputes every sum that a change invalidated. */
  sealAll(): void {
    for (const page of this.#pages) {
      if (page < FRESH_PAGES) this.#sealSuperblock(page);
      else if (this.kindOf(page) !== format.KIND_FREE) this.seal(page);
    }
    const first = Math.min(...this.#batches);
    for (let i = first; i < this.batches.length; i++) this.#sealBatch(i, i > first);
  }

  #note(start: number, end: number): void {
    const batch = this.batches.findIndex(({ position, length }) => {
      return start < position + length && end > position;
    });
    if (batch >= 0) this.#batches.add(batch);
    for (let page = Math.floor(start / PAGE_BYTES); page * PAGE_BYTES < end; page++) {
      if (page % CHUNK_PAGES === 0) this.#noteHeaders(page, start, end);
      else this.#pages.add(page);
    }
  }

  #noteHeaders(page: number, start: number, end: number): void {
    const from = Math.max(start - page * PAGE_BYTES, 0);
    const to = Math.min(end - page * PAGE_BYTES, PAGE_BYTES);
    for (let at = from; at < to; at = (Math.floor(at / HEADER_BYTES) + 1) * HEADER_BYTES) {
      const slot = Math.floor(at / HEADER_BYTES);
      const isThere = page + slot < this.pageCount && page + slot >= FRESH_PAGES;
      if (slot > 0 && isThere) this.#pages.add(page + slot);
    }
  }

  #sealSuperblock(page: number): void {
    const start = page * PAGE_BYTES;
    const sum = crc32(this.bytes.subarray(start, start + SUPERBLOCK.sum));
    this.view.setUint32(start + SUPERBLOCK.sum, sum, true);
  }

  #sealBatch(index: number, isChained: boolean): void {
    const { position, length } = this.batches[index]!;
    if (isChained) {
      const before = this.batches[index - 1]!.position;
      const sum = this.view.getUint32(before + 4, true);
      this.view.setUint32(position + BATCH.previousSum, sum, true);
    }
    const stated = this.view.getUint32(position + BATCH.payloadBytes, true);
    const start = position + BATCH.payload;
    const end = start + (this.#batches.has(index) ? stated : Math.min(stated, length));
    this.view.setUint32(position + BATCH.payloadSum, crc32(this.bytes.subarray(start, end)), true);
    const head = this.bytes.subarray(position + 8, position + BATCH.payload);
    this.view.setUint32(position + 4, crc32(head), true);
  }
}

/** The batches of both areas that carry sums that fit, in order of their sequence. */
function batchesOf(image: HostileImage): Batch[] {
  const id = PAGE_BYTES + SUPERBLOCK.databaseId;
  const databaseId = image.bytes.slice(id, id + 16);
  const replayed = image.superblock(SUPERBLOCK.replaySequence);
  const found: Batch[] = [];
  for (const list of [SUPERBLOCK.journalA, SUPERBLOCK.journalB]) {
    const chunk = image.superblock(list);
    if (chunk === 0) continue;
    const end = Math.min((chunk + 1) * CHUNK_BYTES, image.bytes.length);
    for (let at = chunk * CHUNK_BYTES + PAGE_BYTES; at < end; at += BATCH_ALIGN) {
      const header = decodeBatch(image.bytes.slice(at, at + BATCH_HEADER_BYTES), databaseId);
      if (header === undefined || header.sequence <= replayed) continue;
      const whole = BATCH_HEADER_BYTES + header.payloadBytes;
      const length = Math.ceil(whole / BATCH_ALIGN) * BATCH_ALIGN;
      found.push({ position: at, length, sequence: header.sequence });
    }
  }
  return found.sort((a, b) => a.sequence - b.sequence);
}
