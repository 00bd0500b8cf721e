/**
 * The batch: the unit that is written to the journal, and that a crash keeps whole or loses.
 *
 * A batch begins on a 4 KiB boundary of its area: a header of 128 bytes, then records. A batch
 * without records only confirms the batches before it. All numbers are little-endian.
 *
 * | at  | size | field                                                                 |
 * | --- | ---- | --------------------------------------------------------------------- |
 * |   0 | u32  | magic                                                                 |
 * |   4 | u32  | CRC-32 of bytes 8..127                                                |
 * |   8 | 16   | database id                                                           |
 * |  24 | u64  | generation: one more with each switch of areas                        |
 * |  32 | u64  | sequence: one more with each batch, across generations                |
 * |  40 | u64  | syncCount: syncs completed before its write                               |
 * |  48 | u64  | the last sequence known to be on the medium before its write          |
 * |  56 | u64  | its own offset in the area                                            |
 * |  64 | u64  | the last version in it                                                |
 * |  72 | u32  | bytes of records                                                      |
 * |  76 | u32  | CRC-32 of the records                                                 |
 * |  80 | u32  | field 4 of the batch before it                                        |
 * |  84 | u32  | page count: the pages from it on are free, or the journal's           |
 * |  88 | u32  | next tree id                                                          |
 * |  92 | u32  | catalog root                                                          |
 * |  96 | u32  | allocator hint                                                        |
 * | 100 | u32  | 1 = applies only together with the next batch                         |
 * | 104 | 24   | reserved, zero                                                        |
 */

import { crc } from "../format/checksum.ts";
import type { Version } from "../format/units.ts";

/** Bytes of a batch's header. */
export const BATCH_HEADER_BYTES = 128;
/** Batches begin at multiples of this. */
export const BATCH_ALIGN = 4096;

const MAGIC = 0x54414251;
const TWO_32 = 0x1_0000_0000;
const ID_AT = 8;
const SUMMED_AT = 8;
const RESERVED_AT = 104;

/** The fields of a batch's header. */
export interface BatchHeader {
  generation: number;
  sequence: number;
  syncCount: number;
  durableSequence: number;
  offset: number;
  version: Version;
  payloadBytes: number;
  payloadSum: number;
  previousSum: number;
  pageCount: number;
  nextTreeId: number;
  catalogRoot: number;
  allocatorHint: number;
  continues: boolean;
}

/** The bytes that a batch of `payloadBytes` takes in its area. */
export function batchBytes(payloadBytes: number): number {
  return Math.ceil((BATCH_HEADER_BYTES + payloadBytes) / BATCH_ALIGN) * BATCH_ALIGN;
}

/** Writes a header to the beginning of `bytes`, and returns its sum. */
export function encodeBatch(
  header: BatchHeader,
  databaseId: Uint8Array,
  bytes: Uint8Array,
): number {
  bytes.fill(0, 0, BATCH_HEADER_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, BATCH_HEADER_BYTES);
  const put = (at: number, value: number) => view.setUint32(at, value, true);
  const put64 = (at: number, value: number) => {
    put(at, value % TWO_32);
    put(at + 4, Math.floor(value / TWO_32));
  };
  put(0, MAGIC);
  bytes.set(databaseId, ID_AT);
  put64(24, header.generation);
  put64(32, header.sequence);
  put64(40, header.syncCount);
  put64(48, header.durableSequence);
  put64(56, header.offset);
  put64(64, header.version);
  put(72, header.payloadBytes);
  view.setInt32(76, header.payloadSum, true);
  view.setInt32(80, header.previousSum, true);
  put(84, header.pageCount);
  put(88, header.nextTreeId);
  put(92, header.catalogRoot);
  put(96, header.allocatorHint);
  put(100, header.continues ? 1 : 0);
  const sum = crc(bytes.subarray(SUMMED_AT, BATCH_HEADER_BYTES));
  view.setInt32(4, sum, true);
  return sum;
}

/** The sum stored in a header. */
export function batchSum(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getInt32(4, true);
}

/** Whether a header may begin at an offset: a quick test before `decodeBatch`. */
export function mayBeginAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === (MAGIC & 0xff) && bytes[at + 1] === (MAGIC >>> 8 & 0xff);
}

/** Reads a header; undefined when the bytes are not a header of this database. */
export function decodeBatch(bytes: Uint8Array, databaseId: Uint8Array): BatchHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, BATCH_HEADER_BYTES);
  const get = (at: number) => view.getUint32(at, true);
  const get64 = (at: number) => get(at + 4) * TWO_32 + get(at);
  if (get(0) !== MAGIC) return undefined;
  if (batchSum(bytes) !== crc(bytes.subarray(SUMMED_AT, BATCH_HEADER_BYTES))) return undefined;
  for (let i = 0; i < databaseId.length; i++) {
    if (bytes[ID_AT + i] !== databaseId[i]) return undefined;
  }
  for (let i = RESERVED_AT; i < BATCH_HEADER_BYTES; i++) if (bytes[i] !== 0) return undefined;
  if (get(100) > 1) return undefined;
  return {
    generation: get64(24),
    sequence: get64(32),
    syncCount: get64(40),
    durableSequence: get64(48),
    offset: get64(56),
    version: get64(64),
    payloadBytes: get(72),
    payloadSum: view.getInt32(76, true),
    previousSum: view.getInt32(80, true),
    pageCount: get(84),
    nextTreeId: get(88),
    catalogRoot: get(92),
    allocatorHint: get(96),
    continues: get(100) === 1,
  };
}
