/**
 * Groups of rows with their aggregates, for GROUP BY. Groups that exceed the memory go to a tree,
 * by key, and come back with the next row of the group.
 */

import type { AggregateState } from "../function/aggregate.ts";
import { type Collation, compare } from "../value/compare.ts";
import { NUMBER_KIND, type RowReader } from "../value/row_reader.ts";
import type { SqlValue } from "../value/value.ts";
import { bytesOf, keyBytes, rowOfBytes } from "./row_bytes.ts";
import { type MapKey, mapKey } from "./row_key.ts";
import type { Cursor, Row } from "./row_list.ts";
import { sortedOrder, termsOf } from "./sorter.ts";
import { bytesOfRow, Memory, type SpillTree } from "./spill.ts";

/** A group of rows: its key, the values kept of one of its rows, and its aggregates. */
interface Group {
  readonly key: Row;
  readonly kept: Row;
  readonly states: AggregateState[];
}

/** The columns of a row where it is stored. */
export interface StoredValues {
  /** Reads the row. */
  readonly reader: RowReader;
  /** Whether it is a row of NULLs, which `reader` does not know. */
  readonly isNull: boolean;
  /** The value of a column. */
  column(column: number): SqlValue;
}

/** The argument of an aggregate that takes one. */
const argument: SqlValue[] = [null];

/** The approximate bytes of an aggregate's state, without what it collects. */
const STATE_BYTES = 120;

/** Groups of rows. */
export class Groups implements Cursor {
  readonly #collations: readonly Collation[];
  readonly #states: readonly (() => AggregateState)[];
  readonly #memory: Memory;
  /** Whether rows come in the order of their groups, so no group is searched for. */
  readonly #isSorted: boolean;
  readonly #found = new Map<MapKey, Group>();
  #bytes = 0;
  #tree: SpillTree | undefined;
  #read: Generator<[Uint8Array, Uint8Array], void, undefined> | undefined;
  #sorted: Group[] = [];
  #at = 0;
  #group: Group | undefined;

  /**
   * Creates groups by as many values as there are collations.
   *
   * @param isSorted Whether rows come in the order of their groups.
   */
  constructor(
    collations: readonly Collation[],
    states: readonly (() => AggregateState)[],
    memory: Memory = new Memory(),
    isSorted = false,
  ) {
    this.#collations = collations;
    this.#states = states;
    this.#memory = memory;
    this.#isSorted = isSorted && memory.spill === undefined;
  }

