/**
 * The syntax tree of statements. Every node has the offset `at` of its place in the text.
 */

import type { CommonTable, Expr, FromItem, Query, ResultColumn } from "./ast.ts";

/** What happens to a row that breaks a constraint. */
export type ConflictAction = "abort" | "fail" | "ignore" | "replace" | "rollback";

/** A reference to a parent table. */
export interface ForeignKeyClause {
  readonly at: number;
  /** The columns of the child. */
  readonly columns: readonly string[];
  readonly parent: string;
  /** The columns of the parent; undefined = its primary key. */
  readonly parentColumns: readonly string[] | undefined;
  readonly onDelete: ForeignKeyAction;
  readonly onUpdate: ForeignKeyAction;
  /** Whether it may be broken until the transaction ends. */
  readonly isDeferred: boolean;
}

/** What a change of the parent does to its children. */
export type ForeignKeyAction = "no action" | "restrict" | "cascade" | "set null" | "set default";

/** A column of an index or key. */
export interface IndexedColumn {
  readonly at: number;
  readonly expr: Expr;
  readonly collation: string | undefined;
  readonly isDescending: boolean;
}

/** A key over columns. */
export interface KeyClause {
  readonly at: number;
  readonly isPrimary: boolean;
  readonly columns: readonly IndexedColumn[];
  readonly conflict: ConflictAction | undefined;
}

/** A CHECK, with its text for messages. */
export interface CheckClause {
  readonly name: string | undefined;
  readonly expr: Expr;
  readonly text: string;
}

/** A column of CREATE TABLE. */
export interface ColumnClause {
  readonly at: number;
  /** The offset of the end of its definition. */
  readonly end: number;
  readonly name: string;
  readonly type: string | undefined;
  readonly collation: string | undefined;
  readonly notNull: ConflictAction | "default" | undefined;
  readonly defaultExpr: Expr | undefined;
  /** The text of the default. */
  readonly defaultText: string | undefined;
  readonly hasAutoincrement: boolean;
  /** GENERATED ALWAYS AS. */
  readonly generated: { readonly expr: Expr; readonly isStored: boolean } | undefined;
}

/** CREATE TABLE. */
export interface CreateTable {
  readonly kind: "create table";
  readonly at: number;
  readonly name: string;
  readonly nameAt: number;
  readonly isTemporary: boolean;
  readonly ifNotExists: boolean;
  readonly columns: readonly ColumnClause[];
  readonly keys: readonly KeyClause[];
  readonly checks: readonly CheckClause[];
  readonly foreignKeys: readonly ForeignKeyClause[];
  readonly isStrict: boolean;
  readonly isWithoutRowid: boolean;
  /** CREATE TABLE AS. */
  readonly query: Query | undefined;
  /** The offset of the parenthesis that ends the columns. */
  readonly bodyEnd: number;
}

/** CREATE INDEX. */
export interface CreateIndex {
  readonly kind: "create index";
  readonly at: number;
  readonly name: string;
  readonly table: string;
  readonly tableAt: number;
  readonly ifNotExists: boolean;
  readonly isUnique: boolean;
  readonly columns: readonly IndexedColumn[];
  readonly where: Expr | undefined;
}

/** CREATE VIEW. */
export interface CreateView {
  readonly kind: "create view";
  readonly at: number;
  readonly name: string;
  readonly isTemporary: boolean;
  readonly ifNotExists: boolean;
  readonly columns: readonly string[] | undefined;
  readonly query: Query;
}

/** When a trigger runs. */
export type TriggerTime = "before" | "after" | "instead of";
/** The change that a trigger runs for. */
export type TriggerEvent = "insert" | "update" | "delete";

/** CREATE TRIGGER. */
export interface CreateTrigger {
  readonly kind: "create trigger";
  readonly at: number;
  readonly name: string;
  readonly isTemporary: boolean;
  readonly ifNotExists: boolean;
  readonly time: TriggerTime;
  readonly event: TriggerEvent;
  /** The columns of UPDATE OF; undefined = all. */
  readonly columns: readonly string[] | undefined;
  readonly table: string;
  readonly tableAt: number;
  readonly when: Expr | undefined;
  readonly statements: readonly Explainable[];
}

