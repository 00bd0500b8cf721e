/**
 * Reads keys from their bytes, whose form `key.ts` has.
 */

import type { KvKey, KvKeyPart } from "../api/types.ts";
import { shortText, TextCache } from "../value/short_text.ts";
import { encodeKey, ESCAPE, invert, SHORT_BYTES_MAX, SHORT_TEXT, TAG } from "./key.ts";

/** The bytes of a number, with its tag. */
const NUMBER_BYTES = 9;
/** The first 12 bits of the numbers from 1 to 2. */
const POSITIVE_EXPONENT = 0xbff;
/** Memory for the bits of one number at a time. */
const numberView = new DataView(new ArrayBuffer(8));

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const firstTexts = new TextCache();

/** Reads keys that begin with the same bytes, whose parts are made once. */
export class KeyReader {
  /** The shared parts; behind them those of the last key. */
  readonly #parts: KvKeyPart[] = [];
  /** The number of the shared parts, and of their bytes. */
  readonly #shared: number;
  readonly #sharedBytes: number;

  /** Creates a reader of keys that begin with some bytes. */
  constructor(common: Uint8Array) {
    let at = 0;
    // An array of bytes is made anew for each key, as the program may change it.
    while (at < common.length && common[at] !== TAG.bytes) {
      const end = endOfPart(common, at);
      if (!(end <= common.length)) break;
      this.#parts.push(partAt(common, at));
      at = end;
    }
    this.#shared = this.#parts.length;
    this.#sharedBytes = at;
  }

  /**
   * Decodes a key that begins with the shared bytes.
   *
   * @throws {TypeError} The bytes are malformed.
   */
  decode(bytes: Uint8Array): KvKeyPart[] {
    let at = this.#sharedBytes;
    // The last shared part is text that goes on.
    if (bytes[at] === ESCAPE) return decodeKey(bytes);
    const parts = this.#parts;
    let count = this.#shared;
    for (; at < bytes.length; at = partEnd) parts[count++] = partAt(bytes, at);
    return firstOf(parts, count);
  }
}

/** A copy of the first of some parts, without a call for most keys. */
function firstOf(parts: readonly KvKeyPart[], count: number): KvKeyPart[] {
  if (count === 1) return [parts[0]!];
  if (count === 2) return [parts[0]!, parts[1]!];
  if (count === 3) return [parts[0]!, parts[1]!, parts[2]!];
  return parts.slice(0, count);
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
  if (tag === TAG.number && at + NUMBER_BYTES <= bytes.length) {
    partEnd = at + NUMBER_BYTES;
    return decodeNumber(bytes, at + 1);
  }
  const zero = tag === TAG.string ? endOfAscii(bytes, at + 1) : -1;
  if (zero >= 0) {
    partEnd = zero + 1;
    // The first part of a key is most often one of few.
    return at === 0 ? firstTexts.text(bytes, 1, zero) : shortText(bytes, at + 1, zero);
  }
  const end = endOfPart(bytes, at);
  // A missing length byte makes it NaN.
  if (!(end <= bytes.length)) throw malformed(at, "the part is cut off");
  partEnd = end;
  return decodePart(tag, bytes, at, end);
}

/** The offset of the zero that ends short text if it is ASCII without zeros; else -1. */
function endOfAscii(bytes: Uint8Array, start: number): number {
  const limit = Math.min(start + SHORT_TEXT, bytes.length);
  for (let at = start; at < limit; at++) {
    const byte = bytes[at]!;
    if (byte > 0x7f) return -1;
    if (byte === 0) return bytes[at + 1] === ESCAPE ? -1 : at;
  }
  return -1;
}

/** The end of the part that begins at an offset; none up to the last byte if it is cut off. */
function endOfPart(bytes: Uint8Array, at: number): number {
  const tag = bytes[at]!;
  let end = at + 1;
  if (tag === TAG.bytes || tag === TAG.string) end = endOfData(bytes, end) + 1;
  else if (tag === TAG.number) end = at + NUMBER_BYTES;
  else if (tag === TAG.positiveLong) end += 1 + bytes[end]!;
  else if (tag === TAG.negativeLong) end += 1 + (bytes[end]! ^ 0xff);
  else if (tag >= TAG.zero - SHORT_BYTES_MAX && tag <= TAG.zero + SHORT_BYTES_MAX) {
    end += Math.abs(tag - TAG.zero);
  } else if (tag !== TAG.false && tag !== TAG.true) {
    throw malformed(at, `no part has the tag ${tag}`);
  }
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
  if (tag === TAG.string) return textOf(unescape(bytes, at + 1, end - 1), at);
  if (tag === TAG.false || tag === TAG.true) return tag === TAG.true;
  if (tag === TAG.bytes) return unescape(bytes, at + 1, end - 1).slice();
  const isLong = tag === TAG.positiveLong || tag === TAG.negativeLong;
  const data = bytes.slice(at + (isLong ? 2 : 1), end);
  if (tag < TAG.zero) invert(data, 0, data.length);
  // Two encodings of one integer would be two entries with one key.
  if (data[0] === 0) throw malformed(at, "the integer begins with zeros");
  if (isLong && data.length <= SHORT_BYTES_MAX) throw malformed(at, "the integer is a short one");
  const magnitude = data.length === 0 ? 0n : BigInt(`0x${data.toHex()}`);
  return tag < TAG.zero ? -magnitude : magnitude;
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
  // Most are small integers from 1 on, whose last 32 bits are zeros.
  const exponent = (high >>> 20) - POSITIVE_EXPONENT;
  if (low === 0 && exponent >= 0 && exponent <= 20) {
    const digits = high & 0xf_ffff | 0x10_0000;
    const drop = 20 - exponent;
    if (digits >>> drop << drop === digits) return digits >>> drop;
  }
  const flip = high < 0 ? 0 : -1;
  numberView.setInt32(0, high ^ (flip | 0x8000_0000));
  numberView.setInt32(4, low ^ flip);
  return numberView.getFloat64(0);
}

function malformed(at: number, rule: string): TypeError {
  return new TypeError(`Cannot decode the key: at byte ${at}, ${rule}`);
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
