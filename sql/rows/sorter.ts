/**
 * Sorts rows. Those that exceed the memory are sorted in runs, which go to a tree one after the
 * other, and are merged when the rows are read.
 */

import { type Collation, compare, folded } from "../value/compare.ts";
import { Real, type SqlValue } from "../value/value.ts";
import { bytesOf, numbered, rowOfBytes } from "./row_bytes.ts";
import { type Row, RowList } from "./row_list.ts";
import { bytesOfRow, Memory, type SpillTree } from "./spill.ts";

/** How rows are ordered by one value. */
export interface SortTerm {
  readonly collation: Collation;
  readonly isDescending: boolean;
  /** Whether NULLs are after all other values. */
  readonly nullsLast: boolean;
}

const NO_BYTES = new Uint8Array(0);
/** Up to this limit, each row is inserted at its place at once. */
const PLACED_MAX = 64;
/** From this number of rows on, their sort values are prepared. */
const PREPARED_MIN = 100;
const SURROGATE = /[\ud800-\udfff]/;

/** Rows that are sorted by their first values. With a limit it keeps only the first rows. */
export class Sorter extends RowList {
  readonly #terms: readonly SortTerm[];
  readonly #limit: number;
  readonly #memory: Memory;
  /** The last row that the limit lets pass, once there are as many. */
  #last: Row | undefined;
  #bytes = 0;
  #tree: SpillTree | undefined;
  #runs = 0;
  #merged: Run[] | undefined;

  /** Creates a sorter. */
  constructor(terms: readonly SortTerm[], limit: number, memory: Memory = new Memory()) {
    super();
    this.#terms = terms;
    this.#limit = limit;
    this.#memory = memory;
  }

  /** Whether a row with these sort values is needed. */
  needs(values: readonly SqlValue[], first: number): boolean {
    const last = this.#last;
    return last === undefined || !this.#isNotBefore(values, first, last);
  }

