/**
 * Emits the calls of scalar functions. Functions that need not evaluate all their arguments become
 * code here. After grouping, aggregates are no longer calls.
 */

import { AGGREGATES, SCALARS } from "../function/functions.ts";
import { ARGUMENTS_MAX } from "../function/types.ts";
import { WINDOW_FUNCTIONS } from "../function/windows.ts";
import type { Call, Expr } from "../parse/ast.ts";
import { refuse } from "../value/error.ts";
import type { Context } from "./context.ts";
import { argumentKind } from "./json_argument.ts";
import { collationOfFirst, comparisonOf } from "./rules.ts";
import type { Scope } from "./scope.ts";

const LAZY: ReadonlyMap<string, readonly [least: number, most: number]> = new Map([
  ["coalesce", [2, ARGUMENTS_MAX]],
  ["ifnull", [2, 2]],
  ["iif", [2, ARGUMENTS_MAX]],
  ["if", [2, ARGUMENTS_MAX]],
  ["nullif", [2, 2]],
]);

/** Whether a call is that of an aggregate function. */
export function isAggregate({ name, args, isStar, over }: Call): boolean {
  if (!AGGREGATES.has(name) || over !== undefined) return false;
  return (name !== "min" && name !== "max") || args.length === 1 || isStar;
}

/** Emits a call, and returns the register of its result. */
export function emitCall(context: Context, call: Call, scope: Scope, target: number): number {
  const { name, args, at } = call;
  if (isAggregate(call)) refuse(`misuse of aggregate function ${name.toUpperCase()}()`, at);
  if (call.over !== undefined || WINDOW_FUNCTIONS.has(name)) {
    refuse(`misuse of window function ${name}()`, at);
  }
  if (call.filter !== undefined) refuse("FILTER may not be used with non-aggregate functions", at);
  if (call.isDistinct || call.orderBy.length > 0) {
    refuse("DISTINCT and ORDER BY may only be used with aggregate functions", at);
  }
  const limits = LAZY.get(name) ?? limitsOf(call);
  if (args.length > ARGUMENTS_MAX) refuse(`too many arguments on function ${name}`, at);
  if (args.length < limits[0] || args.length > limits[1] || call.isStar) {
    refuse(`wrong number of arguments to function ${name}()`, at);
  }
  if (LAZY.has(name)) return emitLazy(context, call, scope, target);
  const { builder } = context;
  const first = builder.registers(args.length);
  args.forEach((arg, i) => context.value(arg, scope, first + i));
  const called = {
    call: SCALARS.get(name)!.call,
    collation: collationOfFirst(args, scope),
    isJson: args.map((arg) => argumentKind(arg, scope)),
  };
  builder.emit("Function", first, args.length, target, called, name);
  return target;
}

function limitsOf({ name, at }: Call): readonly [number, number] {
  const found = SCALARS.get(name) ?? refuse(`no such function: ${name}`, at);
  return [found.least, found.most];
}

function emitLazy(context: Context, { name, args, at }: Call, scope: Scope, target: number) {
  if (name === "coalesce" || name === "ifnull") return emitCoalesce(context, args, scope, target);
  if (name === "nullif") return emitNullIf(context, args, scope, target);
  const whens: [Expr, Expr][] = [];
  for (let i = 0; i + 1 < args.length; i += 2) whens.push([args[i]!, args[i + 1]!]);
  const otherwise = args.length % 2 === 1 ? args.at(-1) : undefined;
  return context.value({ kind: "case", operand: undefined, whens, otherwise, at }, scope, target);
}

function emitCoalesce(context: Context, args: readonly Expr[], scope: Scope, target: number) {
  const { builder } = context;
  const end = builder.label();
  const result = builder.registers();
  args.forEach((arg, i) => {
    context.value(arg, scope, result);
    if (i < args.length - 1) builder.emit("NotNull", result, end);
  });
  builder.place(end);
  builder.emit("Copy", result, target);
  return target;
}

function emitNullIf(context: Context, args: readonly Expr[], scope: Scope, target: number) {
  const { builder } = context;
  const [left, right] = args as [Expr, Expr];
  const a = context.value(left, scope);
  const b = context.value(right, scope);
  const { collation } = comparisonOf(context, left, right, scope);
  const end = builder.label();
  const result = builder.registers();
  builder.emit("Null", result, 1);
  const comparison = { collation, left: undefined, right: undefined };
  builder.emit("JumpEq", a, end, b, comparison);
  builder.emit("Copy", a, result);
  builder.place(end);
  builder.emit("Copy", result, target);
  return target;
}
