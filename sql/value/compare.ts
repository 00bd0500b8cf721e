/**
 * The order of values: NULL, then numbers, text, blobs. Text compares by a collation: BINARY by
 * code points, as UTF-8 sorts, NOCASE with the letters of ASCII folded, RTRIM without trailing
 * blanks.
 */

import { Real, type SqlValue } from "./value.ts";

/** The name of a collation. */
export type Collation = "BINARY" | "NOCASE" | "RTRIM";

/** The collation of a name in any case, or undefined. */
export function collationOf(name: string): Collation | undefined {
  const upper = name.toUpperCase();
  return upper === "BINARY" || upper === "NOCASE" || upper === "RTRIM" ? upper : undefined;
}

/** Folds text: the order of a collation is the BINARY order of folded text. */
export function folded(text: string, collation: Collation): string {
  if (collation === "BINARY") return text;
  return collation === "NOCASE" ? lowerAscii(text) : text.replace(/ +$/, "");
}

/** Text with its ASCII letters in lower case. */
export function lowerAscii(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

/** Text with its ASCII letters in upper case. */
export function upperAscii(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** Compares values, NULLs as equal: negative, 0 or positive. */
export function compare(a: SqlValue, b: SqlValue, collation: Collation = "BINARY"): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") {
    return collation === "BINARY"
      ? compareText(a, b)
      : compareText(folded(a, collation), folded(b, collation));
  }
  if (a instanceof Real && b instanceof Real) return compareNumbers(a.value, b.value);
  const rank = rankOf(a);
  const difference = rank - rankOf(b);
  if (difference !== 0 || rank === 0) return difference;
  if (rank === 1) return compareNumbers(a as number, b as number);
  return compareBytes(a as Uint8Array, b as Uint8Array);
}

function rankOf(value: SqlValue): number {
  switch (typeof value) {
    case "number":
    case "bigint":
      return 1;
    case "string":
      return 2;
  }
  if (value === null) return 0;
  return value instanceof Real ? 1 : 3;
}

/** Compares numbers exactly, as JavaScript compares a bigint with a double. */
function compareNumbers(a: number | bigint | Real, b: number | bigint | Real): number {
  const x = a instanceof Real ? a.value : a;
  const y = b instanceof Real ? b.value : b;
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Compares texts by code points, which is the order of their bytes in UTF-8. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates belong to code points above those of all other units.
    const isHighX = (x & 0xf800) === 0xd800;
    if (isHighX !== ((y & 0xf800) === 0xd800)) return isHighX ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** Compares bytes as unsigned numbers. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}
