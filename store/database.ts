/**
 * The public class of an open database: trees, transactions and closing. Maintenance is in
 * `DatabaseMaintenance`.
 */

import { DatabaseMaintenance } from "./database_maintenance.ts";
import { durabilityOf, type WriteOptions } from "./options.ts";
import { checkName, refuseGenerator, type Sync } from "./read/argument_checks.ts";
import { codecNamesOf, type Codecs } from "./read/tree_format.ts";
import { Snapshot } from "./snapshot.ts";
import { runWith, type Transaction } from "./transaction.ts";
import type { Tree } from "./tree.ts";
import { TreeRegistry } from "./tree_registry.ts";
import type { Session } from "./write/session.ts";

let sessionBetween: (db: Database, action: string) => Session;

/**
 * The session of a database, between transactions.
 *
 * @param action The action that is refused otherwise, for the message.
 * @throws {TypeError} It is not a database, or a transaction is open.
 * @throws {ClosedError} It is closed.
 */
export function sessionOf(db: unknown, action: string): Session {
  if (!(db instanceof Database)) {
    throw new TypeError(`Cannot ${action}: the first argument is not a database`);
  }
  return sessionBetween(db, action);
}

/**
 * An open database. Get one by `open`.
 *
 * ```ts
 * import { open } from "../mod.ts";
 *
 * using db = open(":memory:");
 * const cities = db.tree("cities");
 * await cities.set("Lisboa", new Uint8Array([1]));
 * console.assert(db.trees().join() === "cities");
 * ```
 */
export class Database extends DatabaseMaintenance {
  readonly #session: Session;
  readonly #registry: TreeRegistry;

  static {
    sessionBetween = (db, action) => {
      db.#session.refuseInsideOrClosed(action);
      return db.#session;
    };
  }

  /**
   * Created by `open`.
   *
   * @param session The session that its trees share.
   */
  constructor(session: Session) {
    super(session);
    this.#session = session;
    this.#registry = new TreeRegistry(session);
  }

  /** The last committed version. Every transaction that changes something increments it. */
  get version(): number {
    return this.#session.version;
  }

  /**
   * Whether it follows a file that another process may be writing: with the option `follow`, or
   * `readOnly` where such a process cannot be ruled out.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * console.assert(!db.follows);
   * ```
   */
  get follows(): boolean {
    return this.#session.pager.follower !== undefined;
  }

  /**
   * Returns the tree of a name, with keys and values of bytes; keys may also be given as text. Its
   * first entry creates it.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const files = db.tree("files");
   * await files.set("a/b.txt", new Uint8Array([104, 105]));
   * console.assert(files.get("a/b.txt")?.length === 2);
   * ```
   *
   * @param name 1 to 1024 bytes of UTF-8.
   * @throws {TypeError} The tree was created, or is open, with codecs.
   */
  tree(name: string): Tree;
  /**
   * Returns the tree of a name. Its first entry creates it, and stores the names of its codecs.
   *
   * ```ts
   * import { json, open, tuple } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const key = tuple.as<[country: string, city: string]>();
   * const value = json.as<{ population: number }>();
   * const cities = db.tree("cities", { key, value });
   * await cities.set(["PT", "Lisboa"], { population: 545_000 });
   * console.assert(cities.first({ prefix: ["PT"] })?.[1].population === 545_000);
   * ```
   *
   * @param name 1 to 1024 bytes of UTF-8.
   * @param codecs How its keys and values become bytes. Default bytes; keys may also be text.
   * @throws {TypeError} The tree was created with codecs of other names, or is open with others.
   */
  tree<
    K = Uint8Array,
    V = Uint8Array,
    KI = K extends Uint8Array ? Uint8Array | string : K,
    VI = V,
    P = KI,
  >(name: string, codecs: Codecs<K, V, KI, VI, P>): Tree<K, V, KI, VI, P>;
  tree<K, V, KI, VI, P>(
    name: string,
    codecs: Codecs<K, V, KI, VI, P> = {},
  ): Tree<K, V, KI, VI, P> {
    this.#session.checkOpen();
    return this.#registry.open(name, codecs);
  }

