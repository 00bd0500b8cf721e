/**
 * Parses queries: SELECT, VALUES, compounds, WITH, and the items of FROM.
 */

import { refuse } from "../value/error.ts";
import type {
  Body,
  CommonTable,
  Core,
  Expr,
  FromItem,
  Query,
  ResultColumn,
  Values,
  Window,
} from "./ast.ts";
import { ExpressionParser, NO_FROM } from "./expression_parser.ts";

/** A parser of queries. */
export class QueryParser extends ExpressionParser {
  /** Parses a query. */
  query(): Query {
    const { at } = this;
    const common = this.with();
    let body: Body = this.#core();
    for (;;) {
      const opAt = this.at;
      const operator = this.#compoundOperator();
      if (operator === undefined) break;
      body = { kind: "compound", operator, left: body, right: this.#core(), at: opAt };
    }
    const orderBy = this.word("ORDER", "BY") ? this.list(() => this.orderTerm()) : [];
    const [limit, offset] = this.#limit();
    return { with: common, body, orderBy, limit, offset, at };
  }

  /** Parses WITH, if it is next. */
  with(): CommonTable[] {
    if (!this.word("WITH")) return [];
    this.word("RECURSIVE");
    const names = new Set<string>();
    return this.list(() => {
      const { at } = this;
      const name = this.name();
      const key = name.toLowerCase();
      if (names.has(key)) refuse(`duplicate WITH table name: ${name}`, at);
      names.add(key);
      const columns = this.isSign("(") ? this.inParentheses(() => this.name()) : undefined;
      this.expectWord("AS");
      if (!this.word("NOT", "MATERIALIZED")) this.word("MATERIALIZED");
      this.expectSign("(");
      const query = this.query();
      this.expectSign(")");
      return { name, columns, query, at };
    });
  }

  #compoundOperator(): "union" | "union all" | "intersect" | "except" | undefined {
    if (this.word("UNION", "ALL")) return "union all";
    if (this.word("UNION")) return "union";
    if (this.word("INTERSECT")) return "intersect";
    return this.word("EXCEPT") ? "except" : undefined;
  }

