/**
 * The terms of ORDER BY: what they refer to, and how a sorter compares them.
 */

import { isSame } from "../expression/grouped.ts";
import { collationOfFirst, columnIn, columnOf } from "../expression/rules.ts";
import type { Scope } from "../expression/scope.ts";
import type { Expr, OrderTerm } from "../parse/ast.ts";
import { isAlike } from "../parse/walk.ts";
import type { SortTerm } from "../rows/sorter.ts";
import { keyOfName } from "../schema/types.ts";
import { refuse } from "../value/error.ts";
import type { Output } from "./columns.ts";

/** The greatest number that is a place; greater ones are constants, as in SQLite. */
const PLACE_MAX = 0x7fff_ffff;

/** A term of ORDER BY: a column of the result, or another expression. */
export interface Ordering {
  /** The column of the result; -1 for others. */
  readonly output: number;
  readonly expr: Expr;
  readonly isDescending: boolean;
  readonly nullsLast: boolean;
}

/** Resolves the terms of ORDER BY: by number, by alias, or by expression. */
export function orderings(
  terms: readonly OrderTerm[],
  outputs: readonly Output[],
  scope: Scope,
): Ordering[] {
  return terms.map((term, i) => {
    const { expr, isDescending, nulls } = term;
    const output = outputOf(expr, i, outputs, scope);
    const found = output < 0 ? expr : withCollation(outputs[output]!.expr, expr);
    const nullsLast = nulls === undefined ? isDescending : nulls === "last";
    return { output, expr: found, isDescending, nullsLast };
  });
}

/** `ORDER BY 1 COLLATE NOCASE` is the column with another collation. */
function withCollation(output: Expr, written: Expr): Expr {
  return written.kind === "collate" ? { ...written, operand: output } : output;
}

function outputOf(expr: Expr, term: number, outputs: readonly Output[], scope: Scope): number {
  if (expr.kind === "collate") return outputOf(expr.operand, term, outputs, scope);
  const number = numberOf(expr);
  if (number !== undefined) {
    checkNumber("ORDER BY", number, term, outputs.length, expr.at);
    return number - 1;
  }
  const alias = aliasOf(expr, outputs);
  if (alias >= 0) return alias;
  return outputs.findIndex((output) =>
    isAlike(expr, output.expr, (a, b) => isSame(columnIn(a, scope), columnIn(b, scope)))
  );
}

/** The column of a result whose alias a term is; -1 if none. */
function aliasOf(expr: Expr, outputs: readonly Output[]): number {
  if (expr.kind !== "name" || expr.table !== undefined) return -1;
  const key = keyOfName(expr.column);
  return outputs.findIndex(({ alias }) => alias !== undefined && keyOfName(alias) === key);
}

/** The column of a SELECT of a compound that a term of ORDER BY names or repeats; -1 if none. */
export function columnOfTerm(expr: Expr, outputs: readonly Output[], scope: Scope): number {
  const alias = aliasOf(expr, outputs);
  if (alias >= 0) return alias;
  return outputs.findIndex((output) =>
    isAlike(expr, output.expr, (term, result) => {
      // The names of the term may have no meaning here.
      const column = columnIn(result, scope);
      if (column === undefined || term.kind !== "name") return false;
      const { source } = column;
      return keyOfName(term.column) === keyOfName(columnOf(column).name) &&
        (term.table === undefined || keyOfName(term.table) === keyOfName(source.name));
    })
  );
}

/** The number that a term is, with any signs and collations; undefined if it is none. */
export function numberOf(expr: Expr): number | undefined {
  if (expr.kind === "collate") return numberOf(expr.operand);
  if (expr.kind === "unary" && (expr.operator === "-" || expr.operator === "+")) {
    const number = numberOf(expr.operand);
    return number === undefined || expr.operator === "+" ? number : -number;
  }
  const isSmall = expr.kind === "literal" && typeof expr.value === "number" &&
    expr.value <= PLACE_MAX;
  return isSmall ? expr.value as number : undefined;
}

/** Refuses a number that is none of a column of the result. */
export function checkNumber(
  clause: "ORDER BY" | "GROUP BY",
  number: number,
  term: number,
  count: number,
  at: number,
): void {
  if (number >= 1 && number <= count) return;
  refuse(`${ordinal(term)} ${clause} term out of range - should be between 1 and ${count}`, at);
}

/** The place of a term as an ordinal. */
export function ordinal(term: number): string {
  return `${term + 1}${["st", "nd", "rd"][term] ?? "th"}`;
}

/** How a sorter compares the terms. */
export function sortTerms(terms: readonly Ordering[], scope: Scope): SortTerm[] {
  return terms.map(({ expr, isDescending, nullsLast }) => ({
    collation: collationOfFirst([expr], scope),
    isDescending,
    nullsLast,
  }));
}