  /**
   * The names of the codecs that a tree was created with, or undefined if the tree does not exist.
   * The name "" is a codec without a name.
   *
   * ```ts
   * import { json, open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: json });
   * await words.set("a", 1);
   * console.assert(db.codecsOf("words")?.value === "json");
   * console.assert(db.codecsOf("none") === undefined);
   * ```
   */
  codecsOf(name: string): { key: string; value: string } | undefined {
    this.#session.checkOpen();
    checkName(name);
    return codecNamesOf(this.#session.findTree(name));
  }

  /**
   * The names of all trees, in the order of their bytes in UTF-8.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("b").set("key", new Uint8Array(1));
   * await db.tree("a").set("key", new Uint8Array(1));
   * console.assert(db.trees().join() === "a,b");
   * ```
   */
  trees(): string[] {
    this.#session.checkOpen();
    return this.#session.read(() => this.#session.catalog.names());
  }

  /**
   * Renames a tree, and returns at the durability of the database. Inside a `write` it is part of
   * that transaction. A `Tree` refers to a name: the one of the old name is empty afterwards.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("draft").set("key", new Uint8Array(1));
   * db.renameTree("draft", "final");
   * console.assert(db.tree("final").has("key") && !db.tree("draft").has("key"));
   * ```
   *
   * @throws {RangeError} No tree has the old name, or one has the new name.
   */
  renameTree(from: string, to: string): void {
    checkName(from);
    checkName(to);
    const { catalog, feed } = this.#session;
    try {
      this.#session.writeSync(() => {
        catalog.rename(from, to);
        feed.noteRename(from, to);
      });
    } finally {
      // A failed flush follows a commit.
      this.#session.treesChanged();
    }
    this.#registry.forget(from);
    this.#registry.forget(to);
  }

  /**
   * Removes a tree and all its entries, and returns whether it existed, at the durability of the
   * database. Inside a `write` it is part of that transaction.
   *
   * Up to 8 MiB of its pages are free when this returns. Later turns of the event loop release the
   * rest, a few milliseconds each, and `close` releases what then remains. After a crash, the next
   * session releases them.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("old").set("key", new Uint8Array(1));
   * console.assert(db.dropTree("old"));
   * console.assert(!db.dropTree("old"));
   * ```
   */
  dropTree(name: string): boolean {
    checkName(name);
    const { catalog, feed } = this.#session;
    let id: number | undefined;
    try {
      this.#session.writeSync(() => {
        id = catalog.get(name)?.id;
        if (catalog.drop(name)) feed.noteDrop(name);
      });
    } finally {
      this.#session.treesChanged();
    }
    this.#registry.forget(name);
    if (id === undefined) return false;
    this.#session.releaseTree(id);
    return true;
  }

  /**
   * Runs a callback as one transaction: if it throws, none of its changes take effect.
   * Transactions of one turn of the event loop reach the disk together.
   *
   * Inside a transaction it is a savepoint. Its promise resolves when the outermost transaction has
   * the requested durability, and rejects with the error that rolls an enclosing one back.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const cities = db.tree("cities");
   * await db.write((tx) => {
   *   const inside = tx.tree(cities);
   *   inside.set("Lisboa", new Uint8Array([1]));
   *   inside.set("Porto", new Uint8Array([2]));
   * });
   * console.assert(cities.count() === 2);
   * ```
   *
   * @param callback Runs immediately and synchronously; a callback that returns a promise, and a
   *   generator, are refused. It reads and changes trees through its argument. In a shared database
   *   it runs later while another process has the write lock, in the order of calls.
   * @returns The result of the callback, at the requested durability.
   * @throws {TypeError} The callback is asynchronous, the database was opened read-only, or the
   *   enclosing transaction has failed.
   * @throws {IoError} The system refused. Whether the commit took effect is known when the file is
   *   opened again.
   */
  write<T>(callback: (tx: Transaction) => Sync<T>, options: WriteOptions = {}): Promise<T> {
    try {
      checkCallback(callback);
      const body = () => runWith<T>(this.#session, this.#registry, callback);
      return this.#session.write(body, durabilityOf(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Like `write`, and waits for the disk. Inside a transaction it is a savepoint: atomic by itself,
   * and as durable as the enclosing transaction.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const log = db.tree("log");
   * db.writeSync((tx) => {
   *   tx.tree(log).set("kept", new Uint8Array(1));
   *   try {
   *     db.writeSync(() => {
   *       tx.tree(log).set("undone", new Uint8Array(1));
   *       throw new Error("not this");
   *     });
   *   } catch {
   *     // What is inside has not happened; what is outside goes on.
   *   }
   * });
   * console.assert(log.has("kept") && !log.has("undone"));
   * ```
   */
  writeSync<T>(callback: (tx: Transaction) => Sync<T>, options: WriteOptions = {}): T {
    checkCallback(callback);
    const body = () => runWith<T>(this.#session, this.#registry, callback);
    return this.#session.writeSync(body, durabilityOf(options));
  }

  /**
   * Takes a snapshot of all trees as of the last commit. Close it after use: it keeps old pages in
   * memory, up to `maxSnapshotBytes`. One that is never closed ends when it is garbage collected.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.set("a", "before");
   * using snapshot = db.snapshot();
   * await words.set("a", "after");
   * console.assert(snapshot.tree(words).get("a") === "before");
   * console.assert(words.get("a") === "after");
   * ```
   *
   * @throws {TypeError} A transaction is open.
   */
  snapshot(): Snapshot {
    this.#session.refuseInsideOrClosed("take a snapshot");
    return new Snapshot(this.#session, this.#registry);
  }

  /**
   * Writes everything and closes the file. Closing again does nothing.
   *
   * ```ts
   * import { ClosedError, open } from "../mod.ts";
   *
   * const db = open(":memory:");
   * db.close();
   * try {
   *   db.trees();
   * } catch (error) {
   *   console.assert(error instanceof ClosedError);
   * }
   * ```
   *
   * After any error but the `TypeError` the database is closed as well, and the next `open`
   * recovers what was committed.
   *
   * @throws {TypeError} A transaction is open. The database stays open.
   * @throws {IoError} The system refused, now or at an earlier write or sync: commits may not be on
   * the medium.
   * @throws {CorruptionError} A page or a record that had to be read breaks a rule.
   * @throws {LockedError} With `shared`: another process has been writing for 30 seconds, or
   * another handle of this thread has a transaction open.
   */
  close(): void {
    this.#session.refuseInside("close");
    this.#session.close();
  }

  /** Calls `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Closes without blocking the event loop for long syncs, or for pages that move, for
   * `await using`. The database refuses every use once only its superblocks have to be written.
   * `close` meanwhile ends it in line.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * await using db = open(":memory:");
   * await db.tree("a").set(new Uint8Array([1]), new Uint8Array([2]));
   * ```
   *
   * @throws {unknown} Later, in the promise: what `close` throws.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.refuseInside("close");
    await this.#session.closeLater();
  }
}

function checkCallback(callback: unknown): void {
  if (typeof callback === "function") return refuseGenerator("write: the callback", callback);
  throw new TypeError(`Cannot write: the callback is ${typeof callback}, not a function`);
}
