/**
 * Reads of a tree: of the current version, of an open transaction, or of a snapshot.
 *
 * The caller owns all results but views (`getView`). The tree is looked up in the catalog by name
 * at its first use, and again after the catalog may have changed.
 */

import { type BTree, compareKeys, KEY_BYTES_MAX } from "../../btree/mod.ts";
import { LENT } from "../memory/lent_memory.ts";
import type { ScanMemory } from "../memory/slab.ts";
import { checkIterable } from "./argument_checks.ts";
import { inEntry } from "./codec_error.ts";
import { getMany, isBatched } from "./get_many.ts";
import { prefetch, type PrefetchOptions } from "./prefetch.ts";
import { type Bounds, boundsOf, keyBoundsOf, type KeyRange, type Range } from "./range.ts";
import type { Scan } from "./scan.ts";
import { type Picker, ScanIterator } from "./scan_iterator.ts";
import { type Scanned, stepsOf } from "./scan_steps.ts";
import type { TreeFormat } from "./tree_format.ts";
import type { TreeSource } from "./tree_source.ts";
import { checkBound, rangeFound, streamFound } from "./value_stream.ts";
import { checkVisitor, visitAll, type Visitor } from "./visit.ts";
import { copiesOf, type ViewVisitor, visitCopies, visitViews } from "./visit_views.ts";

/** The shared parts of the iterators over a tree. */
interface Pickers<K, V> {
  readonly from: Scanned;
  readonly entry: Picker<[K, V]>;
  readonly key: Picker<K>;
  readonly value: Picker<V>;
}

/** The memory for a key that `first` and `last` find. */
const edgeKey = new Uint8Array(KEY_BYTES_MAX);

/** A tree of keys and values of any type. */
export type AnyReadTree = ReadTree<unknown, unknown, never, never>;

/**
 * Finds the B+ tree of a tree, or undefined if no tree has its name. It is a function rather than a
 * method, so that users of the class cannot call it.
 *
 * @throws {ClosedError} Its source is closed.
 * @throws {TypeError} It was created with other codecs.
 */
export let btreeOf: (tree: AnyReadTree) => BTree | undefined;

/**
 * The reads of an ordered map. `K` and `V` are the types of returned keys and values; `KI` and `P`
 * are the types of keys and prefixes as arguments.
 *
 * ```ts
 * import { open, type ReadTree, string } from "../../mod.ts";
 *
 * const longest = (tree: ReadTree<string, string>) =>
 *   tree.keys().reduce((a, b) => a.length < b.length ? b : a);
 *
 * using db = open(":memory:");
 * const words = db.tree("words", { key: string, value: string });
 * await words.setMany([["a", "1"], ["ab", "2"]]);
 * using snapshot = db.snapshot();
 * console.assert(longest(words) === "ab" && longest(snapshot.tree(words)) === "ab");
 * ```
 */
export class ReadTree<
  K = Uint8Array,
  V = Uint8Array,
  KI = K extends Uint8Array ? Uint8Array | string : K,
  P = KI,
