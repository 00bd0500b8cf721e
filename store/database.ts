/**
 * The public class of an open database: trees, transactions, maintenance and closing.
 */

import { type Census, census, type ChunkCensus, chunkCensus } from "../btree/mod.ts";
import { backup, type BackupOptions, type BackupResult } from "./backup/backup.ts";
import type { DatabaseStats } from "./inspect/stats.ts";
import { Inspector } from "./inspect/inspector.ts";
import { checkName, type Sync } from "./read/argument_checks.ts";
import { durabilityOf, type WriteOptions } from "./options.ts";
import type { KeyChange } from "./changes/changes.ts";
import { type ChangesOptions, listChanges } from "./list_changes.ts";
import { compact, type CompactOptions, type CompactReport } from "./compact.ts";
import type { Session } from "./write/session.ts";
import { Snapshot } from "./snapshot.ts";
import { runWith, type Transaction } from "./transaction.ts";
import type { Tree } from "./tree.ts";
import { TreeRegistry } from "./tree_registry.ts";
import { type Codecs, namesIn } from "./read/tree_format.ts";
import { verifyOpen, type VerifyOptions, type VerifyReport } from "./verify/verify.ts";

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
export class Database {
  readonly #session: Session;
  readonly #registry: TreeRegistry;

  static {
    sessionBetween = (db, action) => {
      db.#refuseInside(action);
      return db.#session;
    };
  }

