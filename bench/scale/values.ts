/**
 * Keys and values of the trials, in buffers that the next call uses again.
 */

import { xorshift } from "../measure/keys.ts";

/** The bytes of a key. */
export const KEY_BYTES = 16;
const POOL_BYTES = 2 ** 21;

const key = new Uint8Array(KEY_BYTES);
const keyWords = new Uint32Array(key.buffer);
const keyView = new DataView(key.buffer);

/** The key of a number, in no order of the numbers. */
export function keyOf(number: number): Uint8Array {
  for (let i = 0; i < keyWords.length; i++) {
    let mixed = Math.imul(number + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
    keyWords[i] = mixed ^ (mixed >>> 13);
  }
  return key;
}

/** The key of a number in a table; keys of a table are in the order of the numbers. */
export function orderedKey(table: number, number: number): Uint8Array {
  keyView.setUint32(0, table);
  keyView.setUint32(4, Math.floor(number / 2 ** 32));
  keyView.setUint32(8, number >>> 0);
  keyView.setUint32(12, Math.imul(number + 1, 0x9e3779b1));
  return key;
}

const pool = new Uint8Array(POOL_BYTES);
const fillWord = xorshift(88675123);
for (let i = 0; i < pool.length; i++) pool[i] = fillWord() >>> 8;

/** A value: a part of a pool of random bytes. */
export function valueOf(number: number, length: number): Uint8Array {
  const start = number % (POOL_BYTES - length);
  return pool.subarray(start, start + length);
}
