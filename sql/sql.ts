/**
 * SQL on a database, for programs.
 */

import { Database, type Durability } from "../mod.ts";
import type { SqlInput, SqlInputs, SqlRow } from "./binding.ts";
import { Engine } from "./define/engine.ts";
import { parseStatements } from "./parse/statement_parser.ts";
import { Spill, type SpillOptions } from "./rows/spill.ts";
import type { StoredObject } from "./schema/trees.ts";
import { Script } from "./script.ts";
import { type RunResult, type SqlRows, Statement } from "./statement.ts";
import { SqlError } from "./value/error.ts";

/** Supplies statements one at a time, and receives their results. */
export interface SqlSource {
  /**
   * The next text, of one or more statements; undefined at the end.
   *
   * @param isInside Whether a transaction is open, in which it must not wait for anything.
   */
  next(isInside: boolean): string | undefined;
  /** Receives the result of a statement. */
  result(rows: SqlRows, text: string): void;
  /** Receives an error: throws it, or returns to continue with the next statement. */
  failed(error: unknown): void;
}

/** How to use SQL on a database. */
export interface SqlOptions {
  /** The durability of changes. By default that of the database. */
  readonly durability?: Durability | undefined;
  /**
   * Where the rows that a statement sorts, groups or joins go if they exceed a bound of memory. It
   * applies to all handles of the database. By default they stay in memory.
   */
  readonly spill?: SpillOptions | undefined;
}

/**
 * SQL on a database.
 *
 * As a template tag it runs a statement, with the values of the template as its parameters, and
 * returns the rows.
 */
export interface Sql {
  /** Runs a statement of a template, and returns its rows. */
  <Row extends object = SqlRow>(parts: TemplateStringsArray, ...values: SqlInput[]): Row[];
  /** The database. */
  readonly db: Database;
  /**
   * Prepares one statement.
   *
   * @throws {SqlError} It is not SQL, or names something that does not exist.
   */
  prepare<Row extends object = SqlRow>(text: string): Statement<Row>;
  /** Runs a statement, and returns all rows. */
  all<Row extends object = SqlRow>(text: string, ...inputs: SqlInputs): Row[];
  /** Runs a statement, and returns the first row, or undefined. */
  get<Row extends object = SqlRow>(text: string, ...inputs: SqlInputs): Row | undefined;
  /** Runs a statement, and returns what it changed. */
  run(text: string, ...inputs: SqlInputs): RunResult;
  /** Runs a query, and yields its rows as they are found. */
  iterate<Row extends object = SqlRow>(
    text: string,
    ...inputs: SqlInputs
  ): Generator<Row, void, undefined>;
  /**
   * Runs statements without parameters. A statement that fails ends the run, and rolls back a
   * transaction that the statements began.
   */
  exec(text: string): void;
  /**
   * Runs the statements that a source gives, one at a time, as a prompt does. It yields after each
   * statement outside of a transaction, and after each transaction.
   */
  script(source: SqlSource): Generator<void, void, undefined>;
  /**
   * Runs a function as one transaction, or inside one as a savepoint: if it throws, its changes
   * roll back.
   *
   * @throws {TypeError} The function is asynchronous, or a generator.
   */
  transaction<T>(body: () => T): T;
  /** The objects of the schema, in the order of creation. */
  schema(): StoredObject[];
}

/** The maximum number of prepared statements that are kept; the oldest are dropped first. */
const KEPT_MAX = 200;
const engines = new WeakMap<Database, Engine>();

/** The engine of a database, which all handles share. */
export function engineOf(db: Database): Engine {
  let engine = engines.get(db);
  if (engine === undefined) engines.set(db, engine = new Engine(db));
  return engine;
}

/** The options of `sql`. */
const OPTION_NAMES: Readonly<Record<keyof SqlOptions, true>> = { durability: true, spill: true };

