/**
 * Traces a query: runs it on a snapshot, and records for each instruction the pages that it asked
 * for, the registers that it set, and the row that it made.
 *
 * The machine knows nothing of this: it runs a copy of the program, whose instructions the recorder
 * wraps. A limit ends the run as the end of the query does, so a query without an end can be traced
 * too.
 */

import type { Database } from "../mod.ts";
import { bind, type SqlInputs } from "./binding.ts";
import { compile } from "./change/compile.ts";
import { Engine } from "./define/engine.ts";
import { explained } from "./explain.ts";
import { quoted } from "./function/text.ts";
import { type ParsedStatement, parseStatements } from "./parse/statement_parser.ts";
import { inText, PlacedError, SqlError } from "./value/error.ts";
import type { SqlValue } from "./value/value.ts";
import { type Handler, type Instruction, Machine, type Program } from "./vm/machine.ts";

/** The limits of a trace. */
export interface TraceLimits {
  /** The maximum number of instructions that run. Default 2,000. */
  readonly steps?: number | undefined;
  /** The maximum number of rows. Default 100. */
  readonly rows?: number | undefined;
  /** The maximum time in milliseconds, checked before each instruction. Default 500. */
  readonly ms?: number | undefined;
  /** The maximum sum of characters of values and of page numbers. Default 1,000,000. */
  readonly size?: number | undefined;
}

/** An instruction of a program, as `EXPLAIN` lists it. */
export interface TracedInstruction {
  /** Its name. */
  readonly opcode: string;
  /** Its three numbers. */
  readonly numbers: readonly [p1: number, p2: number, p3: number];
  /** Its object, as text. */
  readonly p4: string;
  /** What it is for. */
  readonly comment: string;
}

/** A register and its value, as a literal of SQL; long ones are cut, and end with `...`. */
export type TracedRegister = readonly [register: number, value: string];

/** An instruction that ran. */
export interface TracedStep {
  /** Its place in the program. */
  readonly address: number;
  /** The pages that it asked for, each once, in order. */
  readonly pages: readonly number[];
  /** The registers that it changed, at most 16. */
  readonly registers: readonly TracedRegister[];
  /** The index of the row that it made; -1 = none. */
  readonly row: number;
}

/** A query, and what it did. */
export interface QueryTrace {
  /** The names of the columns. */
  readonly columns: readonly string[];
  /** The program, by address. */
  readonly instructions: readonly TracedInstruction[];
  /** The registers at the start, except those that are NULL. */
  readonly registers: readonly TracedRegister[];
  /** The rows, whose values are literals of SQL as those of registers are. */
  readonly rows: readonly (readonly string[])[];
  /** The instructions that ran, in order. */
  readonly steps: readonly TracedStep[];
  /** The limit that ended it; undefined if it ran to its end. */
  readonly limit: keyof TraceLimits | undefined;
}

type Limits = { readonly [name in keyof Required<TraceLimits>]: number };

const TEXT_MAX = 120;
const BYTES_MAX = 48;
const CHANGES_MAX = 16;

/**
 * Traces one query. It runs on a snapshot of the database and sees no temporary tables. An
 * instruction that has begun is not interrupted.
 *
 * ```ts
 * import { open } from "../mod.ts";
 * import { sql, traceQuery } from "./mod.ts";
 *
 * using db = open(":memory:");
 * sql(db).exec("CREATE TABLE city (name TEXT PRIMARY KEY); INSERT INTO city VALUES ('Lisboa')");
 * const { steps, rows } = traceQuery(db, "SELECT name FROM city WHERE name = 'Lisboa'");
 * console.assert(rows[0]![0] === "'Lisboa'");
 * console.assert(steps.some(({ pages }) => pages.length > 0));
 * ```
 *
 * @param text One query: SELECT, VALUES, or WITH before them.
 * @param inputs The values of its parameters.
 * @throws {SqlError} It is not a query, is not valid, or fails.
 */
export function traceQuery(
  db: Database,
  text: string,
  inputs: SqlInputs = [],
  limits: TraceLimits = {},
): QueryTrace {
  // An engine of its own reads the schema as it is now, and leaves the other handles alone.
  const engine = new Engine(db);
  const parsed = parseOneQuery(text);
  const { parameters } = parsed;
  const values = bind(parameters, inputs);
  const found = engine.snapshotFor(() => {
    engine.settle();
    return inText(text, () => compile(engine, parsed.statement));
  });
  using snapshot = found.snapshot;
  const { program } = found;
  const recorder = new Recorder(db, program, limitsOf(limits));
  recorder.run(new Machine(recorder.program, engine.snapshotStore(snapshot), values));
  const { rows, steps, limit } = recorder;
  return {
    columns: program.columns.map(({ name }) => name),
    instructions: listed(program),
    registers: program.registers.flatMap((value, register) =>
      value === null ? [] : [[register, short(value)] as const]
    ),
    rows,
    steps,
    limit,
  };
}

