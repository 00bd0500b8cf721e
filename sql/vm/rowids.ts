/**
 * The rowids of new rows: the one after the greatest, and with AUTOINCREMENT after the greatest
 * that there has been.
 */

import { drawn } from "../function/outside.ts";
import type { Table } from "../schema/types.ts";
import { SqlError } from "../value/error.ts";
import { INTEGER_MAX, integerOf } from "../value/value.ts";
import { rowidKey, rowidOf } from "./cursor.ts";
import type { Store } from "./machine.ts";

/** The rowid after the greatest one of a table. */
export function nextRowid(store: Store, table: Table): number | bigint {
  const last = store.writable(table.tree).last();
  let greatest: number | bigint = last === undefined ? 0 : rowidOf(last[0]);
  if (table.hasAutoincrement) {
    const kept = store.sequence(table.tree) ?? 0;
    if (kept > greatest) greatest = kept;
  } else if (last === undefined) return 1;
  if (typeof greatest === "number" && greatest < Number.MAX_SAFE_INTEGER) return greatest + 1;
  if (greatest !== INTEGER_MAX) return integerOf(BigInt(greatest) + 1n);
  if (table.hasAutoincrement) throw new SqlError("VALUE", "database or disk is full");
  return unusedRowid(store, table);
}

/** A rowid without a row, once the greatest one is taken. */
function unusedRowid(store: Store, table: Table): number {
  const rows = store.writable(table.tree);
  for (let i = 0; i < 100; i++) {
    const rowid = drawn(() => Math.floor(Math.random() * Number.MAX_SAFE_INTEGER) + 1);
    if (!rows.has(rowidKey(rowid))) return rowid;
  }
  throw new SqlError("VALUE", "database or disk is full");
}

/**
 * Notes the rowid of a new row.
 *
 * @param isNew Whether `nextRowid` made it, so that it is the greatest.
 */
export function noteRowid(
  store: Store,
  table: Table,
  rowid: number | bigint,
  isNew = false,
): void {
  store.counts.lastRowid = rowid;
  if (table.hasAutoincrement && isNew) store.setSequence(table.tree, rowid);
  else keepRowid(store, table, rowid);
}

/** Keeps a rowid as used, if the table has AUTOINCREMENT. */
export function keepRowid(store: Store, table: Table, rowid: number | bigint): void {
  if (table.hasAutoincrement && rowid > (store.sequence(table.tree) ?? 0)) {
    store.setSequence(table.tree, rowid);
  }
}
