/**
 * The adapter of lmdb-js.
 *
 * Its package is resolved through `bench/deno.json` on first use, and only the part in use is
 * declared here, so that only the bench depends on it.
 *
 * It is configured as its documentation advises for keys and values in bytes: binary encodings, no
 * zeroing of new memory, synchronous transactions, which are flushed when they return. Single
 * commits use `transactionSync`, its fastest durable commit; concurrent ones use `put`, which its
 * own thread commits together.
 */

import type { Changes, Engine, Store } from "./engine.ts";

/** Not a literal, so that it is resolved only when it is imported. */
const PACKAGE: string = "lmdb";

interface Lmdb {
  open(options: Record<string, unknown>): LmdbDatabase;
}

interface LmdbDatabase {
  readonly flushed: Promise<boolean>;
  getBinary(key: Uint8Array): Uint8Array | undefined;
  getBinaryFast(key: Uint8Array): Uint8Array | undefined;
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>;
  getRange(
    options: { start: Uint8Array; limit: number },
  ): Iterable<{ key: Uint8Array; value: Uint8Array }>;
  getStats(): { entryCount: number };
  put(key: Uint8Array, value: Uint8Array): Promise<boolean>;
  putSync(key: Uint8Array, value: Uint8Array): void;
  removeSync(key: Uint8Array): boolean;
  clearAsync(): Promise<void>;
  transactionSync<T>(action: () => T): T;
  close(): Promise<void>;
}

/** lmdb-js with pages of a given size. */
export async function lmdbEngine(pageBytes: number): Promise<Engine> {
  const { open }: Lmdb = await import(PACKAGE);
  return {
    name: "lmdb-js",
    about: `lmdb 3.4.4, pages of ${pageBytes} bytes, noMemInit, binary keys and values`,
    open: (path) =>
      new LmdbStore(
        open({
          path,
          noSubdir: true,
          pageSize: pageBytes,
          keyEncoding: "binary",
          encoding: "binary",
          noMemInit: true,
          overlappingSync: false,
        }),
      ),
  };
}

class LmdbStore implements Store {
  readonly #db: LmdbDatabase;
  readonly #changes: Changes;

  constructor(db: LmdbDatabase) {
    this.#db = db;
    this.#changes = {
      put: (key, value) => db.putSync(key, value),
      remove: (key) => void db.removeSync(key),
    };
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#db.getBinary(key);
  }

  getView(key: Uint8Array): Uint8Array | undefined {
    return this.#db.getBinaryFast(key);
  }

  scan(from: Uint8Array, limit: number): number {
    let bytes = 0;
    for (const { key, value } of this.#db.getRange({ start: from, limit })) {
      bytes += key.length + value.length;
    }
    return bytes;
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.#db.getMany(keys);
  }

  count(): number {
    return this.#db.getStats().entryCount;
  }

  write(count: number, change: (changes: Changes, index: number) => void): void {
    this.#db.transactionSync(() => {
      for (let i = 0; i < count; i++) change(this.#changes, i);
    });
  }

  load(entries: Iterable<[Uint8Array, Uint8Array]>): void {
    this.#db.transactionSync(() => {
      for (const [key, value] of entries) this.#db.putSync(key, value);
    });
  }

  commit(key: Uint8Array, value: Uint8Array): void {
    this.#db.transactionSync(() => this.#db.putSync(key, value));
  }

  /** Resolves after the sync, because `overlappingSync` is off. */
  async commitShared(key: Uint8Array, value: Uint8Array): Promise<void> {
    await this.#db.put(key, value);
  }

  async commitAll(entries: readonly [Uint8Array, Uint8Array][]): Promise<void> {
    await Promise.all(entries.map(([key, value]) => this.#db.put(key, value)));
    await this.#db.flushed;
  }

  removeAll(): Promise<void> {
    return this.#db.clearAsync();
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
