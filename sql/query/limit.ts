/**
 * LIMIT and OFFSET: registers that count down.
 */

import type { Builder, Label } from "../expression/builder.ts";
import type { Context } from "../expression/context.ts";
import type { Scope } from "../expression/scope.ts";
import type { Query } from "../parse/ast.ts";

/** The registers of LIMIT and OFFSET; undefined where there is none. */
export interface Limit {
  readonly limit: number | undefined;
  readonly offset: number | undefined;
}

/** Emits the values of LIMIT and OFFSET; with a LIMIT of 0 it jumps to `end`. */
export function emitLimit(
  context: Context,
  { limit, offset }: Pick<Query, "limit" | "offset">,
  scope: Scope,
  end: Label,
): Limit {
  const { builder } = context;
  if (limit === undefined) return { limit: undefined, offset: undefined };
  // They see the scopes around the query, but not its sources.
  const outside: Scope = { ...scope, sources: [], aliases: new Map(), grouping: undefined };
  const count = context.value(limit, outside, builder.registers());
  builder.emit("LimitOf", count);
  builder.emit("IfNot", count, end);
  if (offset === undefined) return { limit: count, offset: undefined };
  const before = context.value(offset, outside, builder.registers());
  builder.emit("LimitOf", before, 0, 1);
  return { limit: count, offset: before };
}

/** Emits a jump to `next` for a row that OFFSET skips. */
export function passOffset(builder: Builder, offset: Limit["offset"], next: Label): void {
  if (offset !== undefined) builder.emit("IfPositive", offset, next);
}

/** Emits a row between jumps: to `next` for rows that OFFSET skips, to `end` after the last. */
export function passLimit(
  { builder }: Context,
  { limit, offset }: Limit,
  next: Label,
  end: Label,
  row: () => void,
): void {
  passOffset(builder, offset, next);
  row();
  if (limit !== undefined) builder.emit("LimitReached", limit, end);
}
