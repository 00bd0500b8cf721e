/**
 * The databases of the bench of copies: entries of 1,000 bytes in key order, in Quire and in the
 * peers that can copy a database while it is open.
 */

import { backup as copySqlite, DatabaseSync } from "node:sqlite";
import { type Database, open } from "../../mod.ts";

/** Bytes of the value of an entry. */
const VALUE_BYTES = 1000;
const KEY_BYTES = 8;
const TREE = "entries";
const POOL_BYTES = 64 * 1024;
/** Not a literal, so that it is resolved only when it is imported. */
const LMDB: string = "lmdb";

const pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES));

/** The key of an entry, which the caller owns. */
export function keyAt(index: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  new DataView(key.buffer).setUint32(KEY_BYTES - 4, index);
  return key;
}

/** A value: a part of the pool, which is not to be changed. */
export function valueAt(index: number): Uint8Array {
  const at = (index * 7919) % (POOL_BYTES - VALUE_BYTES);
  return pool.subarray(at, at + VALUE_BYTES);
}

/** The entries of a database, in key order. */
export function* entriesOf(count: number): Generator<[Uint8Array, Uint8Array]> {
  for (let i = 0; i < count; i++) yield [keyAt(i), valueAt(i)];
}

/** The tree of the entries. */
export function treeOf(db: Database): ReturnType<Database["tree"]> {
  return db.tree(TREE);
}

/** Makes a Quire database with a number of entries, in pages that are full. */
export async function fillQuire(path: string, count: number): Promise<void> {
  using db = open(path);
  await treeOf(db).load(entriesOf(count), { fill: 1 });
}

/** A database that can be copied while it is open. */
export interface Copied {
  /** Copies it to a path that does not exist. */
  copy(to: string): Promise<unknown>;
  /** Closes it. */
  close(): unknown;
}

/** The copies by SQLite: its backup API, and `VACUUM INTO`. */
export function fillSqlite(path: string, count: number): Record<string, Copied> {
  const db = new DatabaseSync(path);
  db.exec(`
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;
    BEGIN;
  `);
  const put = db.prepare("INSERT INTO entries VALUES (?, ?)");
  for (const [key, value] of entriesOf(count)) put.run(key, value);
  db.exec("COMMIT");
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  return {
    "node:sqlite `backup`": { copy: (to) => copySqlite(db, to), close: () => db.close() },
    "node:sqlite `VACUUM INTO`": {
      copy: (to) => Promise.resolve(db.exec(`VACUUM INTO '${to}'`)),
      close: () => {},
    },
  };
}

interface Lmdb {
  open(options: Record<string, unknown>): {
    putSync(key: Uint8Array, value: Uint8Array): void;
    transactionSync(action: () => void): void;
    backup(path: string, compact: boolean): Promise<unknown>;
    close(): Promise<void>;
  };
}

/** The copy by lmdb-js. */
export async function fillLmdb(path: string, count: number): Promise<Record<string, Copied>> {
  const lmdb: Lmdb = await import(LMDB);
  const db = lmdb.open({
    path,
    noSubdir: true,
    pageSize: 8192,
    keyEncoding: "binary",
    encoding: "binary",
    noMemInit: true,
  });
  db.transactionSync(() => {
    for (const [key, value] of entriesOf(count)) db.putSync(key, value);
  });
  return { "lmdb-js `backup`": { copy: (to) => db.backup(to, false), close: () => db.close() } };
}
