/**
 * The public class of a tree inside a transaction: all reads and all changes.
 *
 * Keys and values are encoded before the first page is touched, so a refusal by a codec changes
 * nothing.
 */

import type { BTree } from "../../btree/mod.ts";
import { copyOf, copyOfKey } from "../memory/copy.ts";
import {
  checkIterable,
  pairOf,
  refuseGenerator,
  refusePromise,
  type Sync,
} from "../read/argument_checks.ts";
import { inEntry } from "../read/codec_error.ts";
import { keyBoundsOf, type KeyRange, refuseBoundless } from "../read/range.ts";
import { btreeOf, ReadTree } from "../read/read_tree.ts";
import type { TreeFormat } from "../read/tree_format.ts";
import type { TransactionSource } from "./transaction_source.ts";
import {
  type Load,
  type LoadOptions,
  loadOptionsOf,
  refuseLost,
  TreeLoad,
  UnorderedLoad,
} from "./tree_load.ts";

/** The bytes of a frame: a view of a buffer of this size may be a view of a page. */
const FRAME_BYTES = 2 * 1024 * 1024;

/**
 * A tree inside a transaction.
 *
 * ```ts
 * import { json, open, string } from "../../mod.ts";
 *
 * using db = open(":memory:");
 * const stock = db.tree("stock", { key: string, value: json.as<number>() });
 * await stock.set("apples", 3);
 * await db.write((tx) => {
 *   const inside = tx.tree(stock);
 *   if (inside.update("apples", (count = 0) => count - 1) < 0) throw new Error("none is left");
 * });
 * console.assert(stock.get("apples") === 2);
 * ```
 */
export class TransactionTree<
  K = Uint8Array,
  V = Uint8Array,
  KI = K extends Uint8Array ? Uint8Array | string : K,
  VI = V,
  P = KI,
