/**
 * Parses the statements that change rows: INSERT, UPDATE, DELETE.
 */

import type { CommonTable, ResultColumn } from "./ast.ts";
import { QueryParser } from "./query_parser.ts";
import type {
  Assignment,
  ConflictAction,
  Delete,
  Explainable,
  IndexedColumn,
  Insert,
  Update,
  Upsert,
} from "./statement_ast.ts";

/** A parser of changes. */
export class ChangeParser extends QueryParser {
  /** Parses a query or a change; undefined if none is next. */
  explainable(): Explainable | undefined {
    const { at } = this;
    if (this.isWord("SELECT") || this.isWord("VALUES")) {
      return { kind: "select", query: this.query(), at };
    }
    if (!this.isWord("WITH")) return this.#change([]);
    const common = this.with();
    const change = this.#change(common);
    if (change !== undefined) return change;
    const query = this.query();
    return { kind: "select", query: { ...query, with: [...common, ...query.with] }, at };
  }

  #change(common: readonly CommonTable[]): Insert | Update | Delete | undefined {
    const { at } = this;
    if (this.word("INSERT")) return this.#insert(at, common, this.#orAction());
    if (this.word("REPLACE")) return this.#insert(at, common, "replace");
    if (this.word("UPDATE")) return this.#update(at, common);
    return this.word("DELETE") ? this.#delete(at, common) : undefined;
  }

  #orAction(): ConflictAction | undefined {
    return this.word("OR") ? this.conflictAction() : undefined;
  }

  /** Parses the name of an action. */
  conflictAction(): ConflictAction {
    const word = this.oneOf("ABORT", "FAIL", "IGNORE", "REPLACE", "ROLLBACK");
    if (word === undefined) return this.unexpected("an action");
    return word.toLowerCase() as ConflictAction;
  }

  #insert(
    at: number,
    common: readonly CommonTable[],
    action: ConflictAction | undefined,
  ): Insert {
    this.expectWord("INTO");
    const table = this.objectName("a table");
    const alias = this.word("AS") ? this.name() : undefined;
    const columns = this.isSign("(")
      ? this.inParentheses(() => ({ at: this.at, name: this.name("a column") }))
      : undefined;
    const base = { kind: "insert", at, with: common, action, table, alias, columns } as const;
    if (this.word("DEFAULT", "VALUES")) {
      return { ...base, query: undefined, upserts: [], returning: this.#returning() };
    }
    if (!this.isQuery()) this.unexpected("VALUES or SELECT");
    const query = this.query();
    const upserts: Upsert[] = [];
    while (this.isWord("ON", "CONFLICT")) upserts.push(this.#upsert());
    return { ...base, query, upserts, returning: this.#returning() };
  }

  #upsert(): Upsert {
    const { at } = this;
    this.expectWord("ON", "CONFLICT");
    const target = this.isSign("(") ? this.inParentheses(() => this.indexedColumn()) : undefined;
    const targetWhere = target !== undefined && this.word("WHERE") ? this.expr() : undefined;
    this.expectWord("DO");
    if (this.word("NOTHING")) return { at, target, targetWhere, set: undefined, where: undefined };
    this.expectWord("UPDATE", "SET");
    const set = this.#assignments();
    const where = this.word("WHERE") ? this.expr() : undefined;
    return { at, target, targetWhere, set, where };
  }

  /** Parses a column or expression of an index. */
  indexedColumn(): IndexedColumn {
    const { at } = this;
    let expr = this.expr();
    let collation: string | undefined;
    if (expr.kind === "collate") {
      collation = expr.collation;
      expr = expr.operand;
    }
    const isDescending = this.word("DESC");
    if (!isDescending) this.word("ASC");
    return { at, expr, collation, isDescending };
  }

  #assignments(): Assignment[] {
    return this.list(() => {
      const { at } = this;
      const columns = this.isSign("(")
        ? this.inParentheses(() => this.name("a column"))
        : [this.name("a column")];
      this.expectSign("=");
      return { at, columns, expr: this.expr() };
    });
  }

  #returning(): ResultColumn[] {
    return this.word("RETURNING") ? this.list(() => this.resultColumn()) : [];
  }

  #update(at: number, common: readonly CommonTable[]): Update {
    const action = this.#orAction();
    const table = this.objectName("a table");
    const alias = this.word("AS") ? this.name() : undefined;
    this.expectWord("SET");
    const set = this.#assignments();
    const from = this.word("FROM") ? this.fromItems() : [];
    const where = this.word("WHERE") ? this.expr() : undefined;
    const returning = this.#returning();
    this.#refuseLimit();
    return { kind: "update", at, with: common, action, table, alias, set, from, where, returning };
  }

  #delete(at: number, common: readonly CommonTable[]): Delete {
    this.expectWord("FROM");
    const table = this.objectName("a table");
    const alias = this.word("AS") ? this.name() : undefined;
    const where = this.word("WHERE") ? this.expr() : undefined;
    const returning = this.#returning();
    this.#refuseLimit();
    return { kind: "delete", at, with: common, table, alias, where, returning };
  }

  #refuseLimit(): void {
    if (this.isWord("LIMIT") || this.isWord("ORDER")) {
      this.unsupported("ORDER BY and LIMIT in UPDATE and DELETE are");
    }
  }
}
