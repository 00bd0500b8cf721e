/**
 * Window functions: each computes the value of a row from the rows of its partition, or of its
 * frame in it. Aggregates with OVER are window functions too.
 */

import { applyAffinity } from "../value/affinity.ts";
import { SqlError } from "../value/error.ts";
import { numericOf } from "../value/number_text.ts";
import { doubleOf, isNumeric, Real, type SqlValue } from "../value/value.ts";

/** The partition of a row, as a window function sees it. */
export interface WindowPartition {
  /** The number of rows. */
  readonly size: number;
  /** The index of the current row, in the order of the window. */
  readonly at: number;
  /** The first peer of the current row, and the row after its last one. */
  readonly peersStart: number;
  readonly peersEnd: number;
  /** The number of groups of peers before that of the current row. */
  readonly groupsBefore: number;
  /** An argument of a row. */
  argument(row: number, index: number): SqlValue;
  /** The row at an index in the frame; -1 if there is none. */
  frameRow(index: number): number;
  /** The last row of the frame; -1 if it is empty. */
  frameLast(): number;
}

/** A window function that is not an aggregate. */
export interface WindowFunction {
  readonly least: number;
  readonly most: number;
  /** The value of the current row. */
  value(partition: WindowPartition, args: number): SqlValue;
}

function define(
  least: number,
  most: number,
  value: WindowFunction["value"],
): WindowFunction {
  return { least, most, value };
}

/** The value of another row, some rows away. */
function away(partition: WindowPartition, args: number, sign: number): SqlValue {
  const { at, size } = partition;
  const offset = args < 2 ? 1 : numericOf(partition.argument(at, 1));
  const row = offset === null ? NaN : at + sign * doubleOf(offset);
  if (Number.isInteger(row) && row >= 0 && row < size) return partition.argument(row, 0);
  return args < 3 ? null : partition.argument(at, 2);
}

function positive(value: number, what: string): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new SqlError("VALUE", `${what} must be a positive integer`);
}

/** The number of a row's bucket; the first buckets may have one more row than the others. */
function tile(partition: WindowPartition): number {
  const { size, at } = partition;
  const given = numericOf(partition.argument(0, 0));
  const count = positive(Math.trunc(doubleOf(given ?? 0)), "argument of ntile");
  const each = Math.floor(size / count);
  const larger = size - each * count;
  const inLarger = larger * (each + 1);
  return at < inLarger
    ? Math.floor(at / (each + 1)) + 1
    : larger + Math.floor((at - inLarger) / each) + 1;
}

/** The window functions that are not aggregates. */
export const WINDOW_FUNCTIONS: ReadonlyMap<string, WindowFunction> = new Map(Object.entries({
  row_number: define(0, 0, ({ at }) => at + 1),
  rank: define(0, 0, ({ peersStart }) => peersStart + 1),
  dense_rank: define(0, 0, ({ groupsBefore }) => groupsBefore + 1),
  percent_rank: define(
    0,
    0,
    ({ peersStart, size }) => new Real(size > 1 ? peersStart / (size - 1) : 0),
  ),
  cume_dist: define(0, 0, ({ peersEnd, size }) => new Real(peersEnd / size)),
  ntile: define(1, 1, tile),
  lag: define(1, 3, (partition, args) => away(partition, args, -1)),
  lead: define(1, 3, (partition, args) => away(partition, args, 1)),
  first_value: define(1, 1, (partition) => {
    const row = partition.frameRow(0);
    return row < 0 ? null : partition.argument(row, 0);
  }),
  last_value: define(1, 1, (partition) => {
    const row = partition.frameLast();
    return row < 0 ? null : partition.argument(row, 0);
  }),
  nth_value: define(2, 2, (partition) => {
    const { at } = partition;
    const value = applyAffinity(partition.argument(at, 1), "NUMERIC");
    const given = isNumeric(value) ? doubleOf(value) : 0;
    const nth = positive(given, "second argument to nth_value");
    const row = partition.frameRow(nth - 1);
    return row < 0 ? null : partition.argument(row, 0);
  }),
}));
