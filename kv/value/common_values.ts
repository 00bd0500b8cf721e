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
import { KnownKeys, NO_KEYS } from "./known_keys.ts";
import { shortText, TextCache } from "./short_text.ts";

/** Says that the reader gave up. */
export const UNREAD: unique symbol = Symbol("unread");

const HEADER = 0xff;
const [PADDING, STRING, UTF16, INT32, OBJECT, ARRAY] = [0x00, 0x22, 0x63, 0x49, 0x6f, 0x41];
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

const INHERITED: object = Object.prototype;
/** What all objects inherit, unless the program adds to it. */
const INHERITED_KEYS = Reflect.ownKeys(INHERITED);

/**
 * Reads one value at a time. A method begins at an offset, behind the tag unless it says otherwise,
 * and leaves the end of what it read in `#end`, which is negative once the reader gave up: to
 * compare each value with one that says so costs more.
 */
class ValueReader {
  #end = 0;
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

  read(bytes: Uint8Array, start: number, end: number, isPlain: boolean): unknown {
    const version = bytes[start + 1]!;
    const isKnown = version >= VERSION_MIN && version <= VERSION_MAX;
    if (bytes[start] !== HEADER || !isKnown) return UNREAD;
    this.#depth = 0;
    this.#isPlain = isPlain;
    if (++this.#reads >= READS_MIN && this.#room.left === 0) this.#forget();
    const value = this.#value(bytes, start + 2, this.#keys);
    // A value that is cut off went on in what is behind it.
    return this.#end >= 0 && this.#end <= end ? value : UNREAD;
  }

  #forget(): void {
    this.#room = { left: KNOWN_KEYS_MAX };
    this.#keys = new KnownKeys(this.#room);
    this.#reads = 0;
  }

