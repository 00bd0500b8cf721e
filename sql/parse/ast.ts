/**
 * The syntax tree of SQL. Every node has the offset `at` of its place in the text.
 */

import type { SqlValue } from "../value/value.ts";

/** A node. */
interface Node {
  /** The offset of its place in the text. */
  readonly at: number;
}

/** An operator between two operands. */
export type BinaryOperator =
  | "+"
  | "-"
  | "*"
  | "/"
  | "%"
  | "&"
  | "|"
  | "<<"
  | ">>"
  | "||"
  | "->"
  | "->>"
  | "="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "is"
  | "is not"
  | "and"
  | "or";

/** A value in the text. */
export interface Literal extends Node {
  readonly kind: "literal";
  readonly value: SqlValue;
}

/** A parameter. */
export interface Parameter extends Node {
  readonly kind: "parameter";
  /** Its number, from 1. */
  readonly number: number;
}

/** The name of a column. */
export interface Name extends Node {
  readonly kind: "name";
  readonly table: string | undefined;
  readonly column: string;
  /** Whether it is in double quotes, so it is not a keyword. */
  readonly isQuoted: boolean;
}

/** An operator before or after one operand. */
export interface Unary extends Node {
  readonly kind: "unary";
  readonly operator: "-" | "+" | "~" | "not" | "isnull" | "notnull";
  readonly operand: Expr;
}

/** An operator between two operands. */
export interface Binary extends Node {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
}

/** `x BETWEEN low AND high`. */
export interface Between extends Node {
  readonly kind: "between";
  readonly operand: Expr;
  readonly low: Expr;
  readonly high: Expr;
  readonly isNot: boolean;
}

/** `x IN (...)`. */
export interface In extends Node {
  readonly kind: "in";
  readonly operand: Expr;
  readonly list: readonly Expr[] | undefined;
  readonly query: Query | undefined;
  readonly isNot: boolean;
}

/** `x LIKE pattern` or `x GLOB pattern`. */
export interface Like extends Node {
  readonly kind: "like";
  readonly operator: "like" | "glob";
  readonly operand: Expr;
  readonly pattern: Expr;
  readonly escape: Expr | undefined;
  readonly isNot: boolean;
}

/** `CASE`. */
export interface Case extends Node {
  readonly kind: "case";
  readonly operand: Expr | undefined;
  readonly whens: readonly (readonly [when: Expr, then: Expr])[];
  readonly otherwise: Expr | undefined;
}

/** `CAST(x AS type)`. */
export interface Cast extends Node {
  readonly kind: "cast";
  readonly operand: Expr;
  readonly type: string;
}

/** `x COLLATE name`. */
export interface Collate extends Node {
  readonly kind: "collate";
  readonly operand: Expr;
  readonly collation: string;
}

/** A call of a function. */
export interface Call extends Node {
  readonly kind: "call";
  /** In lower case. */
  readonly name: string;
  readonly args: readonly Expr[];
  readonly isStar: boolean;
  readonly isDistinct: boolean;
  readonly filter: Expr | undefined;
  readonly orderBy: readonly OrderTerm[];
  /** The window of a window function; undefined for other calls. */
  readonly over: Window | undefined;
}

/** Where a frame begins or ends. */
export interface FrameBound {
  readonly kind: "unbounded" | "offset" | "current";
  readonly isFollowing: boolean;
  /** The distance of an `offset`. */
  readonly offset: Expr | undefined;
}

/** The rows around a row that a window function sees. */
export interface Frame {
  readonly unit: "rows" | "range" | "groups";
  readonly start: FrameBound;
  readonly end: FrameBound;
  readonly exclude: "no others" | "current row" | "group" | "ties";
}

/** A window. */
export interface Window extends Node {
  /** The named window that it extends. */
  readonly base: string | undefined;
  /** Whether it is that window itself, frame included. */
  readonly isBase: boolean;
  readonly partitionBy: readonly Expr[];
  readonly orderBy: readonly OrderTerm[];
  /** Undefined = from the first row to the peers of the current one. */
  readonly frame: Frame | undefined;
}

