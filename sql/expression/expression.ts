/**
 * Emits the code of expressions: as values in registers, and as conditions that jump.
 */

import type {
  Between,
  Binary,
  BinaryOperator,
  Case,
  Expr,
  Like,
  Name,
  Raise,
  Unary,
} from "../parse/ast.ts";
import { NO_CALL } from "../parse/expression_parser.ts";
import { affinityOf } from "../value/affinity.ts";
import { negate } from "../value/arithmetic.ts";
import { refuse } from "../value/error.ts";
import type { Opcode } from "../vm/opcodes.ts";
import { StoredLike } from "../vm/stored_like.ts";
import type { Label } from "./builder.ts";
import { emitCall } from "./call.ts";
import { emitColumn, storedColumn } from "./column.ts";
import { type Context, emitOnce, type Expressions } from "./context.ts";
import { groupedValue } from "./grouped.ts";
import { emitIn } from "./in_set.ts";
import { rowBetween, rowComparison, rowPairs } from "./row_value.ts";
import { comparisonOf } from "./rules.ts";
import { meaningOf, ROWID, type Scope } from "./scope.ts";

const ARITHMETIC: Partial<Record<BinaryOperator, Opcode>> = {
  "+": "Add",
  "-": "Subtract",
  "*": "Multiply",
  "/": "Divide",
  "%": "Remainder",
  "||": "Concat",
  "&": "BitAnd",
  "|": "BitOr",
  "<<": "ShiftLeft",
  ">>": "ShiftRight",
  "and": "And",
  "or": "Or",
};

/** The name of each comparison in opcodes, and its opposite. */
const COMPARISONS: Partial<Record<BinaryOperator, readonly [string, BinaryOperator]>> = {
  "=": ["Eq", "!="],
  "!=": ["Ne", "="],
  "<": ["Lt", ">="],
  "<=": ["Le", ">"],
  ">": ["Gt", "<="],
  ">=": ["Ge", "<"],
};

/** Emits the code of expressions. */
export class ExpressionEmitter implements Expressions {
  readonly #context: Context;

  /** Creates an emitter for a statement. */
  constructor(context: Context) {
    this.#context = context;
  }

  /** Emits code for a value. */
  value(expr: Expr, scope: Scope, target?: number): number {
    const register = this.#inPlace(expr, scope);
    const { builder } = this.#context;
    if (register === undefined) return this.#computed(expr, scope, target ?? builder.registers());
    if (target !== undefined) builder.emit("Copy", register, target);
    return target ?? register;
  }

