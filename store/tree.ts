/**
 * A tree as users meet it: like a `Map`, sorted, on disk.
 *
 * Every change is a transaction of its own, made at once and safe when its promise resolves;
 * changes of one turn of the event loop reach the disk together.
 */

import { keyBoundsOf, type KeyRange } from "./read/range.ts";
import { setStream } from "./write/value_upload.ts";
import { Watcher, type WatchOptions } from "./watch/watcher.ts";
import { NO_TREE, statsOf, type TreeStats } from "./stats.ts";
import type { Sync } from "./read/argument_checks.ts";
import { ReadTree } from "./read/read_tree.ts";
import type { Session } from "./write/session.ts";
import { TransactionSource } from "./write/transaction_source.ts";
import { TransactionTree } from "./write/transaction_tree.ts";
import type { TreeFormat } from "./read/tree_format.ts";

/**
 * An ordered map. Get one by `Database.tree`.
 *
 * `K` and `V` are keys and values as they come back; `KI`, `VI` and `P` keys, values and prefixes
 * as they may be given. All follow from the codecs.
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
  /** The tree inside the transactions that its own changes are. */
  readonly #inside: TransactionTree<K, V, KI, VI, P>;

  /**
   * Made by `Database.tree`.
   *
   * @param session What the trees of the database share.
   * @param name Its name.
   * @param format Its codecs.
   */
  constructor(session: Session, name: string, format: TreeFormat<K, V, KI, VI, P>) {
    super(session, name, format as unknown as TreeFormat<K, V, KI, never, P>);
    this.#session = session;
    this.#format = format;
    this.#inside = new TransactionTree(new TransactionSource(session), name, format);
  }

  /**
   * Sets the value of a key; durable when it resolves.
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
   * @throws {RangeError} Key or value is too long.
   * @throws {IoError} The system refused.
   */
  set(key: KI, value: VI): Promise<void> {
    return this.#change((tree) => tree.set(key, value));
  }

  /**
   * Sets the values of many keys, in any order, all or none; how many entries there were. Durable
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
   * Sets the value of a key to what a function makes of the one it has; nobody else can change it
   * in between. Durable when it resolves.
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
   * @param change Gets the value, or undefined where there is none; undefined from it removes the
   * entry.
   * @returns What the function returned.
   */
  update<R extends VI | undefined>(
    key: KI,
    change: (value: V | undefined) => Sync<R>,
  ): Promise<R> {
    return this.#change((tree) => tree.update(key, change));
  }

  /**
   * Sets the value of a key that has none; whether it did. Durable when it resolves.
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
   * Sets the value of a key if it equals what was expected; whether it did. Values are equal when
   * their bytes are, or when the codec says so: those of `json` and `structured` when they hold the
   * same, as `isDeepStrictEqual` of `node:util` has it. Durable when it resolves.
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
   * @param expected The value it must have; undefined = no entry.
   * @param value The value it gets; undefined = the entry is removed.
   */
  compareAndSet(key: KI, expected: VI | undefined, value: VI | undefined): Promise<boolean> {
    return this.#change((tree) => tree.compareAndSet(key, expected, value));
  }

  /**
   * Removes an entry; whether there was one. Durable when it resolves.
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
   * Removes all entries of a range; how many there were. Durable when it resolves.
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
   */
  deleteRange(range: KeyRange<KI, P> = {}): Promise<number> {
    return this.#change((tree) => tree.deleteRange(range));
  }

  /**
   * Removes all entries; how many there were. Durable when it resolves.
   *
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.setMany([["one", "um"], ["three", "tres"], ["two", "dois"]]);
   * console.assert(await words.clear() === 3);
   * console.assert(words.count() === 0);
   * ```
   */
  clear(): Promise<number> {
    return this.deleteRange();
  }

  /**
   * Adds entries, all or none; much faster than one by one where the tree is empty and they come in
   * key order. Durable when it resolves.
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
   * @returns How many there were.
   * @throws {RangeError} The tree is empty, and an entry does not come after the one before it.
   */
  load(entries: Iterable<readonly [KI, VI]>): Promise<number> {
    return this.#change((tree) => tree.load(entries));
  }

  /**
   * Sets the value of a key to all bytes of a stream, which it reads to its end; how many there
   * were. The key keeps its old value until then, and for good if the stream fails. Memory for one
   * part of 2 MiB is needed, and 24 KiB for each such part at the end. Durable when it resolves.
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
   * @param stream At most 2 GiB of bytes, kept as they are; locked until the promise settles.
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
   * Watches the tree, or a range of it: every commit from now on that changes something there, in
   * order, once it is durable. A `load`, a drop and a rename are of the whole tree, so all who
   * watch a part of it hear of them; of a `load` how many entries it added, and not which.
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
   * @throws {TypeError} The range or an option is wrong, or a transaction is open.
   * @throws {RangeError} An option is out of its range.
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
   * How large the tree is and of what it is made, from page headers: 1/256 of the file is read.
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
    const found = this.#session.findTree(this.name)?.entries;
    return found === undefined ? NO_TREE : statsOf(this.#session.pager, found);
  }

  #change<T>(change: (tree: TransactionTree<K, V, KI, VI, P>) => T): Promise<T> {
    if (this.#session.pager.depth > 0) {
      // Thrown at once: nobody awaits a promise inside a transaction.
      throw new TypeError(`Cannot change tree ${this.name}: a transaction is open, use its tx`);
    }
    return this.#session.write(() => change(this.#inside));
  }
}