/** `EXISTS (query)`. */
export interface Exists extends Node {
  readonly kind: "exists";
  readonly query: Query;
}

/** A query as a value. */
export interface Subquery extends Node {
  readonly kind: "subquery";
  readonly query: Query;
}

/** A row of values, as in `(a, b) = (1, 2)`. */
export interface RowValue extends Node {
  readonly kind: "row";
  readonly items: readonly Expr[];
}

/** `RAISE(action, message)` of a trigger. */
export interface Raise extends Node {
  readonly kind: "raise";
  readonly action: "ignore" | "abort" | "fail" | "rollback";
  /** Undefined for IGNORE. */
  readonly message: Expr | undefined;
}

/** An expression. */
export type Expr =
  | Literal
  | Parameter
  | Name
  | Unary
  | Binary
  | Between
  | In
  | Like
  | Case
  | Cast
  | Collate
  | Call
  | Exists
  | Subquery
  | RowValue
  | Raise;

/** A term of ORDER BY. */
export interface OrderTerm extends Node {
  readonly expr: Expr;
  readonly isDescending: boolean;
  /** Where NULLs are; undefined = first in ascending order. */
  readonly nulls: "first" | "last" | undefined;
}

/** A column of a result: an expression, or a star for all columns or those of one table. */
export type ResultColumn =
  | (Node & {
    readonly kind: "expr";
    readonly expr: Expr;
    readonly alias: string | undefined;
    /** The text of the expression, which names the column. */
    readonly text: string;
  })
  | (Node & { readonly kind: "star"; readonly table: string | undefined });

/** A table or query in FROM. */
export interface FromItem extends Node {
  readonly table: string | undefined;
  /** Whether a schema is written before the name, which then means no query of WITH. */
  readonly hasSchema: boolean;
  readonly query: Query | undefined;
  /** The arguments of a table-valued function. */
  readonly args: readonly Expr[] | undefined;
  readonly alias: string | undefined;
  /** The index that INDEXED BY names. */
  readonly indexedBy: string | undefined;
  /** A join in parentheses; undefined for a table or a query. */
  readonly items: readonly FromItem[] | undefined;
  /** How it is joined to those before it. */
  readonly join: "inner" | "left" | "right" | "full";
  readonly isNatural: boolean;
  readonly on: Expr | undefined;
  readonly using: readonly string[] | undefined;
}

/** One SELECT without WITH, ORDER BY and LIMIT. */
export interface Core extends Node {
  readonly kind: "core";
  readonly isDistinct: boolean;
  readonly columns: readonly ResultColumn[];
  readonly from: readonly FromItem[];
  readonly where: Expr | undefined;
  readonly groupBy: readonly Expr[];
  readonly having: Expr | undefined;
  /** The windows of the clause WINDOW, by name in lower case. */
  readonly windows: ReadonlyMap<string, Window>;
}

/** VALUES: rows of expressions. */
export interface Values extends Node {
  readonly kind: "values";
  readonly rows: readonly (readonly Expr[])[];
}

/** Two queries, and the operator that combines them. */
export interface Compound extends Node {
  readonly kind: "compound";
  readonly operator: "union" | "union all" | "intersect" | "except";
  readonly left: Body;
  readonly right: Core | Values;
}

/** A query without WITH, ORDER BY and LIMIT. */
export type Body = Core | Values | Compound;

/** A query of WITH. */
export interface CommonTable extends Node {
  readonly name: string;
  readonly columns: readonly string[] | undefined;
  readonly query: Query;
}

/** A query. */
export interface Query extends Node {
  readonly with: readonly CommonTable[];
  readonly body: Body;
  readonly orderBy: readonly OrderTerm[];
  readonly limit: Expr | undefined;
  readonly offset: Expr | undefined;
}
