/**
 * Opcodes on rows that a statement keeps in memory: lists, sorters, sets, buckets and groups.
 */

import type { AggregateState } from "../function/aggregate.ts";
import type { TableFunction } from "../function/tables.ts";
import { Buckets } from "../rows/buckets.ts";
import { FunctionRows } from "../rows/function_rows.ts";
import { Groups } from "../rows/groups.ts";
import { KeptRows } from "../rows/kept_rows.ts";
import type { RowList } from "../rows/row_list.ts";
import { RowSet } from "../rows/row_set.ts";
import { type QueueTerm, SortedQueue } from "../rows/sorted_queue.ts";
import { Sorter, type SortTerm } from "../rows/sorter.ts";
import type { KnownFrame } from "../rows/window_frame.ts";
import { WindowRows, type WindowSpec } from "../rows/window_rows.ts";
import { type Affinity, applyAffinity } from "../value/affinity.ts";
import type { Collation } from "../value/compare.ts";
import { SqlError } from "../value/error.ts";
import { Real, type SqlValue } from "../value/value.ts";
import type { TableCursor } from "./cursor.ts";
import type { Handler, Machine } from "./machine.ts";
import { castLimit } from "./ops_flow.ts";

/** A sorter to open. */
export interface OpenedSorter {
  readonly terms: readonly SortTerm[];
  /** The register of the number of rows that are needed; undefined = all. */
  readonly limit: number | undefined;
  /** The register of the number of rows before these. */
  readonly offset: number | undefined;
}

/** Groups to open. */
export interface OpenedGroups {
  readonly collations: readonly Collation[];
  readonly states: readonly (() => AggregateState)[];
  /** Whether rows come in the order of their groups. */
  readonly isSorted: boolean;
}

function at<T>(m: Machine, cursor: number): T {
  return m.cursors[cursor] as unknown as T;
}

/** The number of rows that a sorter needs to keep. */
function rowsNeeded(m: Machine, { limit, offset }: OpenedSorter): number {
  if (limit === undefined) return Infinity;
  const rows = castLimit(m.registers[limit]!, false);
  const before = offset === undefined ? 0 : castLimit(m.registers[offset]!, true);
  return rows < 0 ? Infinity : rows + before;
}

/** A frame whose offsets are in registers; -1 where there is none. */
export interface FrameRegisters {
  readonly unit: KnownFrame["unit"];
  readonly start: BoundOffset;
  readonly end: BoundOffset;
  readonly exclude: KnownFrame["exclude"];
}

interface BoundOffset {
  readonly kind: KnownFrame["start"]["kind"];
  readonly isFollowing: boolean;
  readonly register: number;
}

/** A window to compute. */
export interface ComputedWindow {
  readonly spec: WindowSpec;
  readonly frame: FrameRegisters;
}

/** The offset of a frame, checked. */
function offsetIn(m: Machine, { register }: BoundOffset, unit: string, what: string): SqlValue {
  if (register < 0) return null;
  const value = applyAffinity(m.registers[register]!, "NUMERIC");
  const isWhole = (typeof value === "number" || typeof value === "bigint") && value >= 0;
  if (isWhole || (unit === "range" && value instanceof Real && value.value >= 0)) return value;
  const kind = unit === "range" ? "number" : "integer";
  throw new SqlError("VALUE", `frame ${what} offset must be a non-negative ${kind}`);
}

