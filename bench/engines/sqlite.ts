/**
 * The adapter of node:sqlite: one table without row ids, prepared statements, and a write-ahead log
 * that is synced at every commit.
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Changes, Engine, Store } from "./engine.ts";

/** The SQLite of the runtime. */
export function sqliteEngine(): Engine {
  return {
    name: "node:sqlite",
    about: `SQLite ${versionOf()}, WAL, synchronous=FULL, WITHOUT ROWID, prepared statements`,
    open: (path, { cacheBytes }) => new SqliteStore(new DatabaseSync(path), cacheBytes),
  };
}

function versionOf(): string {
  const db = new DatabaseSync(":memory:");
  const row = db.prepare("SELECT sqlite_version() AS version").get();
  db.close();
  return String(row?.["version"]);
}

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

class SqliteStore implements Store {
  readonly #db: DatabaseSync;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #range: StatementSync;
  readonly #count: StatementSync;
  readonly #changes: Changes;

  constructor(db: DatabaseSync, cacheBytes: number) {
    this.#db = db;
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = ${-Math.floor(cacheBytes / 1024)};
      CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;
    `);
    this.#get = db.prepare("SELECT value FROM entries WHERE key = ?");
    this.#put = db.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?)");
    this.#remove = db.prepare("DELETE FROM entries WHERE key = ?");
    this.#range = db.prepare("SELECT key, value FROM entries WHERE key >= ? ORDER BY key LIMIT ?");
    this.#count = db.prepare("SELECT COUNT(*) AS count FROM entries");
    this.#changes = {
      put: (key, value) => void this.#put.run(key, value),
      remove: (key) => void this.#remove.run(key),
    };
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#get.get(key)?.["value"] as Uint8Array | undefined;
  }

  scan(from: Uint8Array, limit: number): number {
    let bytes = 0;
    // A negative limit means no limit.
    const rows = this.#range.iterate(from, Number.isFinite(limit) ? limit : -1);
    for (const { key, value } of rows as unknown as Iterable<Row>) {
      bytes += key.length + value.length;
    }
    return bytes;
  }

  count(): number {
    return Number(this.#count.get()?.["count"]);
  }

  write(count: number, change: (changes: Changes, index: number) => void): void {
    this.#db.exec("BEGIN");
    for (let i = 0; i < count; i++) change(this.#changes, i);
    this.#db.exec("COMMIT");
  }

  load(entries: Iterable<[Uint8Array, Uint8Array]>): void {
    this.#db.exec("BEGIN");
    for (const [key, value] of entries) this.#put.run(key, value);
    this.#db.exec("COMMIT");
  }

  commit(key: Uint8Array, value: Uint8Array): void {
    this.#put.run(key, value);
  }

  /** Nothing runs concurrently here, so concurrent sets are one transaction. */
  commitAll(entries: readonly [Uint8Array, Uint8Array][]): void {
    this.load(entries);
  }

  removeAll(): void {
    this.#db.exec("DELETE FROM entries");
  }

  checkpoint(): void {
    this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  close(): void {
    this.#db.close();
  }
}
