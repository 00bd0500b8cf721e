/**
 * The public class of a tree: a sorted, durable `Map`.
 *
 * Each change is its own transaction: it takes effect immediately and returns a promise that
 * resolves at the durability of the database. Changes of one turn of the event loop reach the disk
 * together.
 */

import { NO_TREE, statsOf, type TreeStats } from "./inspect/stats.ts";
import type { Sync } from "./read/argument_checks.ts";
import { keyBoundsOf, type KeyRange } from "./read/range.ts";
import { ReadTree } from "./read/read_tree.ts";
import type { TreeFormat } from "./read/tree_format.ts";
import { Watcher, type WatchOptions } from "./watch/watcher.ts";
import {
  budgetOf,
  type DeleteRangeOptions,
  RangeDeleteSlices,
} from "./write/range_delete_slices.ts";
import type { Session } from "./write/session.ts";
import { TransactionSource } from "./write/transaction_source.ts";
import { TransactionTree } from "./write/transaction_tree.ts";
import type { LoadOptions } from "./write/tree_load.ts";
import { setStream } from "./write/value_upload.ts";

/**
 * The format of a tree, or undefined if it is of another session. It is a function rather than a
 * method, so that users of the class cannot call it.
 */
export let formatIn: (tree: object, session: Session) => unknown;

/**
 * An ordered map. `Database.tree` returns one.
 *
 * `K` and `V` are the types of returned keys and values; `KI`, `VI` and `P` are the types of keys,
 * values and prefixes as arguments. All follow from the codecs.
 *
 * ```ts
 * import { open, string } from "../mod.ts";
 *
 * using db = open(":memory:");
 * const words = db.tree("words", { key: string, value: string });
 * await words.set("one", "um");
 * for (const [key, value] of words) console.assert(key === "one" && value === "um");
 * ```
 */
export class Tree<
  K = Uint8Array,
  V = Uint8Array,
  KI = K extends Uint8Array ? Uint8Array | string : K,
  VI = V,
  P = KI,
