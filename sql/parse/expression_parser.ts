/**
 * Parses expressions, by precedence. Queries inside expressions are parsed by a subclass.
 */

import { refuse } from "../value/error.ts";
import { INTEGER_MIN } from "../value/value.ts";
import type { BinaryOperator, Call, Expr, In, OrderTerm, Query, Window } from "./ast.ts";
import { parseFrame } from "./frame_parser.ts";
import { TokenStream } from "./token_stream.ts";

/** The digits of the least INTEGER, which are one only after a minus sign. */
const LEAST_SIZE = "9223372036854775808";
/** The deepest nesting of expressions. */
const DEPTH_MAX = 400;

/** Operators of equal precedence, by level; AND and OR are below them. */
const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ["<", "<=", ">", ">="],
  ["&", "|", "<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
  ["||", "->", "->>"],
];

/** A parser of expressions. */
export abstract class ExpressionParser extends TokenStream {
  #depth = 0;

  /** Parses a query. */
  abstract query(): Query;

  /** Whether a query is next. */
  isQuery(): boolean {
    return this.isWord("SELECT") || this.isWord("VALUES") || this.isWord("WITH");
  }

  /** Parses an expression. */
  expr(): Expr {
    if (++this.#depth > DEPTH_MAX) refuse("the expression is nested too deeply", this.at);
    let left = this.#and();
    for (let at = this.at; this.word("OR"); at = this.at) {
      left = { kind: "binary", operator: "or", left, right: this.#and(), at };
    }
    this.#depth--;
    return left;
  }

  #and(): Expr {
    let left = this.#not();
    for (let at = this.at; this.word("AND"); at = this.at) {
      left = { kind: "binary", operator: "and", left, right: this.#not(), at };
    }
    return left;
  }

  #not(): Expr {
    const { at } = this;
    if (!this.word("NOT")) return this.#equality();
    if (++this.#depth > DEPTH_MAX) refuse("the expression is nested too deeply", at);
    const operand = this.#not();
    this.#depth--;
    return { kind: "unary", operator: "not", operand, at };
  }

  /** Parses the level of =, IS, IN, LIKE, BETWEEN and the like. */
  #equality(): Expr {
    let left = this.#level(0);
    for (;;) {
      const after = this.#equalityAfter(left);
      if (after === undefined) return left;
      left = this.#continued(after);
    }
  }

  /** Goes on after an operand, or a condition that has ended, as in `a IN (1, 2) + 1`. */
  #continued(left: Expr, least = 0): Expr {
    let all = this.#collated(left);
    for (let level = LEVELS.length - 1; level >= least; level--) {
      all = this.#operatorsAfter(all, level);
    }
    return all;
  }

  #equalityAfter(left: Expr): Expr | undefined {
    const { at } = this;
    if (this.sign("=") || this.sign("==")) return this.#binary("=", left, at);
    if (this.sign("!=") || this.sign("<>")) return this.#binary("!=", left, at);
    if (this.word("ISNULL")) return { kind: "unary", operator: "isnull", operand: left, at };
    if (this.word("NOTNULL") || this.word("NOT", "NULL")) {
      return { kind: "unary", operator: "notnull", operand: left, at };
    }
    if (this.word("IS")) return this.#isAfter(left, at);
    const isNot = this.isWord("NOT") &&
      ["IN", "LIKE", "GLOB", "BETWEEN", "REGEXP", "MATCH"].includes(this.peek(1).text);
    if (isNot) this.take();
    if (this.word("BETWEEN")) {
      const low = this.#level(0);
      this.expectWord("AND");
      return { kind: "between", operand: left, low, high: this.#level(0), isNot, at };
    }
    if (this.word("IN")) return this.#inAfter(left, isNot, at);
    if (this.isWord("REGEXP") || this.isWord("MATCH")) {
      this.unsupported(`the operator ${this.next.text} is`);
    }
    const like = this.oneOf("LIKE", "GLOB");
    if (like === undefined) return undefined;
    const operator = like === "LIKE" ? "like" : "glob";
    const pattern = this.#level(0);
    const escape = this.word("ESCAPE") ? this.#level(0) : undefined;
    return { kind: "like", operator, operand: left, pattern, escape, isNot, at };
  }

