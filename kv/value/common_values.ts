/**
 * Reads the common ones of the values that V8 serialized: primitives, plain objects and arrays,
 * dates, maps and sets. The deserializer of V8 is created anew for each value, which costs more
 * than to read most of them.
 *
 * It returns what V8 returns. It gives up at anything else, such as malformed bytes, and leaves the
 * value to V8: at references, holes, other types, and at keys that an object inherits, which an
 * assignment would not define.
 *
 * ```text
 * ff version        the header, version 15 or 16
 * 5f 30 54 46       undefined, null, true, false
 * 49 zigzag         int32
 * 55 varint         uint32
 * 4e 8 bytes        number, the least significant byte first, as below
 * 5a bits digits    bigint: sign and 2 * length, then digits
 * 22 length bytes   string of Latin-1
 * 63 length bytes   string of UTF-16; 00 before a tag is padding
 * 44 8 bytes        date
 * 6f (key value)* 7b count          object
 * 41 count value* 24 0 count        array
 * 3b (key value)* 3a 2 * count      map
 * 27 value* 2c count                set
 * ```
 */

import { Buffer } from "node:buffer";
import { KnownKeys, NO_KEYS, shortText, TextCache } from "./short_text.ts";

/** Says that the reader gave up. */
export const UNREAD: unique symbol = Symbol("unread");

const HEADER = 0xff;
const VERSION_MIN = 15;
const VERSION_MAX = 16;
/** Deeper values are left to V8, which guards its stack. */
const DEPTH_MAX = 64;
/** Longer strings are decoded by the system. */
const SHORT_STRING = 32;
/** Longer arrays grow, so that malformed bytes get no memory for elements that they do not have. */
const SHORT_ARRAY = 32;

/** The keys that are remembered, and the values after which others may take their place. */
const KNOWN_KEYS_MAX = 1000;
const READS_MIN = 100_000;

const NO_BYTES = new Uint8Array();
const INHERITED: object = Object.prototype;
/** What all objects inherit, unless the program adds to it. */
const INHERITED_KEYS = Reflect.ownKeys(INHERITED);

/** Reads one value at a time. */
class ValueReader {
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #depth = 0;
  #isPlain = false;
  readonly #float = new Float64Array(1);
  readonly #floatBytes = new Uint8Array(this.#float.buffer);
  #room = { left: KNOWN_KEYS_MAX };
  /** The keys that begin values. */
  #keys = new KnownKeys(this.#room);
  /** The number of values that were read since then. */
  #reads = 0;
  /** The keys for which there is no room. */
  readonly #texts = new TextCache();

  read(bytes: Uint8Array, start: number, isPlain: boolean): unknown {
    const version = bytes[start + 1]!;
    const isKnown = version >= VERSION_MIN && version <= VERSION_MAX;
    if (bytes[start] !== HEADER || !isKnown) return UNREAD;
    this.#bytes = bytes;
    this.#at = start + 2;
    this.#depth = 0;
    this.#isPlain = isPlain;
    if (++this.#reads >= READS_MIN && this.#room.left === 0) this.#forget();
    const value = this.#value(this.#tag(), this.#keys);
    this.#bytes = NO_BYTES;
    return value;
  }

  #forget(): void {
    this.#room = { left: KNOWN_KEYS_MAX };
    this.#keys = new KnownKeys(this.#room);
    this.#reads = 0;
  }

