/**
 * The interface of a storage engine to be measured, which fits all of them.
 *
 * A store receives keys in a buffer that the caller reuses, so it must not keep it after its call
 * returns. Synchronous engines return results, the others promises. Every store is durable: a write
 * is on the medium when it returns or resolves.
 */

/** A result, now or later. */
export type Later<T> = T | Promise<T>;

/** Changes inside a transaction. */
export interface Changes {
  /** Sets the value of a key. */
  put(key: Uint8Array, value: Uint8Array): void;
  /** Deletes an entry. */
  remove(key: Uint8Array): void;
}

/** An open database of an engine. */
export interface Store {
  /** The value of a key, which the caller owns. */
  get(key: Uint8Array): Later<Uint8Array | null | undefined>;
  /** The value of a key in memory that may be reused, if the engine has such a call. */
  getView?(key: Uint8Array): Uint8Array | null | undefined;
  /** Iterates over up to `limit` entries from a key on. Returns the bytes of keys and values. */
  scan(from: Uint8Array, limit: number): Later<number>;
  /** As `scan`, in a call that creates no objects for entries, if there is one. */
  visit?(from: Uint8Array, limit: number): number;
  /** The values of many keys, if there is such a call. */
  getMany?(keys: readonly Uint8Array[]): Later<readonly (Uint8Array | null | undefined)[]>;
  /** The number of entries. */
  count(): Later<number>;
  /** Makes changes in one transaction, or in as few as the engine allows. */
  write(count: number, change: (changes: Changes, index: number) => void): Later<void>;
  /** As `write`, in the call that does not hold the event loop for the medium, if there is one. */
  writeLater?(count: number, change: (changes: Changes, index: number) => void): Promise<void>;
  /** Loads entries in key order into an empty database. */
  load(entries: Iterable<[Uint8Array, Uint8Array]>): Later<void>;
  /** Sets one value as a transaction of its own. */
  commit(key: Uint8Array, value: Uint8Array): Later<void>;
  /** As `commit`, in the call that shares a sync with concurrent ones, if that is another one. */
  commitShared?(key: Uint8Array, value: Uint8Array): Later<void>;
  /** Sets values in concurrent transactions of their own. */
  commitAll(entries: readonly [Uint8Array, Uint8Array][]): Later<void>;
  /** As `commit`, in a call that waits for the system only, if there is one. */
  setBuffered?(key: Uint8Array, value: Uint8Array): Later<void>;
  /** Removes all entries. */
  removeAll(): Later<void>;
  /** Writes pending changes of a log to the main file, if there is such a call. */
  checkpoint?(): void;
  /** Closes it. */
  close(): Later<void>;
}

/** Options of an open database. */
export interface StoreOptions {
  /** Memory for pages, if the engine has a cache of its own. */
  readonly cacheBytes: number;
}

/** A storage engine. */
export interface Engine {
  /** Its name. */
  readonly name: string;
  /** Its version and configuration. */
  readonly about: string;
  /** Opens the database at a path, and creates it if it does not exist. */
  open(path: string, options: StoreOptions): Later<Store>;
}
