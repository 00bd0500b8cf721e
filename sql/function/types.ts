/**
 * What a scalar function is: its arguments as values, a result, and what it may ask for.
 */

import type { Collation } from "../value/compare.ts";
import type { SqlValue } from "../value/value.ts";

/** What a function may ask for besides its arguments. */
export interface FunctionContext {
  /** The collation of its first argument that has one. */
  readonly collation: Collation;
  /** Counts of changes. */
  readonly counts: {
    readonly changes: number;
    readonly total: number;
    readonly lastRowid: number | bigint;
  };
  /** Which arguments are JSON rather than text, by how they were made. */
  readonly isJson: readonly JsonArgument[];
}

/** Whether an argument is JSON; `maybe` = only if it is the text of an object or an array. */
export type JsonArgument = "always" | "maybe" | "never";

/** The number of arguments that a function of any number may have, as in SQLite. */
export const ARGUMENTS_MAX = 1000;

/** A function of values. */
export type ScalarFunction = (args: readonly SqlValue[], context: FunctionContext) => SqlValue;

/** A function with the number of its arguments. */
export interface ScalarDefinition {
  readonly least: number;
  readonly most: number;
  readonly call: ScalarFunction;
}

/** Defines a function. */
export function define(least: number, most: number, call: ScalarFunction): ScalarDefinition {
  return { least, most, call };
}

/** Defines a function whose result is NULL if an argument is. */
export function strict(least: number, most: number, call: ScalarFunction): ScalarDefinition {
  return { least, most, call: (args, context) => args.includes(null) ? null : call(args, context) };
}
