/**
 * Explicit snapshots: a snapshot of Quire as a resource that abstract-level closes with the
 * database, and not before the reads that use it have ended.
 */

import type { Database, ReadTree, Snapshot } from "../mod.ts";
import { AbstractSnapshot } from "./abstract_level.ts";

/** The options of a snapshot. */
export interface SnapshotOptions {
  /** The database or sublevel that closes it. */
  readonly owner: unknown;
}

/** The types of abstract-level leave out the argument of the constructor. */
const Base = AbstractSnapshot as unknown as new (options: SnapshotOptions) => AbstractSnapshot;

/** An explicit snapshot. */
export class LevelSnapshot extends Base {
  /** The database that it shows. */
  readonly database: Database;
  /** The snapshot of Quire. */
  readonly inner: Snapshot;
  /** The entries, as bytes. */
  readonly tree: ReadTree;

  /** Creates a snapshot that an owner closes. */
  constructor(options: SnapshotOptions, database: Database, name: string) {
    super(options);
    this.database = database;
    this.inner = database.snapshot();
    this.tree = this.inner.tree(name);
  }

  /** Ends the snapshot. */
  protected _close(): Promise<void> {
    this.inner.close();
    return Promise.resolve();
  }
}