/** The opcodes on rows in memory. */
export const ROW_OPS = {
  /** Opens a list p1. */
  OpenList(m, i) {
    m.cursors[i.p1]?.close();
    m.cursors[i.p1] = new KeptRows(m.memory);
  },
  /** Opens a queue p1 whose rows come in the order p4. */
  OpenQueue(m, i) {
    m.cursors[i.p1]?.close();
    m.cursors[i.p1] = new SortedQueue(i.p4 as readonly QueueTerm[]);
  },
  /** Opens a sorter p1. */
  OpenSorter(m, i) {
    const opened = i.p4 as OpenedSorter;
    m.cursors[i.p1]?.close();
    m.cursors[i.p1] = new Sorter(opened.terms, rowsNeeded(m, opened), m.memory);
  },
  /** Opens a set p1 of rows with the collations p4. */
  OpenSet(m, i) {
    m.cursors[i.p1]?.close();
    m.cursors[i.p1] = new RowSet(i.p4 as Collation[], m.memory);
  },
  /** Opens the rows p1 of the table-valued function p4 for p3 arguments from p2 on. */
  OpenFunction(m, i) {
    m.cursors[i.p1]?.close();
    const args = m.registers.slice(i.p2, i.p2 + i.p3);
    m.cursors[i.p1] = new FunctionRows(i.p4 as TableFunction, args, m.store);
  },
  /** Opens rows p1 of window functions. */
  OpenWindows(m, i) {
    m.cursors[i.p1]?.close();
    m.cursors[i.p1] = new WindowRows(m.memory);
  },
  /** Computes the window functions p4 of the rows p1. */
  Window(m, i) {
    const { spec, frame } = i.p4 as ComputedWindow;
    const { unit, exclude, start, end } = frame;
    const rows = at<WindowRows>(m, i.p1);
    // Without rows, offsets are not checked.
    if (rows.isEmpty) return;
    rows.compute(spec, {
      unit,
      exclude,
      start: { ...start, offset: offsetIn(m, start, unit, "starting") },
      end: { ...end, offset: offsetIn(m, end, unit, "ending") },
    });
  },
  /** Opens buckets p1 of keys with the collations p4. */
  OpenBuckets(m, i) {
    m.cursors[i.p1]?.close();
    m.cursors[i.p1] = new Buckets(i.p4 as Collation[], m.memory);
  },
  /** Opens groups p1. */
  OpenGroups(m, i) {
    const { collations, states, isSorted } = i.p4 as OpenedGroups;
    m.cursors[i.p1]?.close();
    m.cursors[i.p1] = new Groups(collations, states, m.memory, isSorted);
  },

  /** Adds to the list p1 a row of p3 registers from p2 on. */
  AddRow(m, i) {
    at<RowList>(m, i.p1).add(m.registers.slice(i.p2, i.p2 + i.p3));
  },
  /** Adds to the sorter p1 a row of p3 registers from p2 on; p4 if it is known to be needed. */
  AddSorted(m, i) {
    const sorter = at<Sorter>(m, i.p1);
    if (i.p4 === true || sorter.needs(m.registers, i.p2)) {
      sorter.add(m.registers.slice(i.p2, i.p2 + i.p3));
    }
  },
  /** Jumps to p2 unless the sorter p1 needs a row with the sort values from p3 on. */
  UnlessSorted(m, i) {
    if (!at<Sorter>(m, i.p1).needs(m.registers, i.p3)) m.pc = i.p2;
  },
  /** Adds to the set p1 the row from p3 on; jumps to p2 if it is there already. */
  AddUnique(m, i) {
    if (!at<RowSet>(m, i.p1).addFrom(m.registers, i.p3)) m.pc = i.p2;
  },
  /** Removes from the set p1 the row from p3 on. */
  RemoveRow(m, i) {
    at<RowSet>(m, i.p1).delete(m.registers, i.p3);
  },
  /** Jumps to p2 if the set p1 does not have the row from p3 on. */
  UnlessIn(m, i) {
    if (!at<RowSet>(m, i.p1).has(m.registers, i.p3)) m.pc = i.p2;
  },
  /** Sets p3 to whether p2 is in the set p1, after the affinity p4 if there is one. */
  TestIn(m, i) {
    const set = at<RowSet>(m, i.p1);
    let value: SqlValue = m.registers[i.p2]!;
    if (i.p4 !== undefined) value = applyAffinity(value, i.p4 as Affinity);
    if (set.isEmpty) m.registers[i.p3] = 0;
    else if (value === null) m.registers[i.p3] = null;
    else if (set.has([value], 0)) m.registers[i.p3] = 1;
    else m.registers[i.p3] = set.hasNull ? null : 0;
  },

  /** Sets p3 to whether the row from p2 on is in the set p1: NULL if a NULL leaves that open. */
  TestRowIn(m, i) {
    m.registers[i.p3] = at<RowSet>(m, i.p1).contains(m.registers, i.p2);
  },

  /** Sorts the rows of the sorter or set p1. */
  Sort(m, i) {
    at<Sorter | RowSet>(m, i.p1).sort();
  },
  /** Moves the list p1 to its first row; jumps to p2 if there is none. */
  Rewind(m, i) {
    if (!at<RowList>(m, i.p1).rewind()) m.pc = i.p2;
  },
  /** Moves the list p1 to its next row and jumps to p2; goes on if there is none. */
  NextRow(m, i) {
    if (at<RowList>(m, i.p1).next()) m.pc = i.p2;
  },
  /** Takes the oldest row from the list p1; jumps to p2 if there is none. */
  PopRow(m, i) {
    if (!at<RowList>(m, i.p1).pop()) m.pc = i.p2;
  },
  /** Sets p3 to the column p2 of the row of the list p1. */
  RowColumn(m, i) {
    m.registers[i.p3] = at<RowList>(m, i.p1).column(i.p2);
  },

  /** Adds to the buckets p1, under the key from p2 on, a row of p4 registers from p3 on. */
  AddBucket(m, i) {
    const row = m.registers.slice(i.p3, i.p3 + (i.p4 as number));
    at<Buckets>(m, i.p1).addUnder(m.registers, i.p2, row);
  },
  /** Moves the buckets p1 to the first row of the key from p3 on; jumps to p2 if there is none. */
  FindBucket(m, i) {
    if (!at<Buckets>(m, i.p1).find(m.registers, i.p3)) m.pc = i.p2;
  },

  /** Moves the groups p1 to the group of the key from p3 on; jumps to p2 if it was there. */
  FindGroup(m, i) {
    if (at<Groups>(m, i.p1).find(m.registers, i.p3)) m.pc = i.p2;
  },
  /** Keeps p3 in the place p2 of the group of p1. */
  KeepInGroup(m, i) {
    at<Groups>(m, i.p1).group.kept[i.p2] = m.registers[i.p3]!;
  },
  /** Adds to the aggregate p2 of the group of p1 the arguments in p4 registers from p3 on. */
  Accumulate(m, i) {
    at<Groups>(m, i.p1).add(i.p2, m.registers, i.p3, i.p4 as number);
  },
  /** Adds to the aggregate p2 of the group of p1 the column p4 of the table p3. */
  AccumulateColumn(m, i) {
    const cursor = m.cursors[i.p3] as unknown as TableCursor;
    at<Groups>(m, i.p1).addColumn(i.p2, cursor, i.p4 as number);
  },
  /** Jumps to p2 unless the aggregate p3 of the group of p1 took its last value from this row. */
  UnlessTaken(m, i) {
    if (!at<Groups>(m, i.p1).group.states[i.p3]!.hasTaken) m.pc = i.p2;
  },
  /** Moves the groups p1 to the first group; jumps to p2 if there is none. */
  FirstGroup(m, i) {
    if (!at<Groups>(m, i.p1).rewind()) m.pc = i.p2;
  },
  /** Moves the groups p1 to the next group and jumps to p2; goes on if there is none. */
  NextGroup(m, i) {
    if (at<Groups>(m, i.p1).next()) m.pc = i.p2;
  },
  /** Sets p3 to the value p2 of the key of the group of p1. */
  GroupKey(m, i) {
    m.registers[i.p3] = at<Groups>(m, i.p1).group.key[i.p2]!;
  },
  /** Sets p3 to what is kept in the place p2 of the group of p1. */
  GroupKept(m, i) {
    m.registers[i.p3] = at<Groups>(m, i.p1).group.kept[i.p2] ?? null;
  },
  /** Sets p3 to the result of the aggregate p2 of the group of p1. */
  Aggregate(m, i) {
    m.registers[i.p3] = at<Groups>(m, i.p1).group.states[i.p2]!.result();
  },
} satisfies Record<string, Handler>;