  /** The register that already holds the value of an expression. */
  #inPlace(expr: Expr, scope: Scope): number | undefined {
    const { builder } = this.#context;
    if (expr.kind === "literal") return builder.constant(expr.value);
    if (expr.kind === "parameter") return builder.parameter(expr.number);
    if (expr.kind === "unary" && expr.operator === "-" && expr.operand.kind === "literal") {
      return builder.constant(negate(expr.operand.value));
    }
    if (expr.kind !== "name") return undefined;
    const meaning = meaningOf(expr, scope);
    if (meaning.kind === "boolean") return builder.constant(meaning.value);
    if (meaning.kind !== "column") return undefined;
    const { source, column, scope: found } = meaning.resolved;
    if (found.grouping !== undefined || source.place.kind !== "registers") return undefined;
    this.#context.lowest = Math.min(this.#context.lowest, found.level);
    return column === ROWID ? source.place.rowid! : source.place.first + column;
  }

  #computed(expr: Expr, scope: Scope, target: number): number {
    if (groupedValue(this.#context, expr, scope, target)) return target;
    switch (expr.kind) {
      case "name":
        return this.#name(expr, scope, target);
      case "unary":
        return this.#unary(expr, scope, target);
      case "binary":
        return this.#binary(expr, scope, target);
      case "between":
        return this.#between(expr, scope, target);
      case "in":
        return emitIn(this.#context, expr, scope, target);
      case "like":
        return this.#like(expr, scope, target);
      case "case":
        return this.#case(expr, scope, target);
      case "cast": {
        const operand = this.value(expr.operand, scope);
        this.#context.builder.emit("Cast", operand, target, 0, affinityOf(expr.type));
        return target;
      }
      case "collate":
        return this.value(expr.operand, scope, target);
      case "call":
        return emitCall(this.#context, expr, scope, target);
      case "exists":
        return this.#exists(expr, scope, target);
      case "subquery":
        return this.#subquery(expr, scope, target);
      case "row":
        return refuse("row value misused", expr.at);
      case "raise":
        return this.#raise(expr, scope, target);
    }
    return this.value(expr, scope, target);
  }

  #raise({ action, message, at }: Raise, scope: Scope, target: number): number {
    const { outer, builder } = this.#context;
    if (outer === undefined) refuse("RAISE() may only be used within a trigger-program", at);
    const text = message === undefined ? 0 : this.value(message, scope);
    builder.emit("Raise", text, 0, 0, action);
    return target;
  }

  #name(name: Name, scope: Scope, target: number): number {
    const meaning = meaningOf(name, scope);
    if (meaning.kind === "alias") return this.value(meaning.expr, meaning.scope, target);
    if (meaning.kind !== "column") return this.value(name, scope, target);
    emitColumn(this.#context, meaning.resolved, target);
    return target;
  }

  #unary({ operator, operand }: Unary, scope: Scope, target: number): number {
    const opcodes = {
      "-": "Negative",
      "~": "BitNot",
      "not": "Not",
      "isnull": "TestNull",
      "notnull": "TestNotNull",
    } as const;
    if (operator === "+") return this.value(operand, scope, target);
    this.#context.builder.emit(opcodes[operator], this.value(operand, scope), target);
    return target;
  }

  #binary(expr: Binary, scope: Scope, target: number): number {
    const { operator, left, right, at } = expr;
    const { builder } = this.#context;
    if (left.kind === "row" || right.kind === "row") return this.#rows(expr, scope, target);
    const opcode = ARITHMETIC[operator];
    if (opcode !== undefined) {
      const a = this.value(left, scope);
      builder.emit(opcode, a, this.value(right, scope), target);
      return target;
    }
    if (operator === "->" || operator === "->>") {
      const name = operator === "->" ? "json_arrow" : "json_arrow_text";
      const call = { kind: "call", name, args: [left, right], at } as const;
      return emitCall(this.#context, { ...NO_CALL, ...call }, scope, target);
    }
    if (operator === "is" || operator === "is not") {
      const truth = this.#isBoolean(right, scope);
      if (truth !== undefined) return this.#isTruth(expr, truth, scope, target);
    }
    const name = operator === "is" ? "Is" : operator === "is not" ? "IsNot" : undefined;
    const comparison = comparisonOf(this.#context, left, right, scope);
    const a = this.value(left, scope);
    const b = this.value(right, scope);
    builder.emit((name ?? COMPARISONS[operator]![0]) as Opcode, a, target, b, comparison);
    return target;
  }

  #isBoolean(expr: Expr, scope: Scope): boolean | undefined {
    if (expr.kind !== "name") return undefined;
    const meaning = meaningOf(expr, scope);
    return meaning.kind === "boolean" ? meaning.value === 1 : undefined;
  }

  /** `x IS TRUE` and its kin, which are never NULL. */
  #isTruth(expr: Binary, truth: boolean, scope: Scope, target: number): number {
    const { builder } = this.#context;
    const label = builder.label();
    const isNot = expr.operator === "is not";
    const result = builder.registers();
    builder.emit("Value", result, 0, 0, isNot ? 0 : 1);
    this.jump(expr.left, scope, label, truth, false);
    builder.emit("Value", result, 0, 0, isNot ? 1 : 0);
    builder.place(label);
    builder.emit("Copy", result, target);
    return target;
  }

  /** A comparison of rows, as one of their items. */
  #rows({ operator, left, right, at }: Binary, scope: Scope, target: number): number {
    const compared = rowComparison(operator, rowPairs(left, right, at), at);
    return this.value(compared, scope, target);
  }

  #between(expr: Between, scope: Scope, target: number): number {
    const { operand, low, high, isNot } = expr;
    const { builder } = this.#context;
    if (operand.kind === "row") return this.value(rowBetween(expr), scope, target);
    const value = this.value(operand, scope);
    const above = builder.registers();
    const below = builder.registers();
    const lowest = this.value(low, scope);
    builder.emit("Ge", value, above, lowest, comparisonOf(this.#context, operand, low, scope));
    const highest = this.value(high, scope);
    builder.emit("Le", value, below, highest, comparisonOf(this.#context, operand, high, scope));
    builder.emit("And", above, below, target);
    if (isNot) builder.emit("Not", target, target);
    return target;
  }

  #like(expr: Like, scope: Scope, target: number): number {
    const { builder } = this.#context;
    const stored = expr.operator === "like" && scope.grouping === undefined
      ? storedColumn(this.#context, expr.operand, scope)
      : undefined;
    const operand = stored === undefined ? this.value(expr.operand, scope) : stored.cursor;
    const pattern = this.value(expr.pattern, scope);
    const escape = expr.escape === undefined ? undefined : this.value(expr.escape, scope);
    const opcode = expr.operator === "like" ? "Like" : "Glob";
    if (stored === undefined) builder.emit(opcode, operand, pattern, target, escape);
    else {
      const tested = new StoredLike(stored.column, escape);
      builder.emit("LikeColumn", operand, pattern, target, tested);
    }
    if (expr.isNot) builder.emit("Not", target, target);
    return target;
  }

  #case({ operand, whens, otherwise }: Case, scope: Scope, target: number): number {
    const { builder } = this.#context;
    const end = builder.label();
    // The parts may refer to the target's old value.
    const result = builder.registers();
    const value = operand === undefined ? undefined : this.value(operand, scope);
    for (const [when, then] of whens) {
      const next = builder.label();
      if (value === undefined) this.jump(when, scope, next, false, true);
      else {
        const comparison = comparisonOf(this.#context, operand!, when, scope);
        builder.emit("UnlessEq", value, next, this.value(when, scope), comparison);
      }
      this.value(then, scope, result);
      builder.emit("Goto", 0, end);
      builder.place(next);
    }
    if (otherwise === undefined) builder.emit("Null", result, 1);
    else this.value(otherwise, scope, result);
    builder.place(end);
    builder.emit("Copy", result, target);
    return target;
  }

  #exists({ query }: Expr & { kind: "exists" }, scope: Scope, target: number): number {
    const { builder } = this.#context;
    const prepared = this.#context.prepare(query, scope, scope.common);
    const result = builder.registers();
    emitOnce(this.#context, scope.level, () => {
      const end = builder.label();
      builder.emit("Value", result, 0, 0, 0);
      prepared.emit(() => {
        builder.emit("Value", result, 0, 0, 1);
        builder.emit("Goto", 0, end);
      });
      builder.place(end);
    });
    builder.emit("Copy", result, target);
    return target;
  }

  #subquery(expr: Expr & { kind: "subquery" }, scope: Scope, target: number): number {
    const { builder } = this.#context;
    const prepared = this.#context.prepare(expr.query, scope, scope.common);
    if (prepared.columns.length !== 1) {
      refuse(`sub-select returns ${prepared.columns.length} columns - expected 1`, expr.at);
    }
    const result = builder.registers();
    emitOnce(this.#context, scope.level, () => {
      const end = builder.label();
      builder.emit("Null", result, 1);
      prepared.emit((first) => {
        builder.emit("Copy", first, result);
        builder.emit("Goto", 0, end);
      });
      builder.place(end);
    });
    builder.emit("Copy", result, target);
    return target;
  }

  /** Emits a jump that is taken if an expression is `when`, and with `orNull` if it is NULL. */
  jump(expr: Expr, scope: Scope, label: Label, when: boolean, orNull: boolean): void {
    if (expr.kind === "binary" && !this.#isGrouped(scope)) {
      if (expr.operator === "and" || expr.operator === "or") {
        return this.#jumpLogic(expr, scope, label, when, orNull);
      }
      const isRow = expr.left.kind === "row" || expr.right.kind === "row";
      if (COMPARISONS[expr.operator] !== undefined && !isRow) {
        return this.#jumpComparison(expr, scope, label, when, orNull);
      }
    }
    if (expr.kind === "unary" && !this.#isGrouped(scope)) {
      if (expr.operator === "not") return this.jump(expr.operand, scope, label, !when, orNull);
      if (expr.operator === "isnull" || expr.operator === "notnull") {
        const opcode = (expr.operator === "isnull") === when ? "IsNull" : "NotNull";
        this.#context.builder.emit(opcode, this.value(expr.operand, scope), label);
        return;
      }
    }
    const value = this.value(expr, scope);
    this.#context.builder.emit(when ? "If" : "IfNot", value, label, orNull ? 1 : 0);
  }

  /** After grouping, a whole expression may be a key of the group. */
  #isGrouped(scope: Scope): boolean {
    return scope.grouping !== undefined;
  }

  #jumpLogic(expr: Binary, scope: Scope, label: Label, when: boolean, orNull: boolean): void {
    const { left, right, operator } = expr;
    // One side decides alone if it has the value that the operator looks for.
    if ((operator === "or") === when) {
      this.jump(left, scope, label, when, orNull);
      this.jump(right, scope, label, when, orNull);
      return;
    }
    const { builder } = this.#context;
    const past = builder.label();
    this.jump(left, scope, past, !when, !orNull);
    this.jump(right, scope, label, when, orNull);
    builder.place(past);
  }

  #jumpComparison(expr: Binary, scope: Scope, label: Label, when: boolean, orNull: boolean) {
    const { left, right } = expr;
    const [, opposite] = COMPARISONS[expr.operator]!;
    // A jump that NULL takes too is a jump unless the opposite holds.
    const isUnless = orNull;
    const operator = isUnless === when ? opposite : expr.operator;
    const [name] = COMPARISONS[operator]!;
    const comparison = comparisonOf(this.#context, left, right, scope);
    const a = this.value(left, scope);
    const b = this.value(right, scope);
    const opcode = `${isUnless ? "Unless" : "Jump"}${name}` as Opcode;
    this.#context.builder.emit(opcode, a, label, b, comparison);
  }
}
