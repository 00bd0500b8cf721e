/**
 * Foreign keys: checks that a child has its parent, and what a change of a parent does to its
 * children. Both are statements of their own, which run inside the one that changes the row.
 */

import type { Context } from "../expression/context.ts";
import { quoted } from "../function/text.ts";
import type { ForeignKeyAction } from "../parse/statement_ast.ts";
import { constantOf } from "../query/defaults.ts";
import {
  columnNamed,
  type ForeignKey,
  keyOfName,
  quotedName as name,
  type Table,
} from "../schema/types.ts";
import { SqlError } from "../value/error.ts";
import type { ForeignCheck } from "../vm/ops_write.ts";

/** A foreign key with the columns of its parent. */
export interface Resolved {
  readonly child: Table;
  readonly parent: Table;
  readonly key: ForeignKey;
  readonly parentColumns: readonly number[];
}

/** Finds the columns of the parent, which must be its key or those of a unique index. */
export function resolve(child: Table, key: ForeignKey, parent: Table): Resolved {
  const own = parent.rowidColumn >= 0 ? [parent.rowidColumn] : parent.primaryKey;
  const parentColumns = key.parentColumns?.map((name) => columnNamed(parent.columns, name)) ?? own;
  const wanted = [...parentColumns].sort().join();
  const isKey = wanted === [...own].sort().join() ||
    parent.indexes.some(({ isUnique, where, parts }) =>
      isUnique && where === undefined &&
      parts.map(({ column }) => column).sort().join() === wanted
    );
  if (isKey && parentColumns.length === key.columns.length) {
    return { child, parent, key, parentColumns };
  }
  throw new SqlError(
    "CONSTRAINT",
    `foreign key mismatch - "${child.name}" referencing "${key.parent}"`,
  );
}

/** A condition: the columns equal the parameters from number `first` on. */
function equals(table: Table, columns: readonly number[], first = 1): string {
  return columns.map((column, i) =>
    `${name(table.name)}.${name(table.columns[column]!.name)} = ?${first + i}`
  ).join(" AND ");
}

/** Emits the checks that a new row has its parents, for the keys that have changed columns. */
export function emitParentChecks(
  context: Context,
  table: Table,
  first: number,
  isChanged: (column: number) => boolean,
): void {
  const { builder } = context;
  for (const key of table.foreignKeys) {
    if (!key.columns.some(isChanged)) continue;
    const parent = context.catalog.table(key.parent);
    if (parent === undefined) throw new SqlError("CONSTRAINT", `no such table: main.${key.parent}`);
    const { parentColumns } = resolve(table, key, parent);
    const skip = builder.label();
    const values = builder.registers(key.columns.length);
    key.columns.forEach((column, i) => {
      builder.emit("IsNull", first + column, skip);
      builder.emit("Copy", first + column, values + i);
    });
    const text = `SELECT 1 FROM ${name(parent.name)} WHERE ${
      equals(parent, parentColumns)
    } LIMIT 1`;
    const check: ForeignCheck = {
      program: context.later(text),
      mustFind: true,
      mayWait: true,
      isDeferred: key.isDeferred,
      orphans: orphansText({ child: table, parent, key, parentColumns }),
    };
    builder.emit("CheckForeign", values, key.columns.length, 0, check, parent.name);
    builder.place(skip);
  }
}

/** The foreign keys that refer to changed columns of a table. */
function childKeys(
  context: Context,
  table: Table,
  isChanged: (column: number) => boolean,
): Resolved[] {
  return context.catalog.childrenOf(table)
    .map(({ child, key }) => resolve(child, key, table))
    .filter(({ parentColumns }) => parentColumns.some(isChanged));
}

/** Whether no foreign key refers to a table. */
export function hasNoChildren(context: Context, table: Table): boolean {
  return context.catalog.childrenOf(table).length === 0;
}

/** The old values of a row's keys that children refer to, kept until the row is changed. */
export interface KeptKeys {
  readonly keys: readonly { readonly key: Resolved; readonly values: number }[];
}

/**
 * Emits code that keeps the values which children refer to.
 *
 * @param column Emits the value of a column of the old row into a register.
 */
export function keepKeys(
  context: Context,
  table: Table,
  isChanged: (column: number) => boolean,
  column: (column: number, target: number) => void,
): KeptKeys {
  const keys = childKeys(context, table, isChanged).map((key) => {
    // The new values of a cascading update follow the old ones.
    const values = context.builder.registers(2 * key.parentColumns.length);
    key.parentColumns.forEach((index, i) => column(index, values + i));
    return { key, values };
  });
  return { keys };
}

/** Emits what the removal of a row does to its children. */
export function emitDeleteActions(context: Context, { keys }: KeptKeys): void {
  for (const { key, values } of keys) emitAction(context, key, key.key.onDelete, values, "delete");
}