  /**
   * Reads a value, from its tag on.
   *
   * @param keys The keys that were read first in objects at this place.
   */
  #value(bytes: Uint8Array, at: number, keys: KnownKeys): unknown {
    // The most frequent kinds, in few calls.
    switch (bytes[at]) {
      case STRING:
        return this.#latin1(bytes, at + 1);
      case INT32:
        return this.#int32(bytes, at + 1);
      case OBJECT:
        return this.#enter() ? this.#object(bytes, at + 1, keys) : this.#giveUp();
      case ARRAY:
        return this.#enter() ? this.#array(bytes, at + 1, keys) : this.#giveUp();
    }
    return this.#rarerValue(bytes, at, keys);
  }

  /** Reads a part of a value. Most are text, for which V8 needs no call of `#value`. */
  #part(bytes: Uint8Array, at: number, keys: KnownKeys): unknown {
    return bytes[at] === STRING ? this.#latin1(bytes, at + 1) : this.#value(bytes, at, keys);
  }

  #rarerValue(bytes: Uint8Array, tagAt: number, keys: KnownKeys): unknown {
    const at = this.#end = tagAt + 1;
    switch (bytes[tagAt]) {
      case PADDING:
        return this.#value(bytes, afterPadding(bytes, at), keys);
      case 0x4e:
        return this.#number(bytes, at);
      case 0x5f:
        return undefined;
      case 0x30:
        return null;
      case 0x54:
        return true;
      case 0x46:
        return false;
      case UTF16:
        return this.#utf16(bytes, at) ?? this.#giveUp();
      case 0x55:
        return this.#unsigned(bytes, at);
      case 0x5a:
        return this.#bigint(bytes, at);
      case 0x44:
        return this.#date(bytes, at);
      case 0x3b:
        return this.#enter() ? this.#map(bytes, at, keys) : this.#giveUp();
      case 0x27:
        return this.#enter() ? this.#set(bytes, at, keys) : this.#giveUp();
    }
    return this.#giveUp();
  }

  /** Gives up. The result stands for no value. */
  #giveUp(): undefined {
    this.#end = -1;
    return undefined;
  }

  /** Enters a value with parts. Returns whether it is not too deep. */
  #enter(): boolean {
    return this.#depth++ < DEPTH_MAX;
  }

  /** Leaves a value with parts. Returns whether their number is at an offset. */
  #leave(bytes: Uint8Array, at: number, count: number): boolean {
    this.#depth--;
    return this.#uint32(bytes, at) === count;
  }

  #object(bytes: Uint8Array, start: number, first: KnownKeys): unknown {
    const object: Record<string, unknown> = {};
    let at = start;
    let keys = first;
    for (let count = 0;; count++) {
      if (bytes[at] === PADDING) at = afterPadding(bytes, at);
      if (bytes[at] === 0x7b) return this.#leave(bytes, at + 1, count) ? object : this.#giveUp();
      let known = keys.find(bytes, at);
      const key = known === undefined ? this.#key(bytes, at) : known.text;
      if (key === undefined || (!this.#isPlain && key in INHERITED)) return this.#giveUp();
      // V8 refuses a key that comes twice, so none that is remembered comes twice.
      if (known === undefined && Object.hasOwn(object, key)) return this.#giveUp();
      const end = known === undefined ? this.#end : at + known.length;
      known ??= keys.add(key, bytes, at, end);
      const value = this.#part(bytes, end, known?.inner ?? NO_KEYS);
      if (this.#end < 0) return undefined;
      object[key] = value;
      at = this.#end;
      keys = known?.next ?? NO_KEYS;
    }
  }

  /** Reads a key, from its tag on; undefined if it is none, or one that objects inherit. */
  #key(bytes: Uint8Array, at: number): string | undefined {
    const tag = bytes[at];
    if (tag !== STRING && tag !== UTF16) return undefined;
    const key = tag === UTF16 ? this.#utf16(bytes, at + 1) : this.#latin1Key(bytes, at + 1);
    return key === undefined || key in INHERITED ? undefined : key;
  }

  #array(bytes: Uint8Array, start: number, keys: KnownKeys): unknown {
    const count = this.#uint32(bytes, start);
    if (count < 0) return this.#giveUp();
    const array: unknown[] = count <= SHORT_ARRAY ? new Array(count) : [];
    for (let i = 0; i < count; i++) {
      const value = this.#part(bytes, this.#end, keys);
      if (this.#end < 0) return undefined;
      array[i] = value;
    }
    let at = this.#end;
    if (bytes[at] === PADDING) at = afterPadding(bytes, at);
    const isEnd = bytes[at] === 0x24 && this.#uint32(bytes, at + 1) === 0;
    return isEnd && this.#leave(bytes, this.#end, count) ? array : this.#giveUp();
  }

  #map(bytes: Uint8Array, start: number, keys: KnownKeys): unknown {
    const map = new Map<unknown, unknown>();
    let at = start;
    for (let count = 0;; count += 2) {
      at = afterPadding(bytes, at);
      if (bytes[at] === 0x3a) return this.#leave(bytes, at + 1, count) ? map : this.#giveUp();
      const key = this.#value(bytes, at, keys);
      if (this.#end < 0) return undefined;
      const value = this.#value(bytes, this.#end, keys);
      if (this.#end < 0) return undefined;
      map.set(key, value);
      at = this.#end;
    }
  }

  #set(bytes: Uint8Array, start: number, keys: KnownKeys): unknown {
    const set = new Set<unknown>();
    let at = start;
    for (let count = 0;; count++) {
      at = afterPadding(bytes, at);
      if (bytes[at] === 0x2c) return this.#leave(bytes, at + 1, count) ? set : this.#giveUp();
      const value = this.#value(bytes, at, keys);
      if (this.#end < 0) return undefined;
      set.add(value);
      at = this.#end;
    }
  }

  /** A varint below 2^32, or -1. */
  #uint32(bytes: Uint8Array, at: number): number {
    const first = bytes[at]!;
    if (!(first < 0x80)) return this.#longUint32(bytes, at);
    this.#end = at + 1;
    return first;
  }

  #longUint32(bytes: Uint8Array, start: number): number {
    let value = 0;
    let factor = 1;
    for (let at = start; at < start + 5; at++) {
      const byte = bytes[at];
      if (byte === undefined) return -1;
      value += (byte & 0x7f) * factor;
      factor *= 128;
      this.#end = at + 1;
      if (byte < 0x80) return value < 2 ** 32 ? value : -1;
    }
    return -1;
  }

  #unsigned(bytes: Uint8Array, at: number): unknown {
    const value = this.#uint32(bytes, at);
    return value < 0 ? this.#giveUp() : value;
  }

  #int32(bytes: Uint8Array, at: number): unknown {
    const zigzag = this.#uint32(bytes, at);
    return zigzag < 0 ? this.#giveUp() : (zigzag >>> 1) ^ -(zigzag & 1);
  }

  #number(bytes: Uint8Array, at: number): number | undefined {
    if (at + 8 > bytes.length) return this.#giveUp();
    for (let i = 0; i < 8; i++) this.#floatBytes[i] = bytes[at + i]!;
    this.#end = at + 8;
    return this.#float[0]!;
  }

  #date(bytes: Uint8Array, at: number): unknown {
    const time = this.#number(bytes, at);
    if (time === undefined) return undefined;
    if (!Number.isInteger(time) && !Number.isNaN(time)) return this.#giveUp();
    return new Date(time);
  }

  /** A bigint of up to 64 bits. */
  #bigint(bytes: Uint8Array, start: number): unknown {
    const bits = this.#uint32(bytes, start);
    if (bits === 0) return 0n;
    const at = this.#end;
    if (bits < 0 || bits >>> 1 !== 8 || at + 8 > bytes.length) return this.#giveUp();
    const value = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigUint64(0, true);
    this.#end = at + 8;
    return (bits & 1) === 0 ? value : -value;
  }

  /** A string of Latin-1. */
  #latin1(bytes: Uint8Array, lengthAt: number): unknown {
    const length = bytes[lengthAt]!;
    const start = lengthAt + 1;
    const end = start + length;
    if (!(length <= SHORT_STRING && end <= bytes.length)) return this.#longLatin1(bytes, lengthAt);
    this.#end = end;
    return shortText(bytes, start, end);
  }

  #longLatin1(bytes: Uint8Array, lengthAt: number): unknown {
    const start = this.#textAt(bytes, lengthAt);
    return start < 0 ? this.#giveUp() : bufferOf(bytes).latin1Slice(start, this.#end);
  }

  #latin1Key(bytes: Uint8Array, lengthAt: number): string | undefined {
    const start = this.#textAt(bytes, lengthAt);
    return start < 0 ? undefined : this.#texts.text(bytes, start, this.#end);
  }

  #utf16(bytes: Uint8Array, lengthAt: number): string | undefined {
    const start = this.#textAt(bytes, lengthAt);
    const isWhole = start >= 0 && (this.#end - start) % 2 === 0;
    return isWhole ? bufferOf(bytes).ucs2Slice(start, this.#end) : undefined;
  }

  /** Where text begins behind its length, and leaves its end; -1 if it is not whole. */
  #textAt(bytes: Uint8Array, lengthAt: number): number {
    const length = this.#uint32(bytes, lengthAt);
    const start = this.#end;
    this.#end = start + length;
    return length >= 0 && this.#end <= bytes.length ? start : -1;
  }
}

/** The offset of the next tag, behind padding. */
function afterPadding(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === PADDING) at++;
  return at;
}

/** Two methods of `Buffer`. */
interface TextOfBytes {
  latin1Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): TextOfBytes {
  return Buffer.from(buffer, byteOffset, length) as never;
}

const reader = new ValueReader();

/**
 * The value that V8 serialized, or `UNREAD`. It shares no memory with the bytes.
 *
 * @param start Where it begins in the bytes.
 * @param end Where it ends; what is behind it may be anything.
 * @param isPlain What `inheritsAsEver` returned since other code ran; false is always right.
 */
export function readCommonValue(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  isPlain = false,
): unknown {
  return reader.read(bytes, start, end, isPlain);
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