> extends ReadTree<K, V, KI, P> {
  readonly #source: TransactionSource;
  readonly #format: TreeFormat<K, V, KI, VI, P>;

  /**
   * Created by `Transaction.tree`.
   *
   * @param source The source of the trees of the transaction.
   * @param name Its name.
   * @param format Its codecs.
   */
  constructor(source: TransactionSource, name: string, format: TreeFormat<K, V, KI, VI, P>) {
    super(source, name, format as unknown as TreeFormat<K, V, KI, never, P>);
    this.#source = source;
    this.#format = format;
  }

  /**
   * Sets the value of a key.
   *
   * @param value At most 2 GiB.
   * @throws {TypeError} A codec refused key or value.
   * @throws {RangeError} The key or the value is too long.
   */
  set(key: KI, value: VI): void {
    const bytes = this.#encodeValue(key, value);
    const length = this.#encodeKey(key);
    this.#put(this.#format.encodedKey, length, bytes);
  }

  /**
   * Sets the values of many keys, in any order. The last value of a repeated key wins.
   *
   * @returns The number of entries given.
   */
  setMany(entries: Iterable<readonly [KI, VI]>): number {
    checkIterable("set many", entries);
    this.#source.checkOpen();
    // All or none, even if the callback catches the error.
    return this.#source.session.change(() => {
      let count = 0;
      for (const entry of entries) {
        const [key, value] = pairOf("set many", entry, count);
        const bytes = this.#encodeValue(key, value, count);
        const length = this.#encodeKey(key, count);
        this.#put(this.#format.encodedKey, length, bytes);
        count++;
      }
      return count;
    });
  }

  /**
   * Replaces the value of a key by the result of a function of the current value.
   *
   * @param change Receives the value, or undefined if there is no entry. If it returns undefined,
   *   the entry is removed.
   * @returns The result of the function.
   * @throws {TypeError} The function is asynchronous, or a codec refused key or value.
   */
  update<R extends VI | undefined>(key: KI, change: (value: V | undefined) => Sync<R>): R {
    if (typeof change !== "function") {
      throw new TypeError(`Cannot update: the change is ${typeof change}, not a function`);
    }
    refuseGenerator("update: the change", change);
    // The function may have encoded other keys.
    const length = this.#encodeKey(key);
    const bytes = copyOfKey(this.#format.encodedKey, length);
    const value = change(this.get(key)) as R;
    refusePromise("update: the change", value);
    if (value === undefined) this.#delete(bytes, bytes.length);
    else this.#put(bytes, bytes.length, this.#encodeValue(key, value));
    return value;
  }

  /** Sets the value of a key that has no entry. Returns whether it did. */
  setIfAbsent(key: KI, value: VI): boolean {
    const bytes = this.#encodeValue(key, value);
    const length = this.#encodeKey(key);
    return this.#putIfAbsent(ownBytes(this.#format.encodedKey), length, bytes);
  }

  #putIfAbsent(key: Uint8Array, length: number, value: Uint8Array): boolean {
    this.#source.checkOpen();
    const { session } = this.#source;
    session.refuseDoomed();
    try {
      const btree = btreeOf(this) ?? session.openTree(this.name, this.#format);
      if (!btree.putIfAbsent(key, value, length)) return false;
      session.feed.noteSet(this.name, key, length, value);
      return true;
    } catch (error) {
      session.doom(error);
      throw error;
    }
  }

  /**
   * Sets the value of a key if the current value equals an expected one. Returns whether it did.
   * Values are equal if their bytes are, or if the codec says so: `json` and `structured` compare
   * with `isDeepStrictEqual` of `node:util`.
   *
   * @param expected The expected value; undefined = no entry.
   * @param value The new value; undefined = the entry is removed.
   */
  compareAndSet(key: KI, expected: VI | undefined, value: VI | undefined): boolean {
    const before = expected === undefined ? undefined : this.#encodeValue(key, expected);
    const after = value === undefined ? undefined : this.#encodeValue(key, value);
    if (!this.#has(key, before)) return false;
    const length = this.#encodeKey(key);
    if (after === undefined) this.#delete(this.#format.encodedKey, length);
    else this.#put(this.#format.encodedKey, length, after);
    return true;
  }

  /** Whether a key has a given value, or no entry if the value is undefined. */
  #has(key: KI, value: Uint8Array | undefined): boolean {
    const now = this.getView(key);
    if (now === undefined || value === undefined) return now === value;
    return sameBytes(now, value) || this.#format.isEqual(this.get(key)!, value);
  }

  /** Removes an entry. Returns whether it existed. */
  delete(key: KI): boolean {
    const length = this.#encodeKey(key);
    return this.#delete(this.#format.encodedKey, length);
  }

  /**
   * Removes all entries of a range. Returns the number removed.
   *
   * @throws {TypeError} The range is malformed, or names bounds that are all undefined.
   */
  deleteRange(range: KeyRange<KI, P> = {}): number {
    const bounds = keyBoundsOf(range, this.#format);
    refuseBoundless(range);
    return this.#changeFound((btree) => {
      const count = btree.deleteRange(bounds.lower, bounds.upper);
      this.#source.session.feed.noteDeleteRange(this.name, range, bounds, count);
      return count;
    }, 0);
  }

  /** Removes all entries. Returns the number removed. */
  clear(): number {
    return this.deleteRange();
  }

  /**
   * Adds entries. It is much faster than single calls if the tree is empty and they are in key
   * order, or with `unordered`, which sorts them.
   *
   * @returns The number of entries; with `unordered`, of different keys.
   * @throws {RangeError} The tree is empty, and an entry is not after the previous one; or the fill
   * factor is out of range.
   * @throws {TypeError} The source of the entries dropped or renamed the tree meanwhile.
   */
  load(entries: Iterable<readonly [KI, VI]>, options: LoadOptions = {}): number {
    checkIterable("load", entries);
    const given = loadOptionsOf(options);
    const { session } = this.#source;
    const before = btreeOf(this);
    let load: Load | undefined;
    let index = 0;
    try {
      for (const entry of entries) {
        const [key, value] = pairOf("load", entry, index);
        const bytes = this.#encodeValue(key, value, index);
        const length = this.#encodeKey(key, index++);
        const ownKey = ownBytes(this.#format.encodedKey);
        // Loading no entries creates no tree.
        load ??= this.#beginLoad(before, given);
        load.add(ownKey, length, bytes);
      }
      if (load !== undefined) return load.finish();
    } catch (error) {
      if (load !== undefined) session.doom(error);
      throw error;
    }
    if (before !== undefined) refuseLost(session, this.name, before);
    return 0;
  }

  /** Begins a load into the tree that existed before the source yielded its first entry. */
  #beginLoad(before: BTree | undefined, { fill, unordered }: Required<LoadOptions>): Load {
    const { session } = this.#source;
    if (before !== undefined) refuseLost(session, this.name, before);
    const { name } = this;
    return this.#change((tree) => {
      if (unordered) return new UnorderedLoad(session, name, tree, fill);
      return new TreeLoad(session, name, tree, fill);
    });
  }

  /** The bytes of a value, never a view of a page. */
  #encodeValue(key: KI, value: VI, index?: number): Uint8Array {
    try {
      return ownBytes(this.#format.encodeValue(value));
    } catch (error) {
      throw inEntry(error, this.name, key, index);
    }
  }

  /** Encodes a key into `encodedKey` of the format. Returns its length. */
  #encodeKey(key: KI, index?: number): number {
    try {
      return this.#format.encodeKey(key);
    } catch (error) {
      throw inEntry(error, this.name, key, index);
    }
  }

  #put(key: Uint8Array, length: number, value: Uint8Array): void {
    this.#source.checkOpen();
    const { session } = this.#source;
    session.refuseDoomed();
    const bytes = ownBytes(key);
    try {
      const btree = btreeOf(this) ?? session.openTree(this.name, this.#format);
      session.feed.noteSet(this.name, bytes, length, value);
      btree.put(bytes, value, length);
    } catch (error) {
      session.doom(error);
      throw error;
    }
  }

  #delete(key: Uint8Array, length: number): boolean {
    const bytes = ownBytes(key);
    return this.#changeFound((btree) => {
      const deleted = btree.delete(bytes, length);
      if (deleted) this.#source.session.feed.noteDelete(this.name, bytes, length);
      return deleted;
    }, false);
  }

  /** Changes the tree if it exists: a removal does not create one. */
  #changeFound<T>(change: (btree: BTree) => T, otherwise: T): T {
    const { session } = this.#source;
    session.refuseDoomed();
    const found = btreeOf(this);
    return found === undefined ? otherwise : session.change(() => change(found));
  }

  #change<T>(change: (btree: BTree) => T): T {
    this.#source.checkOpen();
    const { session } = this.#source;
    return session.change(() => change(btreeOf(this) ?? session.openTree(this.name, this.#format)));
  }
}

/** Copies bytes that may be a view of a page, which changes during the write. */
function ownBytes(value: Uint8Array): Uint8Array {
  // No page of data is at the start of a frame. `buffer` gives a short array a buffer of its own.
  if (value.byteOffset === 0) return value;
  return value.buffer.byteLength === FRAME_BYTES ? copyOf(value) : value;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
