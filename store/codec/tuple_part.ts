/**
 * The encoding of the parts of a tuple, which are concatenated. Each begins with a type byte:
 *
 * ```text
 * 0x10  bytes    their bytes, escaped, and 0x00
 * 0x20  string   its UTF-8 bytes, escaped, and 0x00
 * 0x30  number   8 bytes: the double, highest byte first; a negative one with all its bits turned
 *                over, another one with its sign bit set
 * 0x40  bigint   2 bytes: 0x8000 plus, where it is negative minus, how many bytes follow
 *                n bytes: its magnitude, highest byte first, none of it for 0; turned over where it
 *                is negative
 * 0x50  false
 * 0x51  true
 *
 * escaped: 0x00 is 0x01 0x01, and 0x01 is 0x01 0x02
 * ```
 *
 * 1. Bytes sort as parts do.
 * 2. A part has one encoding: `NaN` is stored as the quiet one without a sign, and a magnitude has
 *    no leading zero byte.
 * 3. No encoding is a prefix of another. So the keys whose bytes begin with those of a tuple are
 *    the keys whose parts begin with its parts. An end of 0x00 with 0x00 0xff for a zero inside
 *    would break this: the bytes of "a" would be a prefix of those of "a\0".
 *
 * Writing continues past the end of the array, where bytes are dropped, to find the length needed.
 */

import { Buffer } from "node:buffer";
import { checkAttached } from "./attached.ts";
import { writeU32 } from "./big_endian.ts";
import { kindOf } from "./codec.ts";
import { loneSurrogate } from "./text.ts";

/** A part of a tuple. */
export type TuplePart = Uint8Array | string | number | bigint | boolean;

/** The type bytes of parts, in the order of the types. */
export const CODES = {
  bytes: 0x10,
  string: 0x20,
  number: 0x30,
  bigint: 0x40,
  false: 0x50,
  true: 0x51,
} as const;

/** Ends bytes and strings. */
export const END = 0x00;
/** Escapes a byte that is not above it: the escape, then that byte plus one. */
export const ESCAPE = 0x01;
/** The length of a bigint of no bytes. */
export const LENGTH_ZERO = 0x8000;
/** The most bytes of a bigint. */
export const BIGINT_BYTES_MAX = 0x7fff;
/** The high half of the stored `NaN`; the low half is 0. */
export const NAN_HIGH = 0x7ff80000;

const U64_MAX = 2n ** 64n - 1n;

/** A buffer in which doubles and short bigints are split into words. */
const wordBytes = new Uint8Array(8);
const word = new DataView(wordBytes.buffer);

/**
 * Writes a part.
 *
 * @param at The offset of its first byte.
 * @returns The offset of its end, possibly past the end of `into`.
 * @throws {TypeError} It has another type, or is text with a lone surrogate, or detached bytes.
 * @throws {RangeError} It is a bigint of more than 32,767 bytes.
 */
export function writePart(part: TuplePart, into: Uint8Array, at: number): number {
  switch (typeof part) {
    case "string":
      return writeString(part, into, at);
    case "number":
      return writeNumber(part, into, at);
    case "bigint":
      return writeBigint(part, into, at);
    case "boolean":
      into[at] = part ? CODES.true : CODES.false;
      return at + 1;
  }
  if (part instanceof Uint8Array) return writeBytes(checkAttached(part), into, at);
  throw new TypeError(`Cannot encode: a tuple has no part that is ${kindOf(part)}`);
}

function writeBytes(bytes: Uint8Array, into: Uint8Array, at: number): number {
  into[at++] = CODES.bytes;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte > ESCAPE) into[at++]! = byte;
    else at = writeEscaped(byte, into, at);
  }
  into[at++] = END;
  return at;
}

function writeString(text: string, into: Uint8Array, at: number): number {
  into[at++] = CODES.string;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > ESCAPE && unit < 0x80) {
      into[at++] = unit;
      continue;
    }
    const point = text.codePointAt(i)!;
    if (point > 0xffff) i++;
    at = point > ESCAPE ? writeUtf8(point, into, at) : writeEscaped(point, into, at);
  }
  into[at++] = END;
  return at;
}

function writeEscaped(byte: number, into: Uint8Array, at: number): number {
  into[at] = ESCAPE;
  into[at + 1] = byte + 1;
  return at + 2;
}

/** Writes a code point beyond ASCII. */
function writeUtf8(point: number, into: Uint8Array, at: number): number {
  if (point < 0x800) {
    into[at++] = 0xc0 | (point >> 6);
  } else {
    if (point < 0x10000) {
      if (point >= 0xd800 && point < 0xe000) throw loneSurrogate();
      into[at++] = 0xe0 | (point >> 12);
    } else {
      into[at++] = 0xf0 | (point >> 18);
      into[at++] = 0x80 | ((point >> 12) & 0x3f);
    }
    into[at++] = 0x80 | ((point >> 6) & 0x3f);
  }
  into[at++] = 0x80 | (point & 0x3f);
  return at;
}

function writeNumber(value: number, into: Uint8Array, at: number): number {
  word.setFloat64(0, value);
  let high = word.getInt32(0);
  let low = word.getInt32(4);
  if (Number.isNaN(value)) [high, low] = [NAN_HIGH, 0];
  const isNegative = high < 0;
  into[at] = CODES.number;
  writeU32(into, at + 1, isNegative ? ~high : high ^ 0x80000000);
  writeU32(into, at + 5, isNegative ? ~low : low);
  return at + 9;
}

function writeBigint(value: bigint, into: Uint8Array, at: number): number {
  const isNegative = value < 0n;
  const magnitude = magnitudeOf(isNegative ? -value : value);
  const length = magnitude.length;
  if (length > BIGINT_BYTES_MAX) {
    throw new RangeError(`Cannot encode: a bigint of ${length} bytes exceeds ${BIGINT_BYTES_MAX}`);
  }
  const header = isNegative ? LENGTH_ZERO - length : LENGTH_ZERO + length;
  into[at++] = CODES.bigint;
  into[at++] = header >> 8;
  into[at++] = header;
  const turn = isNegative ? 0xff : 0;
  for (let i = 0; i < length; i++) into[at++] = magnitude[i]! ^ turn;
  return at;
}

/** The bytes of a bigint from 0 on, without leading zeros. Valid until the next call. */
function magnitudeOf(value: bigint): Uint8Array {
  if (value <= U64_MAX) {
    word.setBigUint64(0, value);
    let zeros = 0;
    while (zeros < wordBytes.length && wordBytes[zeros] === 0) zeros++;
    return wordBytes.subarray(zeros);
  }
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}
