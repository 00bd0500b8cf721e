/**
 * Opcodes on values: arithmetic, comparison, logic, conversion, functions.
 */

import type { FunctionContext, ScalarFunction } from "../function/functions.ts";
import { type Affinity, applyAffinity, cast } from "../value/affinity.ts";
import * as arithmetic from "../value/arithmetic.ts";
import { type Collation, compare } from "../value/compare.ts";
import { isTrue, textOf } from "../value/number_text.ts";
import { escapeOf, glob, like, prefixOfPattern } from "../value/pattern.ts";
import { type SqlValue, truth } from "../value/value.ts";
import type { TableCursor } from "./cursor.ts";
import type { Handler, Instruction, Machine } from "./machine.ts";
import type { StoredLike } from "./stored_like.ts";

/** How two values are compared. */
export interface Comparison {
  readonly collation: Collation;
  /** The affinity that the left side gets first, if any. */
  readonly left: Affinity | undefined;
  /** The affinity that the right side gets first, if any. */
  readonly right: Affinity | undefined;
}

/** A function and what it needs. */
export interface Called {
  readonly call: ScalarFunction;
  readonly collation: Collation;
  readonly isJson: FunctionContext["isJson"];
}

/** How a pattern is read. */
export interface PatternKind {
  readonly operator: "like" | "glob";
  /** The register of the escape; undefined = there is none. */
  readonly escape: number | undefined;
}

/** The order of p1 and p3 by the comparison in p4; undefined if one is NULL. */
function ordered(m: Machine, i: Instruction): number | undefined {
  let a: SqlValue = m.registers[i.p1]!;
  let b: SqlValue = m.registers[i.p3]!;
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (a === null || b === null) return undefined;
  const { left, right, collation } = i.p4 as Comparison;
  // As in SQLite, the affinity TEXT converts nothing unless one of the values is text.
  const isText = typeof a === "string" || typeof b === "string";
  if (left !== undefined && (isText || left !== "TEXT")) a = applyAffinity(a, left);
  if (right !== undefined && (isText || right !== "TEXT")) b = applyAffinity(b, right);
  return compare(a, b, collation);
}

/** Jumps to p2 if p1 and p3 compare so. */
function jump(isSo: (order: number) => boolean): Handler {
  return (m, i) => {
    const order = ordered(m, i);
    if (order !== undefined && isSo(order)) m.pc = i.p2;
  };
}

/** Jumps to p2 unless p1 and p3 compare so, also for NULL. */
function jumpUnless(isSo: (order: number) => boolean): Handler {
  return (m, i) => {
    const order = ordered(m, i);
    if (order === undefined || !isSo(order)) m.pc = i.p2;
  };
}

/** Whether p1 and p3 compare so, in p2. */
function test(isSo: (order: number) => boolean): Handler {
  return (m, i) => {
    const order = ordered(m, i);
    m.registers[i.p2] = order === undefined ? null : isSo(order) ? 1 : 0;
  };
}

/** Whether p1 and p3 are the same, NULLs included. */
function isSame(m: Machine, i: Instruction): boolean {
  const order = ordered(m, i);
  if (order !== undefined) return order === 0;
  return m.registers[i.p1] === null && m.registers[i.p3] === null;
}

/** Sets p3 to a function of p1 and p2. */
function binary(operation: (a: SqlValue, b: SqlValue) => SqlValue): Handler {
  return (m, i) => {
    m.registers[i.p3] = operation(m.registers[i.p1]!, m.registers[i.p2]!);
  };
}

/** Sets p2 to a function of p1. */
function unary(operation: (a: SqlValue) => SqlValue): Handler {
  return (m, i) => {
    m.registers[i.p2] = operation(m.registers[i.p1]!);
  };
}

function both(a: SqlValue, b: SqlValue): SqlValue {
  const x = isTrue(a);
  const y = isTrue(b);
  if (x === false || y === false) return 0;
  return x === undefined || y === undefined ? null : 1;
}

