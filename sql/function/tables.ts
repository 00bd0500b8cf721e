/**
 * Table-valued functions: their columns, and their rows for some arguments. Hidden columns hold the
 * arguments.
 */

import { applyAffinity } from "../value/affinity.ts";
import { SqlError } from "../value/error.ts";
import { type Integer, integerOf, type SqlValue } from "../value/value.ts";
import { JSON_COLUMNS, jsonRows } from "./json_rows.ts";

/** What a table-valued function reads from the database. */
export interface SequenceReader {
  /** The greatest rowid that a table with AUTOINCREMENT has had; undefined if it has had none. */
  sequence(tree: string): Integer | undefined;
}

/** A table-valued function. */
export interface TableFunction {
  /** Its columns, those of the arguments last. */
  readonly columns: readonly string[];
  /** How many arguments it takes, at least and at most; the latter are the hidden columns. */
  readonly least: number;
  readonly most: number;
  /** What the hidden columns hold for arguments that are not given; NULL by default. */
  readonly hidden?: readonly SqlValue[] | undefined;
  /** Whether its column `value` has elements of JSON. */
  readonly hasElements?: boolean | undefined;
  /** The rows for some arguments, without the hidden columns. */
  rows(args: readonly SqlValue[], database: SequenceReader): Iterable<SqlValue[]>;
}

/** An argument of `generate_series`. */
function integerIn(value: SqlValue | undefined, otherwise: Integer): bigint | undefined {
  if (value === null) return undefined;
  const integer = value === undefined ? otherwise : applyAffinity(value, "INTEGER");
  if (typeof integer === "number" || typeof integer === "bigint") return BigInt(integer);
  throw new SqlError("VALUE", "datatype mismatch: generate_series() takes integers");
}

const SERIES_END = 0xffff_ffff;

function* series([first, last, by]: readonly SqlValue[]): Generator<SqlValue[]> {
  const start = integerIn(first, 0);
  const end = integerIn(last, SERIES_END);
  let step = integerIn(by, 1);
  if (start === undefined || end === undefined || step === undefined) return;
  if (step === 0n) step = 1n;
  for (let value = start; step > 0n ? value <= end : value >= end; value += step) {
    yield [integerOf(value)];
  }
}

function jsonFunction(isTree: boolean, isBinary: boolean): TableFunction {
  return {
    columns: [...JSON_COLUMNS, "json", "root"],
    least: 0,
    most: 2,
    hidden: [null, "$"],
    hasElements: true,
    rows: (args) => jsonRows(args, isTree, isBinary),
  };
}

/** The functions by name. */
export const TABLE_FUNCTIONS: ReadonlyMap<string, TableFunction> = new Map<string, TableFunction>([
  ["json_each", jsonFunction(false, false)],
  ["json_tree", jsonFunction(true, false)],
  ["jsonb_each", jsonFunction(false, true)],
  ["jsonb_tree", jsonFunction(true, true)],
  ["generate_series", {
    columns: ["value", "start", "stop", "step"],
    least: 1,
    most: 3,
    rows: series,
  }],
]);