  #limit(): [Expr | undefined, Expr | undefined] {
    if (!this.word("LIMIT")) return [undefined, undefined];
    const first = this.expr();
    if (this.word("OFFSET")) return [first, this.expr()];
    return this.sign(",") ? [this.expr(), first] : [first, undefined];
  }

  #core(): Core | Values {
    const { at } = this;
    if (this.word("VALUES")) return this.#values(at);
    this.expectWord("SELECT");
    const isDistinct = this.word("DISTINCT");
    if (!isDistinct) this.word("ALL");
    const columns = this.list(() => this.resultColumn());
    const from = this.word("FROM") ? this.fromItems() : [];
    const where = this.word("WHERE") ? this.expr() : undefined;
    const groupBy = this.word("GROUP", "BY") ? this.list(() => this.expr()) : [];
    const having = this.word("HAVING") ? this.expr() : undefined;
    const windows = this.#windows();
    return { kind: "core", isDistinct, columns, from, where, groupBy, having, windows, at };
  }

  #windows(): ReadonlyMap<string, Window> {
    const windows = new Map<string, Window>();
    if (!this.isWindowClause()) return windows;
    this.take();
    this.list(() => {
      const name = this.name("a window").toLowerCase();
      this.expectWord("AS");
      windows.set(name, this.window());
    });
    return windows;
  }

  #values(at: number): Values {
    const rows = this.list(() => this.inParentheses(() => this.expr()));
    if (rows.some((row) => row.length !== rows[0]!.length)) {
      refuse("all VALUES must have the same number of terms", at);
    }
    return { kind: "values", rows, at };
  }

  /** Parses a column of a result. */
  resultColumn(): ResultColumn {
    const { at } = this;
    if (this.sign("*")) return { kind: "star", table: undefined, at };
    if (this.peek(1).text === "." && this.peek(2).kind === "sign" && this.peek(2).text === "*") {
      const table = this.name();
      this.take();
      this.take();
      return { kind: "star", table, at };
    }
    const expr = this.expr();
    const text = this.text.slice(at, this.endBefore);
    return { kind: "expr", expr, alias: this.#alias(), text, at };
  }

  #alias(): string | undefined {
    if (this.word("AS")) return this.name("an alias");
    if (this.isWord("INDEXED", "BY") || this.isWindowClause()) return undefined;
    return this.isName() ? this.name() : undefined;
  }

  /** Parses the items of FROM. */
  fromItems(): FromItem[] {
    const items = this.#item({ ...NO_FROM, at: this.at });
    for (;;) {
      const { at } = this;
      const joined = this.#joinAt(at);
      if (joined === undefined) return items;
      items.push(...this.#item(joined));
      this.#constraint(items);
    }
  }

  /** How the next item is joined, or undefined if there is none. */
  #joinAt(at: number): FromItem | undefined {
    if (this.sign(",")) return { ...NO_FROM, at };
    const isNatural = this.word("NATURAL");
    const side = this.oneOf("LEFT", "RIGHT", "FULL")?.toLowerCase() as FromItem["join"] | undefined;
    if (side !== undefined) this.word("OUTER");
    else if (!this.word("INNER")) this.word("CROSS");
    if (!this.word("JOIN")) {
      if (side !== undefined || isNatural) this.unexpected("JOIN");
      return undefined;
    }
    return { ...NO_FROM, at, join: side ?? "inner", isNatural };
  }

  /** Parses ON or USING of the items just added. */
  #constraint(items: FromItem[]): void {
    const on = this.word("ON") ? this.expr() : undefined;
    const using = on === undefined && this.word("USING")
      ? this.inParentheses(() => this.name())
      : undefined;
    if (on === undefined && using === undefined) return;
    const last = items.pop()!;
    if (last.isNatural) refuse("a NATURAL join may not have an ON or USING clause", last.at);
    const both = last.on === undefined || on === undefined
      ? on ?? last.on
      : { kind: "binary", operator: "and", left: last.on, right: on, at: last.at } as const;
    items.push({ ...last, on: both, using: using ?? last.using });
  }

  /** Parses a table, a query, or a join in parentheses. */
  #item(joined: FromItem): FromItem[] {
    const { at } = this;
    if (this.sign("(")) {
      if (!this.isQuery()) return this.#joinInParentheses(joined);
      const query = this.query();
      this.expectSign(")");
      return [{ ...joined, at, query, alias: this.#alias() }];
    }
    const named = this.tableName();
    const args = this.isSign("(") ? this.#arguments() : undefined;
    const alias = this.#alias();
    return [{ ...joined, at, ...named, args, alias, indexedBy: this.indexedBy() }];
  }

  /** Parses INDEXED BY, a hint that changes no result; the index must exist. */
  indexedBy(): string | undefined {
    if (this.word("NOT", "INDEXED")) return undefined;
    return this.word("INDEXED", "BY") ? this.name("an index") : undefined;
  }

  #arguments(): Expr[] {
    this.expectSign("(");
    const args = this.isSign(")") ? [] : this.list(() => this.expr());
    this.expectSign(")");
    return args;
  }

  #joinInParentheses(joined: FromItem): FromItem[] {
    const { at } = this;
    const items = this.fromItems();
    this.expectSign(")");
    const [first, ...rest] = items;
    // Inner joins need no parentheses, nor does a single table.
    const isPlain = rest.length === 0 || (joined.join === "inner" && !joined.isNatural &&
      !this.isWord("USING") && rest.every(isInner));
    if (!isPlain) return [{ ...joined, at, items }];
    return [{ ...first!, join: joined.join, isNatural: joined.isNatural }, ...rest];
  }
}

/** Whether an item is joined by a condition alone. */
function isInner({ join, isNatural, using }: FromItem): boolean {
  return join === "inner" && !isNatural && using === undefined;
}