  /** Moves to the group of a key; false if it is new. */
  find(values: readonly SqlValue[], first: number): boolean {
    if (this.#isSorted) return this.#isSame(values, first);
    const key = mapKey(values, first, this.#collations);
    this.#group = this.#found.get(key);
    if (this.#group !== undefined) return true;
    const bytes = this.#tree?.get(keyBytes(values, first, this.#collations));
    this.#group = bytes === undefined ? this.#created(values, first) : this.#restored(bytes);
    this.#found.set(key, this.#group);
    if (this.#memory.spill !== undefined) this.#take(this.#group);
    return bytes !== undefined;
  }

  /** Whether the key is that of the current group; else it begins the next one. */
  #isSame(values: readonly SqlValue[], first: number): boolean {
    const group = this.#group;
    let isSame = group !== undefined;
    for (let i = 0; isSame && i < this.#collations.length; i++) {
      isSame = isEqual(group!.key[i]!, values[first + i]!, this.#collations[i]!);
    }
    if (!isSame) this.#sorted.push(this.#group = this.#created(values, first));
    return isSame;
  }

  #created(values: readonly SqlValue[], first: number): Group {
    return {
      key: values.slice(first, first + this.#collations.length),
      kept: [],
      states: this.#states.map((make) => make()),
    };
  }

  #take({ key, kept, states }: Group): void {
    const bytes = 200 + bytesOfRow(key) + bytesOfRow(kept) + STATE_BYTES * states.length;
    this.#bytes += bytes;
    if (!this.#memory.take(bytes)) return;
    const { key: own } = this.#group!;
    this.#empty();
    // The current group stays in memory.
    this.#found.set(mapKey(own, 0, this.#collations), this.#group!);
  }

  /** Adds the arguments of a row to an aggregate of the current group. */
  add(state: number, values: readonly SqlValue[], first: number, count: number): void {
    const { states } = this.#group!;
    states[state]!.add(values, first, count);
    if (this.#memory.spill === undefined) return;
    const { grown } = states[state]!;
    if (grown === 0) return;
    states[state]!.grown = 0;
    this.#bytes += grown;
    if (!this.#memory.take(grown)) return;
    const group = this.#group!;
    this.#empty();
    this.#found.set(mapKey(group.key, 0, this.#collations), group);
  }

  /** Adds a stored column of a row to an aggregate of the current group. */
  addColumn(state: number, stored: StoredValues, column: number): void {
    const aggregate = this.#group!.states[state]!;
    if (aggregate.addNumber !== undefined && !stored.isNull) {
      const kind = stored.reader.numberKind(column);
      if (kind !== NUMBER_KIND.none) {
        return aggregate.addNumber(stored.reader.number, kind === NUMBER_KIND.real);
      }
    }
    argument[0] = stored.column(column);
    this.add(state, argument, 0, 1);
  }

  /** Moves the groups in memory to the tree. */
  #empty(): void {
    this.#tree ??= this.#memory.spill!.tree();
    const entries = [...this.#found.values()].map((group) =>
      [keyBytes(group.key, 0, this.#collations), saved(group)] as const
    );
    this.#tree.put(entries);
    this.#found.clear();
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
  }

  #restored(bytes: Uint8Array): Group {
    const row = rowOfBytes(bytes);
    const width = this.#collations.length;
    const key = row.slice(0, width);
    const keptCount = row[width] as number;
    const kept = row.slice(width + 1, width + 1 + keptCount);
    let at = width + 1 + keptCount;
    const states = this.#states.map((make) => {
      const count = row[at++] as number;
      const state = make();
      state.restore(row.slice(at, at + count));
      at += count;
      return state;
    });
    return { key, kept, states };
  }

  /** The current group. */
  get group(): Group {
    return this.#group!;
  }

  /** Moves to the first group, in the order of keys; false if there is none. */
  rewind(): boolean {
    if (this.#tree !== undefined) {
      this.#empty();
      this.#read = this.#tree.entries();
      return this.next();
    }
    this.#at = 0;
    if (this.#isSorted) return this.next();
    const groups = [...this.#found.values()];
    const order = sortedOrder(groups.map(({ key }) => key), termsOf(this.#collations));
    this.#sorted = Array.from(order, (at) => groups[at]!);
    return this.next();
  }

  /** Moves to the next group; false at the end. */
  next(): boolean {
    if (this.#read !== undefined) {
      const step = this.#read.next();
      if (step.done === true) return false;
      this.#group = this.#restored(step.value[1]);
      return true;
    }
    if (this.#at >= this.#sorted.length) return false;
    this.#group = this.#sorted[this.#at++];
    return true;
  }

  /** Forgets all groups. */
  close(): void {
    this.#found.clear();
    this.#sorted = [];
    this.#group = undefined;
    this.#read?.return();
    this.#read = undefined;
    this.#tree?.drop();
    this.#tree = undefined;
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
  }
}

function isEqual(a: SqlValue, b: SqlValue, collation: Collation): boolean {
  if (a === null || b === null) return a === b;
  return a === b || compare(a, b, collation) === 0;
}

/** A group as bytes: its key, what is kept of a row, and what its aggregates save. */
function saved({ key, kept, states }: Group): Uint8Array {
  const row = [...key, kept.length, ...kept];
  for (const state of states) {
    const values = state.save();
    row.push(values.length, ...values);
  }
  return bytesOf(row);
}
