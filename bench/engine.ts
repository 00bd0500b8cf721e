/**
 * What a storage engine has to do to be measured, in terms that fit all of them.
 *
 * A store takes keys in a buffer that the caller uses again, so it must be done with a key when its
 * call returns. Reads and writes of an engine that works synchronously return at once; those of
 * the others return promises. Every store is durable: a write has reached the medium when it
 * returns or resolves.
 */

/** A result, now or later. */
export type Later<T> = T | Promise<T>;

/** Changes inside a transaction. */
export interface Changes {
  /** Sets the value of a key. */
  put(key: Uint8Array, value: Uint8Array): void;
  /** Removes an entry. */
  remove(key: Uint8Array): void;
}

/** An open database of an engine. */
export interface Store {
  /** The value of a key, the caller's to keep. */
  get(key: Uint8Array): Later<Uint8Array | null | undefined>;
  /** The value of a key in memory that may be used again, where the engine has such a call. */
  getView?(key: Uint8Array): Uint8Array | null | undefined;
  /** Goes through up to `limit` entries from a key on; returns the bytes of keys and values. */
  scan(from: Uint8Array, limit: number): Later<number>;
  /** How many entries there are. */
  count(): Later<number>;
  /** Makes a number of changes in one transaction, or in as few as the engine can. */
  write(count: number, change: (changes: Changes, index: number) => void): Later<void>;
  /** Adds entries that come in key order to an empty database. */
  load(entries: Iterable<[Uint8Array, Uint8Array]>): Later<void>;
  /** Sets one value as a transaction of its own. */
  commit(key: Uint8Array, value: Uint8Array): Later<void>;
  /** Sets values as transactions of their own that do not wait for one another. */
  commitAll(entries: readonly [Uint8Array, Uint8Array][]): Later<void>;
  /** Writes to the database's main file what a log still holds, where there is such a call. */
  checkpoint?(): void;
  /** Closes it. */
  close(): Later<void>;
}

/** How a database is to be opened. */
export interface StoreOptions {
  /** Memory for pages, where the engine has a cache of its own. */
  readonly cacheBytes: number;
}

/** A storage engine. */
export interface Engine {
  /** What it is called. */
  readonly name: string;
  /** Its version, and how it was set up. */
  readonly about: string;
  /** Opens the database of a path, which is made when it is missing. */
  open(path: string, options: StoreOptions): Later<Store>;
}
