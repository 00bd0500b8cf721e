/**
 * The frames of window functions: which rows of a partition each row sees.
 */

import { add, subtract } from "../value/arithmetic.ts";
import { isNumeric, type SqlValue } from "../value/value.ts";
import type { Row } from "./row_list.ts";
import { compareBy, type SortTerm } from "./sorter.ts";

/** Where a frame begins or ends, with a known offset. */
export interface KnownBound {
  readonly kind: "unbounded" | "offset" | "current";
  readonly isFollowing: boolean;
  readonly offset: SqlValue;
}

/** A frame whose offsets are known. */
export interface KnownFrame {
  readonly unit: "rows" | "range" | "groups";
  readonly start: KnownBound;
  readonly end: KnownBound;
  readonly exclude: "no others" | "current row" | "group" | "ties";
}

/** How a column orders the rows of a window. */
export interface OrderColumn {
  readonly column: number;
  readonly term: SortTerm;
}

/** The frames of a partition: of the rows from `from` to before `to`. */
export class Frames {
  /** The first peer of each row, and the row after its last peer. */
  readonly peersStart: number[] = [];
  readonly peersEnd: number[] = [];
  /** The number of the group of peers of each row, and the first row of each group. */
  readonly group: number[] = [];
  readonly #groupStarts: number[] = [];
  readonly #rows: readonly Row[];
  readonly #from: number;
  readonly #size: number;
  readonly #frame: KnownFrame;
  readonly #order: readonly OrderColumn[];

  /** Finds the peers in a partition. */
  constructor(
    rows: readonly Row[],
    from: number,
    to: number,
    frame: KnownFrame,
    order: readonly OrderColumn[],
  ) {
    this.#rows = rows;
    this.#from = from;
    this.#size = to - from;
    this.#frame = frame;
    this.#order = order;
    for (let at = 0; at < this.#size; at++) {
      if (at === 0 || !this.#arePeers(at - 1, at)) this.#groupStarts.push(at);
      this.group.push(this.#groupStarts.length - 1);
      this.peersStart.push(this.#groupStarts.at(-1)!);
    }
    for (let at = 0; at < this.#size; at++) {
      this.peersEnd.push(this.#groupStart(this.group[at]! + 1));
    }
  }

  #arePeers(a: number, b: number): boolean {
    const x = this.#rows[this.#from + a]!;
    const y = this.#rows[this.#from + b]!;
    return this.#order.every(({ column, term }) => compareBy(term, x[column]!, y[column]!) === 0);
  }

  /** The first row of a group of peers; the end of the partition after the last one. */
  #groupStart(group: number): number {
    if (group < 0) return 0;
    return this.#groupStarts[group] ?? this.#size;
  }

  /** The first row of the frame of a row. */
  start(at: number): number {
    const { unit, start } = this.#frame;
    if (start.kind === "unbounded") return 0;
    if (start.kind === "current") return unit === "rows" ? at : this.peersStart[at]!;
    return this.#clipped(this.#offset(at, start, false));
  }

  /** The row after the last one of the frame of a row, not before its start. */
  end(at: number): number {
    return Math.max(this.start(at), this.#end(at));
  }

  #end(at: number): number {
    const { unit, end } = this.#frame;
    if (end.kind === "unbounded") return this.#size;
    if (end.kind === "current") return unit === "rows" ? at + 1 : this.peersEnd[at]!;
    return this.#clipped(this.#offset(at, end, true));
  }

  #clipped(at: number): number {
    return Math.min(this.#size, Math.max(0, at));
  }

  /** The row at a bound with an offset; for an end, the row after those that it includes. */
  #offset(at: number, { isFollowing, offset }: KnownBound, isEnd: boolean): number {
    const { unit } = this.#frame;
    const by = (isFollowing ? 1 : -1) * Number(offset);
    if (unit === "rows") return at + by + (isEnd ? 1 : 0);
    if (unit === "groups") return this.#groupStart(this.group[at]! + by + (isEnd ? 1 : 0));
    const { column, term } = this.#order[0]!;
    const value = this.#rows[this.#from + at]![column]!;
    // A value that is not a number has no distance: the frame ends with its peers.
    if (!isNumeric(value)) return isEnd ? this.peersEnd[at]! : this.peersStart[at]!;
    const target = isFollowing === term.isDescending ? subtract(value, offset) : add(value, offset);
    return this.#search(column, term, target, isEnd);
  }

  /** The first row that is not before a value in the order, or that is after it. */
  #search(column: number, term: SortTerm, target: SqlValue, isAfter: boolean): number {
    let [low, high] = [0, this.#size];
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = compareBy(term, this.#rows[this.#from + middle]![column]!, target);
      if (isAfter ? order > 0 : order >= 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Whether a frame leaves out a row of itself. */
  isExcluded(at: number, row: number): boolean {
    const { exclude } = this.#frame;
    if (exclude === "no others") return false;
    if (exclude === "current row") return row === at;
    const isPeer = row >= this.peersStart[at]! && row < this.peersEnd[at]!;
    return isPeer && (exclude === "group" || row !== at);
  }

  /** Whether frames leave out rows. */
  get excludes(): boolean {
    return this.#frame.exclude !== "no others";
  }
}
