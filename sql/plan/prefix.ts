/**
 * GLOB and LIKE as bounds of a key: all texts that match a pattern begin with what is before its
 * first wildcard. Blobs match as the text of their bytes, so they are in another range.
 *
 * Numbers match as text too, so only keys of columns with the affinity TEXT, which have none, are
 * searched.
 */

import type { Scope, Source } from "../expression/scope.ts";
import type { Expr, Like } from "../parse/ast.ts";
import type { Affinity } from "../value/affinity.ts";
import type { Collation } from "../value/compare.ts";
import { baseColumn, type Term } from "./loop.ts";

/** A part of a key that may have texts. */
interface TextPart {
  readonly column: number;
  readonly affinity: Affinity;
  readonly collation: Collation;
}

/** What a pattern has before its first wildcard. */
const BEFORE = { glob: /^[^*?[]+/, like: /^[^%_]+/ } as const;
/** The collation under which texts that a pattern matches are equal. */
const COLLATION = { glob: "BINARY", like: "NOCASE" } as const;

/** With what all texts in a part of a key begin, if some terms hold; undefined if with anything. */
export function prefixOf(
  terms: readonly Term[],
  part: TextPart,
  source: Source,
): string | undefined {
  if (part.column < 0 || part.affinity !== "TEXT") return undefined;
  for (const { expr, scope } of terms) {
    if (expr.kind !== "like" || COLLATION[expr.operator] !== part.collation) continue;
    if (!isColumn(expr.operand, scope, part.column, source)) continue;
    const prefix = prefixIn(expr);
    if (prefix !== undefined) return prefix;
  }
  return undefined;
}

function isColumn(expr: Expr, scope: Scope, column: number, source: Source): boolean {
  const found = baseColumn(expr, scope);
  return found?.source === source && found.column === column;
}

function prefixIn({ operator, pattern, escape, isNot }: Like): string | undefined {
  const isPlain = pattern.kind === "literal" && escape === undefined && !isNot;
  if (!isPlain || typeof pattern.value !== "string") return undefined;
  return BEFORE[operator].exec(pattern.value)?.[0];
}
