/**
 * The codec of whole numbers from 0 to 2^64 - 1: 8 bytes, big-endian, which sort as numbers do.
 */

import { writeU32 } from "./big_endian.ts";
import { aKindOf, type KeyCodec } from "./codec.ts";

const BYTES = 8;
const LIMIT = 1n << 64n;
const HIGH = 2 ** 32;

/** A buffer that splits a bigint without creating another one. */
const scratch = new DataView(new ArrayBuffer(BYTES));

/**
 * Stores whole numbers below 2^64, and decodes to bigints. It also takes numbers that are exact,
 * which cost less than bigints. It has no prefixes.
 *
 * ```ts
 * import { u64 } from "./mod.ts";
 *
 * console.assert(u64.encode(258).join() === "0,0,0,0,0,0,1,2");
 * console.assert(u64.decode(u64.encode(258n)) === 258n);
 * ```
 */
export const u64: KeyCodec<bigint, bigint | number, never> = {
  name: "u64",
  ordered: true,
  keepsBytes: false,
  encode(value: bigint | number): Uint8Array {
    const bytes = new Uint8Array(BYTES);
    u64.encodeInto!(value, bytes);
    return bytes;
  },
  encodeInto(value: bigint | number, into: Uint8Array): number {
    if (typeof value === "number") {
      checkNumber(value);
      if (into.length < BYTES) return -1;
      writeU32(into, 0, Math.floor(value / HIGH));
      writeU32(into, 4, value);
      return BYTES;
    }
    checkBigint(value);
    if (into.length < BYTES) return -1;
    scratch.setBigUint64(0, value);
    writeU32(into, 0, scratch.getUint32(0));
    writeU32(into, 4, scratch.getUint32(4));
    return BYTES;
  },
  decode(bytes: Uint8Array): bigint {
    if (bytes.length !== BYTES) {
      throw new TypeError(`Cannot decode: ${bytes.length} bytes are not a u64, which has ${BYTES}`);
    }
    return new DataView(bytes.buffer, bytes.byteOffset, BYTES).getBigUint64(0);
  },
};

function checkNumber(value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new RangeError(`Cannot encode: ${value} is not an exact whole number from 0 on`);
}

function checkBigint(value: bigint): void {
  if (typeof value !== "bigint") {
    throw new TypeError(`Cannot encode: ${aKindOf(value)} is neither a bigint nor a number`);
  }
  if (value < 0n || value >= LIMIT) {
    throw new RangeError("Cannot encode: the bigint is not within 0..2^64 - 1");
  }
}
