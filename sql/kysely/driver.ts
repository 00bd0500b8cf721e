/**
 * The driver: one connection, which transactions and single statements take in turn.
 */

import { rowOf, type SqlInputs } from "../binding.ts";
import { engineOf, type Sql } from "../sql.ts";
import type { Statement } from "../statement.ts";
import type {
  CompiledQuery,
  DatabaseConnection,
  Driver,
  QueryResult,
  TransactionSettings,
} from "./kysely.ts";
import { ReplayedTransaction } from "./replayed_transaction.ts";

/** The maximum number of prepared statements that are kept; the oldest are dropped first. */
const KEPT_MAX = 200;

/** A driver on a handle of SQL. */
export class QuireDriver implements Driver {
  readonly #connection: QuireConnection;
  /** Resolves when all earlier requests for the connection have released it. */
  #turn: Promise<void> = Promise.resolve();
  #release: (() => void) | undefined;

  /** Creates a driver. */
  constructor(query: Sql) {
    this.#connection = new QuireConnection(query);
  }

  /** Does nothing: the connection is ready. */
  async init(): Promise<void> {}

  /** Waits for the connection. */
  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    this.#release = resolve;
    return this.#connection;
  }

  /** Passes the connection on to the next request. */
  async releaseConnection(): Promise<void> {
    this.#release?.();
    this.#release = undefined;
    await Promise.resolve();
  }

  /** Begins a transaction; all are serializable. */
  async beginTransaction(_: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    this.#connection.begin(settings.accessMode === "read only");
    await Promise.resolve();
  }

  /** Commits the transaction. */
  async commitTransaction(): Promise<void> {
    const { transaction } = this.#connection;
    this.#connection.transaction = undefined;
    transaction?.commit();
    await Promise.resolve();
  }

  /** Rolls the transaction back. */
  async rollbackTransaction(): Promise<void> {
    this.#connection.transaction = undefined;
    await Promise.resolve();
  }

  /** Marks a savepoint. */
  async savepoint(_: DatabaseConnection, name: string): Promise<void> {
    this.#connection.transaction?.savepoint(name);
    await Promise.resolve();
  }

  /** Undoes what followed a savepoint. */
  async rollbackToSavepoint(_: DatabaseConnection, name: string): Promise<void> {
    this.#connection.transaction?.rollbackTo(name);
    await Promise.resolve();
  }

  /** Forgets a savepoint. */
  async releaseSavepoint(_: DatabaseConnection, name: string): Promise<void> {
    this.#connection.transaction?.release(name);
    await Promise.resolve();
  }

  /** Leaves the database open. */
  async destroy(): Promise<void> {}
}

class QuireConnection implements DatabaseConnection {
  transaction: ReplayedTransaction | undefined;
  readonly #query: Sql;
  readonly #kept = new Map<string, Statement>();

  constructor(query: Sql) {
    this.#query = query;
  }

  begin(isReadOnly: boolean): void {
    this.transaction = new ReplayedTransaction(this.#query, isReadOnly);
  }

  #statement(text: string): Statement {
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    const statement = this.#query.prepare(text);
    if (this.#kept.size >= KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(text, statement);
    return statement;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const inputs = this.transaction === undefined ? parameters as SqlInputs : ownInputs(parameters);
    const result = this.transaction === undefined
      ? this.#run<R>(this.#statement(sql), inputs)
      : this.transaction.run(
        () => this.#statement(sql),
        (statement) => this.#run<R>(statement, inputs),
      );
    return await Promise.resolve(result);
  }

  #run<R>(statement: Statement, inputs: SqlInputs): QueryResult<R> {
    const { columns, rows, changed } = statement.rows(...inputs);
    const names = columns.map(({ name }) => name);
    const all = rows.map((row) => rowOf(names, row, 0) as R);
    if (statement.isQuery) return { rows: all };
    const { lastRowid } = engineOf(this.#query.db).counts;
    return { rows: all, numAffectedRows: BigInt(changed), insertId: BigInt(lastRowid) };
  }

  /** Yields the rows of one version of the database, some at a time. */
  async *streamQuery<R>(
    compiled: CompiledQuery,
    chunkSize: number,
  ): AsyncIterableIterator<QueryResult<R>> {
    const statement = this.#statement(compiled.sql);
    if (this.transaction !== undefined || !statement.isQuery) {
      yield await this.executeQuery<R>(compiled);
      return;
    }
    let rows: R[] = [];
    for (const row of statement.iterate(...compiled.parameters as SqlInputs)) {
      rows.push(row as R);
      if (rows.length < chunkSize) continue;
      yield { rows };
      rows = [];
    }
    if (rows.length > 0) yield { rows };
  }
}

/** Values whose bytes the caller cannot change before the commit binds them again. */
function ownInputs(parameters: readonly unknown[]): SqlInputs {
  // The method `slice` of a `Buffer` makes no copy.
  return parameters.map((value) =>
    value instanceof Uint8Array ? new Uint8Array(value) : value
  ) as unknown as SqlInputs;
}
