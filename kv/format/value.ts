/**
 * Values as bytes, in the three encodings of Deno KV: `Uint8Array` as it is, `KvU64` as 8 bytes,
 * the least significant first, and everything else by V8's serialization.
 *
 * The bytes are those that Deno stores, so entries can be copied between the two. The serializer of
 * `node:v8` writes the version that Node expects into the header, and the format of the running V8
 * behind it; Deno writes the latter version. `FORMAT_VERSION` replaces the byte.
 *
 * Common values are written and read without V8, which takes longer to begin than to do it.
 */

import { Deserializer, Serializer } from "node:v8";
import { isU64, u64Of } from "../api/u64.ts";
import { readCommonValue, UNREAD } from "./common_values.ts";
import { refuseHostObjects } from "./host_objects.ts";
import { writeCommonValue } from "./write_values.ts";

/** The encoding of a value, as Deno KV numbers them. */
export const ENCODING = { v8: 1, u64: 2, bytes: 3 } as const;

/** A value as bytes. */
export interface EncodedValue {
  /** How `data` encodes it: 1 = by V8, 2 = a `KvU64`, 3 = as it is. */
  readonly encoding: number;
  /** The bytes. */
  readonly data: Uint8Array;
}

/** The version of V8's format in the header, of the V8 in Deno 2.9. */
const FORMAT_VERSION = 16;
const U64_BYTES = 8;

/**
 * Encodes a value. The data of a `Uint8Array` are its own memory.
 *
 * @throws {TypeError} It cannot be cloned.
 */
export function encodeValue(value: unknown): EncodedValue {
  if (value instanceof Uint8Array) return { encoding: ENCODING.bytes, data: value };
  if (isU64(value)) return { encoding: ENCODING.u64, data: bytesOfU64(value.value) };
  return { encoding: ENCODING.v8, data: serialize(value) };
}

/**
 * Decodes a value, which shares no memory with the bytes.
 *
 * @param start Where it begins in the bytes.
 * @throws {TypeError} The bytes are malformed.
 */
export function decodeValue(encoding: number, data: Uint8Array, start = 0): unknown {
  if (encoding === ENCODING.v8) return deserialize(data, start);
  if (encoding === ENCODING.bytes) return data.slice(start);
  if (encoding === ENCODING.u64 && data.length - start === U64_BYTES) {
    return u64Of(u64In(data, start));
  }
  throw new TypeError(`Cannot decode the value: its encoding is ${encoding}`);
}

/**
 * Serializes a value by V8.
 *
 * @throws {TypeError} It cannot be cloned.
 */
export function serialize(value: unknown): Uint8Array {
  return writeCommonValue(value) ?? serializeByV8(value);
}

function serializeByV8(value: unknown): Uint8Array {
  const serializer = new Serializer();
  serializer.writeHeader();
  try {
    serializer.writeValue(value);
  } catch (error) {
    // Errors of a getter in the value pass.
    const isRefusal = error instanceof Error && error.constructor === Error;
    if (!isRefusal || error.message.startsWith("#<SharedArrayBuffer>")) throw error;
    throw new TypeError(error.message);
  }
  const bytes = serializer.releaseBuffer();
  refuseHostObjects(value, bytes);
  bytes[1] = FORMAT_VERSION;
  return bytes;
}

/**
 * Deserializes a value that V8 serialized.
 *
 * @param start Where it begins in the bytes.
 * @throws {TypeError} The bytes are malformed.
 */
export function deserialize(bytes: Uint8Array, start = 0): unknown {
  const value = readCommonValue(bytes, start);
  if (value !== UNREAD) return value;
  try {
    const deserializer = new Deserializer(bytes.subarray(start));
    deserializer.readHeader();
    return deserializer.readValue();
  } catch (cause) {
    throw new TypeError("Cannot decode the value: V8 does not read it", { cause });
  }
}

function bytesOfU64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(U64_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

function u64In(data: Uint8Array, start: number): bigint {
  return new DataView(data.buffer, data.byteOffset + start, U64_BYTES).getBigUint64(0, true);
}
