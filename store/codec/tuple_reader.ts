/**
 * Decodes tuples. It reads what `tuple_part.ts` writes and refuses all other bytes, so that
 * encoding a decoded tuple yields the same bytes.
 */

import { Buffer } from "node:buffer";
import { readU32 } from "./big_endian.ts";
import { decodeText } from "./text.ts";
import {
  BIGINT_BYTES_MAX,
  CODES,
  END,
  ESCAPE,
  LENGTH_ZERO,
  NAN_HIGH,
  type TuplePart,
} from "./tuple_part.ts";

/** A buffer in which doubles and short bigints are joined from words. */
const wordBytes = new Uint8Array(8);
const word = new DataView(wordBytes.buffer);

/**
 * Decodes the parts of a tuple.
 *
 * @throws {TypeError} The bytes are not the encoding of a tuple.
 */
export function readParts(bytes: Uint8Array): TuplePart[] {
  const reader = new TupleReader(bytes);
  const parts: TuplePart[] = [];
  while (!reader.isAtEnd) parts.push(reader.read());
  return parts;
}

/** Reads parts in order. Every read moves forward, so reading ends. */
class TupleReader {
  readonly #bytes: Uint8Array;
  /** The offset of the next byte. */
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  read(): TuplePart {
    const code = this.#bytes[this.#at++]!;
    switch (code) {
      case CODES.bytes:
        return this.#readBytes();
      case CODES.string:
        return this.#readString();
      case CODES.number:
        return this.#readNumber();
      case CODES.bigint:
        return this.#readBigint();
      case CODES.false:
        return false;
      case CODES.true:
        return true;
    }
    throw this.#malformed(`0x${code.toString(16).padStart(2, "0")} begins no part`, -1);
  }

  #readBytes(): Uint8Array {
    const start = this.#at;
    const escapes = this.#skipEscaped();
    return this.#unescape(start, escapes);
  }

  #readString(): string {
    const start = this.#at;
    const escapes = this.#skipEscaped();
    if (escapes === 0) return decodeText(this.#bytes, start, this.#at - 1);
    return decodeText(this.#unescape(start, escapes));
  }

  /** Skips past the next end byte. Returns the number of escapes before it. */
  #skipEscaped(): number {
    const bytes = this.#bytes;
    let escapes = 0;
    for (let at = this.#at; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte > ESCAPE) continue;
      if (byte === END) {
        this.#at = at + 1;
        return escapes;
      }
      const next = bytes[++at];
      if (next !== ESCAPE && next !== ESCAPE + 1) throw this.#malformed("a part's escape is wrong");
      escapes++;
    }
    throw this.#malformed("a part has no end");
  }

  /** A copy of the bytes from `start` to the end byte just passed, unescaped. */
  #unescape(start: number, escapes: number): Uint8Array {
    // Not `slice`, which returns a view if the bytes are a `Buffer`.
    const escaped = this.#bytes.subarray(start, this.#at - 1);
    if (escapes === 0) return new Uint8Array(escaped);
    const plain = new Uint8Array(escaped.length - escapes);
    for (let from = 0, to = 0; from < escaped.length; from++, to++) {
      plain[to]! = escaped[from] === ESCAPE ? escaped[++from]! - 1 : escaped[from]!;
    }
    return plain;
  }

  #readNumber(): number {
    const at = this.#skip(8);
    const high = readU32(this.#bytes, at);
    const low = readU32(this.#bytes, at + 4);
    const isNegative = high < 0x80000000;
    word.setUint32(0, isNegative ? ~high : high ^ 0x80000000);
    word.setUint32(4, isNegative ? ~low : low);
    const value = word.getFloat64(0);
    if (Number.isNaN(value) && (word.getUint32(0) !== NAN_HIGH || word.getUint32(4) !== 0)) {
      throw this.#malformed("a NaN is not the one that is kept", -8);
    }
    return value;
  }

  #readBigint(): bigint {
    const header = this.#skip(2);
    const signed = this.#bytes[header]! * 0x100 + this.#bytes[header + 1]! - LENGTH_ZERO;
    const length = Math.abs(signed);
    if (length > BIGINT_BYTES_MAX) throw this.#malformed("a bigint is too long", -2);
    if (length === 0) return 0n;
    const at = this.#skip(length);
    const turn = signed < 0 ? 0xff : 0;
    if (this.#bytes[at] === turn) throw this.#malformed("a bigint begins with zeros", -length);
    const magnitude = magnitudeOf(this.#bytes, at, length, turn);
    return signed < 0 ? -magnitude : magnitude;
  }

  /** Skips bytes that must exist. Returns the offset of the first. */
  #skip(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw this.#malformed("a part is cut off");
    this.#at += length;
    return at;
  }

  #malformed(what: string, offset = 0): TypeError {
    return new TypeError(`Cannot decode: ${what}, at byte ${this.#at + offset} of a tuple`);
  }
}

/** The number of big-endian bytes, each combined with `turn` by exclusive or. */
function magnitudeOf(bytes: Uint8Array, at: number, length: number, turn: number): bigint {
  if (length <= wordBytes.length) {
    wordBytes.fill(0);
    const shift = wordBytes.length - length;
    for (let i = 0; i < length; i++) wordBytes[shift + i] = bytes[at + i]! ^ turn;
    return word.getBigUint64(0);
  }
  const plain = Buffer.from(bytes.subarray(at, at + length));
  for (let i = 0; i < length; i++) plain[i]! ^= turn;
  return BigInt(`0x${plain.toString("hex")}`);
}
