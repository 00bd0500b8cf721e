/**
 * The adapter of Quire: one tree, with default options except for the cache.
 */

import { type Database, open, type OpenOptions, type Transaction, type Tree } from "../../mod.ts";
import { format } from "../../pager/mod.ts";
import type { Changes, Engine, Store, StoreOptions } from "./engine.ts";

const TREE = "entries";

/** Quire with options. */
export function quireEngine(options: OpenOptions = {}): Engine {
  return {
    name: "Quire",
    about: "default options, one tree",
    open: (path, { cacheBytes }: StoreOptions) => {
      return new QuireStore(open(path, { ...options, cacheBytes }));
    },
  };
}

/** A Quire database as a store. */
export class QuireStore implements Store {
  /** The database. */
  readonly db: Database;
  /** Its tree. */
  tree: Tree;

  /** Wraps an open database. */
  constructor(db: Database) {
    this.db = db;
    this.tree = db.tree(TREE);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.tree.get(key);
  }

  getView(key: Uint8Array): Uint8Array | undefined {
    return this.tree.getView(key);
  }

  scan(from: Uint8Array, limit: number): number {
    let bytes = 0;
    for (const [key, value] of this.tree.entries({ gte: from, limit })) {
      bytes += key.length + value.length;
    }
    return bytes;
  }

  visit(from: Uint8Array, limit: number): number {
    let bytes = 0;
    this.tree.visit({ gte: from, limit }, (key, value) => {
      bytes += key.length + value.length;
    });
    return bytes;
  }

  getMany(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return this.tree.getMany(keys);
  }

  count(): number {
    return this.tree.count();
  }

  write(count: number, change: (changes: Changes, index: number) => void): void {
    this.db.writeSync((tx) => this.#change(tx, count, change));
  }

  writeLater(count: number, change: (changes: Changes, index: number) => void): Promise<void> {
    return this.db.write((tx) => this.#change(tx, count, change));
  }

  #change(tx: Transaction, count: number, change: (changes: Changes, index: number) => void): void {
    const tree = tx.tree(this.tree);
    const changes: Changes = {
      put: (key, value) => tree.set(key, value),
      remove: (key) => void tree.delete(key),
    };
    for (let i = 0; i < count; i++) change(changes, i);
  }

  load(entries: Iterable<[Uint8Array, Uint8Array]>): void {
    this.db.writeSync((tx) => tx.tree(this.tree).load(entries));
  }

  commit(key: Uint8Array, value: Uint8Array): Promise<void> {
    return this.tree.set(key, value);
  }

  setBuffered(key: Uint8Array, value: Uint8Array): Promise<void> {
    return this.db.write((tx) => tx.tree(this.tree).set(key, value), { durability: "buffered" });
  }

  async removeAll(): Promise<void> {
    await this.db.dropTree(TREE);
    this.tree = this.db.tree(TREE);
  }

  /** As `commit`, and returns when it is on the medium. */
  commitSync(key: Uint8Array, value: Uint8Array): void {
    this.db.writeSync((tx) => tx.tree(this.tree).set(key, value));
  }

  async commitAll(entries: readonly [Uint8Array, Uint8Array][]): Promise<void> {
    await Promise.all(entries.map(([key, value]) => this.tree.set(key, value)));
  }

  checkpoint(): void {
    this.db.checkpoint();
  }

  /** The number of leaves of its tree. */
  leaves(): number {
    return this.db.census().pagesOfKind[format.KIND_LEAF]!;
  }

  /** Bytes written to the journal so far. */
  journalBytes(): number {
    return this.db.stats().journalBytesWritten;
  }

  close(): void {
    this.db.close();
  }
}