  #isNotBefore(values: readonly SqlValue[], first: number, last: Row): boolean {
    const terms = this.#terms;
    for (let i = 0; i < terms.length; i++) {
      const order = compareBy(terms[i]!, values[first + i]!, last[i]!);
      if (order !== 0) return order > 0;
    }
    return true;
  }

  /** Adds a row. */
  override add(row: Row): void {
    if (this.#limit <= PLACED_MAX) return this.#place(row);
    this.rows.push(row);
    if (this.#memory.spill !== undefined) {
      const bytes = bytesOfRow(row);
      this.#bytes += bytes;
      if (this.#memory.take(bytes)) this.#endRun();
    }
    if (this.rows.length < 2 * this.#limit + 1000) return;
    this.#sortRows();
    this.rows.length = Math.min(this.rows.length, this.#limit);
    this.#last = this.rows[this.#limit - 1];
  }

  /** Inserts a row after those that do not sort after it; drops the last one past the limit. */
  #place(row: Row): void {
    const { rows } = this;
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareTerms(this.#terms, rows[middle]!, row) > 0) high = middle;
      else low = middle + 1;
    }
    if (rows.length < this.#limit) rows.push(row);
    for (let at = rows.length - 1; at > low; at--) rows[at] = rows[at - 1]!;
    if (low < rows.length) rows[low] = row;
    if (rows.length === this.#limit) this.#last = rows[rows.length - 1];
  }

  /** Moves the rows in memory to the tree, sorted. */
  #endRun(): void {
    this.#sortRows();
    if (this.rows.length > this.#limit) this.rows.length = this.#limit;
    this.#tree ??= this.#memory.spill!.tree();
    const prefix = numbered(NO_BYTES, this.#runs++);
    this.#tree.put(runEntries(this.rows, prefix));
    this.rows = [];
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
  }

  /** Sorts the rows; equal ones stay in their order. */
  sort(): void {
    if (this.#runs === 0) return this.#sortRows();
    if (this.rows.length > 0) this.#endRun();
  }

  #sortRows(): void {
    if (this.#limit <= PLACED_MAX) return;
    const { rows } = this;
    this.rows = Array.from(sortedOrder(rows, this.#terms), (at) => rows[at]!);
  }

  /** Moves to the first row; false if there is none. */
  override rewind(): boolean {
    if (this.#tree === undefined) return super.rewind();
    this.#merged = [];
    for (let i = 0; i < this.#runs; i++) {
      const run = new Run(this.#tree.entries(numbered(NO_BYTES, i)), i);
      if (run.next()) this.#merged.push(run);
    }
    for (let i = this.#merged.length >> 1; i >= 0; i--) this.#sink(i);
    return this.next();
  }

  /** Moves to the next row; false at the end. */
  override next(): boolean {
    if (this.#merged === undefined) return super.next();
    const [first] = this.#merged;
    if (first === undefined) return false;
    this.row = first.row;
    if (!first.next()) {
      const last = this.#merged.pop()!;
      if (last !== first) this.#merged[0] = last;
    }
    this.#sink(0);
    return true;
  }

  /** Lets a run sink in the heap to its place. */
  #sink(from: number): void {
    const runs = this.#merged!;
    for (let at = from;;) {
      let least = at;
      for (let child = 2 * at + 1; child <= 2 * at + 2 && child < runs.length; child++) {
        if (this.#isBefore(runs[child]!, runs[least]!)) least = child;
      }
      if (least === at) return;
      [runs[at], runs[least]] = [runs[least]!, runs[at]!];
      at = least;
    }
  }

  #isBefore(a: Run, b: Run): boolean {
    const order = compareTerms(this.#terms, a.row, b.row);
    return order < 0 || (order === 0 && a.number < b.number);
  }

  /** Forgets all rows. */
  override close(): void {
    super.close();
    for (const run of this.#merged ?? []) run.close();
    this.#merged = undefined;
    this.#tree?.drop();
    this.#tree = undefined;
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
    this.#runs = 0;
  }
}

function* runEntries(
  rows: readonly Row[],
  prefix: Uint8Array,
): Generator<[Uint8Array, Uint8Array]> {
  for (let i = 0; i < rows.length; i++) yield [numbered(prefix, i), bytesOf(rows[i]!)];
}

/** A run that is read. */
class Run {
  row: Row = [];
  readonly number: number;
  readonly #entries: Generator<[Uint8Array, Uint8Array], void, undefined>;

  constructor(entries: Generator<[Uint8Array, Uint8Array], void, undefined>, number: number) {
    this.#entries = entries;
    this.number = number;
  }

  next(): boolean {
    const step = this.#entries.next();
    if (step.done === true) return false;
    this.row = rowOfBytes(step.value[1]);
    return true;
  }

  close(): void {
    this.#entries.return();
  }
}

function compareTerms(terms: readonly SortTerm[], a: Row, b: Row): number {
  for (let i = 0; i < terms.length; i++) {
    const order = compareBy(terms[i]!, a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}

/** The order of two values by a term. */
export function compareBy(term: SortTerm, a: SqlValue, b: SqlValue): number {
  if (a === null || b === null) {
    if (a === b) return 0;
    return (a === null) === term.nullsLast ? 1 : -1;
  }
  const order = compare(a, b, term.collation);
  return term.isDescending ? -order : order;
}

/** The terms of an order by the first values of rows, one for each collation. */
export function termsOf(collations: readonly Collation[]): SortTerm[] {
  return collations.map((collation) => ({ collation, isDescending: false, nullsLast: false }));
}

/** Compares two rows by their numbers. */
type Order = (x: number, y: number) => number;

/** The numbers of rows in the order of their first values; equal ones stay in their order. */
export function sortedOrder(rows: readonly Row[], terms: readonly SortTerm[]): Uint32Array {
  const numbers = Uint32Array.from(rows, (_, i) => i);
  if (rows.length < PREPARED_MIN) {
    return numbers.sort((x, y) => compareTerms(terms, rows[x]!, rows[y]!) || x - y);
  }
  const orders = terms.map((term, column) => orderOf(rows, term, column));
  const [first, ...others] = orders;
  return numbers.sort((x, y) => {
    let order = first === undefined ? 0 : first(x, y);
    for (let i = 0; order === 0 && i < others.length; i++) order = others[i]!(x, y);
    return order === 0 ? x - y : order;
  });
}

/** An order by a column, faster if all rows have numbers in it, or texts. */
function orderOf(rows: readonly Row[], term: SortTerm, column: number): Order {
  const sign = term.isDescending ? -1 : 1;
  const numbers = numbersIn(rows, column);
  // The difference of two equal infinities is NaN.
  if (numbers !== undefined) return (x, y) => sign * (numbers[x]! - numbers[y]!) || 0;
  const texts = textsIn(rows, column, term.collation);
  if (texts === undefined) {
    return (x, y) => compareBy(term, rows[x]![column]!, rows[y]![column]!);
  }
  const heads = headsOf(texts);
  return (x, y) => {
    const order = heads[x]! - heads[y]!;
    if (order !== 0) return sign * order;
    const a = texts[x]!;
    const b = texts[y]!;
    return a < b ? -sign : a > b ? sign : 0;
  };
}

/** The units of a head: as many digits as a number holds exactly. */
const HEAD_UNITS = 6;
/** The digits: 0 for the end of a text, then those of Latin 1, then one for all other units. */
const LATIN_MAX = 256;
const HEAD_BASE = LATIN_MAX + 2;

/**
 * Numbers in the order of texts, from the first units in which these differ. Most pairs are
 * compared by their heads alone. A head ends at a unit that is not of Latin 1.
 */
function headsOf(texts: readonly string[]): Float64Array {
  const heads = new Float64Array(texts.length);
  const [first = ""] = texts;
  let common = first.length;
  for (const text of texts) {
    let same = 0;
    while (same < common && text.charCodeAt(same) === first.charCodeAt(same)) same++;
    common = same;
  }
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]!;
    let { length } = text;
    let head = 0;
    for (let at = common; at < common + HEAD_UNITS; at++) {
      const digit = at < length ? text.charCodeAt(at) + 1 : 0;
      if (digit > LATIN_MAX) length = at;
      head = head * HEAD_BASE + Math.min(digit, LATIN_MAX + 1);
    }
    heads[i] = head;
  }
  return heads;
}

/** The numbers of a column, if all of its values are numbers that doubles hold. */
function numbersIn(rows: readonly Row[], column: number): Float64Array | undefined {
  const numbers = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const value = rows[i]![column]!;
    if (typeof value === "number") numbers[i] = value;
    else if (value instanceof Real) numbers[i] = value.value;
    else return undefined;
  }
  return numbers;
}

/** The texts of a column, if all of its values are texts that sort by units as by code points. */
function textsIn(
  rows: readonly Row[],
  column: number,
  collation: Collation,
): string[] | undefined {
  const texts: string[] = [];
  for (let i = 0; i < rows.length; i++) {
    const value = rows[i]![column]!;
    if (typeof value !== "string" || SURROGATE.test(value)) return undefined;
    texts.push(folded(value, collation));
  }
  return texts;
}
