/**
 * The parts of stored keys and rows, in the encoding of Quire's tuples, so every tool that knows
 * tuples can show the contents of the trees. Here values are written and read directly.
 *
 * ```text
 *            in a row          in a key, where the bytes sort as SQL does
 * NULL       false             empty bytes
 * INTEGER    a bigint          a number; beyond 2^53 also the bigint, after the number below it
 * REAL       a number          a number; if it is whole and beyond 2^53, as the INTEGER
 * TEXT       a string          false, then the string, folded by the collation
 * BLOB       bytes             true, then the bytes
 * rowid      -                 a bigint
 * ```
 */

import { type Collation, folded } from "./compare.ts";
import { Real, type SqlValue, wholeOf } from "./value.ts";

/** The type bytes of tuples. */
export const PART = {
  bytes: 0x10,
  string: 0x20,
  number: 0x30,
  bigint: 0x40,
  false: 0x50,
  true: 0x51,
} as const;

const END = 0x00;
const ESCAPE = 0x01;
const BIGINT_ZERO = 0x8000;
const TEXT_LOOP_MAX = 48;
const RAW_LOOP_MAX = 64;

/** Views up to this length are kept. */
const VIEW_MAX = 512;
/** Copies up to this size share a block with others. */
const SHARED_MAX = 256;
const BLOCK_BYTES = 16_384;
let block = new Uint8Array(BLOCK_BYTES);
let blockAt = 0;

const word = new DataView(new ArrayBuffer(8));
/** A double and its two words, of which one is the high one. */
const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
const [LOW, HIGH] = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? [0, 1] : [1, 0];
const SIGN = 0x8000_0000;
const encoder = new TextEncoder();

/** Writes parts into memory that grows. */
export class PartWriter {
  #bytes = new Uint8Array(512);
  #at = 0;
  /** Views of the memory, by their lengths. */
  #views: (Uint8Array | undefined)[] = [];

  /** Forgets what was written. */
  reset(): this {
    this.#at = 0;
    return this;
  }

  /** The number of bytes written. */
  get length(): number {
    return this.#at;
  }

  /** The bytes written, valid until the next write; equal lengths share one view. */
  view(): Uint8Array {
    const length = this.#at;
    if (length > VIEW_MAX) return this.#bytes.subarray(0, length);
    const views = this.#views;
    while (views.length <= length) views.push(undefined);
    return views[length] ??= this.#bytes.subarray(0, length);
  }

