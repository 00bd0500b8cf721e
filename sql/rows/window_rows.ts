/**
 * The rows of window functions: sorted by the partitions and orders of each window in turn, and
 * filled with the values of its functions.
 */

import type { AggregateState } from "../function/aggregate.ts";
import type { WindowFunction, WindowPartition } from "../function/windows.ts";
import { isTrue } from "../value/number_text.ts";
import type { SqlValue } from "../value/value.ts";
import { KeptRows } from "./kept_rows.ts";
import type { Cursor, Row } from "./row_list.ts";
import { compareBy, Sorter } from "./sorter.ts";
import { Memory } from "./spill.ts";
import { Frames, type KnownFrame, type OrderColumn } from "./window_frame.ts";

/** A window function and the columns of its rows. */
export interface WindowColumn {
  /** The column of the result. */
  readonly target: number;
  /** The first column of the arguments, and their number. */
  readonly first: number;
  readonly count: number;
  /** The column of FILTER; -1 if there is none. */
  readonly filter: number;
  /** The function, or a function that makes the state of an aggregate. */
  readonly of: WindowFunction | (() => AggregateState);
}

/** A window with its functions. */
export interface WindowSpec {
  readonly partition: readonly OrderColumn[];
  readonly order: readonly OrderColumn[];
  readonly columns: readonly WindowColumn[];
}

/** Rows with the values of window functions. */
export class WindowRows implements Cursor {
  readonly #memory: Memory;
  #rows: KeptRows;

  /** Creates a list of rows. */
  constructor(memory: Memory = new Memory()) {
    this.#memory = memory;
    this.#rows = new KeptRows(memory);
  }

  /** Whether there are no rows. */
  get isEmpty(): boolean {
    return this.#rows.isEmpty;
  }

  /** Adds a row. */
  add(row: Row): void {
    this.#rows.add(row);
  }

  /** Moves to the first row; false if there is none. */
  rewind(): boolean {
    return this.#rows.rewind();
  }

  /** Moves to the next row; false at the end. */
  next(): boolean {
    return this.#rows.next();
  }

  /** The value of a column. */
  column(column: number): SqlValue {
    return this.#rows.column(column);
  }

  /** Forgets all rows. */
  close(): void {
    this.#rows.close();
  }

