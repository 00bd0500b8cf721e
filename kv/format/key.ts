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
import { shortText, TextCache } from "../value/short_text.ts";

const BYTES = 0x01;
const STRING = 0x02;
const NEGATIVE_LONG = 0x0b;
const ZERO = 0x14;
const POSITIVE_LONG = 0x1d;
const NUMBER = 0x21;
const FALSE = 0x26;
const TRUE = 0x27;
const ESCAPE = 0xff;
const SHORT_BYTES_MAX = 8;
const BIGINT_BYTES_MAX = 255;
/** Longer keys may get memory of their own. */
const ROOM_BYTES = 256;
const BLOCK_BYTES = 8192;
/** Longer text is encoded and decoded by the system. */
const SHORT_TEXT = 64;

/** Memory for the bits of one number at a time. */
const numberBits = new Uint8Array(8);
const numberView = new DataView(numberBits.buffer);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const firstTexts = new TextCache();

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
    else if (typeof part === "boolean") this.#byte(part ? TRUE : FALSE);
    else if (typeof part === "bigint") this.#bigint(part);
    else if (ArrayBuffer.isView(part)) {
      const { buffer, byteOffset, byteLength } = part;
      this.#escaped(BYTES, new Uint8Array(buffer, byteOffset, byteLength));
    } else {
      throw new TypeError("expected string, number, bigint, ArrayBufferView, boolean");
    }
  }

  #text(text: string): void {
    if (text.length > SHORT_TEXT || !this.#asciiText(text)) {
      this.#escaped(STRING, encoder.encode(text));
    }
  }

  /** Writes short text without zeros and beyond ASCII nothing. Returns whether it was such. */
  #asciiText(text: string): boolean {
    this.#reserve(text.length + 2);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = STRING;
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
    bytes[at++] = NUMBER;
    numberView.setFloat64(0, value);
    const flip = numberBits[0]! >= 0x80 ? 0xff : 0;
    bytes[at++] = numberBits[0]! ^ (flip | 0x80);
    for (let i = 1; i < 8; i++) bytes[at++] = numberBits[i]! ^ flip;
    this.#length = at;
  }

  #bigint(value: bigint): void {
    if (value === 0n) return this.#byte(ZERO);
    const isNegative = value < 0n;
    const data = magnitude(value);
    const { length } = data;
    if (length > BIGINT_BYTES_MAX) {
      throw new TypeError("BigUint requires more than 255 bytes to be represented");
    }
    this.#reserve(length + 2);
    if (length <= SHORT_BYTES_MAX) this.#byte(isNegative ? ZERO - length : ZERO + length);
    else {
      this.#byte(isNegative ? NEGATIVE_LONG : POSITIVE_LONG);
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

/** The parts of a key that can be stored, as they are when it is read. */
export function storedParts(key: KvKey): KvKeyPart[] {
  const parts: KvKeyPart[] = [];
  for (let i = 0; i < key.length; i++) {
    const part = key[i]!;
    const isStored = typeof part === "string" ? part.isWellFormed() : typeof part !== "object";
    if (!isStored) return decodeKey(encodeKey(key));
    parts.push(part);
  }
  return parts;
}

/** The error of an argument of the wrong type, as Deno's own calls have it. */
export function wrongType(expected: string, got: unknown): TypeError {
  return new TypeError(
    `serde_v8 error: invalid type; expected: ${expected}, got: ${kindOf(got)}`,
  );
}

/**
 * Decodes a key.
 *
 * @throws {TypeError} The bytes are malformed.
 */
export function decodeKey(bytes: Uint8Array): KvKeyPart[] {
  if (bytes.length === 0) return [];
  // An array that grows from nothing gets memory for many parts.
  const first = partAt(bytes, 0);
  let at = partEnd;
  if (at === bytes.length) return [first];
  const second = partAt(bytes, at);
  at = partEnd;
  if (at === bytes.length) return [first, second];
  const parts = [first, second, partAt(bytes, at)];
  for (at = partEnd; at < bytes.length; at = partEnd) parts.push(partAt(bytes, at));
  return parts;
}

/** The end of the part that `partAt` decoded last. */
let partEnd = 0;

/** The part that begins at an offset. */
function partAt(bytes: Uint8Array, at: number): KvKeyPart {
  const tag = bytes[at]!;
  const zero = tag === STRING ? endOfAscii(bytes, at + 1) : -1;
  if (zero >= 0) {
    partEnd = zero + 1;
    // The first part of a key is most often one of few.
    return at === 0 ? firstTexts.text(bytes, 1, zero) : shortText(bytes, at + 1, zero);
  }
  const end = endOfPart(bytes, at);
  partEnd = end;
  return decodePart(tag, bytes, at, end);
}

/** The offset of the zero that ends short text of ASCII without zeros; -1 if it is not such. */
function endOfAscii(bytes: Uint8Array, start: number): number {
  const limit = Math.min(start + SHORT_TEXT, bytes.length);
  for (let at = start; at < limit; at++) {
    const byte = bytes[at]!;
    if (byte > 0x7f) return -1;
    if (byte === 0) return bytes[at + 1] === ESCAPE ? -1 : at;
  }
  return -1;
}

/** The end of the part that begins at an offset. */
function endOfPart(bytes: Uint8Array, at: number): number {
  const tag = bytes[at]!;
  let end = at + 1;
  if (tag === BYTES || tag === STRING) end = endOfData(bytes, end) + 1;
  else if (tag === NUMBER) end += 8;
  else if (tag === POSITIVE_LONG) end += 1 + bytes[end]!;
  else if (tag === NEGATIVE_LONG) end += 1 + (bytes[end]! ^ 0xff);
  else if (tag >= ZERO - SHORT_BYTES_MAX && tag <= ZERO + SHORT_BYTES_MAX) {
    end += Math.abs(tag - ZERO);
  } else if (tag !== FALSE && tag !== TRUE) throw malformed(at, `no part has the tag ${tag}`);
  // A missing length byte makes the end NaN.
  if (!(end <= bytes.length)) throw malformed(at, "the part is cut off");
  return end;
}

/** The offset of the zero that ends escaped data. */
function endOfData(bytes: Uint8Array, at: number): number {
  while (at < bytes.length && (bytes[at] !== 0 || bytes[at + 1] === ESCAPE)) {
    at += bytes[at] === 0 ? 2 : 1;
  }
  return at;
}

function decodePart(tag: number, bytes: Uint8Array, at: number, end: number): KvKeyPart {
  if (tag === STRING) return textOf(unescape(bytes, at + 1, end - 1), at);
  if (tag === NUMBER) return decodeNumber(bytes, at + 1);
  if (tag === FALSE || tag === TRUE) return tag === TRUE;
  if (tag === BYTES) return unescape(bytes, at + 1, end - 1).slice();
  const isLong = tag === POSITIVE_LONG || tag === NEGATIVE_LONG;
  return decodeBigint(bytes.slice(at + (isLong ? 2 : 1), end), tag < ZERO);
}

function textOf(bytes: Uint8Array, at: number): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw malformed(at, "the text is not UTF-8");
  }
}