  /** Writes the parts that another writer has. */
  parts(other: PartWriter): void {
    const length = other.#at;
    this.#reserve(length);
    const from = other.#bytes;
    const into = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < length; i++) into[at + i] = from[i]!;
    this.#at = at + length;
  }

  /** A copy of the bytes written; short ones share a block of memory. */
  take(): Uint8Array {
    const length = this.#at;
    if (length > SHARED_MAX) return this.#bytes.slice(0, length);
    if (blockAt + length > BLOCK_BYTES) {
      block = new Uint8Array(BLOCK_BYTES);
      blockAt = 0;
    }
    const start = blockAt;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) block[start + i] = bytes[i]!;
    blockAt = start + length;
    return block.subarray(start, blockAt);
  }

  /** Writes a value of a row. */
  rowValue(value: SqlValue): void {
    if (value === null) return this.#byte(PART.false);
    switch (typeof value) {
      case "number":
      case "bigint":
        return this.integer(value);
      case "string":
        return this.#text(value);
    }
    if (value instanceof Real) this.#double(value.value);
    else this.#blob(value);
  }

  /** Writes a value of a key. */
  keyValue(value: SqlValue, collation: Collation): void {
    switch (typeof value) {
      case "number":
        return this.#double(value);
      case "bigint":
        return this.#large(value);
      case "string":
        this.#byte(PART.false);
        return this.#text(folded(value, collation));
    }
    if (value === null) {
      this.#byte(PART.bytes);
      this.#byte(END);
    } else if (value instanceof Real) {
      const whole = wholeOf(value.value);
      if (typeof whole === "bigint") this.#large(whole);
      else this.#double(value.value === 0 ? 0 : value.value);
    } else {
      this.#byte(PART.true);
      this.#blob(value);
    }
  }

  /** Writes the bytes with which the keys of all texts begin that begin with a text. */
  beginText(text: string, collation: Collation): void {
    this.#byte(PART.false);
    this.#text(folded(text, collation));
    this.#at--;
  }

  /** Writes the bytes with which the keys of all blobs begin. */
  beginBlob(): void {
    this.#byte(PART.true);
  }

  /** Writes an integer as a bigint, as rows and rowids have it. */
  integer(value: number | bigint): void {
    if (typeof value === "bigint") return this.#bigint(value);
    const size = Math.abs(value);
    const count = lengthOf(size);
    this.#reserve(3 + count);
    const turn = value < 0 ? 0xff : 0;
    const bytes = this.#bytes;
    const header = value < 0 ? BIGINT_ZERO - count : BIGINT_ZERO + count;
    bytes[this.#at] = PART.bigint;
    bytes[this.#at + 1] = header >> 8;
    bytes[this.#at + 2] = header & 0xff;
    this.#at += 3;
    if (count <= 4) {
      for (let i = count - 1, rest = size; i >= 0; i--, rest >>>= 8) {
        bytes[this.#at + i] = (rest ^ turn) & 0xff;
      }
      this.#at += count;
      return;
    }
    let rest = size;
    for (let i = count - 1; i >= 0; i--) {
      const high = Math.floor(rest / 256);
      bytes[this.#at + i] = (rest - high * 256) ^ turn;
      rest = high;
    }
    this.#at += count;
  }

  /** Writes bytes that are parts already, or some of them. */
  raw(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const length = end - start;
    this.#reserve(length);
    const into = this.#bytes;
    const at = this.#at;
    this.#at = at + length;
    // A loop takes less than a call.
    if (length > RAW_LOOP_MAX) into.set(bytes.subarray(start, end), at);
    else for (let i = 0; i < length; i++) into[at + i] = bytes[start + i]!;
  }

  /** An integer beyond 2^53, after the double that is not above it. */
  #large(value: bigint): void {
    let below = Number(value);
    if (BigInt(below) > value) below = previous(below);
    this.#double(below);
    this.#bigint(value);
  }

  #bigint(value: bigint): void {
    word.setBigUint64(0, value < 0n ? -value : value);
    let start = 0;
    while (start < 8 && word.getUint8(start) === 0) start++;
    const count = 8 - start;
    const turn = value < 0n ? 0xff : 0;
    const header = value < 0n ? BIGINT_ZERO - count : BIGINT_ZERO + count;
    this.#reserve(11);
    this.#bytes[this.#at++] = PART.bigint;
    this.#bytes[this.#at++] = header >> 8;
    this.#bytes[this.#at++] = header & 0xff;
    for (let i = start; i < 8; i++) this.#bytes[this.#at++] = word.getUint8(i) ^ turn;
  }

  #double(value: number): void {
    this.#reserve(9);
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = PART.number;
    double[0] = value;
    const isNegative = (words[HIGH]! & SIGN) !== 0;
    write32(bytes, at + 1, words[HIGH]! ^ (isNegative ? -1 : SIGN));
    write32(bytes, at + 5, words[LOW]! ^ (isNegative ? -1 : 0));
    this.#at = at + 9;
  }

  #text(text: string): void {
    // A code unit takes at most three bytes; a zero or a one takes two.
    this.#reserve(2 + text.length * 3);
    this.#bytes[this.#at++] = PART.string;
    if (text.length > TEXT_LOOP_MAX || !this.#ascii(text)) this.#escaped(encoder.encode(text));
    this.#bytes[this.#at++] = END;
  }

  /** Writes text of ASCII without escapes; if it is not, writes nothing and returns false. */
  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f || unit <= ESCAPE) return false;
      bytes[at + i] = unit;
    }
    this.#at = at + text.length;
    return true;
  }

  #blob(bytes: Uint8Array): void {
    this.#reserve(2 + bytes.length * 2);
    this.#bytes[this.#at++] = PART.bytes;
    this.#escaped(bytes);
    this.#bytes[this.#at++] = END;
  }

  #escaped(from: Uint8Array): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < from.length; i++) {
      const byte = from[i]!;
      if (byte <= ESCAPE) {
        bytes[at++] = ESCAPE;
        bytes[at++] = byte + 1;
      } else bytes[at++] = byte;
    }
    this.#at = at;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = byte;
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + length));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#views = [];
  }
}

/** The number of bytes that the absolute value of an integer takes. */
function lengthOf(size: number): number {
  if (size < 2 ** 32) {
    return size < 2 ** 16 ? size < 1 ? 0 : size < 256 ? 1 : 2 : size < 2 ** 24 ? 3 : 4;
  }
  return size < 2 ** 40 ? 5 : size < 2 ** 48 ? 6 : 7;
}

function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function read32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** The double of a part at an offset: stored with an inverted sign, or if negative all bits. */
export function doubleAt(bytes: Uint8Array, at: number): number {
  const high = read32(bytes, at);
  const low = read32(bytes, at + 4);
  words[HIGH] = high < 0 ? high ^ SIGN : ~high;
  words[LOW] = high < 0 ? low : ~low;
  return double[0]!;
}

/** The next double toward negative infinity. */
function previous(value: number): number {
  word.setFloat64(0, value);
  word.setBigInt64(0, word.getBigInt64(0) + (value > 0 ? -1n : 1n));
  return word.getFloat64(0);
}
