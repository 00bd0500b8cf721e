/**
 * Emits the ranges of a key access: the values of their bounds, and the loops over several ranges,
 * one for each value of IN, or for the texts and the blobs that begin with a prefix.
 */

import type { Label } from "../expression/builder.ts";
import type { Context } from "../expression/context.ts";
import { emitInSet } from "../expression/in_set.ts";
import type { Bound, KeyAccess } from "../plan/key_access.ts";
import type { Prefix } from "../plan/prefix.ts";
import { FORWARD, type Moves, type PrefixRegisters, type ScanRange } from "../vm/key_range.ts";

/** The range of all keys. */
export const WHOLE: ScanRange = {
  equal: [],
  lower: undefined,
  upper: undefined,
  prefix: undefined,
  collations: [],
  isRowid: false,
  ...FORWARD,
};

/** What to search a key for: the rowid in a register, or a range. */
export type Search =
  | { readonly kind: "rowid"; readonly register: number }
  | { readonly kind: "range"; readonly range: ScanRange };

/**
 * Emits the code of each range of an access path.
 *
 * @param end Where to go on after the last range.
 * @param body Emits the search in one range, which goes on at `after`.
 */
export function emitRanges(
  context: Context,
  access: KeyAccess,
  moves: Moves,
  end: Label,
  body: (search: Search, after: Label) => void,
): void {
  emitValues(context, access.equal, end, (valueOf, after) => {
    if (access.isRowid && access.equal.length > 0) {
      return body({ kind: "rowid", register: valueOf(access.equal[0]!) }, after);
    }
    emitPrefixes(context, access.prefix, after, (prefix, last) => {
      const { equal, lower, upper, collations, isRowid } = access;
      const bound = (given: Bound | undefined) =>
        given && { register: valueOf(given), isInclusive: given.isInclusive };
      const range = {
        equal: equal.map(valueOf),
        lower: bound(lower),
        upper: bound(upper),
        prefix,
        collations,
        isRowid,
        ...moves,
      };
      body({ kind: "range", range }, last);
    });
  });
}

/** Emits a loop over the values of IN, if one of the bounds has them. */
function emitValues(
  context: Context,
  equal: readonly Bound[],
  end: Label,
  body: (valueOf: (bound: Bound) => number, after: Label) => void,
): void {
  const bound = equal.find(({ within }) => within !== undefined);
  if (bound === undefined) return body((each) => boundValue(context, each), end);
  const { builder } = context;
  const { set } = emitInSet(context, bound.within!, bound.scope, true);
  const value = builder.registers();
  const [each, after] = [builder.label(), builder.label()];
  builder.emit("Rewind", set, end);
  builder.place(each);
  builder.emit("RowColumn", set, 0, value);
  body((other) => other === bound ? value : boundValue(context, other), after);
  builder.place(after);
  builder.emit("NextRow", set, each);
}

function boundValue(context: Context, { expr, scope, affinity }: Bound): number {
  if (affinity === undefined) return context.value(expr, scope);
  const { builder } = context;
  const register = builder.registers();
  context.value(expr, scope, register);
  builder.emit("Affinity", register, 0, 0, affinity);
  return register;
}

/** Emits a loop over the texts and the blobs with a prefix, if there is one. */
function emitPrefixes(
  context: Context,
  given: Prefix | undefined,
  end: Label,
  body: (prefix: PrefixRegisters | undefined, after: Label) => void,
): void {
  if (given === undefined) return body(undefined, end);
  const { builder } = context;
  const text = emitPrefix(context, given);
  const isSecond = builder.registers();
  const [each, after] = [builder.label(), builder.label()];
  builder.emit("Value", isSecond, 0, 0, 0);
  builder.place(each);
  body({ text, isSecond }, after);
  builder.place(after);
  builder.emit("If", isSecond, end);
  builder.emit("Value", isSecond, 0, 0, 1);
  builder.emit("Goto", 0, each);
}

/** Emits the text with which the texts that match a pattern begin. */
function emitPrefix(context: Context, { like, scope, text, parameter }: Prefix): number {
  const { builder } = context;
  if (text !== undefined) return builder.constant(text);
  const { operator, escape } = like;
  if (parameter !== undefined) builder.pattern(operator, parameter);
  const pattern = context.value(like.pattern, scope);
  const escaped = escape && context.value(escape, scope);
  const found = builder.registers();
  builder.emit("PatternPrefix", pattern, 0, found, { operator, escape: escaped });
  return found;
}