  /**
   * Created by `open`.
   *
   * @param session The session that its trees share.
   */
  constructor(session: Session) {
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
    const found = this.#session.findTree(name);
    if (found === undefined) return undefined;
    const [key, value] = namesIn(found.attributes, found.catalogRoot);
    return { key, value };
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
   * @param callback Runs immediately and synchronously; a callback that returns a promise is
   *   refused. It reads and changes trees through its argument.
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
    this.#refuseInside("take a snapshot");
    return new Snapshot(this.#session, this.#registry);
  }

  /** The last version on the medium. */
  get durableVersion(): number {
    return this.#session.pager.durableVersion;
  }

  /**
   * Writes all committed changes to the file, and returns when they are on the medium.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.write((tx) => tx.tree("a").set("key", new Uint8Array(1)), { durability: "none" });
   * db.checkpoint();
   * console.assert(db.durableVersion === db.version);
   * ```
   *
   * @throws {IoError} The system refused. The handle writes nothing more.
   */
  checkpoint(): void {
    this.#refuseInside("take a checkpoint");
    this.#session.refuseFollowed("take a checkpoint");
    this.#session.checkpoint();
  }

  /**
   * Counts the pages of the file by kind, from page headers alone: 1/256 of the file is read.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * console.assert(db.census().pages === db.stats().pageCount);
   * ```
   */
  census(): Census {
    this.#refuseInside("take a census");
    return this.#session.read(() => census(this.#session.pager));
  }

  /**
   * Iterates over the page headers of the file, chunk by chunk.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * for (const { chunk, pages } of db.chunks()) console.assert(chunk === 0 && pages > 1);
   * ```
   */
  chunks(): Generator<ChunkCensus> {
    this.#refuseInside("take a census");
    return chunkCensus(this.#session.pager);
  }

  /**
   * Checks the whole file and every tree as of the last commit, and reports every broken rule.
   * Reads and writes continue meanwhile; verification changes nothing. It reads trees through the
   * cache, and all other pages past it.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("cities").set("Lisboa", new Uint8Array([1]));
   * const { ok, findings } = await db.verify();
   * console.assert(ok, findings);
   * ```
   *
   * @throws {ClosedError} The database was closed meanwhile.
   * @throws {SnapshotTooOldError} Writes meanwhile exceeded the memory for old pages.
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    this.#refuseInside("verify");
    this.#session.refuseFollowed("verify");
    const { pager } = this.#session;
    const reader = pager.snapshot();
    try {
      const scrub = pager.scrub.bind(pager);
      const checkOpen = () => this.#session.checkOpen();
      return await verifyOpen({ reader, scrub, checkOpen }, options);
    } finally {
      reader.close();
    }
  }

  /**
   * Packs leaves to 0.9 of a page, where that saves a twelfth of them, and moves pages from the end
   * of the file to free pages, so that the file becomes shorter. It works in many short
   * transactions, one per turn of the event loop. Reads and writes continue meanwhile, and watchers
   * see no change. The space of pages that a snapshot sees returns after it. Values over 32 MiB
   * stay where they are, and so do the pages before them.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * const { bytesBefore, bytesAfter } = await db.compact({ budgetMs: 1 });
   * console.assert(bytesAfter <= bytesBefore);
   * ```
   *
   * @throws {CorruptionError} A page breaks a rule. Pages that moved before stay moved.
   * @throws {ClosedError} The database was closed meanwhile.
   * @throws {IoError} The system refused.
   */
  async compact(options: CompactOptions = {}): Promise<CompactReport> {
    this.#refuseInside("compact");
    this.#session.refuseFollowed("compact");
    return await compact(this.#session, options);
  }

  /**
   * Copies the database as of the last commit to a new file or a stream. Reads and writes continue
   * meanwhile, whatever they change, and at most one chunk of 2 MiB is read in each turn of the
   * event loop. Every copied page has been checked.
   *
   * The file is a closed database. It is written to `to` with `.unfinished` added, and renamed when
   * it is whole and on the medium; after an error nothing remains. Its permissions are no wider
   * than those of the source.
   *
   * With `since`, only pages that changed after that version are written, as an increment for
   * `restore`; they are found from page headers, 1/256 of the file.
   *
   * With `compact`, the copy is built anew from all entries, with full pages in key order. Old
   * pages wait in memory until their keys are copied; beyond `maxSnapshotBytes` the backup fails.
   *
   * A stream receives the bytes of that file in order, and is closed. As the order is fixed, pages
   * that change before their turn wait in memory; beyond `maxSnapshotBytes` the backup fails.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * const dir = Deno.makeTempDirSync();
   * {
   *   using db = open(":memory:");
   *   await db.tree("a").set("key", new Uint8Array(1));
   *   const { version } = await db.backup(`${dir}/copy.quire`);
   *   console.assert(version === db.version);
   * }
   * {
   *   using copy = open(`${dir}/copy.quire`);
   *   console.assert(copy.tree("a").has("key"));
   * }
   * Deno.removeSync(dir, { recursive: true });
   * ```
   *
   * @param to The path of the new file, or a `file:` URL, or a stream.
   * @throws {IoError} A file exists at `to`, or the system refused.
   * @throws {CorruptionError} A page is damaged.
   * @throws {ClosedError} The database was closed meanwhile.
   * @throws {SnapshotTooOldError} To a stream, or compact: writes meanwhile exceeded the memory for
   *   old pages.
   * @throws {TypeError} A transaction is open, or an argument has the wrong type.
   * @throws {RangeError} `since` is not a version that the database has reached.
   */
  async backup(
    to: string | URL | WritableStream<Uint8Array>,
    options: BackupOptions = {},
  ): Promise<BackupResult> {
    this.#refuseInside("back up");
    this.#session.refuseFollowed("back up");
    return await backup(this.#session, to, options);
  }

  /**
   * Lists the keys whose values differ between an older version and the last commit, by name of
   * tree and by key. Headers of pages are compared first, 1/256 of the file, and then the leaves
   * that differ. Reads and writes continue meanwhile.
   *
   * A tree that was renamed counts as removed under its old name and as added under the new one. A
   * tree without entries does not show.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const tree = db.tree("a");
   * await tree.set("old", new Uint8Array(1));
   * using since = db.snapshot();
   * await tree.set("new", new Uint8Array(2));
   * await tree.delete("old");
   * const changed = [];
   * for await (const { key, value } of db.changes({ since })) {
   *   changed.push(new TextDecoder().decode(key), value?.length);
   * }
   * console.assert(changed.join() === "new,2,old,");
   * ```
   *
   * @throws {RangeError} `since` is not an older version of this database, or its pages are gone.
   * @throws {TypeError} A transaction is open, or an argument has the wrong type.
   * @throws {CorruptionError} A page is damaged.
   * @throws {IoError} The copy cannot be read.
   * @throws {ClosedError} The database or the snapshot was closed meanwhile.
   * @throws {SnapshotTooOldError} Writes meanwhile exceeded the memory for old pages.
   */
  changes(options: ChangesOptions): AsyncIterableIterator<KeyChange> {
    this.#refuseInside("list changes");
    this.#session.refuseFollowed("list changes");
    return listChanges(this.#session, options, () => this.#refuseInside("list changes"));
  }

  /**
   * Returns statistics of the database.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * const { version, pageCount, fileBytes, snapshots } = db.stats();
   * console.assert(version === 1 && snapshots === 0);
   * console.assert(fileBytes <= pageCount * 8192);
   * ```
   */
  stats(): DatabaseStats {
    this.#session.checkOpen();
    const { pager } = this.#session;
    const { version, pageCount } = pager.meta;
    const { durableVersion, recovery } = pager;
    const fileBytes = pager.fileBytes();
    const archive = this.#session.archive?.stats();
    const sharing = pager.sharing();
    return {
      ...pager.stats(),
      version,
      durableVersion,
      recovery,
      pageCount,
      fileBytes,
      sharing,
      archive,
    };
  }

  /**
   * Returns an inspector for tools. It changes nothing, and costs nothing until it is used.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * console.assert(db.inspect().page(1).header.kindName === "superblock");
   * ```
   */
  inspect(): Inspector {
    return new Inspector(this.#session);
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
   * @throws {IoError} Committed changes could not be written.
   */
  close(): void {
    this.#refuseOpen("close");
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
   * @throws {IoError} Committed changes could not be written.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#refuseOpen("close");
    await this.#session.closeLater();
  }

  #refuseInside(action: string): void {
    this.#session.checkOpen();
    this.#refuseOpen(action);
  }

  /** Refuses an action while a transaction is open; the database may be closed. */
  #refuseOpen(action: string): void {
    this.#session.views?.expire();
    if (this.#session.pager.depth === 0) return;
    throw new TypeError(`Cannot ${action}: a transaction is open`);
  }
}

function checkCallback(callback: unknown): void {
  if (typeof callback === "function") return;
  throw new TypeError(`Cannot write: the callback is ${typeof callback}, not a function`);
}
