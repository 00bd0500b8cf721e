/**
 * Builds a program: emits instructions, and hands out registers, cursors and labels.
 *
 * A label is a negative number until the program is finished, and then an address.
 */

import { classOf, Real, type SqlValue } from "../value/value.ts";
import type {
  Instruction,
  PatternParameter,
  PlanLine,
  Program,
  ResultName,
  Writes,
} from "../vm/machine.ts";
import { type Opcode, OPCODES } from "../vm/opcodes.ts";
import { WRITE_OPS } from "../vm/ops_write.ts";

/** A place in the program that is not known yet. */
export type Label = number;

/** A program as it is built. */
export class Builder {
  readonly #instructions: Instruction[] = [];
  readonly #registers: SqlValue[] = [];
  readonly #constants = new Map<string, number>();
  readonly #parameters = new Map<number, number>();
  /** The addresses of labels, by their negated numbers minus 1. */
  readonly #places: number[] = [];
  readonly #plan: PlanLine[] = [];
  readonly #patterns: PatternParameter[] = [];
  #cursors = 0;
  #marks = 0;
  /** The depth of the next line of the plan. */
  planDepth = 0;

  /** Emits an instruction, and returns its address. */
  emit(opcode: Opcode, p1 = 0, p2 = 0, p3 = 0, p4?: unknown, note = ""): number {
    const run = OPCODES[opcode];
    return this.#instructions.push({ opcode, run, p1, p2, p3, p4, note }) - 1;
  }

  /** A new label. */
  label(): Label {
    return -this.#places.push(-1);
  }

  /** Puts a label here. */
  place(label: Label): void {
    this.#places[-label - 1] = this.#instructions.length;
  }

  /** The address of the next instruction. */
  get here(): number {
    return this.#instructions.length;
  }

  /** Turns an instruction into one that does nothing. */
  erase(address: number): void {
    const { p1, p2, p3, note } = this.#instructions[address]!;
    const run = OPCODES.Noop;
    this.#instructions[address] = { opcode: "Noop", run, p1, p2, p3, p4: undefined, note };
  }

  /** The first of some new registers, which lie in a row. */
  registers(count = 1): number {
    const first = this.#registers.length;
    for (let i = 0; i < count; i++) this.#registers.push(null);
    return first;
  }

  /** The register of a constant, which nothing may change. */
  constant(value: SqlValue): number {
    const key = `${classOf(value)}:${value instanceof Real ? `${value.value}` : String(value)}`;
    const isMinusZero = value instanceof Real && Object.is(value.value, -0);
    const known = isMinusZero ? undefined : this.#constants.get(key);
    if (known !== undefined) return known;
    const register = this.#registers.push(value) - 1;
    this.#constants.set(isMinusZero ? `-${key}` : key, register);
    return register;
  }

  /** The register of a parameter. */
  parameter(number: number): number {
    let register = this.#parameters.get(number);
    if (register === undefined) this.#parameters.set(number, register = this.registers());
    return register;
  }

  /** New registers in a row, which are the parameters from 1 on. */
  parameterBlock(count: number): number {
    const first = this.registers(count);
    for (let i = 0; i < count; i++) this.#parameters.set(i + 1, first + i);
    return first;
  }

  /** Notes that the program searches for the texts of a pattern that begins with a parameter. */
  pattern(operator: PatternParameter["operator"], number: number): void {
    this.#patterns.push({ operator, number });
  }

  /** A new cursor. */
  cursor(): number {
    return this.#cursors++;
  }

  /** A new mark for the opcode Once. */
  mark(): number {
    return this.#marks++;
  }

  /** Adds a line to the plan. */
  planLine(detail: string): void {
    this.#plan.push({ depth: this.planDepth, detail });
  }

  /** The finished program. */
  finish(columns: readonly ResultName[], writes: Writes): Program {
    this.emit("Halt");
    for (const instruction of this.#instructions) {
      if (instruction.p2 < 0) instruction.p2 = this.#places[-instruction.p2 - 1]!;
    }
    markVisits(this.#instructions);
    return {
      instructions: this.#instructions,
      registers: this.#registers,
      parameters: [...this.#parameters].map(([number, register]) => ({ number, register })),
      cursors: this.#cursors,
      columns,
      plan: this.#plan,
      writes,
      patterns: this.#patterns,
      idle: undefined,
    };
  }
}

/**
 * Notes in each scan where its loop ends, if the loop may run inside a visit. It must use nothing
 * else of the database, as a visit shows entries in place, and call no code outside of itself, as a
 * visit ends where the code leaves the loop.
 */
function markVisits(instructions: readonly Instruction[]): void {
  instructions.forEach((scan, at) => {
    if (scan.opcode !== "Scan") return;
    const first = at + 1;
    const isNext = ({ opcode, p1, p2 }: Instruction) =>
      opcode === "Next" && p1 === scan.p1 && p2 === first;
    const next = instructions.findIndex((each, i) => i > at && isNext(each));
    const isAlone = next > 0 &&
      instructions.slice(first, next).every(({ opcode, p2 }) =>
        !USES_TREES.has(opcode) && (opcode !== "Gosub" || (p2 >= first && p2 < next))
      );
    if (isAlone) scan.p3 = next;
  });
}

/** Opcodes that read or change trees of the database, or run what may. */
const USES_TREES: ReadonlySet<string> = new Set([
  ...Object.keys(WRITE_OPS),
  ...["Count", "OpenIndex", "OpenTable", "Result", "Scan", "SeekEntry", "SeekKey"],
  ...["OpenFunction", "SeekListed", "SeekRowid"],
]);
