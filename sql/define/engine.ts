/**
 * The engine of a database: its trees, its schema, and the transactions of statements. All handles
 * of SQL on a database share one engine.
 *
 * A statement that writes is a transaction, or a savepoint of the open one, so it takes effect
 * wholly or not at all. The schema is settled in the transaction before anything else is read.
 *
 * Temporary tables are in a database in memory. Its transaction encloses that of the database, so
 * it commits last: if the disk fails, the temporary changes have not happened either.
 */

import {
  type Database,
  type Durability,
  open,
  type Snapshot,
  type Transaction,
} from "../../mod.ts";
import type { Spill } from "../rows/spill.ts";
import { AddedRows } from "../schema/added_rows.ts";
import { Catalog } from "../schema/catalog.ts";
import { isTemporaryTree, type Rows, SqlTrees, type WritableRows } from "../schema/trees.ts";
import { ConflictError, SqlError } from "../value/error.ts";
import type { Integer, SqlValue } from "../value/value.ts";
import { keyAfter, type KeyBounds } from "../vm/cursor.ts";
import { type ChangeCounts, Machine, type Program, type Store } from "../vm/machine.ts";
import { DeferredKeys } from "./deferred_keys.ts";
import { KnownSchema } from "./known_schema.ts";

/** Tables with fewer rows are not sampled: they may be new, or belong to a test. */
const SAMPLED_LEAST = 1000;

/** Makes a row of a result from registers. */
export type MakeRow<T> = (registers: readonly SqlValue[], first: number, count: number) => T;

/** Makes no rows, for callers that need none. */
export const noRow: MakeRow<undefined> = () => undefined;

/** A program for the schema as it is, and for the values of its parameters. */
export type CurrentProgram = (values: readonly SqlValue[]) => Program;

/** The result of a program that was run to its end. */
export interface Finished<T> {
  /** The rows. */
  readonly rows: T[];
  /** The number of rows changed. */
  readonly changed: number;
}

/** The engine of a database. */
export class Engine implements Store {
  /** The trees. */
  readonly trees: SqlTrees;
  /** The schema. */
  readonly catalog: Catalog;
  /** Counts of changes. */
  readonly counts: ChangeCounts = { changes: 0, total: 0, lastRowid: 0 };
  /** The names of the triggers that are running. */
  readonly triggers: Set<string> = new Set();
  /** The foreign keys that are checked when the transaction ends. */
  readonly deferred: DeferredKeys = new DeferredKeys(this);
  /** Where rows that exceed the memory go; undefined = memory has no bound. */
  spill: Spill | undefined;
  #tx: Transaction | undefined;
  /** The transaction around all savepoints of SQL; its trees serve inside them too. */
  #outermost: Transaction | undefined;
  #temporary: SqlTrees | undefined;
  /** The memory for rows that a statement adds, while none uses it. */
  #idleAdded: AddedRows | undefined;
  #temporaryTx: Transaction | undefined;
  /** The error that rolls the whole transaction back. */
  #doom: unknown;
  readonly #schema: KnownSchema;

  /**
   * Creates the engine of a database.
   *
   * @throws {TypeError} A tree of its names has other codecs.
   * @throws {SqlError} The schema is malformed.
   */
  constructor(db: Database) {
    this.trees = new SqlTrees(db);
    this.catalog = new Catalog(this.trees);
    this.#schema = new KnownSchema(db, this.catalog);
  }

  /** The database. */
  get db(): Database {
    return this.trees.db;
  }

  /** The open transaction of SQL, or undefined. */
  get transaction(): Transaction | undefined {
    return this.#tx;
  }

  /**
   * Makes the schema in memory that of the database, if others may have changed it.
   *
   * @throws {SqlError} It is malformed, or has a name that a temporary object has.
   */
  settle(): void {
    this.#schema.settle();
  }

  /**
   * Refuses a database that is closed, for statements that read no tree.
   *
   * @throws {ClosedError} It is closed.
   */
  checkOpen(): void {
    this.db.codecsOf(this.trees.schema.name);
  }

  /** Whether other processes may write the file, so that reads go through `atOneVersion`. */
  get moves(): boolean {
    return this.#schema.moves;
  }

  /** Runs a body that changes nothing, at one version of the database. */
  atOneVersion<T>(body: () => T): T {
    return this.#tx === undefined ? this.#schema.atOneVersion(body) : body();
  }