> extends ReadTree<K, V, KI, P> {
  readonly #session: Session;
  readonly #format: TreeFormat<K, V, KI, VI, P>;
  /** The tree inside the transactions of its own changes; created by the first one. */
  #inside: TransactionTree<K, V, KI, VI, P> | undefined;

  static {
    formatIn = (tree, session) => {
      return #session in tree && tree.#session === session ? tree.#format : undefined;
    };
  }

  /**
   * Created by `Database.tree`.
   *
   * @param session The session of the database.
   * @param name Its name.
   * @param format Its codecs.
   */
  constructor(session: Session, name: string, format: TreeFormat<K, V, KI, VI, P>) {
    super(session, name, format as unknown as TreeFormat<K, V, KI, never, P>);
    this.#session = session;
    this.#format = format;
  }

  /**
   * Sets the value of a key. Durable when it resolves.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * const promise = words.set("one", "um");
   * console.assert(words.get("one") === "um"); // It is there at once,
   * await promise; // and on the medium now.
   * ```
   *
   * @param value At most 2 GiB.
   * @throws {TypeError} A codec refused key or value, or a transaction is open: use its `tx`.
   * @throws {RangeError} The key or the value is too long.
   * @throws {IoError} The system refused.
   */
  set(key: KI, value: VI): Promise<void> {
    this.#refuseInsideOrClosed();
    return this.#session.writeSet(this.#inside ?? this.#insideTree(), key, value);
  }

  /**
   * Sets the values of many keys, in any order, all or none. Returns the number of entries. Durable
   * when it resolves.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * const count = await words.setMany([["one", "um"], ["two", "dois"]]);
   * console.assert(count === 2 && words.get("two") === "dois");
   * ```
   */
  setMany(entries: Iterable<readonly [KI, VI]>): Promise<number> {
    return this.#change((tree) => tree.setMany(entries));
  }

  /**
   * Replaces the value of a key by the result of a function of the current value, atomically.
   * Durable when it resolves.
   *
   * ```ts
   * import { json, open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const hits = db.tree("hits", { key: string, value: json.as<number>() });
   * await hits.update("/", (count) => (count ?? 0) + 1);
   * console.assert(hits.get("/") === 1);
   * ```
   *
   * @param change Receives the value, or undefined if there is no entry. If it returns undefined,
   *   the entry is removed.
   * @returns The result of the function.
   */
  update<R extends VI | undefined>(
    key: KI,
    change: (value: V | undefined) => Sync<R>,
  ): Promise<R> {
    return this.#change((tree) => tree.update(key, change));
  }

  /**
   * Sets the value of a key that has no entry. Returns whether it did. Durable when it resolves.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * console.assert(await words.setIfAbsent("one", "um"));
   * console.assert(!await words.setIfAbsent("one", "uma"));
   * console.assert(words.get("one") === "um");
   * ```
   */
  setIfAbsent(key: KI, value: VI): Promise<boolean> {
    return this.#change((tree) => tree.setIfAbsent(key, value));
  }

  /**
   * Sets the value of a key if the current value equals an expected one. Returns whether it did.
   * Values are equal if their bytes are, or if the codec says so: `json` and `structured` compare
   * with `isDeepStrictEqual` of `node:util`. Durable when it resolves.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.set("job", "waiting");
   * console.assert(await words.compareAndSet("job", "waiting", "mine"));
   * console.assert(!await words.compareAndSet("job", "waiting", "yours"));
   * ```
   *
   * @param expected The expected value; undefined = no entry.
   * @param value The new value; undefined = the entry is removed.
   */
  compareAndSet(key: KI, expected: VI | undefined, value: VI | undefined): Promise<boolean> {
    return this.#change((tree) => tree.compareAndSet(key, expected, value));
  }

  /**
   * Removes an entry. Returns whether it existed. Durable when it resolves.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.set("one", "um");
   * console.assert(await words.delete("one"));
   * console.assert(!await words.delete("one"));
   * ```
   */
  delete(key: KI): Promise<boolean> {
    return this.#change((tree) => tree.delete(key));
  }

  /**
   * Removes all entries of a range. Returns the number removed. Durable when it resolves. A range
   * that names bounds which are all undefined is refused; `clear` removes everything.
   *
   * By default this is one transaction, in one turn of the event loop. Its time follows the pages
   * of the range: a range of millions of entries takes seconds. With `budgetMs` it is many
   * transactions, one per turn, in key order, and other work runs between them. Each is atomic and
   * waits for the disk as `set` does; the whole is not atomic. Meanwhile the range becomes shorter
   * from its beginning, and after a crash or an error its end may remain. An entry that is set
   * meanwhile stays if the removal has passed its key. Watchers receive a change for each
   * transaction, with the part of the range that it removed. A turn may take longer than the budget
   * by its commit and by the time to release 256 KiB of pages, or one value.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.setMany([["one", "um"], ["three", "tres"], ["two", "dois"]]);
   * console.assert(await words.deleteRange({ gte: "t" }) === 2);
   * console.assert(words.count() === 1);
   * ```
   *
   * @throws {TypeError} The range or an option is malformed, or a transaction is open: use its
   * `tx`.
   * @throws {RangeError} A bound is too long, `budgetMs` is not above 0, or with `budgetMs` the
   * tree was dropped or renamed meanwhile.
   */
  deleteRange(range: KeyRange<KI, P> = {}, options: DeleteRangeOptions = {}): Promise<number> {
    this.#refuseInsideOrClosed();
    try {
      const budgetMs = budgetOf(options);
      if (budgetMs === undefined) return this.#change((tree) => tree.deleteRange(range));
      const target = { session: this.#session, format: this.#format, inside: this.#insideTree() };
      return new RangeDeleteSlices(target, range, budgetMs).run();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Removes all entries. Returns the number removed. Durable when it resolves. With `budgetMs` it
   * works in slices as `deleteRange` does, and is not atomic.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.setMany([["one", "um"], ["three", "tres"], ["two", "dois"]]);
   * console.assert(await words.clear() === 3);
   * console.assert(words.count() === 0);
   * await words.clear({ budgetMs: 5 }); // other work runs between the slices
   * ```
   */
  clear(options: DeleteRangeOptions = {}): Promise<number> {
    return this.deleteRange({}, options);
  }

  /**
   * Adds entries, all or none. It is much faster than single calls if the tree is empty and the
   * entries are in key order, or with `unordered`, which sorts them. Durable when it resolves.
   * In a shared database it may wait for its turn before it reads the entries: their bytes must not
   * change until it resolves.
   *
   * ```ts
   * import { open, u64 } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const squares = db.tree("squares", { key: u64, value: u64 });
   * const numbers = Array.from({ length: 1000 }, (_, i) => [i, i * i] as const);
   * console.assert(await squares.load(numbers) === 1000);
   * console.assert(squares.get(30) === 900n);
   * ```
   *
   * @returns The number of entries; with `unordered`, of different keys.
   * @throws {RangeError} The tree is empty, and an entry is not after the previous one; or the fill
   * factor is out of range.
   */
  load(entries: Iterable<readonly [KI, VI]>, options?: LoadOptions): Promise<number> {
    return this.#change((tree) => tree.load(entries, options));
  }

  /**
   * Sets the value of a key to the bytes of a stream, read to its end. Returns the length. The key
   * keeps its old value until then, or if the stream fails. It needs memory for one part of 2 MiB,
   * and at the end 24 KiB for each part. Durable when it resolves.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const files = db.tree("files");
   * await files.setStream("text", new Blob(["Lisboa"]).stream());
   * console.assert(files.get("text")?.length === 6);
   * ```
   *
   * @param stream At most 2 GiB of bytes, stored unencoded; locked until the promise settles.
   * @throws {TypeError} A chunk is not bytes or lost its memory, the stream is locked, or a
   * transaction is open.
   * @throws {RangeError} Key or value is too long, or the tree was dropped or renamed meanwhile.
   * @throws {ClosedError} The database was closed meanwhile.
   */
  async setStream(key: KI, stream: ReadableStream<Uint8Array>): Promise<number> {
    const bytes = this.#format.keyOf(key);
    return await setStream(this.#session, this.name, this.#format, bytes, stream);
  }

  /**
   * Watches the tree, or a range of it: yields every later commit that changes it, in order, once
   * the commit is durable. A `load`, a drop and a rename change the whole tree, so watchers of any
   * range receive them; a `load` reports the number of entries, not their keys.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const cities = db.tree("cities", { key: string, value: string });
   * const watcher = cities.watch({ prefix: "PT/" });
   * await cities.set("PT/Lisboa", "545 000");
   * for await (const { changes } of watcher) {
   *   const [change] = changes;
   *   console.assert(change?.type === "set" && change.key === "PT/Lisboa");
   *   break;
   * }
   * ```
   *
   * @throws {TypeError} The range or an option is malformed, or a transaction is open.
   * @throws {RangeError} An option is out of range.
   */
  watch(
    range: KeyRange<KI, P> = {},
    options: WatchOptions = {},
  ): Watcher<K, V, KeyRange<KI, unknown>> {
    const { lower, upper } = keyBoundsOf(range, this.#format);
    const { key, value } = this.#format;
    const source = {
      tree: this.name,
      lower,
      upper,
      decodeKey: (bytes: Uint8Array) => key.decode(bytes),
      decodeValue: (bytes: Uint8Array) => value.decode(bytes),
    };
    this.#session.checkOpen();
    if (this.#session.pager.depth > 0) throw new TypeError("Cannot watch: a transaction is open");
    return new Watcher(this.#session.feed, source, options);
  }

  /**
   * Returns the size of the tree and its pages by kind, from page headers: 1/256 of the file is
   * read.
   *
   * ```ts
   * import { open } from "../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("cities").set("Lisboa", new Uint8Array([1]));
   * const { entries, levels, leafPages } = db.tree("cities").stats();
   * console.assert(entries === 1 && levels === 1 && leafPages === 1);
   * ```
   *
   * @throws {TypeError} A transaction is open.
   */
  stats(): TreeStats {
    this.#session.checkOpen();
    return this.#session.read(() => {
      const found = this.#session.findTree(this.name)?.btree;
      return found === undefined ? NO_TREE : statsOf(this.#session.pager, found);
    });
  }

  #change<T>(change: (tree: TransactionTree<K, V, KI, VI, P>) => T): Promise<T> {
    this.#refuseInsideOrClosed();
    const inside = this.#insideTree();
    return this.#session.write(() => change(inside));
  }

  /** Throws rather than rejects, as a transaction's callback cannot await a promise. */
  #refuseInsideOrClosed(): void {
    if (this.#session.pager.depth === 0) return;
    throw new TypeError(`Cannot change tree ${this.name}: a transaction is open, use its tx`);
  }

  #insideTree(): TransactionTree<K, V, KI, VI, P> {
    return this.#inside ??= new TransactionTree(
      new TransactionSource(this.#session),
      this.name,
      this.#format,
    );
  }
}
