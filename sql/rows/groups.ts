/**
 * Groups of rows with their aggregates, for GROUP BY.
 */

import type { AggregateState } from "../function/aggregate.ts";
import type { Collation } from "../value/compare.ts";
import type { SqlValue } from "../value/value.ts";
import { type MapKey, mapKey } from "./row_key.ts";
import type { Cursor, Row } from "./row_list.ts";
import { compareRows } from "./sorter.ts";

/** A group of rows: its key, the values kept of one of its rows, and its aggregates. */
interface Group {
  readonly key: Row;
  readonly kept: Row;
  readonly states: AggregateState[];
}

/** Groups of rows. */
export class Groups implements Cursor {
  readonly #collations: readonly Collation[];
  readonly #states: readonly (() => AggregateState)[];
  readonly #found = new Map<MapKey, Group>();
  #sorted: Group[] = [];
  #at = 0;
  #group: Group | undefined;

  /** Creates groups by as many values as there are collations. */
  constructor(collations: readonly Collation[], states: readonly (() => AggregateState)[]) {
    this.#collations = collations;
    this.#states = states;
  }

  /** Moves to the group of a key; false if it is new. */
  find(values: readonly SqlValue[], first: number): boolean {
    const key = mapKey(values, first, this.#collations);
    this.#group = this.#found.get(key);
    if (this.#group !== undefined) return true;
    this.#group = {
      key: values.slice(first, first + this.#collations.length),
      kept: [],
      states: this.#states.map((make) => make()),
    };
    this.#found.set(key, this.#group);
    return false;
  }

  /** The current group. */
  get group(): Group {
    return this.#group!;
  }

  /** Moves to the first group, in the order of keys; false if there is none. */
  rewind(): boolean {
    const collations = this.#collations;
    this.#sorted = [...this.#found.values()].sort((a, b) => compareRows(a.key, b.key, collations));
    this.#at = 0;
    return this.next();
  }

  /** Moves to the next group; false at the end. */
  next(): boolean {
    if (this.#at >= this.#sorted.length) return false;
    this.#group = this.#sorted[this.#at++];
    return true;
  }

  /** Forgets all groups. */
  close(): void {
    this.#found.clear();
    this.#sorted = [];
    this.#group = undefined;
  }
}
