/**
 * Parses CREATE TABLE: columns, their constraints, and those of the table.
 */

import { refuse } from "../value/error.ts";
import type { Expr } from "./ast.ts";
import { ChangeParser } from "./change_parser.ts";
import type {
  CheckClause,
  ColumnClause,
  ConflictAction,
  CreateTable,
  ForeignKeyAction,
  ForeignKeyClause,
  KeyClause,
} from "./statement_ast.ts";

/** The definitions of a table, as they are collected. */
interface Definitions {
  readonly columns: ColumnClause[];
  readonly keys: KeyClause[];
  readonly checks: CheckClause[];
  readonly foreignKeys: ForeignKeyClause[];
}

type Draft = { -readonly [K in keyof ColumnClause]: ColumnClause[K] };

/** A parser of CREATE TABLE. */
export class TableParser extends ChangeParser {
  /** Parses what follows CREATE TABLE. */
  createTable(at: number, isTemporary: boolean): CreateTable {
    const ifNotExists = this.word("IF", "NOT", "EXISTS");
    const { name, isTemporary: isInTemp } = this.newName("a table");
    const nameAt = this.peek(-1).start;
    const found: Definitions = { columns: [], keys: [], checks: [], foreignKeys: [] };
    const base = {
      kind: "create table",
      at,
      name,
      nameAt,
      isTemporary: isTemporary || isInTemp,
      ifNotExists,
      ...found,
    } as const;
    if (this.word("AS")) {
      const query = this.query();
      return { ...base, query, isStrict: false, isWithoutRowid: false, bodyEnd: this.at };
    }
    this.expectSign("(");
    do {
      if (this.#isConstraint()) break;
      this.columnDefinition(found);
    } while (this.sign(","));
    while (this.#isConstraint()) {
      this.#tableConstraint(found);
      this.sign(",");
    }
    const bodyEnd = this.at;
    this.expectSign(")");
    return { ...base, ...this.#tableOptions(), query: undefined, bodyEnd };
  }

  #tableOptions(): { isStrict: boolean; isWithoutRowid: boolean } {
    const options = { isStrict: false, isWithoutRowid: false };
    if (this.next.kind !== "word") return options;
    this.list(() => {
      if (this.word("STRICT")) options.isStrict = true;
      else if (this.word("WITHOUT", "ROWID")) options.isWithoutRowid = true;
      else this.unexpected("STRICT or WITHOUT ROWID");
    });
    return options;
  }

  #isConstraint(): boolean {
    return this.isWord("CONSTRAINT") || this.isWord("PRIMARY") || this.isWord("UNIQUE") ||
      this.isWord("CHECK") || this.isWord("FOREIGN");
  }

  /** Parses a column, and adds what is found. */
  columnDefinition(found: Definitions): void {
    const { at } = this;
    const column: Draft = {
      at,
      end: at,
      name: this.name("a column"),
      type: this.typeName(),
      collation: undefined,
      notNull: undefined,
      defaultExpr: undefined,
      defaultText: undefined,
      hasAutoincrement: false,
      generated: undefined,
    };
    while (this.#columnConstraint(column, found));
    column.end = this.endBefore;
    found.columns.push(column);
  }

  #columnConstraint(column: Draft, found: Definitions): boolean {
    const name = this.word("CONSTRAINT") ? this.name() : undefined;
    const { at } = this;
    if (this.word("PRIMARY", "KEY")) this.#primaryKey(column, found, at);
    else if (this.word("UNIQUE")) found.keys.push(this.#keyOf(column, false, at));
    else if (this.word("NOT", "NULL")) column.notNull = this.#onConflict() ?? "default";
    else if (this.word("NULL")) this.#onConflict();
    else if (this.word("COLLATE")) column.collation = this.name("a collation");
    else if (this.word("DEFAULT")) this.#default(column);
    else if (this.isWord("CHECK")) found.checks.push(this.#check(name ?? undefined));
    else if (this.isWord("REFERENCES")) {
      found.foreignKeys.push(this.#references([column.name], at));
    } else if (this.isWord("GENERATED") || this.isWord("AS")) {
      column.generated = this.#generated();
    } else return false;
    return true;
  }

  #generated(): NonNullable<ColumnClause["generated"]> {
    if (this.word("GENERATED")) this.expectWord("ALWAYS");
    this.expectWord("AS");
    this.expectSign("(");
    const expr = this.expr();
    this.expectSign(")");
    const isStored = this.word("STORED");
    if (!isStored) this.word("VIRTUAL");
    return { expr, isStored };
  }

  #primaryKey(column: Draft, found: Definitions, at: number): void {
    const isDescending = this.word("DESC");
    if (!isDescending) this.word("ASC");
    const key = this.#keyOf(column, true, at);
    found.keys.push(
      isDescending ? { ...key, columns: [{ ...key.columns[0]!, isDescending }] } : key,
    );
    column.hasAutoincrement = this.word("AUTOINCREMENT");
  }

  #keyOf({ name }: Draft, isPrimary: boolean, at: number): KeyClause {
    const expr: Expr = { kind: "name", table: undefined, column: name, isQuoted: false, at };
    const columns = [{ at, expr, collation: undefined, isDescending: false }];
    return { at, isPrimary, columns, conflict: this.#onConflict() };
  }

  #default(column: Draft): void {
    const isParenthesis = this.sign("(");
    const { at } = this;
    column.defaultExpr = isParenthesis ? this.expr() : this.#defaultTerm();
    column.defaultText = this.text.slice(at, this.endBefore);
    if (isParenthesis) this.expectSign(")");
  }