  #binary(operator: BinaryOperator, left: Expr, at: number): Expr {
    return { kind: "binary", operator, left, right: this.#level(0), at };
  }

  #isAfter(left: Expr, at: number): Expr {
    let isNot = this.word("NOT");
    if (this.word("DISTINCT", "FROM")) isNot = !isNot;
    return this.#binary(isNot ? "is not" : "is", left, at);
  }

  #inAfter(operand: Expr, isNot: boolean, at: number): Expr {
    const node = { kind: "in", operand, isNot, at } as const;
    if (!this.isSign("(")) {
      const from = {
        ...NO_FROM,
        at: this.at,
        ...this.tableName("a list in parentheses"),
      };
      const columns = [{ kind: "star", table: undefined, at } as const];
      const body = { ...NO_CORE, at, columns, from: [from] };
      return { ...node, list: undefined, query: { ...NO_QUERY, at, body } };
    }
    this.expectSign("(");
    if (this.isQuery()) {
      const query = this.query();
      this.expectSign(")");
      return { ...node, list: undefined, query };
    }
    const list = this.isSign(")") ? [] : this.list(() => this.expr());
    this.expectSign(")");
    const [only] = list;
    const isEquality = list.length === 1 && operand.kind !== "row" && isGiven(only!);
    return isEquality ? equalTo(node, only!) : { ...node, list, query: undefined };
  }

  /** Parses one term: a literal, a name, a call, or what is in parentheses. */
  term(): Expr {
    return this.#primary();
  }

  /** Parses the operators of a level, and of those that bind tighter. */
  #level(level: number): Expr {
    return this.#continued(this.#prefix(), level);
  }

  /** Parses the operators of a level, after what is on their left. */
  #operatorsAfter(first: Expr, level: number): Expr {
    const operators = LEVELS[level]!;
    let left = first;
    for (;;) {
      const { kind, text, start: at } = this.next;
      const operator = operators.find((sign) => sign === text);
      if (kind !== "sign" || operator === undefined) return left;
      this.take();
      left = { kind: "binary", operator, left, right: this.#level(level + 1), at };
    }
  }

  #prefix(): Expr {
    const { at } = this;
    for (const operator of ["-", "+", "~"] as const) {
      if (!this.sign(operator)) continue;
      if (operator === "-" && this.next.written === LEAST_SIZE) {
        this.take();
        return { kind: "literal", value: INTEGER_MIN, at };
      }
      if (++this.#depth > DEPTH_MAX) refuse("the expression is nested too deeply", at);
      const operand = this.#prefix();
      this.#depth--;
      return { kind: "unary", operator, operand, at };
    }
    // NOT as an operand takes all that binds tighter than NOT.
    if (this.isWord("NOT")) return this.#not();
    return this.#collated(this.#primary());
  }

  /** Parses the collations after an operand. */
  #collated(first: Expr): Expr {
    let operand = first;
    while (this.word("COLLATE")) {
      operand = { kind: "collate", operand, collation: this.name("a collation"), at: first.at };
    }
    return operand;
  }

  #primary(): Expr {
    const token = this.next;
    const at = token.start;
    switch (token.kind) {
      case "value":
        return { kind: "literal", value: this.take().value, at };
      case "string":
        return { kind: "literal", value: this.take().text, at };
      case "parameter":
        return { kind: "parameter", number: this.parameterNumber(this.take()), at };
      case "sign":
        if (token.text === "(") return this.#parenthesis();
        break;
      case "word": {
        const special = this.#special(at);
        if (special !== undefined) return special;
      }
    }
    if (token.kind === "word" && this.peek(1).text === "(" && this.peek(1).kind === "sign") {
      if (this.isName() || ["LEFT", "RIGHT", "REPLACE"].includes(token.text)) return this.#call();
    }
    if (!this.isName()) return this.unexpected("an expression");
    return this.#columnName();
  }

  /** Parses an expression that begins with a keyword; undefined if none is next. */
  #special(at: number): Expr | undefined {
    if (this.word("NULL")) return { kind: "literal", value: null, at };
    if (this.isSign("(")) return undefined;
    if (this.word("CASE")) return this.#case(at);
    if (this.word("CAST")) return this.#cast(at);
    if (this.word("EXISTS")) {
      this.expectSign("(");
      const query = this.query();
      this.expectSign(")");
      return { kind: "exists", query, at };
    }
    if (this.isWord("RAISE") && this.peek(1).text === "(") return this.#raise(at);
    const now = ["CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME"].indexOf(this.next.text);
    if (now < 0) return undefined;
    this.take();
    const name = ["datetime", "date", "time"][now]!;
    const args = [{ kind: "literal", value: "now", at } as const];
    return { ...NO_CALL, kind: "call", name, args, at };
  }

  #raise(at: number): Expr {
    this.take();
    this.expectSign("(");
    const word = this.oneOf("IGNORE", "ABORT", "FAIL", "ROLLBACK");
    if (word === undefined) this.unexpected("IGNORE, ABORT, FAIL or ROLLBACK");
    const action = word.toLowerCase() as "ignore" | "abort" | "fail" | "rollback";
    if (action !== "ignore") this.expectSign(",");
    const message = action === "ignore" ? undefined : this.expr();
    this.expectSign(")");
    return { kind: "raise", action, message, at };
  }

  #parenthesis(): Expr {
    const { at } = this;
    this.expectSign("(");
    if (this.isQuery()) {
      const query = this.query();
      this.expectSign(")");
      return { kind: "subquery", query, at };
    }
    const items = this.list(() => this.expr());
    this.expectSign(")");
    return items.length === 1 ? items[0]! : { kind: "row", items, at };
  }

  #case(at: number): Expr {
    const operand = this.isWord("WHEN") ? undefined : this.expr();
    const whens: [Expr, Expr][] = [];
    while (this.word("WHEN")) {
      const when = this.expr();
      this.expectWord("THEN");
      whens.push([when, this.expr()]);
    }
    if (whens.length === 0) this.unexpected("WHEN");
    const otherwise = this.word("ELSE") ? this.expr() : undefined;
    this.expectWord("END");
    if (operand?.kind !== "row") return { kind: "case", operand, whens, otherwise, at };
    // A row has no register of its own, so each WHEN compares it.
    const tests = whens.map(([when, then]): [Expr, Expr] => [
      { kind: "binary", operator: "=", left: operand, right: when, at: when.at },
      then,
    ]);
    return { kind: "case", operand: undefined, whens: tests, otherwise, at };
  }

  #cast(at: number): Expr {
    this.expectSign("(");
    const operand = this.expr();
    this.expectWord("AS");
    // No type has the affinity of a type that says nothing.
    const type = this.typeName() ?? "NUMERIC";
    this.expectSign(")");
    return { kind: "cast", operand, type, at };
  }

  /** Parses the name of a type; undefined if there is none. */
  typeName(): string | undefined {
    const words: string[] = [];
    while (this.isName() && !this.isWord("GENERATED", "ALWAYS")) words.push(this.name());
    if (words.length === 0) return undefined;
    if (!this.isSign("(")) return words.join(" ");
    const { at } = this;
    this.inParentheses(() => {
      if (!this.sign("-")) this.sign("+");
      const { kind } = this.next;
      if (kind !== "value" && kind !== "word") this.unexpected("a size");
      return this.take();
    });
    return `${words.join(" ")}${this.text.slice(at, this.endBefore)}`;
  }

  #columnName(): Expr {
    const { at } = this;
    const isQuoted = this.next.kind === "quoted" && this.text[at] === '"';
    const first = this.name("an expression");
    if (!this.sign(".")) {
      return { kind: "name", table: undefined, column: first, isQuoted, at };
    }
    const second = this.name("a column");
    if (!this.sign(".")) {
      return { kind: "name", table: first, column: second, isQuoted: false, at };
    }
    if (first.toLowerCase() !== "main") refuse(`unknown database ${first}`, at);
    return { kind: "name", table: second, column: this.name("a column"), isQuoted: false, at };
  }

  #call(): Call {
    const { at } = this;
    const name = this.take().written.toLowerCase();
    this.expectSign("(");
    let args: Expr[] = [];
    let orderBy: OrderTerm[] = [];
    const isStar = this.sign("*");
    const isDistinct = !isStar && this.word("DISTINCT");
    // ALL is the default. The word is reserved, so it cannot name a column.
    if (!isStar && !isDistinct) this.word("ALL");
    if (!isStar && !this.isSign(")")) {
      args = this.list(() => this.expr());
      if (this.word("ORDER", "BY")) orderBy = this.list(() => this.orderTerm());
    }
    this.expectSign(")");
    const filter = this.#filter();
    const over = this.#over();
    return { kind: "call", name, args, isStar, isDistinct, filter, orderBy, over, at };
  }

  #over(): Window | undefined {
    const next = this.peek(1);
    const isWindow = next.text === "(" || next.kind === "word" || next.kind === "quoted";
    if (!this.isWord("OVER") || !isWindow) return undefined;
    this.take();
    if (this.isSign("(")) return this.window();
    const { at } = this;
    const base = this.name("a window");
    return { base, isBase: true, partitionBy: [], orderBy: [], frame: undefined, at };
  }

  /** Parses a window in parentheses. */
  window(): Window {
    const { at } = this;
    this.expectSign("(");
    const isBase = ["PARTITION", "ORDER", "ROWS", "RANGE", "GROUPS"].some((w) => this.isWord(w));
    const base = !isBase && this.isName() ? this.name() : undefined;
    const partitionBy = this.word("PARTITION", "BY") ? this.list(() => this.expr()) : [];
    const orderBy = this.word("ORDER", "BY") ? this.list(() => this.orderTerm()) : [];
    const frame = parseFrame(this, () => this.expr());
    this.expectSign(")");
    return { base, isBase: false, partitionBy, orderBy, frame, at };
  }

  #filter(): Expr | undefined {
    if (!this.isWord("FILTER") || this.peek(1).text !== "(") return undefined;
    this.take();
    this.expectSign("(");
    this.expectWord("WHERE");
    const filter = this.expr();
    this.expectSign(")");
    return filter;
  }

  /** Parses a term of ORDER BY. */
  orderTerm(): OrderTerm {
    const { at } = this;
    const expr = this.expr();
    const isDescending = this.word("DESC");
    if (!isDescending) this.word("ASC");
    if (!this.word("NULLS")) return { expr, isDescending, nulls: undefined, at };
    const nulls = this.oneOf("FIRST", "LAST");
    if (nulls === undefined) this.unexpected("FIRST or LAST");
    return { expr, isDescending, nulls: nulls === "FIRST" ? "first" : "last", at };
  }
}

