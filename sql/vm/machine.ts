/**
 * The machine: runs a program, the instructions of a statement, on registers and cursors. `step`
 * runs to the next row of the result. An instruction has three numbers, whose meaning its opcode
 * defines, and perhaps an object.
 *
 * A machine runs one execution of a program. It is synchronous, and owns its cursors until it has
 * ended, failed, or is closed.
 */

import type { Cursor } from "../rows/row_list.ts";
import { Memory, type Spill } from "../rows/spill.ts";
import type { AddedRows } from "../schema/added_rows.ts";
import type { Rows, WritableRows } from "../schema/trees.ts";
import { whileRunning } from "../value/error.ts";
import type { Integer, SqlValue } from "../value/value.ts";

/** Runs an instruction. */
export type Handler = (machine: Machine, instruction: Instruction) => void;

/** An instruction. */
export interface Instruction {
  /** Its name. */
  readonly opcode: string;
  /** What it does. */
  readonly run: Handler;
  /** The first number. */
  p1: number;
  /** The second number, which is the target of a jump. */
  p2: number;
  /** The third number. */
  p3: number;
  /** An object. */
  readonly p4: unknown;
  /** For EXPLAIN: what it is for. */
  readonly note: string;
}

/** A line of EXPLAIN QUERY PLAN. */
export interface PlanLine {
  /** How deep it is nested. */
  readonly depth: number;
  /** What is done. */
  readonly detail: string;
}

/** A column of a result. */
export interface ResultName {
  /** Its name. */
  readonly name: string;
  /** The declared type, if it is a column of a table. */
  readonly type: string | undefined;
}

/** A pattern of LIKE or GLOB that begins with a parameter. */
export interface PatternParameter {
  readonly operator: "like" | "glob";
  /** The number of the parameter, from 1. */
  readonly number: number;
}

/** How much a program changes. */
export type Writes = "nothing" | "one row" | "added rows" | "rows";

/** A compiled statement. */
export interface Program {
  /** The instructions. */
  readonly instructions: readonly Instruction[];
  /** The registers at the start: constants and NULLs. */
  readonly registers: readonly SqlValue[];
  /** The registers of the parameters, by their numbers from 1. */
  readonly parameters: readonly { readonly number: number; readonly register: number }[];
  /** The number of cursors. */
  readonly cursors: number;
  /** The columns of the result. */
  readonly columns: readonly ResultName[];
  /** The plan. */
  readonly plan: readonly PlanLine[];
  /**
   * What it changes: nothing; or one row, after all checks, so that it fails before it changes
   * anything; or rows that `InsertRow` adds, which can be removed again; or more.
   */
  readonly writes: Writes;
  /** The patterns that must begin with a text, or the program takes longer than another one. */
  readonly patterns: readonly PatternParameter[];
  /** A machine of it that has ended, for its next run; undefined if there is none. */
  idle: Machine | undefined;
}

/** The trees that a machine reads and writes. */
export interface Store {
  /** A tree for reading. */
  read(tree: string): Rows;
  /** A tree of the open transaction. */
  writable(tree: string): WritableRows;
  /** The greatest rowid that a table with AUTOINCREMENT has had; undefined if it has had none. */
  sequence(tree: string): Integer | undefined;
  /** Sets that rowid. */
  setSequence(tree: string, rowid: Integer): void;
  /**
   * Runs another program to its end, and returns its first row.
   *
   * @param caller The machine whose statement it is part of, which makes its late checks.
   */
  call(
    program: Program,
    values: readonly SqlValue[],
    caller?: Machine,
  ): readonly SqlValue[] | undefined;
  /** Counts of changes, for the functions that return them. */
  readonly counts: ChangeCounts;
  /** The names of the triggers that are running. */
  readonly triggers: Set<string>;
  /** The foreign keys that are checked when the transaction ends. */
  readonly deferred: Deferred;
  /** Where rows that exceed the memory go; undefined = memory has no bound. */
  readonly spill: Spill | undefined;
}

/** Foreign keys that are checked when the transaction ends. */
export interface Deferred {
  /** Whether all keys wait, even those that are not deferred themselves. */
  readonly isForAll: boolean;
  /** Adds a query that must find nothing then, with the values of its parameters. */
  add(orphans: string, values: readonly SqlValue[]): void;
}

/** Counts of changes. */
export interface ChangeCounts {
  /** The rows that the last statement changed. */
  changes: number;
  /** The rows changed since the start. */
  total: number;
  /** The last rowid that was inserted. */
  lastRowid: number | bigint;
}

/** A check at the end of the statement; it throws if a constraint is broken then. */
export type LateCheck = () => void;

