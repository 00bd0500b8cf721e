/**
 * The note of the sidecar: how far a sync without the write lock has reached. A process writes it
 * after its sync; the others know then what is on the medium.
 *
 * | at  | size | field                                                 |
 * | --- | ---- | ----------------------------------------------------- |
 * |  96 | u64  | the last sequence that a sync has taken to the medium |
 * | 104 | 16   | database id                                           |
 * | 120 | u32  | CRC-32 of bytes 96..119                               |
 *
 * What a whole note says stays true. So it needs no lock and no order: an older one may replace a
 * newer one. It lies in the sector of the commit word, behind it, and is read together with it.
 */

import { crc } from "../format/checksum.ts";
import { WORD_BYTES } from "./commit_word.ts";

/** Where the note begins. */
export const NOTE_AT = WORD_BYTES;
/** The bytes of a note. */
export const NOTE_BYTES = 28;

const ID_AT = 8;
const SUM_AT = 24;
const TWO_32 = 0x1_0000_0000;

/** Writes a note into `bytes`, from 0 on. */
export function encodeNote(sequence: number, databaseId: Uint8Array, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, NOTE_BYTES);
  view.setUint32(0, sequence % TWO_32, true);
  view.setUint32(4, Math.floor(sequence / TWO_32), true);
  bytes.set(databaseId, ID_AT);
  view.setInt32(SUM_AT, crc(bytes.subarray(0, SUM_AT)), true);
}

/**
 * The sequence of a note that is further than a known one. If it is not, or is torn, absent or of
 * another database, the known one.
 */
export function decodeNote(bytes: Uint8Array, databaseId: Uint8Array, known: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, NOTE_BYTES);
  const sequence = view.getUint32(4, true) * TWO_32 + view.getUint32(0, true);
  if (sequence <= known) return known;
  for (let i = 0; i < databaseId.length; i++) {
    if (bytes[ID_AT + i] !== databaseId[i]) return known;
  }
  return view.getInt32(SUM_AT, true) === crc(bytes.subarray(0, SUM_AT)) ? sequence : known;
}
