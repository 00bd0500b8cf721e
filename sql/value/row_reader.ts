/**
 * Reads single values of a stored row in place: values that are not needed are skipped, and a
 * number or the match of a pattern creates no object.
 */

import type { BytePattern } from "./byte_pattern.ts";
import { malformed, PartReader } from "./part_reader.ts";
import { doubleAt, PART, type PartWriter } from "./parts.ts";
import type { SqlValue } from "./value.ts";

const BIGINT_ZERO = 0x8000;
/** Bytes of an integer that a double holds exactly. */
const SAFE_BYTES = 6;
const NO_BYTES = new Uint8Array(0);

/** What `numberKind` returns: not a plain number, an integer, or a REAL. */
export const NUMBER_KIND = { none: 0, integer: 1, real: 2 } as const;

/** Reads a row in any order of its values. */
export class RowReader {
  /** The number that `numberKind` found. */
  number = 0;
  readonly #reader = new PartReader();
  /** Where the values begin, as far as they are known, and where the last of these ends. */
  readonly #offsets: number[];
  #known = 0;
  #bytes: Uint8Array = NO_BYTES;
  #end = 0;

  /** Creates a reader of rows of up to a number of columns. */
  constructor(columns: number) {
    this.#offsets = new Array(columns + 2).fill(0);
  }

  /** Begins to read a row. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#end = end;
    this.#offsets[0] = start;
    this.#known = 1;
  }

  /** Where a value begins; -1 if the row has fewer values. */
  #startOf(column: number): number {
    const offsets = this.#offsets;
    if (this.#known <= column) {
      const bytes = this.#bytes;
      const end = this.#end;
      let known = this.#known;
      let at = offsets[known - 1]!;
      while (known <= column) {
        if (at >= end) return -1;
        offsets[known++] = at = afterValue(bytes, at, end);
      }
      this.#known = known;
    }
    const at = offsets[column]!;
    return at < this.#end ? at : -1;
  }

  /** The value of a column; undefined if the row has none, as it is older than the column. */
  value(column: number): SqlValue | undefined {
    const at = this.#startOf(column);
    if (at < 0) return undefined;
    const bytes = this.#bytes;
    const code = bytes[at];
    if (code === PART.bigint) {
      const value = shortInteger(bytes, at, this.#end);
      if (value === value) return value;
    } else if (code === PART.false) return null;
    this.#reader.reset(bytes, at, this.#end);
    return this.#reader.rowValue();
  }

  /** Whether the value of a column is a number that a double holds; `number` then has it. */
  numberKind(column: number): 0 | 1 | 2 {
    const at = this.#startOf(column);
    if (at < 0) return NUMBER_KIND.none;
    const bytes = this.#bytes;
    if (bytes[at] === PART.number) {
      if (at + 9 > this.#end) throw malformed();
      const value = doubleAt(bytes, at + 1);
      if (value !== value) throw malformed();
      this.number = value;
      return NUMBER_KIND.real;
    }
    if (bytes[at] !== PART.bigint) return NUMBER_KIND.none;
    const value = shortInteger(bytes, at, this.#end);
    if (value !== value) return NUMBER_KIND.none;
    this.number = value;
    return NUMBER_KIND.integer;
  }

  /**
   * Writes the values from one column to before another, as they are; false if one is missing.
   * Numbers that are none of SQL are refused.
   */
  copyTo(writer: PartWriter, from: number, to: number): boolean {
    const start = this.#startOf(from);
    if (start < 0 || this.#startOf(to - 1) < 0) return false;
    this.#startOf(to);
    for (let column = from; column < to; column++) {
      const code = this.#bytes[this.#offsets[column]!];
      const isNumber = code === PART.number || code === PART.bigint;
      // A number that `numberKind` does not know is read to be checked.
      if (isNumber && this.numberKind(column) === NUMBER_KIND.none) this.value(column);
    }
    writer.raw(this.#bytes, start, this.#offsets[to]!);
    return true;
  }

  /** Whether the text of a column matches a pattern; undefined if it is not text. */
  matches(column: number, pattern: BytePattern): boolean | undefined {
    const at = this.#startOf(column);
    if (at < 0 || this.#bytes[at] !== PART.string) return undefined;
    const found = pattern.matchesBeforeZero(this.#bytes, at + 1, this.#end);
    if (found !== undefined) return found;
    this.#startOf(column + 1);
    return pattern.matches(this.#bytes, at + 1, this.#offsets[column + 1]! - 1);
  }
}

/** Where the value after one begins. */
function afterValue(bytes: Uint8Array, at: number, end: number): number {
  let next = at + 1;
  switch (bytes[at]) {
    case PART.false:
      return next;
    case PART.bigint:
      next = at + 3 + Math.abs(((bytes[at + 1]! << 8) | bytes[at + 2]!) - BIGINT_ZERO);
      break;
    case PART.number:
      next = at + 9;
      break;
    case PART.string:
    case PART.bytes:
      while (next < end && bytes[next] !== 0) next++;
      next++;
      break;
    default:
      throw malformed();
  }
  if (next > end) throw malformed();
  return next;
}

/** An integer of few bytes; NaN for a longer one. */
function shortInteger(bytes: Uint8Array, at: number, end: number): number {
  const header = ((bytes[at + 1]! << 8) | bytes[at + 2]!) - BIGINT_ZERO;
  const count = header < 0 ? -header : header;
  if (count > SAFE_BYTES) return NaN;
  const from = at + 3;
  if (from + count > end) throw malformed();
  if (header < 0) {
    let size = 0;
    for (let i = from; i < from + count; i++) size = size * 256 + (bytes[i]! ^ 0xff);
    return -size;
  }
  if (count <= 3) {
    let size = 0;
    for (let i = from; i < from + count; i++) size = (size << 8) | bytes[i]!;
    return size;
  }
  let size = 0;
  for (let i = from; i < from + count; i++) size = size * 256 + bytes[i]!;
  return size;
}
