/**
 * Finds the tables into which one instruction inserts a row: they have no expressions in their
 * indexes and no foreign keys, and a conflict just ends the statement. CHECKs run before the
 * instruction, which makes the rowid, so none may refer to it.
 */

import type { Expr } from "../parse/ast.ts";
import type { ConflictAction } from "../parse/statement_ast.ts";
import { walk } from "../parse/walk.ts";
import { columnNamed, type Index, type Table } from "../schema/types.ts";
import { type InsertedIndex, RowInsertion } from "../vm/row_insertion.ts";
import { actionOf, entryTree, uniqueMessage } from "./target.ts";

/** The insertion into a table; undefined if the table needs more than one instruction. */
export function plainInsertion(
  table: Table,
  action: ConflictAction | undefined,
): RowInsertion | undefined {
  const { columns, checks, generated, foreignKeys, isStrict, keyConflict, indexes } = table;
  const asksForRowid = checks.some(({ expr }) => namesRowid(expr, table));
  const hasExpressions = asksForRowid || generated.length > 0 || indexes.some(isComputed);
  if (hasExpressions || foreignKeys.length > 0 || isStrict) return undefined;
  const conflicts = [
    keyConflict,
    ...columns.map(({ notNull }) => notNull),
    ...indexes.map(({ conflict }) => conflict),
  ];
  if (conflicts.some((own) => actionOf(action, own) !== "abort")) return undefined;
  return new RowInsertion({
    table,
    // The newest index first, as SQLite checks them.
    indexes: indexes.toReversed().map((index) => inserted(table, index)),
    keyMessage: uniqueMessage(table, "key"),
  });
}

function namesRowid(expr: Expr, { columns, rowidColumn }: Table): boolean {
  let found = false;
  walk(expr, (part) => {
    if (part.kind === "name") {
      const column = columnNamed(columns, part.column);
      found ||= column < 0 || column === rowidColumn;
    }
    return !found;
  });
  return found;
}

function isComputed({ where, parts }: Index): boolean {
  return where !== undefined || parts.some(({ column }) => column < 0);
}

function inserted(table: Table, index: Index): InsertedIndex {
  return {
    ...entryTree(index),
    columns: index.parts.map(({ column }) => column),
    uniqueMessage: index.isUnique ? uniqueMessage(table, index) : undefined,
  };
}
