/**
 * The values of SQL in memory, by storage class.
 *
 * ```text
 * NULL      null
 * INTEGER   a number that is a safe integer, or else a bigint in 64 bits
 * REAL      a Real, so that 1.0 is not 1
 * TEXT      a well-formed string
 * BLOB      a Uint8Array
 * ```
 *
 * An integer has one representation: `integerOf` makes it, and every operation returns it.
 */

/** A REAL: a double that is not NaN, which becomes NULL in SQL. */
export class Real {
  /** The double. */
  readonly value: number;

  /** Creates a REAL. */
  constructor(value: number) {
    this.value = value;
  }
}

/** An INTEGER. */
export type Integer = number | bigint;
/** A number of SQL. */
export type Numeric = Integer | Real;
/** A value of SQL. */
export type SqlValue = null | Numeric | string | Uint8Array;

/** The name of a storage class, as SQL's `typeof` returns it. */
export type StorageClass = "null" | "integer" | "real" | "text" | "blob";

/** The least INTEGER. */
export const INTEGER_MIN = -(2n ** 63n);
/** The greatest INTEGER. */
export const INTEGER_MAX = 2n ** 63n - 1n;
/** The double above every INTEGER. */
export const TWO_63 = 2 ** 63;

/** The storage class of a value. */
export function classOf(value: SqlValue): StorageClass {
  switch (typeof value) {
    case "number":
    case "bigint":
      return "integer";
    case "string":
      return "text";
  }
  if (value === null) return "null";
  return value instanceof Real ? "real" : "blob";
}

/** A REAL, or NULL for NaN. */
export function realOf(value: number): Real | null {
  return Number.isNaN(value) ? null : new Real(value);
}

/** An integer in its one representation. */
export function integerOf(value: bigint): Integer {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Whether a bigint is in 64 bits. */
export function fits(value: bigint): boolean {
  return value >= INTEGER_MIN && value <= INTEGER_MAX;
}

/** A whole double in the range of INTEGER as one; undefined for others. */
export function wholeOf(value: number): Integer | undefined {
  if (!Number.isInteger(value)) return undefined;
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  return value >= -TWO_63 && value < TWO_63 ? BigInt(value) : undefined;
}

/** Whether a double is in the range of the INTEGERs that are not safe integers. */
export function isLargeWhole(value: number): boolean {
  return Math.abs(value) > Number.MAX_SAFE_INTEGER && value >= -TWO_63 && value < TWO_63;
}

/** The double nearest to a number. */
export function doubleOf(value: Numeric): number {
  return value instanceof Real ? value.value : Number(value);
}

/** Whether a value is a number. */
export function isNumeric(value: SqlValue): value is Numeric {
  return typeof value === "number" || typeof value === "bigint" || value instanceof Real;
}

/** An INTEGER of 0 or 1. */
export function truth(value: boolean): number {
  return value ? 1 : 0;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text as its bytes in UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes as text; what is not UTF-8 becomes U+FFFD. */
export function textOfBytes(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
