/**
 * Rows as keys of a map: rows have the same key if SQL finds them equal, NULLs included.
 */

import { type Collation, folded } from "../value/compare.ts";
import { Real, type SqlValue, wholeOf } from "../value/value.ts";

/** A key of a map. */
export type MapKey = string | number;

/** The key of consecutive values from `first` on. */
export function mapKey(
  values: readonly SqlValue[],
  first: number,
  collations: readonly Collation[],
): MapKey {
  if (collations.length === 1) return keyOf(values[first]!, collations[0]!);
  let key = "";
  for (let i = 0; i < collations.length; i++) {
    const part = keyOf(values[first + i]!, collations[i]!);
    key += typeof part === "number" ? `n${part};` : `${part.length}:${part}`;
  }
  return key;
}

/** A number or a text as itself; anything else as text that begins with a zero and its class. */
function keyOf(value: SqlValue, collation: Collation): MapKey {
  switch (typeof value) {
    case "number":
      return value;
    case "bigint":
      return `\0i${value}`;
    case "string": {
      const text = folded(value, collation);
      return text.charCodeAt(0) === 0 ? `\0t${text}` : text;
    }
  }
  if (value === null) return "\0";
  if (value instanceof Real) {
    const whole = wholeOf(value.value);
    return whole === undefined ? value.value : typeof whole === "number" ? whole : `\0i${whole}`;
  }
  return `\0b${textOf(value)}`;
}

/** The bytes that one call takes, as its arguments are on the stack. */
const CALL_BYTES_MAX = 4096;

/** Bytes as text, a character each. */
function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CALL_BYTES_MAX) {
    const part = bytes.subarray(at, at + CALL_BYTES_MAX);
    text += String.fromCharCode.apply(null, part as unknown as number[]);
  }
  return text;
}
