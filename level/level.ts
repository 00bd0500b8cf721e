/**
 * The class `QuireLevel`: the private interface of abstract-level on one tree of a Quire file.
 *
 * abstract-level checks arguments, encodes keys and values, defers calls until the database is
 * open, adds the prefixes of sublevels, and closes iterators and snapshots before the database. It
 * calls the methods whose names begin with `_`.
 *
 * Reads, and the changes of a write, happen in the call itself; a promise waits for durability
 * only.
 */

import type { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import type { Database, ReadTree, TransactionTree, Tree } from "../mod.ts";
import {
  type AbstractBatchOperation,
  type AbstractIterator,
  AbstractLevel,
  type AbstractSnapshot,
} from "./abstract_level.ts";
import { LevelError, levelError } from "./errors.ts";
import { bufferOf, bytesOf, CODECS, type Encoded, type Format, textOf } from "./formats.ts";
import { LevelIterator } from "./iterator.ts";
import { openFile } from "./open_file.ts";
import {
  type BatchOptions,
  type ChainedBatch,
  type DatabaseOptions,
  type DelOptions,
  durabilityOf,
  type LevelOpenOptions,
  type PutOptions,
  type SyncOption,
} from "./options.ts";
import { type LevelRange, rangeOf } from "./range.ts";
import { LevelSnapshot, type SnapshotOptions } from "./snapshot.ts";

/** The tree that holds the entries. */
const TREE = "level";
const MANIFEST = {
  encodings: { buffer: true, utf8: true, view: true },
  has: true,
  getSync: true,
  createIfMissing: true,
  errorIfExists: true,
  implicitSnapshots: true,
  explicitSnapshots: true,
};

/** The snapshot that a read names. */
interface SnapshotOption {
  readonly snapshot?: AbstractSnapshot | null | undefined;
}

/** The options of a read of a value. */
interface ValueOptions extends SnapshotOption {
  readonly valueEncoding: Format;
}

/** The options of an iterator. */
interface ScanOptions extends LevelRange, ValueOptions {
  readonly keyEncoding: Format;
  readonly keys: boolean;
  readonly values: boolean;
}

/** An operation of a batch, encoded. */
interface Operation {
  readonly type: "put" | "del";
  readonly key: Encoded;
  readonly value: Encoded;
}

/** An open file. */
interface OpenFile {
  readonly database: Database;
  readonly tree: Tree;
  readonly readOnly: boolean;
  readonly isShared: boolean;
}

/** The writes of abstract-level, with the option `sync`. */
export interface QuireLevel<K, V> {
  /** Sets the value of a key. */
  put(key: K, value: V): Promise<void>;
  /** Sets the value of a key, with options. */
  put<K2 = K, V2 = V>(key: K2, value: V2, options: PutOptions<K2, V2>): Promise<void>;
  /** Removes an entry, if it exists. */
  del(key: K): Promise<void>;
  /** Removes an entry, if it exists, with options. */
  del<K2 = K>(key: K2, options: DelOptions<K2>): Promise<void>;
  /** Applies operations, all or none. */
  batch(operations: AbstractBatchOperation<this, K, V>[]): Promise<void>;
  /** Applies operations, all or none, with options. */
  batch<K2 = K, V2 = V>(
    operations: AbstractBatchOperation<this, K2, V2>[],
    options: BatchOptions<K2, V2>,
  ): Promise<void>;
  /** Creates a batch that collects operations until its `write`. */
  batch(): ChainedBatch<this, K, V>;
}

/**
 * A database of abstract-level in a Quire file.
 *
 * ```ts
 * import { QuireLevel } from "./mod.ts";
 *
 * await using db = new QuireLevel<string, { people: number }>(":memory:", {
 *   valueEncoding: "json",
 * });
 * await db.put("PT/Lisboa", { people: 545_000 });
 * await db.batch([{ type: "put", key: "PT/Porto", value: { people: 232_000 } }], { sync: true });
 * for await (const [key, { people }] of db.iterator({ gte: "PT/", lt: "PT0" })) {
 *   console.assert(key.startsWith("PT/") && people > 0);
 * }
 * ```
 *
 * `K` and `V` are the types of keys and values unless an operation has other encodings.
 */
export class QuireLevel<K = string, V = string>
  extends AbstractLevel<string | Buffer | Uint8Array, K, V> {
  readonly #path: string;
  #file: OpenFile | undefined;

  /**
   * Creates a database. abstract-level opens it in the next turn, and defers calls until then.
   *
   * @param path The file, as a path or a `file:` URL, or `":memory:"`.
   * @param options Encodings, `createIfMissing`, `errorIfExists`, and `quire` for the engine.
   * @throws {TypeError} The path is empty, or neither text nor a `file:` URL.
   */
  constructor(path: string | URL, options?: DatabaseOptions<K, V>) {
    const location = path instanceof URL ? fileURLToPath(path) : path;
    if (typeof location !== "string" || location === "") {
      throw new TypeError("Cannot create the database: its path is empty, or not text or a URL");
    }
    super({ ...MANIFEST, permanence: location !== ":memory:" }, options);
    this.#path = location;
  }

  /** The path of the file. */
  get location(): string {
    return this.#path;
  }

  /**
   * The database of the engine, for statistics, verification and watchers. Change its tree "level"
   * through QuireLevel only.
   *
   * @throws {LevelError} The file is not open.
   */
  get database(): Database {
    return this.#opened.database;
  }

  /** @ignore Opens the file. */
  protected _open(options: LevelOpenOptions): Promise<void> {
    const database = openFile(this.#path, options);
    try {
      const readOnly = options.quire?.readOnly === true || database.follows;
      const isShared = database.stats().sharing !== undefined;
      this.#file = { database, tree: database.tree(TREE), readOnly, isShared };
    } catch (error) {
      database.close();
      throw levelError(error);
    }
    return Promise.resolve();
  }

  /** @ignore Closes the file. */
  protected async _close(): Promise<void> {
    try {
      await this.#opened.database[Symbol.asyncDispose]();
    } catch (error) {
      throw levelError(error);
    }
    this.#file = undefined;
  }

  /** @ignore Gets a value. */
  protected _get(key: Encoded, options: ValueOptions): Promise<Encoded | undefined> {
    return Promise.resolve(this._getSync(key, options));
  }

  /** @ignore Gets a value. */
  protected _getSync(key: Encoded, options: ValueOptions): Encoded | undefined {
    try {
      return valueIn(this.#treeFor(options), key, options.valueEncoding);
    } catch (error) {
      throw levelError(error);
    }
  }

  /** @ignore Gets the values of keys. */
  protected _getMany(
    keys: readonly Encoded[],
    options: ValueOptions,
  ): Promise<(Encoded | undefined)[]> {
    try {
      const tree = this.#treeFor(options);
      return Promise.resolve(keys.map((key) => valueIn(tree, key, options.valueEncoding)));
    } catch (error) {
      throw levelError(error);
    }
  }

  /** @ignore Tests for a key. */
  protected _has(key: Encoded, options: SnapshotOption): Promise<boolean> {
    try {
      return Promise.resolve(this.#treeFor(options).has(key));
    } catch (error) {
      throw levelError(error);
    }
  }

  /** @ignore Tests for keys. */
  protected _hasMany(keys: readonly Encoded[], options: SnapshotOption): Promise<boolean[]> {
    try {
      const tree = this.#treeFor(options);
      return Promise.resolve(keys.map((key) => tree.has(key)));
    } catch (error) {
      throw levelError(error);
    }
  }

  /** @ignore Sets a value. */
  protected _put(key: Encoded, value: Encoded, options: SyncOption): Promise<void> {
    const [k, v] = [this.#held(key), this.#held(value)];
    return this.#write(options, (tree) => void tree.set(k, bytesOf(v)));
  }

  /** @ignore Removes an entry. */
  protected _del(key: Encoded, options: SyncOption): Promise<void> {
    const held = this.#held(key);
    return this.#write(options, (tree) => void tree.delete(held));
  }

  /** @ignore Applies operations, all or none. */
  protected _batch(operations: readonly Operation[], options: SyncOption): Promise<void> {
    const held = operations.map((operation) => this.#heldOperation(operation));
    return this.#write(options, (tree) => {
      for (const { type, key, value } of held) {
        if (type === "put") tree.set(key, bytesOf(value));
        else tree.delete(key);
      }
    });
  }

  /** @ignore Removes the entries of a range, all or none; with a snapshot, those that it has. */
  protected _clear(options: LevelRange & SnapshotOption): Promise<void> {
    const { limit, reverse, ...bounds } = rangeOf(options);
    const snapshot = this.#snapshotIn(options);
    return this.#write({}, (tree) => {
      if (limit === undefined && snapshot === undefined) {
        const isAll = Object.values(bounds).every((bound) => bound === undefined);
        return void (isAll ? tree.clear() : tree.deleteRange(bounds));
      }
      const shown = snapshot?.tree ?? tree;
      for (const key of shown.keys({ ...bounds, reverse, limit })) tree.delete(key);
    });
  }

  /** @ignore Creates an iterator over entries. */
  protected _iterator(options: ScanOptions): AbstractIterator<this, K, V> {
    const { keyEncoding, valueEncoding, keys, values } = options;
    const given = this.#snapshotIn(options)?.inner;
    const owned = given === undefined ? this.#opened.database.snapshot() : undefined;
    const shown = given ?? owned!;
    const codecs = { key: CODECS[keyEncoding], value: CODECS[valueEncoding] };
    const find = () => shown.tree(TREE, codecs);
    const range = rangeOf({ ...options, limit: -1 });
    return new LevelIterator<this, K, V>(this, options, { find, owned, range, keys, values });
  }

  /** @ignore Creates an explicit snapshot. */
  protected _snapshot(options: SnapshotOptions): AbstractSnapshot {
    return new LevelSnapshot(options, this.#opened.database, TREE);
  }

  /** A copy that the caller cannot change, in a shared database, where a write may run later. */
  #held(encoded: Encoded): Encoded {
    const isLent = this.#file?.isShared === true && typeof encoded !== "string";
    // The method `slice` of a `Buffer` makes no copy.
    return isLent ? new Uint8Array(encoded) : encoded;
  }

  #heldOperation(operation: Operation): Operation {
    if (this.#file?.isShared !== true) return operation;
    const { type, key, value } = operation;
    return { type, key: this.#held(key), value: type === "put" ? this.#held(value) : value };
  }

  async #write(options: SyncOption, change: (tree: TransactionTree) => void): Promise<void> {
    const { database, tree, readOnly } = this.#opened;
    if (readOnly) {
      throw new LevelError("LEVEL_READONLY", "Cannot write: the database was opened read-only");
    }
    try {
      await database.write((tx) => change(tx.tree(tree)), durabilityOf(options.sync));
    } catch (error) {
      throw levelError(error);
    }
  }

  get #opened(): OpenFile {
    const file = this.#file;
    if (file !== undefined) return file;
    throw new LevelError("LEVEL_DATABASE_NOT_OPEN", "Cannot use the database: it is not open");
  }

  /** The tree that a read names: of a snapshot, or the current one. */
  #treeFor(options: SnapshotOption): ReadTree {
    return this.#snapshotIn(options)?.tree ?? this.#opened.tree;
  }

  #snapshotIn({ snapshot }: SnapshotOption): LevelSnapshot | undefined {
    if (snapshot === undefined || snapshot === null) return undefined;
    const { database } = this.#opened;
    if (snapshot instanceof LevelSnapshot && snapshot.database === database) return snapshot;
    throw new TypeError("Cannot use the snapshot: it is of another database");
  }
}

function valueIn(tree: ReadTree, key: Encoded, format: Format): Encoded | undefined {
  if (format === "utf8") {
    const view = tree.getView(key);
    return view === undefined ? undefined : textOf(view);
  }
  const value = tree.get(key);
  return value === undefined || format === "view" ? value : bufferOf(value);
}
