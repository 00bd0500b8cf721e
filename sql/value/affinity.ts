/**
 * Affinities: the storage class that a column prefers, from its declared type; the conversions of
 * CAST; and the stricter types of STRICT tables.
 */

import { wholePart } from "./arithmetic.ts";
import { clamp, integerPrefix, numericOf, textOf, wholeNumberText } from "./number_text.ts";
import {
  doubleOf,
  integerOf,
  isNumeric,
  Real,
  type SqlValue,
  textOfBytes,
  TWO_63,
  utf8,
  wholeOf,
} from "./value.ts";

/** What a column prefers to store. BLOB, also called NONE, converts nothing. */
export type Affinity = "INTEGER" | "REAL" | "NUMERIC" | "TEXT" | "BLOB";

/** The affinity of a declared type. */
export function affinityOf(type: string | undefined): Affinity {
  const upper = (type ?? "").toUpperCase();
  if (upper.includes("INT")) return "INTEGER";
  if (/CHAR|CLOB|TEXT/.test(upper)) return "TEXT";
  if (upper.includes("BLOB") || upper === "") return "BLOB";
  return /REAL|FLOA|DOUB/.test(upper) ? "REAL" : "NUMERIC";
}

/** Whether an affinity is one of the numeric ones. */
export function isNumericAffinity(affinity: Affinity | undefined): boolean {
  return affinity === "INTEGER" || affinity === "REAL" || affinity === "NUMERIC";
}

/** A value as a column of an affinity stores it. */
export function applyAffinity(value: SqlValue, affinity: Affinity): SqlValue {
  switch (affinity) {
    case "BLOB":
      return value;
    case "TEXT":
      return isNumeric(value) ? textOf(value) : value;
    case "REAL": {
      const number = typeof value === "string" ? wholeNumberText(value) ?? value : value;
      return typeof number === "number" || typeof number === "bigint"
        ? new Real(Number(number))
        : number;
    }
  }
  if (typeof value === "number") return value;
  return asInteger(typeof value === "string" ? wholeNumberText(value) ?? value : value);
}

/** A REAL that is an integer becomes one; the two largest doubles of the range do not. */
function asInteger(value: SqlValue): SqlValue {
  if (!(value instanceof Real)) return value;
  if (Math.abs(value.value) >= TWO_63) return value;
  return wholeOf(value.value) ?? value;
}

/** A value converted by CAST to a type of an affinity. */
export function cast(value: SqlValue, affinity: Affinity): SqlValue {
  if (value === null) return null;
  switch (affinity) {
    case "TEXT":
      return textOf(value);
    case "BLOB":
      return value instanceof Uint8Array ? value : utf8(textOf(value));
    case "REAL":
      return new Real(doubleOf(numericOf(value)!));
    case "INTEGER":
      return castToInteger(value);
    case "NUMERIC":
      return isNumeric(value) ? value : smallInteger(numericOf(value));
  }
}

/** A REAL that is an integer of at most 51 bits becomes one, as in CAST to NUMERIC. */
function smallInteger(value: SqlValue): SqlValue {
  const isSmall = value instanceof Real && Math.abs(value.value) < 2 ** 51;
  return isSmall ? wholeOf(value.value) ?? value : value;
}

function castToInteger(value: Exclude<SqlValue, null>): SqlValue {
  if (isNumeric(value)) {
    const whole = wholePart(value);
    return typeof whole === "bigint" ? integerOf(clamp(whole)) : whole;
  }
  return integerPrefix(typeof value === "string" ? value : textOfBytes(value));
}

/** A type of a STRICT table. */
export type StrictType = "INT" | "INTEGER" | "REAL" | "TEXT" | "BLOB" | "ANY";

/** Whether a value, its affinity applied, is of a type of a STRICT table. */
export function isOfType(value: SqlValue, type: StrictType): boolean {
  if (value === null || type === "ANY") return true;
  switch (type) {
    case "INT":
    case "INTEGER":
      return typeof value === "number" || typeof value === "bigint";
    case "REAL":
      return value instanceof Real;
    case "TEXT":
      return typeof value === "string";
    case "BLOB":
      return value instanceof Uint8Array;
  }
}