  /** The next tag, behind padding; undefined at the end. */
  #tag(): number | undefined {
    let tag = this.#bytes[this.#at++];
    while (tag === 0) tag = this.#bytes[this.#at++];
    return tag;
  }

  /**
   * Reads a value.
   *
   * @param keys The keys that were read first in objects at this place.
   */
  #value(tag: number | undefined, keys: KnownKeys): unknown {
    switch (tag) {
      case 0x6f:
        return this.#enter() ? this.#leave(this.#object(keys)) : UNREAD;
      case 0x22:
        return this.#latin1();
      case 0x49:
        return this.#int32();
      case 0x4e:
        return this.#number();
      case 0x41:
        return this.#enter() ? this.#leave(this.#array(keys)) : UNREAD;
      case 0x5f:
        return undefined;
      case 0x30:
        return null;
      case 0x54:
        return true;
      case 0x46:
        return false;
      case 0x63:
        return this.#utf16();
      case 0x55:
        return this.#uint32() ?? UNREAD;
      case 0x5a:
        return this.#bigint();
      case 0x44:
        return this.#date();
      case 0x3b:
        return this.#enter() ? this.#leave(this.#map(keys)) : UNREAD;
      case 0x27:
        return this.#enter() ? this.#leave(this.#set(keys)) : UNREAD;
      default:
        return UNREAD;
    }
  }

  /** Enters a value with parts. Returns whether it is not too deep. */
  #enter(): boolean {
    return this.#depth++ < DEPTH_MAX;
  }

  #leave(value: unknown): unknown {
    this.#depth--;
    return value;
  }

  #object(first: KnownKeys): unknown {
    const object: Record<string, unknown> = {};
    let keys = first;
    for (let count = 0;; count++) {
      const tag = this.#tag();
      if (tag === 0x7b) return this.#uint32() === count ? object : UNREAD;
      let known = tag === 0x22 ? keys.find(this.#bytes, this.#at) : undefined;
      if (known !== undefined) this.#at += known.length;
      const start = this.#at;
      const key = known === undefined ? this.#key(tag) : known.text;
      if (key === undefined || (!this.#isPlain && key in INHERITED)) return UNREAD;
      if (known === undefined && tag === 0x22) {
        known = keys.add(key, this.#bytes.subarray(start, this.#at));
      }
      const value = this.#value(this.#tag(), known?.inner ?? NO_KEYS);
      if (value === UNREAD) return UNREAD;
      object[key] = value;
      keys = known?.next ?? NO_KEYS;
    }
  }

  /** A key that is not known, and that no object inherits; or undefined. */
  #key(tag: number | undefined): string | undefined {
    const key = tag === 0x22 ? this.#latin1(true) : tag === 0x63 ? this.#utf16() : UNREAD;
    return typeof key !== "string" || key in INHERITED ? undefined : key;
  }

  #array(keys: KnownKeys): unknown {
    const count = this.#uint32();
    if (count === undefined) return UNREAD;
    const array: unknown[] = count <= SHORT_ARRAY ? new Array(count) : [];
    for (let i = 0; i < count; i++) {
      const value = this.#value(this.#tag(), keys);
      if (value === UNREAD) return UNREAD;
      array[i] = value;
    }
    const isWhole = this.#tag() === 0x24 && this.#uint32() === 0 && this.#uint32() === count;
    return isWhole ? array : UNREAD;
  }

  #map(keys: KnownKeys): unknown {
    const map = new Map<unknown, unknown>();
    for (let count = 0;; count += 2) {
      const tag = this.#tag();
      if (tag === 0x3a) return this.#uint32() === count ? map : UNREAD;
      const key = this.#value(tag, keys);
      if (key === UNREAD) return UNREAD;
      const value = this.#value(this.#tag(), keys);
      if (value === UNREAD) return UNREAD;
      map.set(key, value);
    }
  }

  #set(keys: KnownKeys): unknown {
    const set = new Set<unknown>();
    for (let count = 0;; count++) {
      const tag = this.#tag();
      if (tag === 0x2c) return this.#uint32() === count ? set : UNREAD;
      const value = this.#value(tag, keys);
      if (value === UNREAD) return UNREAD;
      set.add(value);
    }
  }

  /** A varint below 2^32, or undefined. */
  #uint32(): number | undefined {
    const first = this.#bytes[this.#at]!;
    if (!(first < 0x80)) return this.#longUint32();
    this.#at++;
    return first;
  }

  #longUint32(): number | undefined {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value < 2 ** 32 ? value : undefined;
    }
    return undefined;
  }

  #int32(): unknown {
    const zigzag = this.#uint32();
    return zigzag === undefined ? UNREAD : (zigzag >>> 1) ^ -(zigzag & 1);
  }

  #number(): number | typeof UNREAD {
    if (this.#at + 8 > this.#bytes.length) return UNREAD;
    for (let i = 0; i < 8; i++) this.#floatBytes[i] = this.#bytes[this.#at++]!;
    return this.#float[0]!;
  }

  #date(): unknown {
    const time = this.#number();
    if (time === UNREAD || !(Number.isInteger(time) || Number.isNaN(time))) return UNREAD;
    return new Date(time);
  }

  /** A bigint of up to 64 bits. */
  #bigint(): unknown {
    const bits = this.#uint32();
    if (bits === 0) return 0n;
    if (bits === undefined || bits >>> 1 !== 8 || this.#at + 8 > this.#bytes.length) return UNREAD;
    const { buffer, byteOffset } = this.#bytes;
    const value = new DataView(buffer, byteOffset + this.#at, 8).getBigUint64(0, true);
    this.#at += 8;
    return (bits & 1) === 0 ? value : -value;
  }

  /** A string of Latin-1. */
  #latin1(isKey = false): unknown {
    const length = this.#uint32();
    const start = this.#at;
    if (length === undefined || start + length > this.#bytes.length) return UNREAD;
    this.#at = start + length;
    if (isKey) return this.#texts.text(this.#bytes, start, this.#at);
    if (length > SHORT_STRING) return this.#buffer().latin1Slice(start, this.#at);
    return shortText(this.#bytes, start, this.#at);
  }

  #utf16(): unknown {
    const length = this.#uint32();
    const start = this.#at;
    if (length === undefined || length % 2 !== 0 || start + length > this.#bytes.length) {
      return UNREAD;
    }
    this.#at = start + length;
    return this.#buffer().ucs2Slice(start, start + length);
  }

  #buffer(): { latin1Slice: SliceText; ucs2Slice: SliceText } {
    const { buffer, byteOffset, length } = this.#bytes;
    return Buffer.from(buffer, byteOffset, length) as never;
  }
}

/** A method of `Buffer`. */
type SliceText = (start: number, end: number) => string;

const reader = new ValueReader();

/**
 * The value that V8 serialized, or `UNREAD`. It shares no memory with the bytes.
 *
 * @param start Where it begins in the bytes.
 * @param isPlain What `inheritsAsEver` returned since other code ran; false is always right.
 */
export function readCommonValue(bytes: Uint8Array, start = 0, isPlain = false): unknown {
  return reader.read(bytes, start, isPlain);
}

/**
 * Whether objects inherit what they always did. Then no known key is one that they inherit, which
 * otherwise takes a look for each key of each value.
 */
export function inheritsAsEver(): boolean {
  const keys = Reflect.ownKeys(INHERITED);
  return keys.length === INHERITED_KEYS.length &&
    keys.every((key, i) => key === INHERITED_KEYS[i]);
}