/** Emits what an update of a row, whose new values begin at `first`, does to its children. */
export function emitUpdateActions(context: Context, { keys }: KeptKeys, first: number): void {
  const { builder } = context;
  for (const { key, values } of keys) {
    const same = builder.label();
    const isOther = builder.label();
    // All of them: the first one that differs ends the comparison.
    key.parentColumns.forEach((column, i) =>
      builder.emit("Copy", first + column, values + key.parentColumns.length + i)
    );
    key.parentColumns.forEach((column, i) => {
      const equal = builder.registers();
      // A new key that is equal under the collation keeps its children.
      const { collation } = key.parent.columns[column]!;
      const comparison = { collation, left: undefined, right: undefined };
      builder.emit("Is", values + i, equal, first + column, comparison);
      builder.emit("IfNot", equal, isOther);
    });
    builder.emit("Goto", 0, same);
    builder.place(isOther);
    emitAction(context, key, key.key.onUpdate, values, "update");
    builder.place(same);
  }
}

function emitAction(
  context: Context,
  key: Resolved,
  action: ForeignKeyAction,
  values: number,
  change: "delete" | "update",
): void {
  const { builder } = context;
  const { child, parent, parentColumns } = key;
  const { columns } = key.key;
  const count = columns.length;
  const where = childEquals(key, name(child.name));
  const from = `FROM ${name(child.name)} WHERE ${where}`;
  if (action === "no action" || action === "restrict") {
    const isWaiting = action === "no action";
    const remains = isWaiting
      ? ` AND NOT EXISTS (SELECT 1 FROM ${name(parent.name)} WHERE ${parentEquals(key)})`
      : "";
    const text = isWaiting && keyOfName(child.name) === keyOfName(parent.name)
      ? orphansText(key)
      : `SELECT 1 ${from}${remains} LIMIT 1`;
    const check: ForeignCheck = {
      program: context.later(text),
      mustFind: false,
      mayWait: isWaiting,
      isDeferred: isWaiting && key.key.isDeferred,
      orphans: orphansText(key),
    };
    builder.emit("CheckForeign", values, count, 0, check, child.name);
    return;
  }
  if (action === "cascade" && change === "delete") {
    builder.emit("Call", values, count, 0, context.later(`DELETE ${from}`), child.name);
    return;
  }
  const set = columns.map((column, i) =>
    `${name(child.columns[column]!.name)} = ${newValue(child, column, action, count + i + 1)}`
  );
  const text = `UPDATE ${name(child.name)} SET ${set.join(", ")} WHERE ${where}`;
  builder.emit("Call", values, 2 * parentColumns.length, 0, context.later(text), child.name);
}

/** A condition: a child has the key in the parameters, by the parent's collations as in SQLite. */
function childEquals({ child, parent, key, parentColumns }: Resolved, alias: string): string {
  return key.columns.map((index, i) => {
    const column = child.columns[index]!;
    const { collation } = parent.columns[parentColumns[i]!]!;
    const collate = collation === column.collation ? "" : ` COLLATE ${collation}`;
    return `${alias}.${name(column.name)}${collate} = ?${i + 1}`;
  }).join(" AND ");
}

/** A condition: a parent has the key in the same parameters. */
function parentEquals({ parent, parentColumns }: Resolved): string {
  return equals(parent, parentColumns);
}

/** A query that finds a child with given values and no parent; a table may refer to itself. */
function orphansText(resolved: Resolved): string {
  const { child, parent, parentColumns } = resolved;
  const isParent = parentColumns
    .map((column, i) => `p.${name(parent.columns[column]!.name)} = ?${i + 1}`).join(" AND ");
  return `SELECT 1 FROM ${name(child.name)} AS c WHERE ${childEquals(resolved, "c")} ` +
    `AND NOT EXISTS (SELECT 1 FROM ${name(parent.name)} AS p WHERE ${isParent}) LIMIT 1`;
}

/** A query that finds all children without a parent: the rowid of each, or NULL. */
export function allOrphansText(child: Table, key: ForeignKey, parent: Table | undefined): string {
  const columns = key.columns.map((column) => `c.${name(child.columns[column]!.name)}`);
  const isSet = columns.map((column) => `${column} IS NOT NULL`).join(" AND ");
  const text = `SELECT ${child.hasRowid ? "c.rowid" : "NULL"} FROM ${name(child.name)} AS c ` +
    `WHERE ${isSet}`;
  if (parent === undefined) return text;
  // The plus leaves the comparison to the affinity and the collation of the parent.
  const equal = resolve(child, key, parent).parentColumns
    .map((column, i) => `p.${name(parent.columns[column]!.name)} = +${columns[i]}`)
    .join(" AND ");
  return `${text} AND NOT EXISTS (SELECT 1 FROM ${name(parent.name)} AS p WHERE ${equal})`;
}

function newValue(child: Table, column: number, action: ForeignKeyAction, parameter: number) {
  if (action === "set null") return "NULL";
  if (action === "cascade") return `?${parameter}`;
  return quoted(constantOf(child.columns[column]!.defaultExpr) ?? null);
}
