/**
 * The engine of a database: its trees, its schema, and the transactions of statements. All handles
 * of SQL on a database share one engine.
 *
 * A statement that writes is a transaction, or a savepoint of the open one, so it takes effect
 * wholly or not at all. If a transaction that changed the schema rolls back, the schema is read
 * anew.
 */

import type { Database, Durability, Snapshot, Transaction } from "../../mod.ts";
import { Catalog } from "../schema/catalog.ts";
import { type Rows, SqlTrees, type WritableRows } from "../schema/trees.ts";
import { SqlError } from "../value/error.ts";
import type { SqlValue } from "../value/value.ts";
import type { KeyBounds } from "../vm/cursor.ts";
import { type ChangeCounts, Machine, type Store } from "../vm/machine.ts";
import type { Program } from "../vm/machine.ts";
import { integerOf } from "../value/value.ts";

/** The result of a program that was run to its end. */
export interface Finished {
  /** The rows, each in the order of its columns. */
  readonly rows: SqlValue[][];
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
  #tx: Transaction | undefined;
  /** The version at which the schema changed in a transaction of others, which may roll back. */
  #unsettled: number | undefined;

  /**
   * Creates the engine of a database.
   *
   * @throws {TypeError} A tree of its names has other codecs.
   * @throws {SqlError} The schema is malformed.
   */
  constructor(db: Database) {
    this.trees = new SqlTrees(db);
    this.catalog = new Catalog(this.trees);
  }

  /** The database. */
  get db(): Database {
    return this.trees.db;
  }

  /** The open transaction of SQL, or undefined. */
  get transaction(): Transaction | undefined {
    return this.#tx;
  }

  /** Reads the schema anew, if it changed in a transaction of others. */
  settle(): void {
    if (this.#unsettled === undefined) return;
    if (this.db.version !== this.#unsettled) this.#unsettled = undefined;
    this.catalog.reload();
  }

  /** Runs a body as a transaction, or as a savepoint of the open one. */
  write<T>(body: (tx: Transaction) => T, durability?: Durability): T {
    const before = this.#tx;
    const { generation } = this.catalog;
    const { version } = this.db;
    try {
      const run = (tx: Transaction) => {
        this.#tx = tx;
        return body(tx) as never;
      };
      const result: T = this.db.writeSync(run, durability === undefined ? {} : { durability });
      const isInside = before === undefined && this.db.version === version;
      if (isInside && generation !== this.catalog.generation) this.#unsettled = version;
      return result;
    } catch (error) {
      if (generation !== this.catalog.generation) this.catalog.reload();
      throw error;
    } finally {
      this.#tx = before;
    }
  }

  /** A tree for reading, which shows the open transaction. */
  read(tree: string): Rows {
    return this.trees.rows(tree) as unknown as Rows;
  }

  /** A tree of the open transaction. */
  writable(tree: string): WritableRows {
    return this.trees.writable(this.#tx!, tree);
  }

  /** The number of entries of a tree, or of a range of it. */
  count(tree: string, bounds?: KeyBounds): number {
    if (bounds === undefined) return this.read(tree).count();
    const { reverse: _, ...range } = bounds;
    return this.read(tree).count(range);
  }

  /** Reads and sets the greatest rowid that a table has had. */
  sequence(tree: string, set?: number | bigint): number | bigint {
    if (set !== undefined) this.#tx!.tree(this.trees.sequences).set(tree, String(set));
    return integerOf(BigInt(this.trees.sequences.get(tree) ?? "0"));
  }

  /** Runs a program inside another one, and returns its first row. */
  call(program: Program, values: readonly SqlValue[]): readonly SqlValue[] | undefined {
    const machine = new Machine(program, this, values);
    if (!machine.step()) return undefined;
    const { first, count } = machine.row;
    const row = machine.registers.slice(first, first + count);
    if (program.writes !== "nothing") machine.runToEnd();
    else machine.close();
    return row;
  }

  /** Runs a program to its end. */
  run(program: Program, values: readonly SqlValue[], durability?: Durability): Finished {
    const { writes } = program;
    if (writes === "nothing") return this.#collect(program, values);
    // A savepoint keeps old pages, which a change that cannot fail halfway does not need.
    const isWhole = writes === "one row" && this.#tx !== undefined;
    const finished = isWhole
      ? this.#collect(program, values)
      : this.write(() => this.#collect(program, values), durability);
    this.counts.changes = finished.changed;
    this.counts.total += finished.changed;
    return finished;
  }

  #collect(program: Program, values: readonly SqlValue[]): Finished {
    const machine = new Machine(program, this, values);
    const rows: SqlValue[][] = [];
    while (machine.step()) {
      const { first, count } = machine.row;
      rows.push(machine.registers.slice(first, first + count));
    }
    return { rows, changed: machine.changed };
  }

  /** The trees of a snapshot, for a query that is read over several turns. */
  snapshotStore(snapshot: Snapshot): Store {
    const { counts } = this;
    const refuse = (): never => {
      throw new SqlError("MISUSE", "a query cannot write");
    };
    const store: Store = {
      counts,
      read: (tree) => snapshot.tree(this.trees.rows(tree)) as unknown as Rows,
      writable: refuse,
      sequence: refuse,
      call: refuse,
    };
    return store;
  }
}
