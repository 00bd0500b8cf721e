/**
 * Ranges of keys from values: the bytes that bound the keys whose first parts equal some values,
 * and whose next part is between two others.
 *
 * No type byte of a part is 0xff, so a key followed by 0xff is after all keys that begin with it.
 */

import { applyAffinity } from "../value/affinity.ts";
import type { Collation } from "../value/compare.ts";
import { PartWriter } from "../value/parts.ts";
import { Real, type SqlValue, wholeOf } from "../value/value.ts";
import { type KeyBounds, rowidKey } from "./cursor.ts";

/** A bound in a register. */
export interface BoundRegister {
  readonly register: number;
  readonly isInclusive: boolean;
}

/** With what a text begins, and whether blobs take the turn of texts. */
export interface PrefixRegisters {
  /** The text. */
  readonly text: number;
  /** Whether the second of both ranges is meant: blobs follow texts, and backwards precede them. */
  readonly isSecond: number;
}

/** How a scan moves through its range. */
export interface Moves {
  readonly isReverse: boolean;
  /** The number of parts of the key of which it visits one row of each value; 0 for all rows. */
  readonly distinct: number;
  /** The register of the number of first rows that it skips; undefined for none. */
  readonly skip: number | undefined;
  /** Whether rows are copied before the body runs, because the body changes their tree. */
  readonly copies: boolean;
}

/** Moves through all rows, from the first to the last. */
export const FORWARD: Moves = {
  isReverse: false,
  distinct: 0,
  skip: undefined,
  copies: false,
};

/** A range of keys, from registers. */
export interface ScanRange extends Moves {
  /** The registers of the first parts. */
  readonly equal: readonly number[];
  readonly lower: BoundRegister | undefined;
  readonly upper: BoundRegister | undefined;
  /** Of the part after the equal ones, instead of bounds: texts with a prefix, or all blobs. */
  readonly prefix: PrefixRegisters | undefined;
  /** The collations of the parts that are given. */
  readonly collations: readonly Collation[];
  /** Whether the key is a rowid. */
  readonly isRowid: boolean;
}

/** The longest key. */
export const KEY_BYTES_MAX = 2048;
const AFTER = new Uint8Array([0xff]);
const writer = new PartWriter();

/** The bounds of a range; undefined if it is empty. */
export function boundsOf(
  range: ScanRange,
  registers: readonly SqlValue[],
): KeyBounds | undefined {
  if (range.isRowid) return rowidBounds(range, registers);
  const { equal, lower, upper, collations, isReverse } = range;
  writer.reset();
  for (let i = 0; i < equal.length; i++) {
    const value = registers[equal[i]!]!;
    if (value === null) return undefined;
    writer.keyValue(value, collations[i]!);
  }
  const prefix = writer.take();
  const collation = collations[equal.length]!;
  if (prefix.length > KEY_BYTES_MAX) return undefined;
  if (range.prefix !== undefined) {
    const text = registers[range.prefix.text] as string;
    const isBlobs = (registers[range.prefix.isSecond] === 1) !== isReverse;
    return prefixBounds(prefix, isBlobs ? undefined : text, collation, isReverse);
  }
  if (lower === undefined && upper === undefined) return { prefix, reverse: isReverse };
  // Without a lower bound, NULLs are still not in the range.
  let gte = keyOf(prefix, null, collation, true);
  let lt = sized(concat(prefix, AFTER));
  if (lower !== undefined) {
    const value = registers[lower.register]!;
    if (value === null) return undefined;
    gte = keyOf(prefix, value, collation, !lower.isInclusive);
  }
  if (upper !== undefined) {
    const value = registers[upper.register]!;
    if (value === null) return undefined;
    lt = keyOf(prefix, value, collation, upper.isInclusive);
  }
  return { gte, lt, reverse: isReverse };
}

