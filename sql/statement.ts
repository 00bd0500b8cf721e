/**
 * A prepared statement: parsed once, compiled at its first run and again after the schema has
 * changed, and run as often as needed.
 */

import type { Durability } from "../mod.ts";
import { bind, rowOf, type SqlInputs, type SqlRow } from "./binding.ts";
import { compile } from "./change/compile.ts";
import { alterTable } from "./define/alter.ts";
import { analyze, reindex } from "./define/analyze.ts";
import { createIndex, createTable, createTrigger, createView, drop } from "./define/create.ts";
import { type Engine, type Finished, type MakeRow, noRow } from "./define/engine.ts";
import { keepsNumber, runPragma } from "./define/pragma.ts";
import { explained, planned } from "./explain.ts";
import type { Explainable, Statement as Syntax } from "./parse/statement_ast.ts";
import type { ParsedStatement } from "./parse/statement_parser.ts";
import type { PragmaResult } from "./query/pragma_rows.ts";
import { inText, SqlError, unsupported } from "./value/error.ts";
import { prefixOfPattern } from "./value/pattern.ts";
import type { SqlValue } from "./value/value.ts";
import { Machine, type PatternParameter, type Program, type ResultName } from "./vm/machine.ts";

/** A row as its values, whose blobs are copies as those of `outputOf` are. */
const ROW: MakeRow<SqlValue[]> = (registers, first, count) =>
  registers.slice(first, first + count).map((value) =>
    value instanceof Uint8Array ? value.slice() : value
  );

/** What a statement without a result did. */
export interface RunResult {
  /** The number of rows that it changed. */
  readonly changes: number;
  /** The rowid of the last row that was inserted. */
  readonly lastInsertRowid: number | bigint;
}

/** The rows of a statement, by position. */
export interface SqlRows {
  /** The columns. */
  readonly columns: readonly ResultName[];
  /** The values. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** The number of rows changed. */
  readonly changed: number;
}

/**
 * A prepared statement.
 *
 * ```ts
 * import { open } from "../mod.ts";
 * import { sql } from "./mod.ts";
 *
 * using db = open(":memory:");
 * const tables = sql(db);
 * tables.exec("CREATE TABLE city (name TEXT PRIMARY KEY, people INTEGER)");
 * const insert = tables.prepare("INSERT INTO city VALUES (?, :people)");
 * insert.run({ people: 545_000 }, "Lisboa");
 * const find = tables.prepare<{ people: number }>("SELECT people FROM city WHERE name = ?");
 * console.assert(find.get("Lisboa")?.people === 545_000);
 * ```
 */
export class Statement<Row extends object = SqlRow> {
  /** Its text. */
  readonly text: string;
  readonly #engine: Engine;
  readonly #parsed: ParsedStatement;
  readonly #durability: Durability | undefined;
  #program: Program | undefined;
  #generation = -1;
  /** Whether the program reads a tree, which refuses to be read once the database is closed. */
  #readsTrees = false;
  #names: readonly string[] = [];
  /** The program for values of patterns that begin with a wildcard, if there is one. */
  #unbound: Program | undefined;
  /** The program for the schema as it is. */
  readonly #current = (values?: readonly SqlValue[]) => this.#compiled(values);

