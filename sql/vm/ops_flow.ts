/**
 * Opcodes of control: jumps, subroutines, rows of the result, the end.
 */

import { applyAffinity } from "../value/affinity.ts";
import { SqlError } from "../value/error.ts";
import { isTrue } from "../value/number_text.ts";
import type { SqlValue } from "../value/value.ts";
import type { Handler } from "./machine.ts";

/**
 * A LIMIT as a number; less than 0 means all. An OFFSET of less than 0 is 0.
 *
 * @throws {SqlError} It is not an integer.
 */
export function castLimit(value: SqlValue, isOffset: boolean): number {
  const integer = applyAffinity(value, "INTEGER");
  if (typeof integer !== "number" && typeof integer !== "bigint") {
    throw new SqlError("VALUE", "datatype mismatch: LIMIT and OFFSET are integers");
  }
  const number = Number(integer);
  return number < 0 ? (isOffset ? 0 : -1) : number;
}

/** The opcodes of control. */
export const FLOW_OPS = {
  /** Does nothing. */
  Noop: () => {},

  /** Jumps to p2. */
  Goto(m, i) {
    m.pc = i.p2;
  },

  /** Keeps the next address in p1 and jumps to p2. */
  Gosub(m, i) {
    m.registers[i.p1] = m.pc;
    m.pc = i.p2;
  },

  /** Jumps to the address in p1. */
  Return(m, i) {
    m.pc = m.registers[i.p1] as number;
  },

  /** Jumps to p2 if p1 is true, or if it is NULL and p3 is 1. */
  If(m, i) {
    const value = m.registers[i.p1]!;
    if (typeof value === "number" ? value !== 0 : isTrue(value) ?? i.p3 === 1) m.pc = i.p2;
  },

  /** Jumps to p2 if p1 is false, or if it is NULL and p3 is 1. */
  IfNot(m, i) {
    const value = isTrue(m.registers[i.p1]!);
    if (value === undefined ? i.p3 === 1 : !value) m.pc = i.p2;
  },

  /** Jumps to p2 if p1 is NULL. */
  IsNull(m, i) {
    if (m.registers[i.p1] === null) m.pc = i.p2;
  },

  /** Jumps to p2 if p1 is not NULL. */
  NotNull(m, i) {
    if (m.registers[i.p1] !== null) m.pc = i.p2;
  },

  /** Jumps to p2 if the mark p1 was passed before in this execution. */
  Once(m, i) {
    const once = m.once ??= new Set();
    if (once.has(i.p1)) m.pc = i.p2;
    else once.add(i.p1);
  },

  /** Makes p1, a LIMIT or an OFFSET, a number; p3 is 1 for an OFFSET, where less than 0 is 0. */
  LimitOf(m, i) {
    m.registers[i.p1] = castLimit(m.registers[i.p1]!, i.p3 === 1);
  },

  /** Takes 1 from p1 if it is positive, and jumps to p2 if that leaves 0. */
  LimitReached(m, i) {
    const left = m.registers[i.p1] as number;
    if (left <= 0) return;
    m.registers[i.p1] = left - 1;
    if (left === 1) m.pc = i.p2;
  },

  /** Jumps to p2 if p1 is positive, and takes 1 from it. */
  IfPositive(m, i) {
    const left = m.registers[i.p1] as number;
    if (left <= 0) return;
    m.registers[i.p1] = left - 1;
    m.pc = i.p2;
  },

  /** Stops at a row of the result: p2 registers from p1 on. */
  Result(m, i) {
    m.yieldRow(i.p1, i.p2);
  },

  /** Ends the execution. */
  Halt(m) {
    m.halt();
  },
} satisfies Record<string, Handler>;