/** Whether an expression is a literal or a parameter, perhaps with COLLATE. */
function isGiven(expr: Expr): boolean {
  if (expr.kind === "collate") return isGiven(expr.operand);
  return expr.kind === "literal" || expr.kind === "parameter";
}

/** IN a list of one value is a comparison with it; as in SQLite, the value's COLLATE applies. */
function equalTo({ operand, isNot, at }: Pick<In, "operand" | "isNot" | "at">, value: Expr): Expr {
  const right = { kind: "unary", operator: "+", operand: value, at } as const;
  const equal = { kind: "binary", operator: "=", left: operand, right, at } as const;
  return isNot ? { kind: "unary", operator: "not", operand: equal, at } : equal;
}

/** A call without its parts. */
export const NO_CALL = {
  isStar: false,
  isDistinct: false,
  filter: undefined,
  orderBy: [],
  over: undefined,
} as const;

/** An item of FROM without its parts. */
export const NO_FROM = {
  table: undefined,
  hasSchema: false,
  query: undefined,
  args: undefined,
  alias: undefined,
  indexedBy: undefined,
  items: undefined,
  join: "inner",
  isNatural: false,
  on: undefined,
  using: undefined,
} as const;

/** A SELECT without its parts. */
export const NO_CORE = {
  kind: "core",
  isDistinct: false,
  columns: [],
  from: [],
  where: undefined,
  groupBy: [],
  having: undefined,
  windows: new Map<string, Window>(),
} as const;

/** A query without its parts. */
export const NO_QUERY = { with: [], orderBy: [], limit: undefined, offset: undefined } as const;
