/**
 * Laws of codecs, as checks for the tests of each: a value survives the round trip, from memory of
 * any kind; equal values have equal bytes; the fast path writes what the slow one returns; and
 * bytes that encode no value are refused.
 */

import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { compareKeys } from "../../../btree/mod.ts";
import type { Codec } from "../../../store/codec/codec.ts";

/** The filler of memory that must not change. */
const UNTOUCHED = 0xa5;

/** Checks that a value has one encoding however it is written, and survives the round trip. */
export function checkValue<Out, In extends Out, Prefix>(
  codec: Codec<Out, In, Prefix>,
  value: In,
): void {
  const bytes = new Uint8Array(codec.encode(value));
  assertEquals(new Uint8Array(codec.encode(value)), bytes);
  checkEncodeInto(codec, value);
  checkSame(codec.decode(bytes), value);
  const inside = Buffer.concat([new Uint8Array([7]), bytes, new Uint8Array([7])]);
  checkSame(codec.decode(inside.subarray(1, -1)), value);
  assertEquals(new Uint8Array(inside.subarray(1, -1)), bytes, "decoding changes nothing");
}

/** Checks that a value is written only if it fits, and that nothing after it changes. */
export function checkEncodeInto<In>(codec: Codec<unknown, In, never>, value: In): void {
  if (codec.encodeInto === undefined) return;
  const bytes = new Uint8Array(codec.encode(value));
  for (let size = 0; size <= bytes.length + 1; size++) {
    const into = new Uint8Array(size).fill(UNTOUCHED);
    const isEnough = size >= bytes.length;
    assertEquals(codec.encodeInto(value, into), isEnough ? bytes.length : -1, `${size} bytes`);
    if (isEnough) assertEquals(into.subarray(0, bytes.length), bytes);
    if (size > bytes.length) assertEquals(into[bytes.length], UNTOUCHED);
  }
}

/** Checks that bytes sort as values do, and are equal where values are. */
export function checkOrder<In>(codec: Codec<unknown, In, never>, a: In, b: In, order: number) {
  const left = new Uint8Array(codec.encode(a));
  const right = new Uint8Array(codec.encode(b));
  assertEquals(Math.sign(compareKeys(left, left.length, right, right.length)), Math.sign(order));
}

/** Checks that bytes are the encoding of a value, or are refused with a TypeError. */
export function checkBytes<T, Prefix>(codec: Codec<T, T, Prefix>, bytes: Uint8Array): void {
  let value: T;
  try {
    value = codec.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    assert(error.message.startsWith("Cannot decode: "), error.message);
    return;
  }
  assertEquals(new Uint8Array(codec.encode(value)), new Uint8Array(bytes));
}

/** Compares lists item by item; a list sorts after its own beginning. */
export function compareLists<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (x: T, y: T) => number,
): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compare(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Compares texts by their code points. */
export function compareTexts(a: string, b: string): number {
  const points = (text: string) => [...text].map((letter) => letter.codePointAt(0)!);
  return compareLists(points(a), points(b), (x, y) => x - y);
}

/** As `assertEquals`, but distinguishes -0 from 0, and ignores the kind of memory. */
function checkSame(actual: unknown, expected: unknown): void {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    assertEquals(actual.length, expected.length);
    expected.forEach((item, i) => checkSame(actual[i], item));
  } else if (actual instanceof Uint8Array && expected instanceof Uint8Array) {
    assertEquals(new Uint8Array(actual), new Uint8Array(expected));
  } else if (typeof expected === "number") {
    assert(Object.is(actual, expected), `${actual} is not ${expected}`);
  } else {
    assertEquals(actual, expected);
  }
}
