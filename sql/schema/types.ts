/**
 * The objects of a schema: tables with their columns and constraints, indexes, views. Names compare
 * without regard to the case of ASCII letters.
 */

import type { Expr } from "../parse/ast.ts";
import type {
  ConflictAction,
  ForeignKeyAction,
  TriggerEvent,
  TriggerTime,
} from "../parse/statement_ast.ts";
import type { Affinity, StrictType } from "../value/affinity.ts";
import { type Collation, lowerAscii } from "../value/compare.ts";

/** A column of a table. */
export interface Column {
  readonly name: string;
  /** The declared type; undefined if none is. */
  readonly type: string | undefined;
  readonly affinity: Affinity;
  readonly collation: Collation;
  /** The type that is enforced, in a STRICT table. */
  readonly strictType: StrictType | undefined;
  /** What happens to a row with a NULL; undefined if NULL is allowed. */
  readonly notNull: ConflictAction | undefined;
  readonly defaultExpr: Expr | undefined;
  /** The text of the default, to show the schema. */
  readonly defaultText: string | undefined;
  /** What it is computed from, and whether rows store it; undefined for other columns. */
  readonly generated: { readonly expr: Expr; readonly isStored: boolean } | undefined;
}

/** A part of an index: a column, or an expression. */
export interface IndexPart {
  /** The column; -1 for an expression. */
  readonly column: number;
  readonly expr: Expr;
  readonly affinity: Affinity;
  readonly collation: Collation;
  readonly isDescending: boolean;
  /** Whether the stored part is the value itself, so that the index can stand for the table. */
  readonly isExact: boolean;
}

/** An index. */
export interface Index {
  readonly name: string;
  /** The tree of its entries: its parts, then the key of the row. */
  readonly tree: string;
  readonly isUnique: boolean;
  readonly parts: readonly IndexPart[];
  /** The condition of a partial index. */
  readonly where: Expr | undefined;
  /** What happens to a row that breaks a UNIQUE constraint, if the constraint says so. */
  readonly conflict: ConflictAction | undefined;
  /** Whether CREATE INDEX made it, rather than a constraint. */
  readonly isExplicit: boolean;
}

/** A CHECK. */
export interface Check {
  /** Its name, or its text. */
  readonly name: string;
  readonly expr: Expr;
}

/** A reference of a table to a parent. */
export interface ForeignKey {
  /** The columns of the child. */
  readonly columns: readonly number[];
  readonly parent: string;
  /** Undefined = the primary key. */
  readonly parentColumns: readonly string[] | undefined;
  readonly onDelete: ForeignKeyAction;
  readonly onUpdate: ForeignKeyAction;
  /** Whether it may be broken until the transaction ends. */
  readonly isDeferred: boolean;
}

/** A table. */
export interface Table {
  readonly kind: "table";
  readonly name: string;
  /** The tree of its rows. */
  readonly tree: string;
  readonly columns: readonly Column[];
  /** The generated columns, each after those that it is computed from. */
  readonly generated: readonly number[];
  /** Whether rows are keyed by an integer, the rowid. */
  readonly hasRowid: boolean;
  /** The column that is the rowid; -1 if none is. */
  readonly rowidColumn: number;
  /** The columns of the key, where it is not the rowid. */
  readonly primaryKey: readonly number[];
  /** The collations of these columns in the key. */
  readonly keyCollations: readonly Collation[];
  readonly keyConflict: ConflictAction | undefined;
  readonly isStrict: boolean;
  readonly hasAutoincrement: boolean;
  readonly checks: readonly Check[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly isTemporary: boolean;
  /** Its indexes, in order of creation. */
  readonly indexes: readonly Index[];
  /** The statement that creates it. */
  readonly sql: string;
}

/** A view. */
export interface View {
  readonly kind: "view";
  readonly name: string;
  readonly columns: readonly string[] | undefined;
  /** The statement that creates it. */
  readonly sql: string;
}

/** A trigger. */
export interface Trigger {
  readonly kind: "trigger";
  readonly name: string;
  /** The table or view, as its statement names it. */
  readonly table: string;
  readonly time: TriggerTime;
  readonly event: TriggerEvent;
  /** The columns of UPDATE OF; undefined = all. */
  readonly columns: readonly string[] | undefined;
  /** The statement that creates it. */
  readonly sql: string;
}

/** A name as a key of a map. */
export function keyOfName(name: string): string {
  return lowerAscii(name);
}

/** The index of the column of a name; -1 if there is none. */
export function columnNamed(columns: readonly { readonly name: string }[], name: string): number {
  const key = keyOfName(name);
  return columns.findIndex((column) => keyOfName(column.name) === key);
}

/** The names of the rowid, where no column has them. */
export const ROWID_NAMES: readonly string[] = ["rowid", "oid", "_rowid_"];

/** Whether a name means the rowid, if no column has that name. */
export function isRowidName(name: string): boolean {
  return ROWID_NAMES.includes(keyOfName(name));
}

/** A name in quotes. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