/** DROP. */
export interface Drop {
  readonly kind: "drop";
  readonly at: number;
  readonly what: "table" | "index" | "view" | "trigger";
  readonly name: string;
  readonly ifExists: boolean;
}

/** ALTER TABLE. */
export interface AlterTable {
  readonly kind: "alter table";
  readonly at: number;
  readonly table: string;
  readonly change: Alteration;
}

/** What ALTER TABLE does, with the place of the name that it applies to. */
export type Alteration =
  & { readonly at: number }
  & (
    | { readonly kind: "rename"; readonly to: string }
    | {
      readonly kind: "rename column";
      readonly from: string;
      readonly to: string;
      /** Whether the new name is in quotes. */
      readonly isQuoted: boolean;
    }
    | { readonly kind: "add column"; readonly text: string }
    | { readonly kind: "drop column"; readonly column: string }
  );

/** ON CONFLICT. */
export interface Upsert {
  readonly at: number;
  readonly target: readonly IndexedColumn[] | undefined;
  readonly targetWhere: Expr | undefined;
  /** Undefined = DO NOTHING. */
  readonly set: readonly Assignment[] | undefined;
  readonly where: Expr | undefined;
}

/** `column = expr` of SET, or several columns from a row or a query. */
export interface Assignment {
  readonly at: number;
  readonly columns: readonly string[];
  readonly expr: Expr;
}

/** INSERT. */
export interface Insert {
  readonly kind: "insert";
  readonly at: number;
  readonly with: readonly CommonTable[];
  /** The action of OR; undefined without OR. */
  readonly action: ConflictAction | undefined;
  readonly table: string;
  readonly alias: string | undefined;
  readonly columns: readonly { readonly name: string; readonly at: number }[] | undefined;
  /** Undefined = DEFAULT VALUES. */
  readonly query: Query | undefined;
  readonly upserts: readonly Upsert[];
  readonly returning: readonly ResultColumn[];
}

/** UPDATE. */
export interface Update {
  readonly kind: "update";
  readonly at: number;
  readonly with: readonly CommonTable[];
  /** The action of OR; undefined without OR. */
  readonly action: ConflictAction | undefined;
  readonly table: string;
  readonly alias: string | undefined;
  /** The index that INDEXED BY names. */
  readonly indexedBy: string | undefined;
  readonly set: readonly Assignment[];
  readonly from: readonly FromItem[];
  readonly where: Expr | undefined;
  readonly returning: readonly ResultColumn[];
}

/** DELETE. */
export interface Delete {
  readonly kind: "delete";
  readonly at: number;
  readonly with: readonly CommonTable[];
  readonly table: string;
  readonly alias: string | undefined;
  /** The index that INDEXED BY names. */
  readonly indexedBy: string | undefined;
  readonly where: Expr | undefined;
  readonly returning: readonly ResultColumn[];
}

/** A query as a statement. */
export interface Select {
  readonly kind: "select";
  readonly at: number;
  readonly query: Query;
}

/** A statement that begins or ends a transaction or a savepoint. */
export interface TransactionStatement {
  readonly kind: "begin" | "commit" | "rollback" | "savepoint" | "release" | "rollback to";
  readonly at: number;
  /** The savepoint. */
  readonly name: string | undefined;
}

/** ANALYZE, REINDEX, VACUUM. */
export interface Maintenance {
  readonly kind: "analyze" | "reindex" | "vacuum";
  readonly at: number;
  readonly name: string | undefined;
}

/** PRAGMA. */
export interface Pragma {
  readonly kind: "pragma";
  readonly at: number;
  readonly name: string;
  readonly argument: string | undefined;
}

/** A statement that EXPLAIN can show. */
export type Explainable = Select | Insert | Update | Delete;

/** EXPLAIN. */
export interface Explain {
  readonly kind: "explain";
  readonly at: number;
  readonly isPlan: boolean;
  readonly statement: Explainable;
}

/** A statement. */
export type Statement =
  | Explainable
  | CreateTable
  | CreateIndex
  | CreateView
  | CreateTrigger
  | Drop
  | AlterTable
  | TransactionStatement
  | Maintenance
  | Pragma
  | Explain;
