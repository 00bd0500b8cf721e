/**
 * The adapter of classic-level (LevelDB): views of bytes, no compression, as in all other engines,
 * a cache of the given size, and a larger write buffer for loads, as its documentation advises.
 *
 * Its package is resolved through `bench/deno.json` on first use, and only the part in use is
 * declared here, so that only the bench depends on it.
 */

import type { Changes, Engine, Store } from "./engine.ts";

const WRITE_BUFFER_BYTES = 64 * 1024 * 1024;

/** Not a literal, so that it is resolved only when it is imported. */
const PACKAGE: string = "classic-level";

interface Module {
  ClassicLevel: new (path: string, options: Record<string, unknown>) => LevelDatabase;
}

interface LevelDatabase {
  open(): Promise<void>;
  getSync(key: Uint8Array): Uint8Array | undefined;
  put(key: Uint8Array, value: Uint8Array, options: SyncOption): Promise<void>;
  batch(): LevelBatch;
  iterator(options: { gte: Uint8Array; limit: number }): LevelIterator<[Uint8Array, Uint8Array]>;
  keys(): LevelIterator<Uint8Array>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

interface LevelBatch {
  put(key: Uint8Array, value: Uint8Array): void;
  del(key: Uint8Array): void;
  write(options: SyncOption): Promise<void>;
}

interface LevelIterator<T> {
  nextv(count: number): Promise<T[]>;
  close(): Promise<void>;
}

interface SyncOption {
  readonly sync: boolean;
}

/** LevelDB. */
export async function classicLevelEngine(): Promise<Engine> {
  const { ClassicLevel }: Module = await import(PACKAGE);
  return {
    name: "classic-level",
    about: "classic-level 3.0.0, no compression, write buffer of 64 MiB, sync: true",
    open: async (path, { cacheBytes }) => {
      const db = new ClassicLevel(path, {
        keyEncoding: "view",
        valueEncoding: "view",
        compression: false,
        cacheSize: cacheBytes,
        writeBufferSize: WRITE_BUFFER_BYTES,
      });
      await db.open();
      return new ClassicLevelStore(db);
    },
  };
}

class ClassicLevelStore implements Store {
  readonly #db: LevelDatabase;

  constructor(db: LevelDatabase) {
    this.#db = db;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#db.getSync(key);
  }

  async scan(from: Uint8Array, limit: number): Promise<number> {
    const iterator = this.#db.iterator({ gte: from, limit: Number.isFinite(limit) ? limit : -1 });
    let bytes = 0;
    const pageSize = Math.min(limit, 1000);
    for (let page = await iterator.nextv(pageSize); page.length > 0;) {
      for (const [key, value] of page) bytes += key.length + value.length;
      page = await iterator.nextv(pageSize);
    }
    await iterator.close();
    return bytes;
  }

  async count(): Promise<number> {
    const iterator = this.#db.keys();
    let count = 0;
    for (let page = await iterator.nextv(1000); page.length > 0;) {
      count += page.length;
      page = await iterator.nextv(1000);
    }
    await iterator.close();
    return count;
  }

  /** One batch, which copies each key and value. */
  async write(count: number, change: (changes: Changes, index: number) => void): Promise<void> {
    const batch = this.#db.batch();
    const changes: Changes = {
      put: (key, value) => batch.put(key, value),
      remove: (key) => batch.del(key),
    };
    for (let i = 0; i < count; i++) change(changes, i);
    await batch.write({ sync: true });
  }

  async load(entries: Iterable<[Uint8Array, Uint8Array]>): Promise<void> {
    const batch = this.#db.batch();
    for (const [key, value] of entries) batch.put(key, value);
    await batch.write({ sync: true });
  }

  commit(key: Uint8Array, value: Uint8Array): Promise<void> {
    return this.#db.put(key, value, { sync: true });
  }

  async commitAll(entries: readonly [Uint8Array, Uint8Array][]): Promise<void> {
    await Promise.all(entries.map(([key, value]) => this.#db.put(key, value, { sync: true })));
  }

  removeAll(): Promise<void> {
    return this.#db.clear();
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