  /**
   * Created by `Sql.prepare`.
   *
   * @param engine The engine of the database.
   * @param parsed The statement.
   * @param durability The durability of its changes.
   */
  constructor(engine: Engine, parsed: ParsedStatement, durability: Durability | undefined) {
    this.#engine = engine;
    this.#parsed = parsed;
    this.#durability = durability;
    this.text = parsed.text.slice(parsed.start, parsed.end);
    // A name that does not exist is refused here, not later.
    if (isExplainable(parsed.statement)) engine.atOneVersion(() => this.#compiled());
  }

  /**
   * The names of the columns of its result, and the declared types of those that are columns of
   * tables.
   */
  columns(): readonly ResultName[] {
    const { statement } = this.#parsed;
    return isExplainable(statement)
      ? this.#engine.atOneVersion(() => this.#compiled()).columns
      : [];
  }

  /** Whether it is a query, which changes nothing. */
  get isQuery(): boolean {
    const { kind } = this.#parsed.statement;
    return kind === "select" || kind === "explain";
  }

  /** Runs it, and returns all rows. */
  all(...inputs: SqlInputs): Row[] {
    const { statement, parameters } = this.#parsed;
    if (isExplainable(statement)) {
      const make: MakeRow<Row> = (registers, first) => rowOf(this.#names, registers, first) as Row;
      return this.#run(bind(parameters, inputs), make).rows;
    }
    const { rows, columns } = this.rows(...inputs);
    const names = columns.map(({ name }) => name);
    return rows.map((row) => rowOf(names, row, 0) as Row);
  }

  /** Runs it, and returns the first row, or undefined. */
  get(...inputs: SqlInputs): Row | undefined {
    const { statement, parameters } = this.#parsed;
    if (statement.kind !== "select") return this.all(...inputs)[0];
    const values = bind(parameters, inputs);
    if (!this.#engine.moves) return this.#first(values);
    return this.#engine.atOneVersion(() => this.#first(values));
  }

  #first(values: readonly SqlValue[]): Row | undefined {
    const machine = new Machine(this.#compiled(values), this.#engine, values);
    let row: Row | undefined;
    machine.run((registers, first) => {
      row = rowOf(this.#names, registers, first) as Row;
      return false;
    });
    return row;
  }

  /** Runs it, and returns what it changed. */
  run(...inputs: SqlInputs): RunResult {
    const { statement, parameters } = this.#parsed;
    const { changed } = isExplainable(statement)
      ? this.#run(bind(parameters, inputs), noRow)
      : this.rows(...inputs);
    return { changes: changed, lastInsertRowid: this.#engine.counts.lastRowid };
  }

  /**
   * Runs it, and yields its rows, as they are found, from one version of the database. It keeps old
   * pages until it is ended, as a `for` loop does when it is left.
   */
  *iterate(...inputs: SqlInputs): Generator<Row, void, undefined> {
    const { statement, parameters } = this.#parsed;
    const { transaction, catalog } = this.#engine;
    // A snapshot has no temporary tables, which may change between two rows.
    const isLive = transaction !== undefined || catalog.temporary.length > 0;
    if (statement.kind !== "select" || isLive) {
      yield* this.all(...inputs);
      return;
    }
    const values = bind(parameters, inputs);
    const found = this.#engine.snapshotFor(() => this.#compiled(values));
    using snapshot = found.snapshot;
    const names = this.#names;
    const store = this.#engine.snapshotStore(snapshot);
    const machine = new Machine(found.program, store, values);
    try {
      while (machine.step()) yield rowOf(names, machine.registers, machine.row.first) as Row;
    } finally {
      machine.close();
    }
  }

  /** Runs it, and returns its rows as values of SQL, by position. */
  rows(...inputs: SqlInputs): SqlRows {
    const { statement, parameters } = this.#parsed;
    // EXPLAIN does not run its statement, and needs no values.
    const values = statement.kind === "explain" ? [] : bind(parameters, inputs);
    if (isExplainable(statement)) {
      const finished = this.#run(values, ROW);
      return { columns: this.#program!.columns, ...finished };
    }
    const result = this.#inText(() =>
      this.#engine.define(
        () => this.#execute(statement),
        isChange(statement),
        "isTemporary" in statement && statement.isTemporary,
      )
    );
    if (result === undefined) return { columns: [], rows: [], changed: 0 };
    const columns = result.columns.map((name) => ({ name, type: undefined }));
    return { columns, rows: result.rows, changed: 0 };
  }

  #run<T>(values: readonly SqlValue[], make: MakeRow<T>): Finished<T> {
    return this.#engine.run(this.#current, values, make, this.#durability);
  }

  #inText<T>(body: () => T): T {
    return inText(this.#parsed.text, body);
  }

  /** Runs a statement that is not compiled to a program. */
  #execute(statement: Exclude<Syntax, Explainable>): PragmaResult | undefined {
    const engine = this.#engine;
    const text = this.#parsed.text.slice(0, this.#parsed.end).replace(/[;\s]+$/, "");
    switch (statement.kind) {
      case "create table":
        return void createTable(engine, statement, text);
      case "create index":
        return void createIndex(engine, statement, text);
      case "create view":
        return void createView(engine, statement, text);
      case "create trigger":
        return void createTrigger(engine, statement, text);
      case "drop":
        return void drop(engine, statement);
      case "alter table":
        return void alterTable(engine, statement);
      case "analyze":
        return void analyze(engine, statement);
      case "reindex":
        return void reindex(engine, statement);
      case "vacuum":
        return unsupported("VACUUM (use Database.compact) is", statement.at);
      case "pragma":
        return runPragma(engine, statement);
      case "explain": {
        const program = compile(engine, statement.statement);
        return statement.isPlan ? planned(program) : explained(program);
      }
      default:
        throw new SqlError(
          "MISUSE",
          `cannot ${statement.kind}: a transaction ends in the call that begins it; ` +
            "use transaction(), or exec() with the whole of it",
        );
    }
  }

  /** @param values The values for which the program is to be quick. */
  #compiled(values?: readonly SqlValue[]): Program {
    this.#engine.settle();
    const { generation } = this.#engine.catalog;
    if (this.#program === undefined || this.#generation !== generation) {
      this.#program = this.#compile(true);
      this.#unbound = undefined;
      this.#names = this.#program.columns.map(({ name }) => name);
      this.#generation = generation;
      this.#readsTrees = this.#program.instructions.some(({ opcode }) => READS_TREE.has(opcode));
    }
    if (!this.#readsTrees) this.#engine.checkOpen();
    const { patterns } = this.#program;
    if (values === undefined || patterns.every((each) => hasPrefix(each, values))) {
      return this.#program;
    }
    return this.#unbound ??= this.#compile(false);
  }

  #compile(usesPatterns: boolean): Program {
    const statement = this.#parsed.statement as Explainable;
    return this.#inText(() => compile(this.#engine, statement, usesPatterns));
  }
}

const READS_TREE: ReadonlySet<string> = new Set(["OpenTable", "OpenIndex", "Count"]);

/** Whether a pattern has something before its first wildcard. */
function hasPrefix({ operator, number }: PatternParameter, values: readonly SqlValue[]): boolean {
  return prefixOfPattern(operator, values[number - 1] ?? null) !== "";
}

const EXPLAINABLE: ReadonlySet<string> = new Set(["select", "insert", "update", "delete"]);

/** Whether a statement that is no program changes the schema or the settings. */
function isChange(statement: Exclude<Syntax, Explainable>): boolean {
  if (statement.kind === "pragma") return keepsNumber(statement);
  return statement.kind !== "explain";
}

function isExplainable(statement: Syntax): statement is Explainable {
  return EXPLAINABLE.has(statement.kind);
}
