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

import { Buffer } from "node:buffer";
import { Deserializer, Serializer } from "node:v8";
import { isU64, u64Of } from "../api/u64.ts";
import { readCommonValue, UNREAD } from "./common_values.ts";
import { dataOfHost, type HostObject, hostOfData } from "./host_objects.ts";
import { hostObjectsIn, withoutHosts } from "./value_graph.ts";
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

/** How the serializer refuses a module of WebAssembly. */
const WASM = /wasm_module/;

/** An object without properties, as V8 serializes it, and any host object but an exception. */
const EMPTY_OBJECT = Buffer.from([0x6f, 0x7b, 0x00]);
/** How V8 begins an error without a message of its own, such as an exception. */
const ERROR_WITH_STACK = Buffer.from([0x72, 0x73]);

/** What Deno writes in front of the data of a host object: a tag, and a number. */
const HOST_TAG = Uint8Array.of(0x5c, 0xff, 0xff, 0xff, 0xff, 0x0f);
const HOST_KIND = 0xffff_ffff;
/** The properties of an object in the place of a host object. No other value has them. */
const [DATA_OF_HOST, END_OF_HOST] = [nameOfPlace(), nameOfPlace()];
/** How V8 begins and ends such an object. With the tag, the offsets around it stay even or odd. */
const PLACE_START = Buffer.from([0x6f, 0x22, DATA_OF_HOST.length, ...Buffer.from(DATA_OF_HOST)]);
const PLACE_END = Buffer.from([
  ...[0x22, END_OF_HOST.length, ...Buffer.from(END_OF_HOST)],
  ...[0x30, 0x7b, 0x02],
]);

/** A name of odd length that nobody knows. */
function nameOfPlace(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex() + ".";
}

/**
 * Encodes a value. The data of a `Uint8Array` are its own memory.
 *
 * @throws {TypeError} It cannot be cloned, or has a blob.
 */
export function encodeValue(value: unknown): EncodedValue {
  return encodedWithoutV8(value) ?? { encoding: ENCODING.v8, data: serialize(value) };
}

/**
 * Encodes a value, as `serializeSoon` serializes it.
 *
 * @throws {TypeError} It cannot be cloned.
 */
export function encodeSoon(value: unknown): EncodedValue | LaterBytes {
  const encoded = encodedWithoutV8(value);
  if (encoded !== undefined) return encoded;
  const data = serializeSoon(value);
  return data instanceof LaterBytes ? data : { encoding: ENCODING.v8, data };
}

function encodedWithoutV8(value: unknown): EncodedValue | undefined {
  if (value instanceof Uint8Array) return { encoding: ENCODING.bytes, data: value };
  if (isU64(value)) return { encoding: ENCODING.u64, data: bytesOfU64(value.value) };
  return undefined;
}

/**
 * Decodes a value, which shares no memory with the bytes.
 *
 * @param start Where it begins in the bytes.
 * @param end Where it ends.
 * @param isPlain As for `readCommonValue`.
 * @throws {TypeError} The bytes are malformed.
 */
export function decodeValue(
  encoding: number,
  data: Uint8Array,
  start = 0,
  end: number = data.length,
  isPlain = false,
): unknown {
  if (encoding === ENCODING.v8) return deserialize(data, start, end, isPlain);
  if (encoding === ENCODING.bytes) return data.slice(start, end);
  if (encoding === ENCODING.u64 && end - start === U64_BYTES) return u64Of(u64In(data, start));
  throw new TypeError(`Cannot decode the value: its encoding is ${encoding}`);
}

/**
 * Serializes a value by V8.
 *
 * @throws {TypeError} It cannot be cloned, or has a blob.
 */
export function serialize(value: unknown): Uint8Array {
  const bytes = serializeSoon(value);
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError("#<Blob> could not be cloned.");
}

/**
 * Serializes a value by V8, or a copy of it later: only a promise gives the bytes of a blob.
 *
 * @throws {TypeError} It cannot be cloned.
 */
export function serializeSoon(value: unknown): Uint8Array | LaterBytes {
  const common = writeCommonValue(value);
  if (common !== undefined) return common;
  const bytes = serializeByV8(value);
  const hosts = mayHaveHosts(bytes) ? hostObjectsIn(value) : [];
  if (hosts.length === 0) return bytes;
  const later = new LaterBytes(value);
  return hosts.some((host) => host instanceof Blob) ? later : later.bytesWith(new Map());
}

