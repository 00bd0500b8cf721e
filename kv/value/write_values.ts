/**
 * Writes the common ones of the values that are stored by V8's serialization: primitives, and plain
 * objects, arrays and dates of a few parts. The serializer of `node:v8` takes twenty times as long
 * for them.
 *
 * It makes the bytes that V8 makes. It gives up at anything else, and leaves the value to V8: at
 * objects of other classes, at holes, at keys that are numbers, at an object that occurs twice, and
 * at long text. `common_values.ts` has the format.
 */

import { types } from "node:util";
import { BlockMemory } from "./block_memory.ts";

/** The header: its tag, and the version of the format in Deno 2.9. */
const HEADER = [0xff, 16] as const;
const MEMORY_BYTES = 8192;
const BLOCK_BYTES = 65_536;
const TEXT_MAX = 1024;
const OBJECTS_MAX = 32;
const ELEMENTS_MAX = 64;
const DEPTH_MAX = 16;
/** Tags, lengths and a number take less, with the ends of all that they are in. */
const PART_BYTES = 96;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const BIGINT_MAX = 0xffff_ffff_ffff_ffffn;

/** Writes one value at a time. Methods return false to give up. */
class ValueWriter {
  readonly #memory = new BlockMemory(BLOCK_BYTES);
  #bytes = new Uint8Array(0);
  #at = 0;
  #depth = 0;
  #isBusy = false;
  /** The objects of the value: V8 writes a reference where one occurs again. */
  readonly #seen: object[] = [];
  readonly #number = new DataView(new ArrayBuffer(8));

  write(value: unknown): Uint8Array<ArrayBuffer> | undefined {
    // A getter in a value may write another value.
    if (this.#isBusy) return undefined;
    this.#isBusy = true;
    this.#bytes = this.#memory.room(MEMORY_BYTES);
    this.#bytes[0] = HEADER[0];
    this.#bytes[1] = HEADER[1];
    this.#at = HEADER.length;
    this.#depth = 0;
    try {
      return this.#value(value) ? this.#memory.take(this.#at) : undefined;
    } finally {
      this.#seen.length = 0;
      this.#isBusy = false;
    }
  }

  #value(value: unknown): boolean {
    if (this.#at + PART_BYTES > MEMORY_BYTES) return false;
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return this.#numeric(value);
      case "boolean":
        return this.#tag(value ? 0x54 : 0x46);
      case "undefined":
        return this.#tag(0x5f);
      case "bigint":
        return this.#bigint(value);
      case "object":
        return value === null ? this.#tag(0x30) : this.#object(value);
      default:
        return false;
    }
  }

  #tag(tag: number): true {
    this.#bytes[this.#at++] = tag;
    return true;
  }

  #uint32(value: number): void {
    while (value > 0x7f) {
      this.#bytes[this.#at++] = value & 0x7f | 0x80;
      value >>>= 7;
    }
    this.#bytes[this.#at++] = value;
  }

  #numeric(value: number): true {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#tag(0x49);
      this.#uint32((value << 1 ^ value >> 31) >>> 0);
      return true;
    }
    this.#tag(0x4e);
    return this.#double(value);
  }

  #double(value: number): true {
    this.#number.setFloat64(0, value, true);
    return this.#eightBytes();
  }

  #eightBytes(): true {
    for (let i = 0; i < 8; i++) this.#bytes[this.#at++] = this.#number.getUint8(i);
    return true;
  }

  /** An integer of up to 64 bits: its sign and the bytes of its digits, and the digits. */
  #bigint(value: bigint): boolean {
    const magnitude = value < 0n ? -value : value;
    if (magnitude > BIGINT_MAX) return false;
    this.#tag(0x5a);
    if (value === 0n) return this.#tag(0);
    this.#tag(value < 0n ? 0x11 : 0x10);
    this.#number.setBigUint64(0, magnitude, true);
    return this.#eightBytes();
  }

  #text(text: string): boolean {
    const { length } = text;
    if (length > TEXT_MAX || this.#at + 2 * length + PART_BYTES > MEMORY_BYTES) return false;
    const start = this.#at;
    this.#tag(0x22);
    this.#uint32(length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0xff) return this.#wideText(text, start);
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  /** Writes text of UTF-16 in place of what begins at an offset. */
  #wideText(text: string, start: number): true {
    const length = 2 * text.length;
    this.#at = start;
    // The text itself is at an even offset.
    const isOdd = (start + 1 + (length > 0x7f ? 2 : 1)) % 2 === 1;
    if (isOdd) this.#tag(0);
    this.#tag(0x63);
    this.#uint32(length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      this.#bytes[this.#at++] = code & 0xff;
      this.#bytes[this.#at++] = code >>> 8;
    }
    return true;
  }

  #object(object: object): boolean {
    if (this.#depth >= DEPTH_MAX || this.#seen.length >= OBJECTS_MAX) return false;
    if (this.#seen.includes(object) || types.isProxy(object)) return false;
    this.#seen.push(object);
    this.#depth++;
    const isWritten = this.#parts(object);
    this.#depth--;
    return isWritten;
  }

  #parts(object: object): boolean {
    const prototype = Object.getPrototypeOf(object);
    if (prototype === Object.prototype) return this.#plain(object as Record<string, unknown>);
    if (prototype === Array.prototype && Array.isArray(object)) return this.#array(object);
    if (prototype !== Date.prototype || !types.isDate(object)) return false;
    this.#tag(0x44);
    return this.#double(object.getTime());
  }

  #plain(object: Record<string, unknown>): boolean {
    const keys = Object.keys(object);
    // Keys that are numbers come first. Of the objects without keys, some are special.
    if (keys.length === 0 ? types.isArgumentsObject(object) : isDigit(keys[0]!)) return false;
    this.#tag(0x6f);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      if (!this.#text(key) || !this.#value(object[key])) return false;
    }
    this.#tag(0x7b);
    this.#uint32(keys.length);
    return true;
  }

  #array(array: readonly unknown[]): boolean {
    const { length } = array;
    // Neither holes nor other properties.
    if (length > ELEMENTS_MAX || Object.keys(array).length !== length) return false;
    this.#tag(0x41);
    this.#uint32(length);
    for (let i = 0; i < length; i++) {
      if (!(i in array) || !this.#value(array[i])) return false;
    }
    this.#tag(0x24);
    this.#tag(0);
    this.#uint32(length);
    return true;
  }
}

function isDigit(key: string): boolean {
  const code = key.charCodeAt(0);
  return code >= DIGIT_0 && code <= DIGIT_9;
}

const writer = new ValueWriter();

/**
 * The bytes of a value as V8 serializes it, which nothing else writes to; undefined if it gave up.
 *
 * @throws {unknown} What a getter in the value throws.
 */
export function writeCommonValue(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  return writer.write(value);
}
