/**
 * GLOB and LIKE as bounds of a key: all texts that match a pattern begin with what is before its
 * first wildcard. Blobs match as the text of their bytes, so they are in another range.
 *
 * A pattern that is not a literal has its prefix when the query runs. One that begins with a
 * parameter is a bound only in programs for values with a prefix, as a search for all texts takes
 * longer than a scan: the program names these parameters, and the statement checks their values.
 *
 * Numbers match as text too, so only keys of columns with the affinity TEXT, which have none, are
 * searched.
 */

import type { Context } from "../expression/context.ts";
import type { Scope, Source } from "../expression/scope.ts";
import type { Expr, Like } from "../parse/ast.ts";
import { callsRandom } from "../schema/deterministic.ts";
import type { Affinity } from "../value/affinity.ts";
import type { Collation } from "../value/compare.ts";
import { prefixOfPattern } from "../value/pattern.ts";
import { baseColumn, type Loop, loopsIn, only, type Term } from "./loop.ts";

/** A part of a key that may have texts. */
interface TextPart {
  readonly column: number;
  readonly affinity: Affinity;
  readonly collation: Collation;
}

/** A pattern that bounds a key. */
export interface Prefix {
  readonly like: Like;
  readonly scope: Scope;
  /** With what its texts begin; undefined if that is not known before the query runs. */
  readonly text: string | undefined;
  /** The number of the parameter with which the pattern begins; undefined if it is a literal. */
  readonly parameter: number | undefined;
}

/** The collation under which texts that a pattern matches are equal. */
const COLLATION = { glob: "BINARY", like: "NOCASE" } as const;

/** The pattern that bounds a part of the key of a loop; undefined if no term has one. */
export function prefixOf(
  context: Context,
  terms: readonly Term[],
  part: TextPart,
  loops: readonly Loop[],
  index: number,
): Prefix | undefined {
  if (part.column < 0 || part.affinity !== "TEXT") return undefined;
  const { source } = loops[index]!;
  for (const { expr, scope } of terms) {
    if (expr.kind !== "like" || expr.isNot || COLLATION[expr.operator] !== part.collation) continue;
    if (!isColumn(expr.operand, scope, part.column, source)) continue;
    const given = [expr.pattern, expr.escape].filter((each) => each !== undefined);
    const isFixed = given.every((each) =>
      (loopsIn(each, scope, loops) & only(index)) === 0n && !callsRandom(each)
    );
    const found = isFixed ? prefixIn(context, expr, scope) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isColumn(expr: Expr, scope: Scope, column: number, source: Source): boolean {
  const found = baseColumn(expr, scope);
  return found?.source === source && found.column === column;
}

function prefixIn(context: Context, like: Like, scope: Scope): Prefix | undefined {
  const { operator, pattern, escape } = like;
  const first = beginningOf(pattern);
  if (first.kind === "parameter") {
    if (!context.usesPatterns) return undefined;
    return { like, scope, text: undefined, parameter: first.number };
  }
  const isKnown = escape === undefined || escape.kind === "literal";
  if (first.kind !== "literal" || !isKnown) return undefined;
  const text = prefixOfPattern(operator, first.value, escape?.value);
  if (text === "") return undefined;
  return { like, scope, text: first === pattern ? text : undefined, parameter: undefined };
}

/** What is on the left of all concatenations of an expression. */
function beginningOf(expr: Expr): Expr {
  return expr.kind === "binary" && expr.operator === "||" ? beginningOf(expr.left) : expr;
}
