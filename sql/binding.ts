/**
 * Converts values between programs and SQL: JavaScript values of parameters, and values of rows.
 *
 * ```text
 * NULL      null
 * INTEGER   a number if it is a safe integer, or else a bigint
 * REAL      a number
 * TEXT      a string; lone surrogates become U+FFFD
 * BLOB      a Uint8Array
 * ```
 *
 * A number as a parameter is an INTEGER if it is a safe integer, and a REAL otherwise.
 */

import { SqlError } from "./value/error.ts";
import { fits, integerOf, Real, type SqlValue } from "./value/value.ts";

/** The value of a parameter. */
export type SqlInput = null | number | bigint | string | boolean | Uint8Array;
/** A value in a row. */
export type SqlOutput = null | number | bigint | string | Uint8Array;
/** Values of parameters by name, with or without the mark before the name. */
export type NamedInputs = Readonly<Record<string, SqlInput>>;
/** The values of parameters in order, optionally after an object with those that have names. */
export type SqlInputs = readonly (SqlInput | NamedInputs)[];
/** A row, by the names of its columns. */
export type SqlRow = Record<string, SqlOutput>;

/**
 * Converts a value of a program to one of SQL.
 *
 * @throws {TypeError} SQL has no such value.
 * @throws {RangeError} It is a bigint of more than 64 bits.
 */
export function valueOf(input: SqlInput): SqlValue {
  switch (typeof input) {
    case "number":
      if (Number.isSafeInteger(input)) return input === 0 ? 0 : input;
      return Number.isNaN(input) ? null : new Real(input);
    case "bigint":
      if (!fits(input)) throw new RangeError("Cannot bind: the bigint has more than 64 bits");
      return integerOf(input);
    case "string":
      return input.toWellFormed();
    case "boolean":
      return input ? 1 : 0;
  }
  if (input === null) return null;
  // The method `slice` of a `Buffer` makes no copy.
  if (input instanceof Uint8Array) return new Uint8Array(input);
  throw new TypeError(`Cannot bind: SQL has no value of type ${typeof input}`);
}

/**
 * Converts a value of SQL to one for programs. A blob is copied: the original may be a constant of
 * the statement, or belong to another column too.
 */
export function outputOf(value: SqlValue): SqlOutput {
  if (value instanceof Real) return value.value;
  return value instanceof Uint8Array ? value.slice() : value;
}

/**
 * The values of all parameters by number; parameter 1 is at index 0.
 *
 * @param names The names of the parameters, undefined for those without one.
 * @throws {SqlError} A parameter has no value, or a value has no parameter.
 */
export function bind(names: readonly (string | undefined)[], inputs: SqlInputs): SqlValue[] {
  const [first] = inputs;
  if (inputs.length === names.length && !isNamed(first)) return inOrder(inputs);
  const named = isNamed(first) ? first : undefined;
  const values = (named === undefined ? inputs : inputs.slice(1)) as readonly SqlInput[];
  const bound = new Array<SqlValue | undefined>(names.length).fill(undefined);
  if (named !== undefined) bindNamed(names, named, bound);
  let next = 0;
  for (let i = 0; i < bound.length && next < values.length; i++) {
    if (bound[i] === undefined) bound[i] = valueOf(values[next++]!);
  }
  if (next < values.length) {
    throw new SqlError("MISUSE", `${values.length} values for ${names.length} parameters`);
  }
  const missing = bound.indexOf(undefined);
  if (missing < 0) return bound as SqlValue[];
  throw new SqlError("MISUSE", `parameter ${names[missing] ?? `?${missing + 1}`} has no value`);
}

/** One value for each parameter, in order. */
function inOrder(inputs: SqlInputs): SqlValue[] {
  const bound: SqlValue[] = [];
  for (let i = 0; i < inputs.length; i++) bound.push(valueOf(inputs[i] as SqlInput));
  return bound;
}

function isNamed(input: unknown): input is NamedInputs {
  return typeof input === "object" && input !== null && !(input instanceof Uint8Array);
}

function bindNamed(
  names: readonly (string | undefined)[],
  named: NamedInputs,
  bound: (SqlValue | undefined)[],
): void {
  for (const [name, value] of Object.entries(named)) {
    const marked = [name, `:${name}`, `@${name}`, `$${name}`];
    const index = names.findIndex((known) => known !== undefined && marked.includes(known));
    if (index < 0) throw new SqlError("MISUSE", `there is no parameter ${name}`);
    bound[index] = valueOf(value);
  }
}

/** A row of values as an object. */
export function rowOf(
  names: readonly string[],
  values: readonly SqlValue[],
  first: number,
): SqlRow {
  const row: SqlRow = Object.create(null);
  for (let i = 0; i < names.length; i++) row[names[i]!] = outputOf(values[first + i]!);
  return row;
}