  /**
   * Runs a statement that is no program, with the schema of the database: at one version, or in a
   * shared database under the write lock if it changes something.
   *
   * @param usesTemporary Whether it makes the first temporary objects.
   */
  define<T>(body: () => T, isChange: boolean, usesTemporary: boolean): T {
    const run = () => {
      this.checkOpen();
      this.settle();
      return body();
    };
    if (!isChange) return this.atOneVersion(run);
    if (!this.#schema.isShared || this.#tx !== undefined) return run();
    return this.write(run, undefined, usesTemporary);
  }

  /**
   * Runs a body as a transaction, or as a savepoint of the open one.
   *
   * @param usesTemporary Whether it makes the first temporary objects.
   */
  write<T>(body: (tx: Transaction) => T, durability?: Durability, usesTemporary = false): T {
    const run = () => this.#write(body, durability);
    if (!usesTemporary && this.catalog.temporary.length === 0) return run();
    const before = this.#temporaryTx;
    try {
      return this.#temporaryTrees().db.writeSync((tx) => {
        this.#temporaryTx = tx;
        return run() as never;
      });
    } finally {
      this.#temporaryTx = before;
    }
  }

  #write<T>(body: (tx: Transaction) => T, durability?: Durability): T {
    const before = this.#tx;
    const { generation, temporary } = this.catalog;
    const { version } = this.db;
    try {
      const run = (tx: Transaction) => {
        this.#tx = tx;
        this.#outermost ??= tx;
        const result = body(tx) as never;
        if (before === undefined && this.#doom !== undefined) throw this.#doom;
        if (before === undefined) this.checkDeferred();
        return result;
      };
      const result: T = this.db.writeSync(run, durability === undefined ? {} : { durability });
      const isInside = before === undefined && this.db.version === version;
      const isChanged = generation !== this.catalog.generation;
      if (isInside && isChanged) this.#schema.changedInside(version);
      return result;
    } catch (error) {
      if (generation !== this.catalog.generation) this.#schema.rolledBack(temporary);
      throw error;
    } finally {
      this.#tx = before;
      if (before === undefined) {
        this.#doom = this.#outermost = undefined;
        this.deferred.clear();
      }
    }
  }

  /**
   * Checks the foreign keys that wait for the end of the transaction.
   *
   * @throws {SqlError} One of them is broken.
   */
  checkDeferred(): void {
    this.settle();
    this.deferred.check();
  }

  #temporaryTrees(): SqlTrees {
    return this.#temporary ??= new SqlTrees(open(":memory:"));
  }

  /** The trees of the database that has a tree. */
  treesOf(tree: string): SqlTrees {
    return isTemporaryTree(tree) ? this.#temporaryTrees() : this.trees;
  }

  /** The open transaction of the database that has a tree. */
  transactionOf(tree: string): Transaction {
    return (isTemporaryTree(tree) ? this.#temporaryTx : this.#outermost)!;
  }

  /** A tree for reading, which shows the open transaction. */
  read(tree: string): Rows {
    return this.treesOf(tree).rows(tree) as unknown as Rows;
  }

  /** A tree of the open transaction. */
  writable(tree: string): WritableRows {
    if (this.#temporary === undefined) return this.trees.writable(this.#outermost!, tree);
    return this.treesOf(tree).writable(this.transactionOf(tree), tree);
  }

  /** The number of entries of a tree, or of a range of it. */
  count(tree: string, bounds?: KeyBounds): number {
    if (bounds === undefined) return this.read(tree).count();
    const { reverse: _, ...range } = bounds;
    return this.read(tree).count(range);
  }

  /** How many rows share the first parts of a key, by samples; undefined if there are few rows. */
  sameRows(tree: string, parts: number): number | undefined {
    const rows = this.read(tree);
    const all = rows.count();
    if (all < SAMPLED_LEAST) return undefined;
    let sum = 0;
    for (const reverse of [false, true]) {
      const [key] = rows.keys({ reverse, limit: 1 });
      const prefix = key!.subarray(0, key!.length - keyAfter(key!, parts).length);
      sum += rows.count({ prefix });
    }
    // Many NULLs at the beginning say nothing about other values.
    return Math.max(1, Math.min(sum / 2, all / 10));
  }

  /** The greatest rowid that a table has had; undefined if it has had none. */
  sequence(tree: string): Integer | undefined {
    return this.treesOf(tree).sequence(tree);
  }

  /** Sets the greatest rowid that a table has had. */
  setSequence(tree: string, rowid: Integer): void {
    this.treesOf(tree).setSequence(this.transactionOf(tree), tree, rowid);
  }

  /** Runs a program inside another one, and returns its first row. */
  call(
    program: Program,
    values: readonly SqlValue[],
    caller?: Machine,
  ): readonly SqlValue[] | undefined {
    const machine = new Machine(program, this, values);
    if (caller !== undefined) machine.whole = caller.whole;
    let row: SqlValue[] | undefined;
    if (program.writes !== "nothing") {
      machine.run((registers, first, count) => {
        row ??= registers.slice(first, first + count);
      });
    } else if (machine.step()) {
      const { first, count } = machine.row;
      row = machine.registers.slice(first, first + count);
      machine.close();
    }
    this.counts.total += machine.changed;
    return row;
  }

  /**
   * Runs a program to its end.
   *
   * @param current The program for the schema as it is when it is called.
   */
  run<T>(
    current: CurrentProgram,
    values: readonly SqlValue[],
    make: MakeRow<T>,
    durability?: Durability,
  ): Finished<T> {
    const program = this.moves ? this.atOneVersion(() => current(values)) : current(values);
    const { writes } = program;
    if (writes === "nothing") {
      if (!this.moves) return this.#collect(program, values, make);
      return this.atOneVersion(() => this.#collect(current(values), values, make));
    }
    // A savepoint keeps old pages, which a change that cannot fail halfway does not need.
    const isInside = this.#tx !== undefined &&
      (this.#temporaryTx !== undefined || this.catalog.temporary.length === 0);
    const finished = isInside && writes === "one row"
      ? this.#collectOne(program, values, make)
      : isInside && writes === "added rows"
      ? this.#collectAdded(program, values, make)
      : this.#runWhole(current, values, make, durability);
    this.counts.changes = finished.changed;
    this.counts.total += finished.changed;
    return finished;
  }

  /** Runs a program wholly or not at all, unless the action of a conflict says otherwise. */
  #runWhole<T>(
    current: CurrentProgram,
    values: readonly SqlValue[],
    make: MakeRow<T>,
    durability?: Durability,
  ): Finished<T> {
    const finished = this.write(() => {
      // Under the write lock the schema may be another one.
      const program = current(values);
      try {
        return this.#collect(program, values, make);
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        if (error.action === "fail") return error;
        if (error.action === "rollback") this.#doom = error;
        throw error;
      }
    }, durability);
    if (finished instanceof ConflictError) throw finished;
    return finished;
  }

  /** Runs a program that changes one row; on a reused machine, if no rows are to be made. */
  #collectOne<T>(program: Program, values: readonly SqlValue[], make: MakeRow<T>): Finished<T> {
    if (make !== noRow as unknown) return this.#collect(program, values, make);
    const machine = program.idle ?? new Machine(program, this, values);
    if (program.idle !== undefined) machine.again(values);
    // While it runs, no statement inside it may use it.
    program.idle = undefined;
    try {
      machine.runToEnd();
    } catch (error) {
      this.counts.changes = 0;
      throw error;
    }
    const { changed } = machine;
    machine.forget();
    program.idle = machine;
    return { rows: [], changed };
  }

  /** Runs a program that adds rows, and removes them again if it fails. */
  #collectAdded<T>(
    program: Program,
    values: readonly SqlValue[],
    make: MakeRow<T>,
  ): Finished<T> {
    // A statement that runs inside this one has its own.
    const added = this.#idleAdded ?? new AddedRows();
    this.#idleAdded = undefined;
    try {
      return this.#collect(program, values, make, added);
    } catch (error) {
      this.#takeBack(added, error);
      throw error;
    } finally {
      added.forget();
      this.#idleAdded = added;
    }
  }

  /** Removes rows after an error; the transaction rolls back if they are not known to be gone. */
  #takeBack(added: AddedRows, error: unknown): void {
    if (!(error instanceof SqlError)) this.#doom ??= error;
    try {
      added.remove((tree) => this.writable(tree));
    } catch (failure) {
      this.#doom ??= failure;
    }
  }

  #collect<T>(
    program: Program,
    values: readonly SqlValue[],
    make: MakeRow<T>,
    added?: AddedRows,
  ): Finished<T> {
    const machine = new Machine(program, this, values);
    machine.added = added;
    const rows: T[] = [];
    try {
      machine.run((registers, first, count) => {
        rows.push(make(registers, first, count));
      });
    } catch (error) {
      const stays = error instanceof ConflictError && error.action === "fail";
      if (program.writes !== "nothing") this.counts.changes = stays ? machine.changed : 0;
      if (stays) this.counts.total += machine.changed;
      throw error;
    }
    return { rows, changed: machine.changed };
  }

  /** A snapshot, and the program for its schema. The caller closes it. */
  snapshotFor(current: () => Program): { snapshot: Snapshot; program: Program } {
    for (;;) {
      const program = this.atOneVersion(current);
      const snapshot = this.db.snapshot();
      // It may be newer than the schema, which the next turn of the loop reads.
      if (!this.moves || this.catalog.isStored(snapshot)) return { snapshot, program };
      snapshot.close();
    }
  }

  /** The trees of a snapshot, for a query that is read over several turns. */
  snapshotStore(snapshot: Snapshot): Store {
    const { counts, triggers, deferred, spill } = this;
    const refuse = (): never => {
      throw new SqlError("MISUSE", "a query cannot write");
    };
    const store: Store = {
      counts,
      triggers,
      deferred,
      spill,
      read: (tree) =>
        isTemporaryTree(tree)
          ? this.read(tree)
          : snapshot.tree(this.trees.rows(tree)) as unknown as Rows,
      writable: refuse,
      sequence: (tree) =>
        isTemporaryTree(tree) ? this.sequence(tree) : this.trees.sequence(tree, snapshot),
      setSequence: refuse,
      call: refuse,
    };
    return store;
  }
}