function either(a: SqlValue, b: SqlValue): SqlValue {
  const x = isTrue(a);
  const y = isTrue(b);
  if (x === true || y === true) return 1;
  return x === undefined || y === undefined ? null : 0;
}

function not(a: SqlValue): SqlValue {
  const x = isTrue(a);
  return x === undefined ? null : truth(!x);
}

/** The result of LIKE; `escape` is undefined where there is no ESCAPE. */
function isLike(text: SqlValue, pattern: SqlValue, escape: SqlValue | undefined): SqlValue {
  if (text === null || pattern === null) return null;
  if (escape === undefined) return truth(like(textOf(pattern), textOf(text)));
  if (escape === null) return null;
  return truth(like(textOf(pattern), textOf(text), escapeOf(textOf(escape))));
}

/** The result of GLOB. */
function isGlob(text: SqlValue, pattern: SqlValue): SqlValue {
  if (text === null || pattern === null) return null;
  return truth(glob(textOf(pattern), textOf(text)));
}

/** The arguments of a call: p2 registers from p1 on. */
function argumentsOf(m: Machine, i: Instruction): SqlValue[] {
  return m.registers.slice(i.p1, i.p1 + i.p2);
}

/** The opcodes on values. */
export const VALUE_OPS = {
  /** Sets p2 registers from p1 on to NULL. */
  Null(m, i) {
    for (let at = i.p1; at < i.p1 + i.p2; at++) m.registers[at] = null;
  },

  /** Sets p1 to the value p4. */
  Value(m, i) {
    m.registers[i.p1] = i.p4 as SqlValue;
  },

  /** Copies p1 to p2. */
  Copy(m, i) {
    m.registers[i.p2] = m.registers[i.p1]!;
  },

  /** Sets p3 to p1 + p2. */
  Add: binary(arithmetic.add),
  /** Sets p3 to p1 - p2. */
  Subtract: binary(arithmetic.subtract),
  /** Sets p3 to p1 * p2. */
  Multiply: binary(arithmetic.multiply),
  /** Sets p3 to p1 / p2. */
  Divide: binary(arithmetic.divide),
  /** Sets p3 to p1 % p2. */
  Remainder: binary(arithmetic.remainder),
  /** Sets p3 to p1 || p2. */
  Concat: binary(arithmetic.concatenate),
  /** Sets p3 to p1 & p2. */
  BitAnd: binary((a, b) => arithmetic.bitwise("&", a, b)),
  /** Sets p3 to p1 | p2. */
  BitOr: binary((a, b) => arithmetic.bitwise("|", a, b)),
  /** Sets p3 to p1 << p2. */
  ShiftLeft: binary((a, b) => arithmetic.bitwise("<<", a, b)),
  /** Sets p3 to p1 >> p2. */
  ShiftRight: binary((a, b) => arithmetic.bitwise(">>", a, b)),
  /** Sets p3 to p1 AND p2. */
  And: binary(both),
  /** Sets p3 to p1 OR p2. */
  Or: binary(either),
  /** Sets p2 to NOT p1. */
  Not: unary(not),
  /** Sets p2 to -p1. */
  Negative: unary(arithmetic.negate),
  /** Sets p2 to ~p1. */
  BitNot: unary(arithmetic.complement),
  /** Sets p2 to whether p1 is NULL. */
  TestNull: unary((value) => truth(value === null)),
  /** Sets p2 to whether p1 is not NULL. */
  TestNotNull: unary((value) => truth(value !== null)),

  /** Sets p2 to whether p1 = p3. */
  Eq: test((order) => order === 0),
  /** Sets p2 to whether p1 != p3. */
  Ne: test((order) => order !== 0),
  /** Sets p2 to whether p1 < p3. */
  Lt: test((order) => order < 0),
  /** Sets p2 to whether p1 <= p3. */
  Le: test((order) => order <= 0),
  /** Sets p2 to whether p1 > p3. */
  Gt: test((order) => order > 0),
  /** Sets p2 to whether p1 >= p3. */
  Ge: test((order) => order >= 0),
  /** Sets p2 to whether p1 IS p3. */
  Is(m, i) {
    m.registers[i.p2] = truth(isSame(m, i));
  },
  /** Sets p2 to whether p1 IS NOT p3. */
  IsNot(m, i) {
    m.registers[i.p2] = truth(!isSame(m, i));
  },

  /** Jumps to p2 if p1 = p3. */
  JumpEq: jump((order) => order === 0),
  /** Jumps to p2 if p1 != p3. */
  JumpNe: jump((order) => order !== 0),
  /** Jumps to p2 if p1 < p3. */
  JumpLt: jump((order) => order < 0),
  /** Jumps to p2 if p1 <= p3. */
  JumpLe: jump((order) => order <= 0),
  /** Jumps to p2 if p1 > p3. */
  JumpGt: jump((order) => order > 0),
  /** Jumps to p2 if p1 >= p3. */
  JumpGe: jump((order) => order >= 0),
  /** Jumps to p2 unless p1 = p3. */
  UnlessEq: jumpUnless((order) => order === 0),
  /** Jumps to p2 unless p1 != p3. */
  UnlessNe: jumpUnless((order) => order !== 0),
  /** Jumps to p2 unless p1 < p3. */
  UnlessLt: jumpUnless((order) => order < 0),
  /** Jumps to p2 unless p1 <= p3. */
  UnlessLe: jumpUnless((order) => order <= 0),
  /** Jumps to p2 unless p1 > p3. */
  UnlessGt: jumpUnless((order) => order > 0),
  /** Jumps to p2 unless p1 >= p3. */
  UnlessGe: jumpUnless((order) => order >= 0),

  /** Sets p3 to whether p1 is LIKE p2; p4 has the escape. */
  Like(m, i) {
    const escape = i.p4 === undefined ? undefined : m.registers[i.p4 as number]!;
    m.registers[i.p3] = isLike(m.registers[i.p1]!, m.registers[i.p2]!, escape);
  },
  /** Sets p3 to whether a column of the table p1 is LIKE p2; p4 has the column and the escape. */
  LikeColumn(m, i) {
    const tested = i.p4 as StoredLike;
    const pattern = m.registers[i.p2]!;
    const escape = tested.escape === undefined ? undefined : m.registers[tested.escape]!;
    const cursor = m.cursors[i.p1] as TableCursor;
    const found = tested.matches(cursor, pattern, escape);
    m.registers[i.p3] = found === undefined
      ? isLike(cursor.column(tested.column), pattern, escape)
      : truth(found);
  },
  /** Sets p3 to whether p1 is GLOB p2. */
  Glob(m, i) {
    m.registers[i.p3] = isGlob(m.registers[i.p1]!, m.registers[i.p2]!);
  },
  /** Sets p3 to that with which the texts begin that match the pattern p1, of the kind p4. */
  PatternPrefix(m, i) {
    const { operator, escape } = i.p4 as PatternKind;
    const escaped = escape === undefined ? undefined : m.registers[escape];
    m.registers[i.p3] = prefixOfPattern(operator, m.registers[i.p1]!, escaped);
  },

  /** Applies the affinity p4 to p1. */
  Affinity(m, i) {
    m.registers[i.p1] = applyAffinity(m.registers[i.p1]!, i.p4 as Affinity);
  },
  /** Sets p2 to p1 cast to the affinity p4. */
  Cast(m, i) {
    m.registers[i.p2] = cast(m.registers[i.p1]!, i.p4 as Affinity);
  },
  /** Sets p3 to a function of p2 registers from p1 on. */
  Function(m, i) {
    const { call, collation, isJson } = i.p4 as Called;
    const context: FunctionContext = { collation, isJson, counts: m.store.counts };
    m.registers[i.p3] = call(argumentsOf(m, i), context);
  },
} satisfies Record<string, Handler>;
