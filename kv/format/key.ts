/**
 * Keys as bytes: the tuples of FoundationDB, as Deno KV stores them. Byte order is key order.
 *
 * ```text
 * 01 data 00              Uint8Array, each 00 in the data followed by ff
 * 02 utf-8 00             string, likewise
 * 0b ^n ~bytes            bigint below -(2^64 - 1), of n bytes
 * 14-n ~bytes             negative bigint of n <= 8 bytes
 * 14                      0n
 * 14+n bytes              positive bigint of n <= 8 bytes
 * 1d n bytes              larger bigint of n bytes, n <= 255
 * 21 8 bytes              number: its bits, all inverted if negative, else the sign inverted
 * 26, 27                  false, true
 * ```
 *
 * The texts of errors are those of Deno KV.
 */

import { kindOf } from "../api/kinds.ts";
import type { KvKey, KvKeyPart } from "../api/types.ts";
import { BlockMemory } from "../value/block_memory.ts";

/** The tags of parts. */
export const TAG = {
  bytes: 0x01,
  string: 0x02,
  negativeLong: 0x0b,
  zero: 0x14,
  positiveLong: 0x1d,
  number: 0x21,
  false: 0x26,
  true: 0x27,
} as const;
/** What follows a zero in data. */
export const ESCAPE = 0xff;
/** Longer integers have their length behind the tag. */
export const SHORT_BYTES_MAX = 8;
/** Longer text is encoded and decoded by the system. */
export const SHORT_TEXT = 64;
const BIGINT_BYTES_MAX = 255;
/** Longer keys may get memory of their own. */
const ROOM_BYTES = 256;
const BLOCK_BYTES = 8192;

/** Memory for the bits of one number at a time. */
const numberBits = new Uint8Array(8);
const numberView = new DataView(numberBits.buffer);

const encoder = new TextEncoder();
const EMPTY = new Uint8Array(0);

/** Writes one key at a time. */
class KeyWriter {
  readonly #memory = new BlockMemory(BLOCK_BYTES);
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  /** Whether a key is being written; a getter in it may write another one. */
  isBusy = false;

  encode(key: KvKey): Uint8Array<ArrayBuffer> {
    const room = this.#memory.room(ROOM_BYTES);
    this.#write(key, room);
    if (this.#bytes === room) return this.#memory.take(this.#length);
    return this.#bytes.slice(0, this.#length) as Uint8Array<ArrayBuffer>;
  }

  /** Writes a key at the start of some memory. Returns its length, or -1 if it may be too long. */
  encodeInto(key: KvKey, into: Uint8Array): number {
    this.#write(key, into);
    return this.#bytes === into ? this.#length : -1;
  }

  /** Leaves the key in `bytes`, which is the given memory unless that may be too small. */
  #write(key: KvKey, into: Uint8Array): void {
    this.#bytes = into;
    this.#length = 0;
    this.isBusy = true;
    try {
      for (let i = 0; i < key.length; i++) this.#part(key[i]!);
    } finally {
      this.isBusy = false;
    }
  }