/** The bounds of the texts that begin with a text, or of all blobs, in the part after others. */
function prefixBounds(
  before: Uint8Array,
  text: string | undefined,
  collation: Collation,
  reverse: boolean,
): KeyBounds {
  writer.reset().raw(before);
  if (text === undefined) writer.beginBlob();
  else writer.beginText(text, collation);
  const prefix = sized(writer.take());
  return { prefix, reverse };
}

function keyOf(prefix: Uint8Array, value: SqlValue, collation: Collation, isAfter: boolean) {
  writer.reset().raw(prefix);
  writer.keyValue(value, collation);
  if (isAfter) writer.raw(AFTER);
  return sized(writer.take());
}

/** Cuts a bound that is longer than any key: no key is between it and its beginning. */
function sized(bytes: Uint8Array): Uint8Array {
  return bytes.length > KEY_BYTES_MAX ? bytes.subarray(0, KEY_BYTES_MAX) : bytes;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** The key of values. */
export function partsKey(
  values: readonly SqlValue[],
  first: number,
  collations: readonly Collation[],
  suffix?: Uint8Array,
): Uint8Array {
  writer.reset();
  for (let i = 0; i < collations.length; i++) {
    writer.keyValue(values[first + i]!, collations[i]!);
  }
  if (suffix !== undefined) writer.raw(suffix);
  return writer.take();
}

/** The row of values, with NULL for those not stored: the rowid, and virtual columns. */
export function rowBytes(
  values: readonly SqlValue[],
  first: number,
  isStored: readonly boolean[],
): Uint8Array {
  writer.reset();
  for (let i = 0; i < isStored.length; i++) {
    writer.rowValue(isStored[i]! ? values[first + i]! : null);
  }
  return writer.take();
}

function rowidBounds(range: ScanRange, registers: readonly SqlValue[]): KeyBounds | undefined {
  const [equal] = range.equal;
  if (equal !== undefined) {
    const rowid = integerOnly(registers[equal]!);
    if (rowid === undefined) return undefined;
    const key = rowidKey(rowid);
    return { gte: key, lte: key };
  }
  const bounds: { gte?: Uint8Array; gt?: Uint8Array; lt?: Uint8Array; lte?: Uint8Array } = {};
  if (range.lower !== undefined) {
    const value = applyAffinity(registers[range.lower.register]!, "NUMERIC");
    // No number is above a text or a blob.
    if (!isNumber(value)) return undefined;
    const isInclusive = range.lower.isInclusive && !isFraction(value);
    const whole = wholeBelow(value);
    if (whole === Infinity) return undefined;
    if (whole !== -Infinity) bounds[isInclusive ? "gte" : "gt"] = rowidKey(whole);
  }
  if (range.upper !== undefined) {
    const value = applyAffinity(registers[range.upper.register]!, "NUMERIC");
    if (value === null) return undefined;
    const isInclusive = range.upper.isInclusive || isFraction(value);
    const whole = isNumber(value) ? wholeBelow(value) : Infinity;
    if (whole === -Infinity) return undefined;
    if (whole !== Infinity) bounds[isInclusive ? "lte" : "lt"] = rowidKey(whole);
  }
  return { ...bounds, reverse: range.isReverse };
}

function isNumber(value: SqlValue): value is number | bigint | Real {
  return typeof value === "number" || typeof value === "bigint" || value instanceof Real;
}

function isFraction(value: SqlValue): boolean {
  return value instanceof Real && wholeOf(value.value) === undefined &&
    Number.isFinite(value.value) && Math.abs(value.value) < 2 ** 63;
}

/** The greatest integer that is not above a number; infinite outside of the range. */
function wholeBelow(value: number | bigint | Real): number | bigint {
  if (!(value instanceof Real)) return value;
  const floor = Math.floor(value.value);
  return wholeOf(floor) ?? (floor > 0 ? Infinity : -Infinity);
}

/** A value as the rowid that it equals, or undefined. */
export function integerOnly(value: SqlValue): number | bigint | undefined {
  const integer = applyAffinity(value, "INTEGER");
  if (typeof integer === "number" || typeof integer === "bigint") return integer;
  return integer instanceof Real ? wholeOf(integer.value) : undefined;
}