/** The data between two offsets without its escapes; a view of the bytes if it has none. */
function unescape(bytes: Uint8Array, from: number, to: number): Uint8Array {
  let zero = bytes.indexOf(0, from);
  if (zero < 0 || zero >= to) return bytes.subarray(from, to);
  const data = bytes.slice(from, to);
  let length = 0;
  for (let at = from; at < to; at++) {
    data[length++] = bytes[at]!;
    zero = bytes[at]!;
    if (zero === 0) at++;
  }
  return data.subarray(0, length);
}

function decodeNumber(bytes: Uint8Array, at: number): number {
  const high = bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
  const low = bytes[at + 4]! << 24 | bytes[at + 5]! << 16 | bytes[at + 6]! << 8 | bytes[at + 7]!;
  const flip = high < 0 ? 0 : -1;
  numberView.setInt32(0, high ^ (flip | 0x8000_0000));
  numberView.setInt32(4, low ^ flip);
  return numberView.getFloat64(0);
}

function decodeBigint(data: Uint8Array, isNegative: boolean): bigint {
  if (data.length === 0) return 0n;
  if (isNegative) invert(data, 0, data.length);
  const value = BigInt(`0x${data.toHex()}`);
  return isNegative ? -value : value;
}

/** The bytes of the absolute value of an integer, the most significant first. */
function magnitude(value: bigint): Uint8Array {
  const digits = (value < 0n ? -value : value).toString(16);
  return Uint8Array.fromHex(digits.length % 2 === 0 ? digits : `0${digits}`);
}

function invert(bytes: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to; at++) bytes[at]! ^= 0xff;
}

function malformed(at: number, rule: string): TypeError {
  return new TypeError(`Cannot decode the key: at byte ${at}, ${rule}`);
}
