/**
 * Opcodes on the cursors of tables and indexes.
 */

import type { Index, Table } from "../schema/types.ts";
import { SqlError } from "../value/error.ts";
import type { SqlValue } from "../value/value.ts";
import { IndexCursor, rowidKey, TableCursor } from "./cursor.ts";
import { boundsOf, integerOnly, type ScanRange } from "./key_range.ts";
import type { Handler, Machine } from "./machine.ts";
import { visitLoop, withoutFirst } from "./visit_loop.ts";

/** A table to open, with the values of columns that old rows lack. */
export interface OpenedTable {
  readonly table: Table;
  readonly defaults: readonly SqlValue[];
}

/** A cursor on a table. */
export function tableAt(m: Machine, cursor: number): TableCursor {
  return m.cursors[cursor] as TableCursor;
}

function indexAt(m: Machine, cursor: number): IndexCursor {
  return m.cursors[cursor] as IndexCursor;
}

/** The bounds of a range, without the rows that it skips; undefined if nothing is in them. */
function boundsIn(m: Machine, cursor: TableCursor | IndexCursor, range: ScanRange) {
  const bounds = boundsOf(range, m.registers);
  if (bounds === undefined || range.skip === undefined) return bounds;
  const skipped = m.registers[range.skip] as number;
  return skipped > 0 ? withoutFirst(cursor.rows, bounds, skipped) : bounds;
}

function withoutRow(index: string): SqlError {
  return new SqlError("VALUE", `${index} has an entry without a row; rebuild it with REINDEX`);
}

/** The opcodes on cursors. */
export const CURSOR_OPS = {
  /** Opens a cursor p1 on the table p4, unless it is open. */
  OpenTable(m, i) {
    const { table, defaults } = i.p4 as OpenedTable;
    m.cursors[i.p1] ??= new TableCursor(table, m.store.read(table.tree), defaults);
  },

  /** Opens a cursor p1 on the index p4, unless it is open. */
  OpenIndex(m, i) {
    const index = i.p4 as Index;
    m.cursors[i.p1] ??= new IndexCursor(index, m.store.read(index.tree));
  },

  /**
   * Moves p1 to the first entry of the range p4; jumps to p2 if there is none. If p3 is not 0, the
   * loop up to its Next, at p3, may run as a visit of the tree.
   */
  Scan(m, i) {
    const range = i.p4 as ScanRange;
    const cursor = m.cursors[i.p1] as TableCursor | IndexCursor;
    const bounds = boundsIn(m, cursor, range);
    if (bounds === undefined) cursor.close();
    if (bounds === undefined) m.pc = i.p2;
    else if (i.p3 > 0 && m.isWhole && !range.copies) {
      visitLoop(m, i, cursor, bounds, range.distinct);
    } else if (!cursor.scan(bounds, range.distinct)) m.pc = i.p2;
  },

  /** Moves p1 to the next entry of its range and jumps to p2; goes on if there is none. */
  Next(m, i) {
    if ((m.cursors[i.p1] as TableCursor | IndexCursor).next()) m.pc = i.p2;
  },

  /** Moves p1 to the row whose rowid is in p3; jumps to p2 if there is none. */
  SeekRowid(m, i) {
    const rowid = integerOnly(m.registers[i.p3]!);
    const isUnchanged = m.program.writes === "nothing";
    if (rowid === undefined || !tableAt(m, i.p1).seekRowid(rowid, isUnchanged)) m.pc = i.p2;
  },

  /** Moves p1 to the row whose key is in p3; jumps to p2 if there is none. */
  SeekKey(m, i) {
    if (!tableAt(m, i.p1).seek(m.registers[i.p3] as Uint8Array)) m.pc = i.p2;
  },

  /** Moves the table p2 to the row that the index p1 is at. */
  SeekEntry(m, i) {
    if (tableAt(m, i.p2).seek(indexAt(m, i.p1).key)) return;
    throw withoutRow(`index ${indexAt(m, i.p1).index.name}`);
  },

  /** Moves the table p1 to the row whose rowid or key is in p3, which an index listed. */
  SeekListed(m, i) {
    const key = m.registers[i.p3] as number | bigint | Uint8Array;
    const table = tableAt(m, i.p1);
    if (table.seek(key instanceof Uint8Array ? key : rowidKey(key))) return;
    throw withoutRow(`an index of ${table.table.name}`);
  },

  /** Moves p1 to a row of NULLs. */
  NullRow(m, i) {
    (m.cursors[i.p1] as { setNull(): void } | undefined)?.setNull();
  },

  /** Sets p3 to the column p2 of the table p1. */
  Column(m, i) {
    m.registers[i.p3] = tableAt(m, i.p1).column(i.p2);
  },

  /** Sets p3 to the part p2 of the index p1. */
  Part(m, i) {
    m.registers[i.p3] = indexAt(m, i.p1).column(i.p2);
  },

  /** Sets p2 to the rowid of the row of p1, a table or an index. */
  Rowid(m, i) {
    m.registers[i.p2] = (m.cursors[i.p1] as TableCursor | IndexCursor).rowid();
  },

  /** Sets p2 to the key of the row of p1, a table or an index. */
  KeyOf(m, i) {
    m.registers[i.p2] = (m.cursors[i.p1] as TableCursor | IndexCursor).copyOfKey();
  },

  /** Sets p1 to the number of entries of the tree p4. */
  Count(m, i) {
    m.registers[i.p1] = m.store.read(i.p4 as string).count();
  },
} satisfies Record<string, Handler>;