> {
  /** Its name. */
  readonly name: string;
  readonly #source: TreeSource;
  readonly #format: TreeFormat<K, V, KI, never, P>;
  #btree: BTree | undefined;
  #epoch = -1;
  /** Created by the first iterator, so that a handle without one is small. */
  #pickers: Pickers<K, V> | undefined;

  static {
    btreeOf = (tree) => tree.#find();
  }

  /**
   * Created by `Database.tree`, `Transaction.tree` and `Snapshot.tree`.
   *
   * @param source The source of its pages.
   * @param name Its name.
   * @param format Its codecs.
   */
  constructor(source: TreeSource, name: string, format: TreeFormat<K, V, KI, never, P>) {
    this.#source = source;
    this.name = name;
    this.#format = format;
  }

  /**
   * Returns the value of a key, or undefined. Small values of bytes share a buffer with other
   * results: they cannot be transferred to a worker, and a clone includes the whole buffer, so post
   * a `slice()`. The bytes of results, here as in iterators, begin at a multiple of 8 of their
   * buffer, so that any typed array can view them.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.set("one", "um");
   * console.assert(words.get("one") === "um");
   * console.assert(words.get("two") === undefined);
   * ```
   *
   * @throws {TypeError} The codec refused the key, or the tree was created with other codecs.
   * @throws {RangeError} The key is too long.
   * @throws {CorruptionError} A page on the way is damaged.
   */
  get(key: KI): V | undefined {
    const btree = this.#findEntry(key);
    if (btree === undefined) return undefined;
    try {
      return this.#format.foundValue(btree, this.#source.slab);
    } catch (error) {
      throw inEntry(error, this.name, key);
    }
  }

  /**
   * Returns the values of keys, in the order of the keys; undefined for a key without an entry.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.set("one", "um");
   * const [one, two] = words.getMany(["one", "two"]);
   * console.assert(one === "um" && two === undefined);
   * ```
   */
  getMany(keys: Iterable<KI>): (V | undefined)[] {
    checkIterable("get many", keys);
    const find = () => this.#find();
    const tree = { name: this.name, format: this.#format, source: this.#source, find };
    if (isBatched(tree)) return getMany(tree, keys);
    // Where a read may begin anew, all keys do so together.
    const { get } = ReadTree.prototype as ReadTree<K, V, KI, P>;
    return Array.from(keys, (key) => get.call(this, key));
  }

  /**
   * Returns the stored bytes of a value without copying or decoding them, or undefined: the fastest
   * read. A value that is not in its leaf is a copy: over 1,024 bytes, or over 2,048 if its key has
   * more than 256. The view is valid until the next call of any method of this database, and not
   * across an `await`, so copy bytes to keep or store them. The bytes must not be changed, and may
   * begin at any offset. With the option `debugViews` an expired view is overwritten.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.set("one", "um");
   * // The view is used up before the next call.
   * console.assert(words.getView("one")?.length === 2);
   * ```
   */
  getView(key: KI): Uint8Array | undefined {
    const btree = this.#findEntry(key);
    if (btree === undefined) return undefined;
    const { bytes, at, length } = btree.found;
    const view = length < 0 ? btree.readReferenced(bytes, at) : bytes.subarray(at, at + length);
    return this.#source.views?.lend(view) ?? view;
  }

  /**
   * Reads part of a value: its stored bytes from `start` to `end`, as `slice` returns them, or
   * undefined if the key has no entry. Of a large value it reads only the pages of the range.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const files = db.tree("files");
   * await files.set("large", new Uint8Array(1_000_000).fill(7, 500_000));
   * console.assert(files.getRange("large", 499_999, 500_001)?.join() === "0,7");
   * ```
   *
   * @param start The first byte.
   * @param end The byte after the last one. Default the end of the value.
   * @throws {RangeError} A bound is not a whole number from 0 on.
   */
  getRange(key: KI, start = 0, end: number = Number.MAX_SAFE_INTEGER): Uint8Array | undefined {
    const btree = this.#findEntry(key);
    checkBound(start);
    checkBound(end);
    return btree && rangeFound(this.#source, btree, start, end);
  }

  /**
   * Returns a stream of the stored bytes of a value, in pieces of at most 64 KiB; undefined if the
   * key has no entry. It reads one version, and keeps old pages: read it to its end, or cancel it.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const files = db.tree("files");
   * await files.set("large", new Uint8Array(1_000_000));
   * let bytes = 0;
   * for await (const piece of files.getStream("large")!) bytes += piece.length;
   * console.assert(bytes === 1_000_000);
   * ```
   *
   * @throws {TypeError} A transaction is open, which would end before the stream.
   */
  getStream(key: KI): ReadableStream<Uint8Array> | undefined {
    const btree = this.#findEntry(key);
    return btree && streamFound(this.#source, btree);
  }

  /**
   * Tests for a key.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.set("one", "um");
   * console.assert(words.has("one") && !words.has("two"));
   * ```
   */
  has(key: KI): boolean {
    return this.#findEntry(key) !== undefined;
  }

  /**
   * Counts all entries, or those of a range. It reads only the headers of leaves, except for the
   * leaves where the range begins and ends.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.setMany([["one", "um"], ["three", "tres"], ["two", "dois"]]);
   * console.assert(words.count() === 3);
   * console.assert(words.count({ prefix: "t" }) === 2);
   * ```
   */
  count(range: KeyRange<KI, P> = {}): number {
    const { lower, upper } = keyBoundsOf(range, this.#format);
    return this.#find()?.count(lower, upper) ?? 0;
  }

  /**
   * Returns the entry with the lowest key, of the tree or of a range, or undefined.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.setMany([["one", "um"], ["three", "tres"], ["two", "dois"]]);
   * console.assert(words.first()?.[0] === "one");
   * console.assert(words.first({ gt: "one" })?.[1] === "tres");
   * ```
   */
  first(range?: KeyRange<KI, P>): [K, V] | undefined {
    if (range === undefined) return this.#firstFrom(undefined, undefined, true);
    return this.#edge({ ...keyBoundsOf(range, this.#format), limit: 1 });
  }

  /**
   * Returns the entry with the highest key, of the tree or of a range, or undefined.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.setMany([["one", "um"], ["three", "tres"], ["two", "dois"]]);
   * console.assert(words.last()?.[0] === "two");
   * console.assert(words.last({ lt: "a" }) === undefined);
   * ```
   */
  last(range?: KeyRange<KI, P>): [K, V] | undefined {
    if (range === undefined) return this.#firstFrom(undefined, undefined, false);
    return this.#edge({ ...keyBoundsOf(range, this.#format), forward: false, limit: 1 });
  }

  #edge(bounds: Bounds): [K, V] | undefined {
    const { lower, upper, forward } = bounds;
    const isSimple = lower === undefined ? upper === undefined : forward;
    if (isSimple) return this.#firstFrom(lower, upper, forward);
    for (const entry of this.#scan(bounds, this.#pick.entry)) return entry;
    return undefined;
  }

  /** The first entry from a bound on; without one the first or the last of the tree. */
  #firstFrom(
    lower: Uint8Array | undefined,
    upper: Uint8Array | undefined,
    forward: boolean,
  ): [K, V] | undefined {
    const btree = this.#find();
    if (btree === undefined) return undefined;
    const length = lower === undefined
      ? btree.findEdge(!forward, edgeKey)
      : btree.findFrom(lower, edgeKey);
    if (length < 0) return undefined;
    if (upper !== undefined && compareKeys(edgeKey, length, upper, upper.length) >= 0) {
      return undefined;
    }
    const { slab } = this.#source;
    const key = slab.copy(edgeKey, 0, length);
    try {
      // The codec of the key may read other entries, so the value comes first.
      const value = this.#format.foundValue(btree, slab);
      return [this.#format.key.decode(key), value];
    } catch (error) {
      throw inEntry(error, this.name, key);
    }
  }

  /**
   * Iterates over the entries of a range in key order. The iterator reads one version, which later
   * changes do not affect. Inside a transaction it follows changes: it yields each entry as it is
   * when the iterator reaches it.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const cities = db.tree("cities", { key: string, value: string });
   * await cities.set("ES/Madrid", "3 300 000");
   * await cities.set("PT/Lisboa", "545 000");
   * for (const [name, people] of cities.entries({ prefix: "PT/", limit: 10 })) {
   *   console.assert(name === "PT/Lisboa" && people === "545 000");
   * }
   * ```
   */
  entries(range: Range<KI, P> = {}): Generator<[K, V], void, undefined> {
    return this.#scan(boundsOf(range, this.#format), this.#pick.entry);
  }

  /**
   * Iterates over the keys of a range, in order.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.setMany([["one", "um"], ["three", "tres"], ["two", "dois"]]);
   * console.assert([...words.keys({ reverse: true })].join() === "two,three,one");
   * console.assert(words.keys().filter((key) => key.includes("e")).toArray().length === 2);
   * ```
   */
  keys(range: Range<KI, P> = {}): Generator<K, void, undefined> {
    return this.#scan(boundsOf(range, this.#format), this.#pick.key, this.#format.keyMemory);
  }

  /**
   * Iterates over the values of a range, in key order.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.setMany([["one", "um"], ["three", "tres"], ["two", "dois"]]);
   * console.assert([...words.values({ prefix: "t" })].join() === "tres,dois");
   * ```
   */
  values(range: Range<KI, P> = {}): Generator<V, void, undefined> {
    return this.#scan(boundsOf(range, this.#format), this.#pick.value, this.#format.valueMemory);
  }

  /**
   * Calls a function for each entry of a range, in key order, with the stored bytes of key and
   * value, not decoded: the fastest way through many entries. The bytes are valid until the
   * function returns, whatever it does to the tree, so copy bytes to keep. A `false` that it
   * returns ends the visit, and an error that it throws ends it too.
   *
   * A visit reads one version, as `entries` does, and inside a transaction it follows changes.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const files = db.tree("files");
   * await files.setMany([["a", new Uint8Array(10)], ["b", new Uint8Array(20)]]);
   * let bytes = 0;
   * const visited = files.visit({ gte: "a" }, (key, value) => {
   *   bytes += key.length + value.length;
   * });
   * console.assert(visited === 2 && bytes === 32);
   * ```
   *
   * @param visitor The function. It must be synchronous, and not write to the bytes.
   * @returns The number of entries visited.
   * @throws {TypeError} The range is malformed, or the function is none or asynchronous.
   */
  visit(range: Range<KI, P>, visitor: Visitor): number {
    checkVisitor(visitor);
    const bounds = boundsOf(range, this.#format);
    const steps = stepsOf(this.#pick.from, bounds, LENT);
    return visitAll(steps, visitor, this.name, this.#source.views);
  }

  /**
   * Like `visit`, with the value where it lies, not copied, and a key only if it is asked for: a
   * scan that looks at parts of values takes half of the time. The function must not use the
   * database. Where other processes write the file, entries are copied.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const files = db.tree("files");
   * await files.setMany([["a", new Uint8Array(10)], ["b", new Uint8Array(20)]]);
   * let bytes = 0;
   * files.visitViews({}, ({ start, end }) => {
   *   bytes += end - start;
   * });
   * console.assert(bytes === 30);
   * ```
   *
   * @param visitor The function. It must be synchronous, and not write to the bytes.
   * @returns The number of entries visited.
   * @throws {TypeError} The range is malformed, or the function is none or asynchronous, or it used
   *   the database.
   */
  visitViews(range: Range<KI, P>, visitor: ViewVisitor): number {
    checkVisitor(visitor);
    const { views, stepsOf: others } = this.#source;
    if (views !== undefined) return this.visit(range, copiesOf(visitor));
    const bounds = boundsOf(range, this.#format, others === undefined);
    if (others !== undefined) {
      return visitCopies(stepsOf(this.#pick.from, bounds, LENT), visitor, this.name);
    }
    const btree = this.#find();
    return btree === undefined ? 0 : visitViews(this.#source, btree, bounds, visitor);
  }

  /** Iterates over all entries, in key order. */
  [Symbol.iterator](): Generator<[K, V], void, undefined> {
    return this.entries();
  }

  /**
   * Brings pages from the file into memory without blocking the event loop, so that the reads after
   * it do not wait for the disk: the pages that `get` of each key needs, or a scan of a range. It
   * fills at most half of the cache, and stops there.
   *
   * The tree may change meanwhile; keys are iterated in later turns too. Other reads may displace
   * the pages again. A damaged page is not an error here, but in the read that needs it. In a
   * database in memory there is nothing to do.
   *
   * ```ts
   * import { open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * await words.setMany([["one", "um"], ["three", "tres"], ["two", "dois"]]);
   * await words.prefetch(["one", "two"]);
   * console.assert(words.get("one") === "um" && words.get("two") === "dois");
   * console.assert(await words.prefetch({ prefix: "t", limit: 100 }));
   * console.assert(words.count({ prefix: "t" }) === 2);
   * ```
   *
   * @param what A range, as for `entries`, or keys. Default the whole tree.
   * @returns Whether all of it was brought in: it fit, and no page was damaged.
   * @throws {TypeError} Range, keys or an option are malformed, or a transaction is open.
   * @throws {ClosedError} The database, or the snapshot, was closed meanwhile.
   * @throws {SnapshotTooOldError} The snapshot was ended to bound memory.
   * @throws {unknown} The reason of the signal.
   */
  prefetch(
    what: Range<KI, P> | Iterable<KI> = {},
    options: PrefetchOptions = {},
  ): Promise<boolean> {
    const find = () => this.#find();
    const { name } = this;
    return prefetch({ name, source: this.#source, format: this.#format, find }, what, options);
  }

  /** Iterates over a range; `memory` is that of the results. */
  #scan<T>(
    bounds: Bounds,
    pick: Picker<T>,
    memory: ScanMemory = this.#format.memory,
  ): ScanIterator<T> {
    return new ScanIterator(this.#pick.from, bounds, pick, memory);
  }

  get #pick(): Pickers<K, V> {
    return this.#pickers ??= {
      from: { source: this.#source, find: () => this.#find() },
      entry: (scan, at) => this.#entryAt(scan, at),
      key: (scan, at) => this.#keyAt(scan, at),
      value: (scan, at) => this.#valueAt(scan, at),
    };
  }

  #entryAt(scan: Scan, at: number): [K, V] {
    const { key, value } = this.#format;
    try {
      return [key.decode(scan.key(at)), value.decode(scan.value(at))];
    } catch (error) {
      throw inEntry(error, this.name, scan.key(at));
    }
  }

  #keyAt(scan: Scan, at: number): K {
    try {
      return this.#format.key.decode(scan.key(at));
    } catch (error) {
      throw inEntry(error, this.name, scan.key(at));
    }
  }

  #valueAt(scan: Scan, at: number): V {
    try {
      return this.#format.value.decode(scan.value(at));
    } catch (error) {
      throw inEntry(error, this.name, scan.key(at));
    }
  }

  /** Finds a key. Returns the tree, which holds the found entry, or undefined. */
  #findEntry(key: KI): BTree | undefined {
    let length: number;
    try {
      length = this.#format.encodeKey(key);
    } catch (error) {
      throw inEntry(error, this.name, key);
    }
    const btree = this.#find();
    return btree?.find(this.#format.encodedKey, length) === undefined ? undefined : btree;
  }

  /** The tree, or undefined if no tree has the name. Throws if the source is closed. */
  #find(): BTree | undefined {
    const { epoch, views } = this.#source;
    if (views !== undefined) views.expire();
    if (this.#epoch !== epoch) this.#lookUp();
    return this.#btree;
  }

  #lookUp(): void {
    this.#source.checkOpen();
    const found = this.#source.findTree(this.name);
    if (found !== undefined) this.#format.check(this.name, found.attributes, found.catalogRoot);
    this.#btree = found?.btree;
    // Looking it up may begin an epoch.
    this.#epoch = this.#source.epoch;
  }
}