function limitsOf({ steps = 2000, rows = 100, ms = 500, size = 1_000_000 }: TraceLimits): Limits {
  return { steps, rows, ms, size };
}

/** The one statement of a text, which must be a query. */
function parseOneQuery(text: string) {
  const [first, second] = parseStatements(text);
  if (first === undefined) throw new SqlError("MISUSE", "there is no statement");
  const { statement } = first;
  if (statement.kind === "select") {
    if (second === undefined) return { ...first, statement };
    return refuse(second, "only one query can be traced, and this is another statement");
  }
  return refuse(first, `only a query can be traced, not ${statement.kind.toUpperCase()}`);
}

function refuse({ text, start }: ParsedStatement, why: string): never {
  return inText(text, () => {
    throw new PlacedError("MISUSE", why, start);
  });
}

function listed(program: Program): TracedInstruction[] {
  const { rows } = explained(program);
  return program.instructions.map(({ opcode, p1, p2, p3, note }, address) => {
    const p4 = shortText(String(rows[address]![5]));
    return { opcode, numbers: [p1, p2, p3], p4, comment: shortText(note) };
  });
}

/** Runs a copy of a program and records it. */
class Recorder {
  /** The copy. */
  readonly program: Program;
  readonly steps: TracedStep[] = [];
  readonly rows: string[][] = [];
  limit: keyof TraceLimits | undefined;
  readonly #inspector: ReturnType<Database["inspect"]>;
  readonly #limits: Limits;
  /** The registers after the last step. */
  #before: SqlValue[] = [];
  #size = 0;
  #until = 0;

  constructor(db: Database, program: Program, limits: Limits) {
    this.#inspector = db.inspect();
    this.#limits = limits;
    const instructions = program.instructions.map((instruction, address) => {
      return { ...instruction, run: this.#recorded(instruction, address) };
    });
    this.program = { ...program, instructions };
  }

  /** Runs a machine of the copy until it ends, or a limit ends it. */
  run(machine: Machine): void {
    this.#before = machine.registers.slice();
    this.#until = performance.now() + this.#limits.ms;
    this.#inspector.trace(true);
    try {
      while (machine.step()) {
        if (this.rows.length >= this.#limits.rows) {
          this.limit = "rows";
          break;
        }
        this.#takeRow(machine);
      }
    } finally {
      machine.close();
      this.#inspector.trace(false);
    }
  }

  #recorded(instruction: Instruction, address: number): Handler {
    return (machine, copy) => {
      this.limit = this.#reached();
      if (this.limit !== undefined) return machine.close();
      instruction.run(machine, copy);
      this.#record(machine, address);
    };
  }

  #reached(): keyof TraceLimits | undefined {
    if (this.steps.length >= this.#limits.steps) return "steps";
    if (this.#size >= this.#limits.size) return "size";
    return performance.now() >= this.#until ? "ms" : undefined;
  }

  #record({ registers }: Machine, address: number): void {
    const asked = new Set<number>();
    for (const { page } of this.#inspector.takeTrace().pages) asked.add(page);
    const changes: TracedRegister[] = [];
    for (let i = 0; i < registers.length; i++) {
      const value = registers[i]!;
      if (value === this.#before[i]) continue;
      this.#before[i] = value;
      if (changes.length < CHANGES_MAX) changes.push([i, this.#taken(value)]);
    }
    this.#size += asked.size;
    this.steps.push({ address, pages: [...asked], registers: changes, row: -1 });
  }

  /** Takes the row that the last step made. */
  #takeRow({ registers, row: { first, count } }: Machine): void {
    const last = this.steps.length - 1;
    this.steps[last] = { ...this.steps[last]!, row: this.rows.length };
    const row: string[] = [];
    for (let i = first; i < first + count; i++) row.push(this.#taken(registers[i]!));
    this.rows.push(row);
  }

  #taken(value: SqlValue): string {
    const text = short(value);
    this.#size += text.length;
    return text;
  }
}

/** A value as a literal; a long one is cut. */
function short(value: SqlValue): string {
  if (typeof value === "string" && value.length > TEXT_MAX) {
    return `${quoted(value.slice(0, TEXT_MAX).toWellFormed())}...`;
  }
  if (value instanceof Uint8Array && value.length > BYTES_MAX) {
    return `${quoted(value.subarray(0, BYTES_MAX))}...`;
  }
  return quoted(value);
}

function shortText(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX).toWellFormed()}...` : text;
}
