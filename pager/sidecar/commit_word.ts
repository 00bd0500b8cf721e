/**
 * The commit word: the part of the sidecar that names the last batch and superblock.
 *
 * | at | size | field                                                    |
 * | -- | ---- | -------------------------------------------------------- |
 * |  0 | u32  | magic                                                    |
 * |  4 | u32  | CRC-32 of bytes 8..95                                    |
 * |  8 | 16   | database id                                              |
 * | 24 | u64  | generation of the last batch                             |
 * | 32 | u64  | offset in its area at which the next batch begins        |
 * | 40 | u64  | sequence of the last batch                               |
 * | 48 | u64  | its version                                              |
 * | 56 | u64  | the last sequence that is known to be on the medium      |
 * | 64 | u64  | number of the superblock                                 |
 * | 72 | u32  | page count                                               |
 * | 76 | u32  | reserved, zero                                           |
 * | 80 | u32  | field 4 of the last batch, which the next one names      |
 * | 84 | u32  | reserved, zero                                           |
 * | 88 | u64  | reserved, zero                                           |
 *
 * All numbers are little-endian. It lies inside one sector, and is written by one call. A reader
 * may find it half written, so its sum decides whether it counts.
 */

import { crc } from "../format/checksum.ts";

/** The bytes of a commit word. */
export const WORD_BYTES = 96;

const MAGIC = 0x52485351;
const TWO_32 = 0x1_0000_0000;
const ID_AT = 8;

/** What a commit word says. */
export interface CommitWord {
  readonly generation: number;
  readonly offset: number;
  readonly sequence: number;
  readonly version: number;
  /** The last sequence that is known to be on the medium. */
  readonly durable: number;
  /** The number of the superblock. */
  readonly number: number;
  readonly pageCount: number;
  /** The sum of the last batch; 0 if there is none. */
  readonly sum: number;
}

/** Writes a word into `bytes`, from 0 on. */
export function encodeWord(word: CommitWord, databaseId: Uint8Array, bytes: Uint8Array): void {
  bytes.fill(0, 0, WORD_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, WORD_BYTES);
  const put64 = (at: number, value: number) => {
    view.setUint32(at, value % TWO_32, true);
    view.setUint32(at + 4, Math.floor(value / TWO_32), true);
  };
  view.setUint32(0, MAGIC, true);
  bytes.set(databaseId, ID_AT);
  put64(24, word.generation);
  put64(32, word.offset);
  put64(40, word.sequence);
  put64(48, word.version);
  put64(56, word.durable);
  put64(64, word.number);
  view.setUint32(72, word.pageCount, true);
  view.setInt32(80, word.sum, true);
  view.setInt32(4, crc(bytes.subarray(ID_AT, WORD_BYTES)), true);
}

/** Reads a word; undefined if it is torn, absent or of another database. */
export function decodeWord(bytes: Uint8Array, databaseId: Uint8Array): CommitWord | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, WORD_BYTES);
  const get64 = (at: number) => view.getUint32(at + 4, true) * TWO_32 + view.getUint32(at, true);
  if (view.getUint32(0, true) !== MAGIC) return undefined;
  if (view.getInt32(4, true) !== crc(bytes.subarray(ID_AT, WORD_BYTES))) return undefined;
  for (let i = 0; i < databaseId.length; i++) {
    if (bytes[ID_AT + i] !== databaseId[i]) return undefined;
  }
  return {
    generation: get64(24),
    offset: get64(32),
    sequence: get64(40),
    version: get64(48),
    durable: get64(56),
    number: get64(64),
    pageCount: view.getUint32(72, true),
    sum: view.getInt32(80, true),
  };
}
