/**
 * Parses the statements that change rows: INSERT, UPDATE, DELETE.
 */

import { refuse } from "../value/error.ts";
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

/** What a change begins with. */
type Start = Pick<Insert, "with">;

/** A parser of changes. */
export class ChangeParser extends QueryParser {
  /** Parses a query or a change; undefined if none is next. */
  explainable(isInTrigger = false): Explainable | undefined {
    const { at } = this;
    if (this.isWord("SELECT") || this.isWord("VALUES")) {
      return { kind: "select", query: this.query(), at };
    }
    if (!this.isWord("WITH")) return this.#change([], isInTrigger);
    const common = this.with();
    const change = this.#change(common, isInTrigger);
    if (change !== undefined) return change;
    const query = this.query();
    return { kind: "select", query: { ...query, with: [...common, ...query.with] }, at };
  }

  #change(
    common: readonly CommonTable[],
    isInTrigger: boolean,
  ): Insert | Update | Delete | undefined {
    const base = { with: common };
    if (this.word("INSERT")) return this.#insert(base, this.#orAction(), isInTrigger);
    if (this.word("REPLACE")) return this.#insert(base, "replace", isInTrigger);
    if (this.word("UPDATE")) return this.#update(base, isInTrigger);
    return this.word("DELETE") ? this.#delete(base, isInTrigger) : undefined;
  }

  /** Parses the table of a change, which has no schema in a trigger; errors refer to its place. */
  #changed(isInTrigger: boolean): Pick<Insert, "at" | "table"> {
    const { at } = this;
    if (isInTrigger && this.peek(1).text === ".") {
      refuse("qualified table names are not allowed on INSERT, UPDATE and DELETE in triggers", at);
    }
    return { at, table: this.objectName("a table") };
  }

  /** Parses a hint to use an index, which a change in a trigger may not have. */
  #hint(isInTrigger: boolean): string | undefined {
    const { at } = this;
    if (isInTrigger && (this.isWord("INDEXED", "BY") || this.isWord("NOT", "INDEXED"))) {
      refuse("INDEXED BY is not allowed on UPDATE and DELETE in triggers", at);
    }
    return this.indexedBy();
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

  #insert(start: Start, action: ConflictAction | undefined, isInTrigger: boolean): Insert {
    this.expectWord("INTO");
    const changed = this.#changed(isInTrigger);
    const alias = this.word("AS") ? this.name() : undefined;
    const columns = this.isSign("(")
      ? this.inParentheses(() => ({ at: this.at, name: this.name("a column") }))
      : undefined;
    const base = { kind: "insert", ...start, ...changed, action, alias, columns } as const;
    if (!isInTrigger && this.word("DEFAULT", "VALUES")) {
      return { ...base, query: undefined, upserts: [], returning: this.#returning() };
    }
    if (!this.isQuery()) this.unexpected("VALUES or SELECT");
    const query = this.query();
    const upserts: Upsert[] = [];
    // A clause without a target must be the last.
    while (upserts.at(-1)?.target !== undefined || upserts.length === 0) {
      if (!this.isWord("ON", "CONFLICT")) break;
      upserts.push(this.#upsert());
    }
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

  #update(start: Start, isInTrigger: boolean): Update {
    const action = this.#orAction();
    const changed = this.#changed(isInTrigger);
    const alias = this.word("AS") ? this.name() : undefined;
    const indexedBy = this.#hint(isInTrigger);
    this.expectWord("SET");
    const set = this.#assignments();
    const from = this.word("FROM") ? this.fromItems() : [];
    const where = this.word("WHERE") ? this.expr() : undefined;
    const returning = this.#returning();
    this.#refuseLimit();
    const found = { alias, indexedBy, from, where, returning };
    return { kind: "update", ...start, ...changed, ...found, action, set };
  }

  #delete(start: Start, isInTrigger: boolean): Delete {
    this.expectWord("FROM");
    const changed = this.#changed(isInTrigger);
    const alias = this.word("AS") ? this.name() : undefined;
    const indexedBy = this.#hint(isInTrigger);
    const where = this.word("WHERE") ? this.expr() : undefined;
    const returning = this.#returning();
    this.#refuseLimit();
    return { kind: "delete", ...start, ...changed, alias, indexedBy, where, returning };
  }

  #refuseLimit(): void {
    if (this.isWord("LIMIT") || this.isWord("ORDER")) {
      this.unsupported("ORDER BY and LIMIT in UPDATE and DELETE are");
    }
  }
}
