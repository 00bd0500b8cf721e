/**
 * The schema in memory, beside the one of the database: other processes may change that one.
 *
 * The database has a number that is another one after each change of its schema, so equal numbers
 * mean equal schemas, also after a rollback. `settle` compares them, and reads the schema again if
 * they differ. Each statement settles before anything else, and one that writes once more under the
 * write lock. A database that only this process can change needs no comparison, except after a
 * change of the schema that may still be rolled back.
 *
 * Within a turn of the event loop, reads move to a newer version only where another process has
 * replaced a page. `atOneVersion` runs a read again that met two versions.
 */

import { BusyError, type Database, SnapshotTooOldError } from "../../mod.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { StoredObject } from "../schema/trees.ts";

/** The tries of a read, after which it runs under the write lock. */
const TRIES = 5;

/** The schema in memory, and whether it is that of the database. */
export class KnownSchema {
  /** Whether other processes may write the file, and reads may meet two versions. */
  readonly moves: boolean;
  /** Whether the file is shared, so that a transaction may begin with another schema. */
  readonly isShared: boolean;
  readonly #db: Database;
  readonly #catalog: Catalog;
  /** Whether nothing but this handle can have changed the schema since it was compared. */
  #isSettled = false;
  /** The version at which it was compared; -1 if that says nothing. */
  #settledAt = -1;
  /** The version at which the schema changed in a transaction of the program's, still open. */
  #unsettled: number | undefined;

  /**
   * Reads the schema.
   *
   * @throws {SqlError} It is malformed.
   */
  constructor(db: Database, catalog: Catalog) {
    this.#db = db;
    this.#catalog = catalog;
    this.isShared = db.stats().sharing !== undefined && !db.follows;
    this.moves = this.isShared || db.follows;
    this.settle();
  }

  /**
   * Makes the schema in memory that of the database.
   *
   * @throws {SqlError} It is malformed, or has a name that a temporary object has.
   */
  settle(): void {
    if (this.#isSettled || this.#db.version === this.#settledAt) return;
    this.atOneVersion(() => this.#compare());
  }

  #compare(): void {
    const { version } = this.#db;
    if (!this.#catalog.isStored()) this.#catalog.reload();
    if (this.#unsettled !== version) this.#unsettled = undefined;
    this.#settledAt = this.#unsettled === undefined ? version : -1;
    this.#isSettled = !this.moves && this.#unsettled === undefined;
  }

  /** The schema has changed inside of a transaction of the program's, which may roll back. */
  changedInside(version: number): void {
    this.#isSettled = false;
    this.#settledAt = -1;
    this.#unsettled = version;
  }

  /** A transaction that read or changed the schema has rolled back. */
  rolledBack(temporary: readonly StoredObject[]): void {
    this.#isSettled = false;
    this.#settledAt = -1;
    this.#catalog.forget(temporary);
  }

  /**
   * Runs a body that changes nothing, at one version: again if it met two, and in the end under the
   * write lock. Inside of a transaction nothing moves.
   *
   * @throws {BusyError} A followed file changes too fast.
   */
  atOneVersion<T>(body: () => T): T {
    if (!this.moves) return body();
    let cause: unknown;
    for (let tries = 0; tries < TRIES; tries++) {
      const { version } = this.#db;
      try {
        const result = body();
        if (this.#db.version === version) return result;
      } catch (error) {
        if (this.#db.version === version && !(error instanceof SnapshotTooOldError)) throw error;
        cause = error;
      }
    }
    if (this.isShared) return this.#db.writeSync(() => body() as never);
    throw new BusyError("Cannot read: another process changes the file too fast", { cause });
  }
}