/** Receives a row of the result: `count` registers from `first` on. False asks for no more. */
export type RowSink = (
  registers: readonly SqlValue[],
  first: number,
  count: number,
) => boolean | void;

const UNBOUNDED = new Memory();
const NO_SINK: RowSink = () => {};

/** One execution of a program. */
export class Machine {
  /** The program. */
  readonly program: Program;
  /** The trees. */
  readonly store: Store;
  /** The values. */
  readonly registers: SqlValue[];
  /** The cursors. */
  readonly cursors: (Cursor | undefined)[];
  /** The memory for rows. */
  readonly memory: Memory;
  /** The index of the next instruction. */
  pc = 0;
  /** The registers of a row of the result, as `first` and `count`; valid after `step`. */
  readonly row = { first: 0, count: 0 };
  /** The number of rows changed. */
  changed = 0;
  /** The marks of what has been done once; created when needed, like the checks. */
  once: Set<number> | undefined;
  /** Checks at the end of the statement. */
  late: LateCheck[] | undefined;
  /** The machine of the whole statement: this one, unless another calls it. */
  whole: Machine = this;
  /** The greatest rowid of a table, if the last insertion made it for a new row. */
  greatest: number | undefined;
  /** The insertion that made it: the statements of a trigger may insert into several tables. */
  greatestOf: object | undefined;
  /** Receives the keys of added rows; undefined if a savepoint can undo the statement. */
  added: AddedRows | undefined;
  #sink: RowSink | undefined;
  #state: "running" | "row" | "ended" = "running";

  /**
   * Begins an execution.
   *
   * @param values The values of the parameters, by number from 1 at index 0.
   */
  constructor(program: Program, store: Store, values: readonly SqlValue[]) {
    this.program = program;
    this.store = store;
    this.memory = store.spill === undefined ? UNBOUNDED : new Memory(store.spill);
    this.registers = program.registers.slice();
    this.cursors = new Array(program.cursors).fill(undefined);
    this.#bind(values);
  }

  #bind(values: readonly SqlValue[]): void {
    for (const { number, register } of this.program.parameters) {
      this.registers[register] = values[number - 1] ?? null;
    }
  }

  /** Begins another execution of the program, once the one before has ended. */
  again(values: readonly SqlValue[]): void {
    this.pc = 0;
    this.changed = 0;
    this.greatest = undefined;
    this.#state = "running";
    this.#bind(values);
  }

  /** Forgets the values of an execution that has ended, and what it did once. */
  forget(): void {
    const { registers } = this.program;
    for (let i = 0; i < registers.length; i++) this.registers[i] = registers[i]!;
    this.once = undefined;
    this.late = undefined;
  }

  /** Runs to the next row of the result. Returns whether there is one. */
  step(): boolean {
    if (this.#state === "ended") return false;
    this.#state = "running";
    const { instructions } = this.program;
    try {
      while (this.#state === "running") {
        const instruction = instructions[this.pc++]!;
        instruction.run(this, instruction);
      }
    } catch (error) {
      this.close();
      throw whileRunning(error);
    }
    return (this.#state as string) === "row";
  }

  /** Runs to the end without a stop, so that loops can run while their trees are visited. */
  run(sink: RowSink): void {
    if (this.#state === "ended") return;
    this.#sink = sink;
    this.#state = "running";
    this.step();
  }

  /** Runs to the end, and ignores rows. */
  runToEnd(): void {
    this.run(NO_SINK);
  }

  /** Whether the machine runs to its end without a stop. */
  get isWhole(): boolean {
    return this.#sink !== undefined;
  }

  /**
   * Runs the body of a loop, the instructions from `first` to before `next`.
   *
   * @returns Whether the loop goes on; if not, `pc` is where it was left to.
   */
  runBody(first: number, next: number): boolean {
    const { instructions } = this.program;
    this.pc = first;
    for (let at = first; at >= first && at < next; at = this.pc) {
      const instruction = instructions[at]!;
      this.pc = at + 1;
      instruction.run(this, instruction);
    }
    return this.pc === next;
  }

  /** Stops at a row of the result. */
  yieldRow(first: number, count: number): void {
    if (this.#sink !== undefined) {
      // The last instruction ends the execution, and all loops around this row with it.
      const goesOn = this.#sink(this.registers, first, count) !== false;
      if (!goesOn) this.pc = this.program.instructions.length - 1;
      return;
    }
    this.row.first = first;
    this.row.count = count;
    this.#state = "row";
  }

  /** Ends the execution, after the late checks. */
  halt(): void {
    if (this.late !== undefined) { for (const check of this.late) check(); }
    this.close();
  }

  /** Ends the execution and its cursors. */
  close(): void {
    this.#state = "ended";
    for (const cursor of this.cursors) cursor?.close();
    this.cursors.fill(undefined);
  }
}