function checkArguments(db: unknown, options: unknown): void {
  if (!(db instanceof Database)) {
    throw new TypeError(`Cannot use SQL: ${kindOf(db)} is not a Database; open() returns one`);
  }
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot use SQL: ${kindOf(options)} is not an object of options`);
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(OPTION_NAMES, name));
  if (unknown !== undefined) {
    throw new TypeError(`Cannot use SQL: ${JSON.stringify(unknown)} is an unknown option`);
  }
}

function checkText(text: unknown): void {
  if (typeof text !== "string") throw new TypeError(`Cannot use SQL: ${kindOf(text)} is no text`);
}

/** What a value is, for a message. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/**
 * SQL on a database. Tables, indexes and the schema are trees of the database, whose names begin
 * with `sql/`. Statements are synchronous: those that write wait for the durability of the
 * database, unless they are inside a transaction.
 *
 * ```ts
 * import { open } from "../mod.ts";
 * import { sql } from "./mod.ts";
 *
 * using db = open(":memory:");
 * const query = sql(db);
 * query.exec("CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT, people INTEGER)");
 * query.run("INSERT INTO city VALUES (?, ?, ?), ('Porto', 'PT', 232000)", "Lisboa", "PT", 545_000);
 * const country = "PT";
 * const rows = query`SELECT name FROM city WHERE country = ${country} ORDER BY people DESC`;
 * console.assert(rows.map(({ name }) => name).join() === "Lisboa,Porto");
 * ```
 *
 * @throws {SqlError} The schema in the database is malformed.
 * @throws {TypeError} `db` is not an open `Database`; an option is unknown; or rows would spill to
 * the database itself.
 */
export function sql(db: Database, options: SqlOptions = {}): Sql {
  checkArguments(db, options);
  const engine = engineOf(db);
  const { durability, spill } = options;
  if (spill?.database === db) {
    throw new TypeError("Cannot spill: the rows need a database of their own");
  }
  if (spill !== undefined) engine.spill = new Spill(spill);
  const prepare = (text: string): Statement => {
    checkText(text);
    const [first, second] = parseStatements(text);
    if (first === undefined) throw new SqlError("MISUSE", "there is no statement");
    if (second !== undefined) {
      throw new SqlError("MISUSE", "there are several statements; run them with exec()");
    }
    return new Statement(engine, first, durability);
  };
  const keep = keeping(prepare);
  const tag = (parts: TemplateStringsArray, ...values: SqlInput[]) =>
    keep(textOfTemplate(parts)).all(...values);
  const methods: Omit<Sql, never> = {
    db,
    prepare: prepare as Sql["prepare"],
    all: ((text, ...inputs) => keep(text).all(...inputs)) as Sql["all"],
    get: ((text, ...inputs) => keep(text).get(...inputs)) as Sql["get"],
    run: (text, ...inputs) => keep(text).run(...inputs),
    iterate: ((text, ...inputs) => keep(text).iterate(...inputs)) as Sql["iterate"],
    exec: (text) => execute(engine, text, durability),
    script: (source) => steps(engine, source, durability),
    transaction: (body) => engine.write(checked(body), durability),
    schema() {
      engine.settle();
      return engine.catalog.stored();
    },
  };
  return Object.assign(tag, methods) as Sql;
}

/** Prepares statements, and keeps those of the last texts. */
function keeping(prepare: (text: string) => Statement): (text: string) => Statement {
  const kept = new Map<string, Statement>();
  return (text) => {
    const known = kept.get(text);
    if (known !== undefined) return known;
    const statement = prepare(text);
    if (kept.size >= KEPT_MAX) kept.delete(kept.keys().next().value!);
    kept.set(text, statement);
    return statement;
  };
}

/** Runs the statements of a text. */
function execute(engine: Engine, text: string, durability: Durability | undefined): void {
  checkText(text);
  const statements = parseStatements(text);
  const script = new Script(engine, {
    next: () => statements.next().value ?? undefined,
    run: (parsed) => void new Statement(engine, parsed, durability).run(),
    failed(error) {
      throw error;
    },
  }, durability);
  while (script.step());
}

/** Refuses what is not a function, and a generator, of whose body a call would run nothing. */
function checked<T>(body: () => T): () => T {
  const kind = Object.prototype.toString.call(body);
  if (typeof body === "function" && !kind.includes("Generator")) return body;
  const what = typeof body === "function" ? "a generator" : `${typeof body}, not a function`;
  throw new TypeError(`Cannot run a transaction: the body is ${what}`);
}

/** Runs the statements of a source. */
function* steps(
  engine: Engine,
  source: SqlSource,
  durability: Durability | undefined,
): Generator<void, void, undefined> {
  let statements = parseStatements("");
  const script = new Script(engine, {
    next(isInside) {
      for (;;) {
        const parsed = statements.next().value;
        if (parsed !== undefined) return parsed;
        const text = source.next(isInside);
        if (text === undefined) return undefined;
        statements = parseStatements(text);
      }
    },
    run(parsed) {
      const statement = new Statement(engine, parsed, durability);
      source.result(statement.rows(), statement.text);
    },
    failed: (error) => source.failed(error),
  }, durability);
  while (script.step()) yield;
}

/** The text of a template, with numbered parameters for its values. */
function textOfTemplate(parts: TemplateStringsArray): string {
  return parts.reduce((text, part, i) => `${text}?${i}${part}`);
}
