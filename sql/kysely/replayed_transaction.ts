/**
 * A transaction over several turns of the event loop, on a database whose transactions are
 * synchronous. Each statement runs after a replay of those before it, and then all roll back; the
 * commit runs them for good. They have the same results each time, because the version of the
 * database is checked, and the times and random values that they drew are on tapes.
 */

import { onTape, type Tape } from "../function/outside.ts";
import type { Sql } from "../sql.ts";
import type { Statement } from "../statement.ts";
import { SqlError } from "../value/error.ts";

/** A statement that changes something, to be replayed. */
interface Step {
  readonly tape: Tape;
  run(): unknown;
}

/** Rolls back a transaction that is to run again. */
class Undone extends Error {}

/** A transaction. */
export class ReplayedTransaction {
  readonly #query: Sql;
  readonly #version: number;
  readonly #isReadOnly: boolean;
  #steps: Step[] = [];
  /** The savepoints, and the number of steps before each. */
  #savepoints: { readonly name: string; readonly steps: number }[] = [];

  /** Begins a transaction. */
  constructor(query: Sql, isReadOnly: boolean) {
    this.#query = query;
    this.#version = query.db.version;
    this.#isReadOnly = isReadOnly;
  }

  /**
   * Runs a statement after those before it.
   *
   * @param prepare Prepares it, once the tables that earlier statements create exist.
   * @throws {SqlError} Something else changed the database, or the statement failed, which leaves
   *   the transaction as it was.
   */
  run<T>(prepare: () => Statement, body: (statement: Statement) => T): T {
    const step = { tape: { values: [], at: 0 }, run: () => body(prepare()) };
    let result: T;
    try {
      this.#query.transaction(() => {
        this.#check();
        this.#replay();
        const isQuery = prepare().isQuery;
        if (!isQuery && this.#isReadOnly) {
          throw new SqlError("MISUSE", "the transaction is read-only");
        }
        result = onTape(step.tape, step.run);
        if (!isQuery) this.#steps.push(step);
        throw new Undone();
      });
    } catch (error) {
      if (!(error instanceof Undone)) throw error;
    }
    return result!;
  }

  #replay(): void {
    for (const { tape, run } of this.#steps) onTape(tape, run);
  }

  #check(): void {
    if (this.#query.db.version === this.#version) return;
    throw new SqlError("CONFLICT", "something else changed the database during the transaction");
  }

  /** Runs all statements for good. */
  commit(): void {
    if (this.#steps.length === 0) return;
    this.#query.transaction(() => {
      this.#check();
      this.#replay();
    });
  }

  /** Marks a savepoint. */
  savepoint(name: string): void {
    this.#savepoints.push({ name, steps: this.#steps.length });
  }

  /** Forgets the statements after a savepoint, which stays. */
  rollbackTo(name: string): void {
    const index = this.#indexOf(name);
    this.#steps.length = this.#savepoints[index]!.steps;
    this.#savepoints.length = index + 1;
  }

  /** Forgets a savepoint and those after it. */
  release(name: string): void {
    this.#savepoints.length = this.#indexOf(name);
  }

  #indexOf(name: string): number {
    const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name);
    if (index < 0) throw new SqlError("MISUSE", `no such savepoint: ${name}`);
    return index;
  }
}