  #defaultTerm(): Expr {
    const { at } = this;
    const sign = this.sign("-") ? "-" : this.sign("+") ? "+" : undefined;
    const { kind, written } = this.next;
    if (
      kind === "word" && (written.toUpperCase() === "TRUE" || written.toUpperCase() === "FALSE")
    ) {
      this.take();
      return { kind: "literal", value: written.toUpperCase() === "TRUE" ? 1 : 0, at };
    }
    const isKeyword = this.isWord("NULL") || this.next.text.startsWith("CURRENT_");
    if (kind === "quoted") return { kind: "literal", value: this.take().text, at };
    if (kind === "word" && !isKeyword) {
      return { kind: "literal", value: this.take().written, at };
    }
    if (kind !== "value" && kind !== "string" && !isKeyword) this.unexpected("a value");
    // One term: what follows is a constraint, as in DEFAULT 1 NOT NULL.
    const operand = this.term();
    return sign === "-" ? { kind: "unary", operator: "-", operand, at } : operand;
  }

  #check(name: string | undefined): CheckClause {
    this.expectWord("CHECK");
    this.expectSign("(");
    const { at } = this;
    const expr = this.expr();
    const text = this.text.slice(at, this.endBefore);
    this.expectSign(")");
    return { name, expr, text };
  }

  #onConflict(): ConflictAction | undefined {
    return this.word("ON", "CONFLICT") ? this.conflictAction() : undefined;
  }

  #tableConstraint(found: Definitions): void {
    const name = this.word("CONSTRAINT") ? this.name() : undefined;
    const { at } = this;
    const isPrimary = this.word("PRIMARY", "KEY");
    if (isPrimary || this.word("UNIQUE")) {
      const columns = this.inParentheses(() => this.indexedColumn());
      found.keys.push({ at, isPrimary, columns, conflict: this.#onConflict() });
    } else if (this.isWord("CHECK")) {
      found.checks.push(this.#check(name));
    } else if (this.word("FOREIGN", "KEY")) {
      const columns = this.inParentheses(() => this.name("a column"));
      found.foreignKeys.push(this.#references(columns, at));
    } else if (name === undefined) this.unexpected("a constraint");
  }

  #references(columns: readonly string[], at: number): ForeignKeyClause {
    this.expectWord("REFERENCES");
    const parent = this.name("a table");
    const parentColumns = this.isSign("(")
      ? this.inParentheses(() => this.name("a column"))
      : undefined;
    const actions = { onDelete: "no action", onUpdate: "no action" } as {
      onDelete: ForeignKeyAction;
      onUpdate: ForeignKeyAction;
    };
    for (;;) {
      if (this.word("ON", "DELETE")) actions.onDelete = this.#foreignKeyAction();
      else if (this.word("ON", "UPDATE")) actions.onUpdate = this.#foreignKeyAction();
      else if (this.word("MATCH")) this.name();
      else break;
    }
    const isNot = this.word("NOT", "DEFERRABLE");
    const canWait = !isNot && this.word("DEFERRABLE");
    const isDeferred = canWait && this.isWord("INITIALLY", "DEFERRED");
    if (this.word("INITIALLY")) this.take();
    return { at, columns, parent, parentColumns, ...actions, isDeferred };
  }

  #foreignKeyAction(): ForeignKeyAction {
    if (this.word("NO", "ACTION")) return "no action";
    if (this.word("SET", "NULL")) return "set null";
    if (this.word("SET", "DEFAULT")) return "set default";
    const word = this.oneOf("CASCADE", "RESTRICT");
    if (word === undefined) return refuse("an action of a foreign key is expected", this.at);
    return word.toLowerCase() as ForeignKeyAction;
  }
}