  /** Computes the functions of a window. */
  compute(spec: WindowSpec, frame: KnownFrame): void {
    if (this.#rows.hasSpilled) this.#computeApart(spec, frame);
    else computeIn(this.#rows.rows, spec, frame);
  }

  /** Sorts the rows outside of memory, and keeps one partition at a time in it. */
  #computeApart(spec: WindowSpec, frame: KnownFrame): void {
    const { partition, order } = spec;
    const keys = [...partition, ...order];
    const sorter = new Sorter(keys.map(({ term }) => term), Infinity, this.#memory);
    for (let is = this.#rows.rewind(); is; is = this.#rows.next()) {
      const { row } = this.#rows;
      sorter.add([...keys.map(({ column }) => row[column]!), ...row]);
    }
    this.#rows.close();
    sorter.sort();
    const computed = new KeptRows(this.#memory);
    this.#rows = computed;
    let rows: Row[] = [];
    const flush = () => {
      computeIn(rows, spec, frame);
      for (const row of rows) computed.add(row);
      rows = [];
    };
    for (let is = sorter.rewind(); is; is = sorter.next()) {
      const row = sorter.row.slice(keys.length);
      if (rows.length > 0 && compareIn(partition, rows[0]!, row) !== 0) flush();
      rows.push(row);
    }
    if (rows.length > 0) flush();
    sorter.close();
  }
}

function compareIn(terms: readonly OrderColumn[], a: Row, b: Row): number {
  for (const { column, term } of terms) {
    const compared = compareBy(term, a[column]!, b[column]!);
    if (compared !== 0) return compared;
  }
  return 0;
}

/** Sorts rows, and sets the values of functions in them. */
function computeIn(
  rows: Row[],
  { partition, order, columns }: WindowSpec,
  frame: KnownFrame,
): void {
  const all = [...partition, ...order];
  rows.sort((a, b) => compareIn(all, a, b));
  for (let from = 0; from < rows.length;) {
    let to = from + 1;
    while (to < rows.length && compareIn(partition, rows[from]!, rows[to]!) === 0) to++;
    const frames = new Frames(rows, from, to, frame, order);
    for (const column of columns) {
      if (typeof column.of === "function") {
        fillAggregate(rows, from, to, frames, column, column.of);
      } else fillFunction(rows, from, to, frames, column, column.of);
    }
    from = to;
  }
}

/** A partition as functions see it. */
class Partition implements WindowPartition {
  readonly size: number;
  at = 0;
  readonly #rows: readonly Row[];
  readonly #from: number;
  readonly #frames: Frames;
  readonly #first: number;

  constructor(rows: readonly Row[], from: number, to: number, frames: Frames, first: number) {
    this.#rows = rows;
    this.#from = from;
    this.size = to - from;
    this.#frames = frames;
    this.#first = first;
  }

  get peersStart(): number {
    return this.#frames.peersStart[this.at]!;
  }

  get peersEnd(): number {
    return this.#frames.peersEnd[this.at]!;
  }

  get groupsBefore(): number {
    return this.#frames.group[this.at]!;
  }

  argument(row: number, index: number): SqlValue {
    return this.#rows[this.#from + row]![this.#first + index]!;
  }

  frameRow(index: number): number {
    const { at } = this;
    const [start, end] = [this.#frames.start(at), this.#frames.end(at)];
    if (!this.#frames.excludes) return start + index < end ? start + index : -1;
    let left = index;
    for (let row = start; row < end; row++) {
      if (!this.#frames.isExcluded(at, row) && left-- === 0) return row;
    }
    return -1;
  }

  frameLast(): number {
    const { at } = this;
    const start = this.#frames.start(at);
    let row = this.#frames.end(at) - 1;
    while (row >= start && this.#frames.isExcluded(at, row)) row--;
    return row >= start ? row : -1;
  }
}

function fillFunction(
  rows: readonly Row[],
  from: number,
  to: number,
  frames: Frames,
  { target, first, count }: WindowColumn,
  of: WindowFunction,
): void {
  const partition = new Partition(rows, from, to, frames, first);
  for (let at = 0; at < partition.size; at++) {
    partition.at = at;
    rows[from + at]![target] = of.value(partition, count);
  }
}

/** Fills in an aggregate over frames: it follows them as they move, or starts over. */
function fillAggregate(
  rows: readonly Row[],
  from: number,
  to: number,
  frames: Frames,
  { target, first, count, filter }: WindowColumn,
  make: () => AggregateState,
): void {
  let state = make();
  let [start, end] = [0, 0];
  const passes = (row: Row) => filter < 0 || isTrue(row[filter]!) === true;
  const add = (at: number) => {
    const row = rows[from + at]!;
    if (passes(row)) state.add(row, first, count);
  };
  /** Removes rows from the aggregate; false if it cannot do so exactly. */
  const shrink = (until: number): boolean => {
    if (state.remove === undefined) return false;
    for (let at = start; at < until; at++) {
      const row = rows[from + at]!;
      if (passes(row) && !state.remove(row, first, count)) return false;
    }
    return true;
  };
  let result: SqlValue = state.result();
  for (let at = 0; at < to - from; at++) {
    const [nextStart, nextEnd] = [frames.start(at), frames.end(at)];
    const isSame = nextStart === start && nextEnd === end && !frames.excludes;
    if (!isSame) {
      const grows = !frames.excludes && nextEnd >= end && nextStart >= start &&
        (nextStart === start || (nextStart <= end && shrink(nextStart)));
      if (!grows) {
        state = make();
        end = nextStart;
      }
      for (let row = end; row < nextEnd; row++) if (!frames.isExcluded(at, row)) add(row);
      [start, end] = [nextStart, nextEnd];
      result = state.result();
    }
    rows[from + at]![target] = result;
  }
}