  #part(part: KvKeyPart): void {
    if (typeof part === "string") this.#text(part);
    else if (typeof part === "number") this.#number(part);
    else if (typeof part === "boolean") this.#byte(part ? TAG.true : TAG.false);
    else if (typeof part === "bigint") this.#bigint(part);
    else if (ArrayBuffer.isView(part)) this.#escaped(TAG.bytes, bytesOf(part));
    else {
      throw new TypeError("expected string, number, bigint, ArrayBufferView, boolean");
    }
  }

  #text(text: string): void {
    if (text.length > SHORT_TEXT || !this.#asciiText(text)) {
      this.#escaped(TAG.string, encoder.encode(text));
    }
  }

  /** Writes short text if it is ASCII without zeros. Returns whether it is. */
  #asciiText(text: string): boolean {
    this.#reserve(text.length + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = TAG.string;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === 0 || code > 0x7f) return false;
      bytes[at++] = code;
    }
    bytes[at++] = 0;
    this.#length = at;
    return true;
  }

  #escaped(tag: number, data: Uint8Array): void {
    this.#reserve(2 * data.length + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = tag;
    for (let i = 0; i < data.length; i++) {
      const byte = data[i]!;
      bytes[at++] = byte;
      if (byte === 0) bytes[at++] = ESCAPE;
    }
    bytes[at++] = 0;
    this.#length = at;
  }

  #number(value: number): void {
    this.#reserve(9);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = TAG.number;
    numberView.setFloat64(0, value);
    // Of a NaN, its sign alone is kept.
    if (Number.isNaN(value)) {
      numberView.setUint32(0, numberBits[0]! >= 0x80 ? 0xfff8_0000 : 0x7ff8_0000);
      numberView.setUint32(4, 0);
    }
    const flip = numberBits[0]! >= 0x80 ? 0xff : 0;
    bytes[at++] = numberBits[0]! ^ (flip | 0x80);
    for (let i = 1; i < 8; i++) bytes[at++] = numberBits[i]! ^ flip;
    this.#length = at;
  }

  #bigint(value: bigint): void {
    if (value === 0n) return this.#byte(TAG.zero);
    const isNegative = value < 0n;
    const data = magnitude(value);
    const { length } = data;
    if (length > BIGINT_BYTES_MAX) {
      throw new TypeError("BigUint requires more than 255 bytes to be represented");
    }
    this.#reserve(length + 2);
    if (length <= SHORT_BYTES_MAX) this.#byte(isNegative ? TAG.zero - length : TAG.zero + length);
    else {
      this.#byte(isNegative ? TAG.negativeLong : TAG.positiveLong);
      this.#byte(isNegative ? length ^ 0xff : length);
    }
    this.#bytes.set(data, this.#length);
    if (isNegative) invert(this.#bytes, this.#length, this.#length + length);
    this.#length += length;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  #reserve(length: number): void {
    const needed = this.#length + length;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * needed);
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

const writer = new KeyWriter();

function freeWriter(): KeyWriter {
  return writer.isBusy ? new KeyWriter() : writer;
}

/**
 * Encodes a key.
 *
 * @throws {TypeError} It is not an array, or a part cannot be stored.
 */
export function encodeKey(key: unknown): Uint8Array<ArrayBuffer> {
  if (Array.isArray(key)) return freeWriter().encode(key);
  throw wrongType("array", key);
}

/**
 * Encodes a key at the start of some memory.
 *
 * @returns Its length, or -1 if it may be too long for the memory.
 * @throws {TypeError} As `encodeKey`.
 */
export function encodeKeyInto(key: KvKey, into: Uint8Array): number {
  if (Array.isArray(key)) return freeWriter().encodeInto(key, into);
  throw wrongType("array", key);
}

/** The error of an argument of the wrong type, as Deno's own calls have it. */
export function wrongType(expected: string, got: unknown): TypeError {
  return new TypeError(
    `serde_v8 error: invalid type; expected: ${expected}, got: ${kindOf(got)}`,
  );
}

/**
 * The bytes of a part, where they lie. Memory that the program has given away has none.
 *
 * @throws {TypeError} Deno's own calls do not take the memory.
 */
export function bytesOf(part: ArrayBufferView): Uint8Array {
  checkMemory(part);
  const { buffer, byteOffset, byteLength } = part;
  return byteLength === 0 ? EMPTY : new Uint8Array(buffer, byteOffset, byteLength);
}

/** Refuses bytes in memory that can be resized or is shared, as Deno KV does. */
export function checkMemory(bytes: ArrayBufferView): void {
  const { buffer } = bytes;
  if (buffer instanceof SharedArrayBuffer) throw wrongType("buffer", bytes);
  if (!buffer.resizable) return;
  throw new TypeError("serde_v8 error: can't create slice from resizable ArrayBuffer");
}

/** The bytes of the absolute value of an integer, the most significant first. */
function magnitude(value: bigint): Uint8Array {
  const digits = (value < 0n ? -value : value).toString(16);
  return Uint8Array.fromHex(digits.length % 2 === 0 ? digits : `0${digits}`);
}

/** Inverts the bytes between two offsets. */
export function invert(bytes: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to; at++) bytes[at]! ^= 0xff;
}