/** The bytes of a value that has blobs. */
export class LaterBytes {
  /** The value, as the program gave it. */
  readonly value: unknown;
  /** A copy of the value, with objects in place of its host objects. */
  readonly #copy: unknown;
  readonly #places = new Map<HostObject, Record<string, unknown>>();

  /** Copies a value. */
  constructor(value: unknown) {
    this.value = value;
    this.#copy = withoutHosts(value, (host) => {
      const place = {};
      this.#places.set(host, place);
      return place;
    });
  }

  /** Reads the blobs, and serializes the copy. */
  async bytes(): Promise<Uint8Array> {
    const contents = new Map<HostObject, Uint8Array>();
    for (const host of this.#places.keys()) {
      if (host instanceof Blob) contents.set(host, new Uint8Array(await host.arrayBuffer()));
    }
    return this.bytesWith(contents);
  }

  /** Serializes the copy, with the contents of its blobs. */
  bytesWith(contents: ReadonlyMap<HostObject, Uint8Array>): Uint8Array {
    for (const [host, place] of this.#places) {
      place[DATA_OF_HOST] = dataOfHost(host, contents.get(host));
      place[END_OF_HOST] = null;
    }
    return withHostTags(serializeByV8(this.#copy));
  }
}

/**
 * Replaces the objects in the places of host objects by what V8 writes for host objects: a tag, a
 * number that Deno gives to all, and their data. They have as many parts, so references stay.
 */
function withHostTags(bytes: Buffer): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (let start = bytes.indexOf(PLACE_START); start >= 0; start = bytes.indexOf(PLACE_START, at)) {
    const end = bytes.indexOf(PLACE_END, start);
    const data = start + PLACE_START.length;
    parts.push(bytes.subarray(at, start), HOST_TAG, bytes.subarray(data, end));
    at = end + PLACE_END.length;
  }
  parts.push(bytes.subarray(at));
  return Buffer.concat(parts);
}

/** Whether bytes can be those of a value with host objects, all of which V8 writes as these. */
function mayHaveHosts(bytes: Buffer): boolean {
  return bytes.includes(EMPTY_OBJECT) || bytes.includes(ERROR_WITH_STACK);
}

function serializeByV8(value: unknown): Buffer {
  const serializer = new Serializer();
  serializer.writeHeader();
  try {
    serializer.writeValue(value);
  } catch (error) {
    // Errors of a getter in the value pass.
    const isRefusal = error instanceof Error && error.constructor === Error;
    if (!isRefusal || error.message.startsWith("#<SharedArrayBuffer>")) throw error;
    hostObjectsIn(value);
    throw new TypeError(WASM.test(error.message) ? "Wasm modules cannot be stored" : error.message);
  }
  const bytes = serializer.releaseBuffer();
  bytes[1] = FORMAT_VERSION;
  return bytes;
}

/** The deserializer of V8, which leaves host objects to this. */
class ValueDeserializer extends Deserializer {
  /** Called by V8 at the tag of a host object. */
  _readHostObject(): unknown {
    const kind = this.readUint32();
    if (kind !== HOST_KIND) throw new TypeError(`there is no host object of the kind ${kind}`);
    return hostOfData(this.readValue());
  }
}

/**
 * Deserializes a value that V8 serialized.
 *
 * @param start Where it begins in the bytes.
 * @param end Where it ends.
 * @param isPlain As for `readCommonValue`.
 * @throws {TypeError} The bytes are malformed.
 */
export function deserialize(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  isPlain = false,
): unknown {
  const value = readCommonValue(bytes, start, end, isPlain);
  return value === UNREAD ? deserializeByV8(bytes.subarray(start, end)) : value;
}

function deserializeByV8(bytes: Uint8Array): unknown {
  try {
    const deserializer = new ValueDeserializer(bytes);
    deserializer.readHeader();
    return deserializer.readValue();
  } catch (cause) {
    const reason = cause instanceof TypeError ? cause.message : "V8 does not read it";
    throw new TypeError(`Cannot decode the value: ${reason}`, { cause });
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
