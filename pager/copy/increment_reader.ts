/**
 * Reads the records of an increment, in order, a piece of the file at a time.
 *
 * It checks the head, the types and lengths of records, and that the file ends with its last
 * record, whose sum covers all bytes before.
 */

import { crcAfter } from "../format/checksum.ts";
import {
  CHUNK_RECORD,
  CHUNK_RECORD_BYTES,
  damaged,
  decodeHead,
  END_RECORD,
  END_RECORD_BYTES,
  HEAD_BYTES,
  type IncrementHead,
  PAGE_RECORD,
  PAGE_RECORD_BYTES,
  TAG_BYTES,
} from "./increment_format.ts";

const PIECE_BYTES = 1024 * 1024;

/** Where the bytes of an increment come from; a `Disk` is such a source. */
export interface IncrementSource {
  /** Reads up to `length` bytes; fewer only at the end. Returns the number of bytes read. */
  read(target: Uint8Array, start: number, length: number, position: number): number;
}

/** A record of an increment. */
export interface IncrementRecord {
  /** One of `..._RECORD`. */
  readonly type: number;
  /** The number of the page or chunk; in the last record, that of page records. */
  readonly number: number;
  /** Its content, valid until the next record. */
  readonly content: Uint8Array;
  /** Where it begins in the file. */
  readonly offset: number;
}

/** Reads the records of an increment. */
export class IncrementReader {
  /** The head. */
  readonly head: IncrementHead;
  readonly #source: IncrementSource;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  /** The bytes of the piece from `#at` to `#end` are not read yet. */
  #at = 0;
  #end = 0;
  /** Where the bytes after the piece begin. */
  #position = 0;
  /** The CRC-32 of all bytes read. */
  #sum = 0;

  /**
   * Reads the head.
   *
   * @throws {CorruptionError} It is not an increment, or breaks a rule.
   */
  constructor(source: IncrementSource) {
    this.#source = source;
    this.head = decodeHead(this.#has(HEAD_BYTES) ? this.#take(HEAD_BYTES) : new Uint8Array(0));
  }

  /**
   * The next record; the last one is of type `END_RECORD`.
   *
   * @throws {CorruptionError} The file ends before, or the record breaks a rule.
   */
  next(): IncrementRecord {
    const offset = this.#offset;
    const sum = this.#sum;
    const tag = this.#takeAll(TAG_BYTES);
    const view = new DataView(tag.buffer, tag.byteOffset, TAG_BYTES);
    const [type, number] = [view.getUint32(0, true), view.getUint32(4, true)];
    const bytes = lengthOf(type);
    if (bytes === 0) throw damaged(offset, `unknown record ${type}`);
    const content = this.#takeAll(bytes - TAG_BYTES);
    if (type === END_RECORD) this.#checkEnd(number, content, sum, offset);
    return { type, number, content, offset };
  }

  #checkEnd(number: number, content: Uint8Array, sumBefore: number, offset: number): void {
    const whole = new Uint8Array(END_RECORD_BYTES);
    const view = new DataView(whole.buffer);
    view.setUint32(0, END_RECORD, true);
    view.setUint32(4, number, true);
    whole.set(content, TAG_BYTES);
    const sumAt = END_RECORD_BYTES - 4;
    if (crcAfter(whole.subarray(0, sumAt), sumBefore) !== view.getUint32(sumAt, true)) {
      throw damaged(offset + sumAt, "the sum of the increment does not match");
    }
    if (this.#has(1)) throw damaged(this.#offset, "bytes follow the end of the increment");
  }

  /** Where the next byte is in the file. */
  get #offset(): number {
    return this.#position - (this.#end - this.#at);
  }

  #takeAll(length: number): Uint8Array {
    if (!this.#has(length)) {
      throw damaged(this.#offset, "the increment ends before its last record");
    }
    return this.#take(length);
  }

  /** Takes bytes that the piece has. */
  #take(length: number): Uint8Array {
    const bytes = this.#piece.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.#sum = crcAfter(bytes, this.#sum);
    return bytes;
  }

  /** Whether the file has that many more bytes; if so, the piece has them. */
  #has(length: number): boolean {
    if (this.#end - this.#at >= length) return true;
    this.#piece.copyWithin(0, this.#at, this.#end);
    this.#end -= this.#at;
    this.#at = 0;
    const wanted = PIECE_BYTES - this.#end;
    const done = this.#source.read(this.#piece, this.#end, wanted, this.#position);
    this.#position += done;
    this.#end += done;
    return this.#end >= length;
  }
}

/** The bytes of a record of a type; 0 = there is no such type. */
function lengthOf(type: number): number {
  switch (type) {
    case PAGE_RECORD:
      return PAGE_RECORD_BYTES;
    case CHUNK_RECORD:
      return CHUNK_RECORD_BYTES;
    case END_RECORD:
      return END_RECORD_BYTES;
    default:
      return 0;
  }
}
