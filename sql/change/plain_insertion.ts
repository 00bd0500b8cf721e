/**
 * Tables into which one instruction inserts a row: those without expressions in their constraints
 * and indexes, without foreign keys, and without conflicts that do not just end the statement.
 */

import type { ConflictAction } from "../parse/statement_ast.ts";
import type { Index, Table } from "../schema/types.ts";
import { type InsertedIndex, RowInsertion } from "../vm/row_insertion.ts";
import { actionOf, entryTree, uniqueMessage } from "./target.ts";

/** The insertion into a table; undefined if the table needs more than one instruction. */
export function plainInsertion(
  table: Table,
  action: ConflictAction | undefined,
): RowInsertion | undefined {
  const { columns, checks, generated, foreignKeys, isStrict, keyConflict, indexes } = table;
  const hasExpressions = checks.length > 0 || generated.length > 0 || indexes.some(isComputed);
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
