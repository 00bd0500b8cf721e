/**
 * A tree as users meet it: like a `Map` from keys to bytes, sorted, on disk.
 *
 * What it hands out belongs to whoever gets it. It is found in the catalog by name when it is first
 * used, and again after anything may have changed there; its first entry makes it.
 */

import { bulkLoad, type Tree as Entries } from "../btree/mod.ts";
import { encodeKey, type Key } from "./key.ts";
import { type Bounds, boundsOf, type Range } from "./range.ts";
import { Scan } from "./scan.ts";
import type { Session } from "./session.ts";

/** An ordered map from keys to bytes. Get one by `Database.tree`. */
export class Tree {
  /** Its name. */
  readonly name: string;
  readonly #session: Session;
  #entries: Entries | undefined;
  #epoch = -1;
  #idleScan: Scan | undefined;

  /**
   * Made by `Database.tree`.
   *
   * @param session What the trees of the database share.
   * @param name Its name.
   */
  constructor(session: Session, name: string) {
    this.#session = session;
    this.name = name;
  }

  /**
   * The value of a key, or undefined.
   *
   * @throws {CorruptionError} A page on the way is damaged.
   */
  get(key: Key): Uint8Array | undefined {
    const bytes = encodeKey(key);
    const entries = this.#find();
    if (entries === undefined || !entries.find(bytes)) return undefined;
    const { foundBytes, foundAt, foundLength } = entries;
    if (foundLength < 0) return entries.readRuns(foundBytes, foundAt);
    return this.#session.slab.copy(foundBytes, foundAt, foundLength);
  }

  /** Whether there is an entry of that key. */
  has(key: Key): boolean {
    const bytes = encodeKey(key);
    return this.#find()?.find(bytes) ?? false;
  }

  /**
   * Sets the value of a key: atomic by itself, or part of the `writeSync` it is called in.
   *
   * @param value At most 2 GiB.
   * @throws {TypeError} Key or value is of a wrong type.
   * @throws {RangeError} Key or value is too long.
   * @throws {IoError} An earlier write failed.
   */
  set(key: Key, value: Uint8Array): void {
    const bytes = encodeKey(key);
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`Cannot set: a value of type ${typeof value} is not bytes`);
    }
    this.#change((entries) => entries.put(bytes, value));
  }

  /** Removes an entry; whether there was one. */
  delete(key: Key): boolean {
    const bytes = encodeKey(key);
    return this.#session.change(() => this.#find()?.delete(bytes) ?? false);
  }

  /** Removes all entries of a range, which has no order and no limit; how many there were. */
  deleteRange(range: Range = {}): number {
    const { lower, upper } = boundsOf(range);
    if (range.limit !== undefined || range.reverse !== undefined) {
      throw new TypeError("Cannot delete a range: limit and reverse mean nothing there");
    }
    return this.#session.change(() => this.#find()?.deleteRange(lower, upper) ?? 0);
  }

  /** Removes all entries. */
  clear(): void {
    this.deleteRange();
  }

  /** How many entries there are. Of leaves, only page headers are read. */
  count(): number {
    return this.#find()?.count() ?? 0;
  }

  /**
   * Adds entries, all or none; much faster than one by one where the tree is empty and they come in
   * key order.
   *
   * @returns How many there were.
   * @throws {RangeError} The tree is empty, and an entry does not come after the one before it.
   */
  load(entries: Iterable<readonly [Key, Uint8Array]>): number {
    return this.#change((tree) => {
      if (tree.count() === 0) return bulkLoad(tree, encoded(entries));
      let count = 0;
      for (const [key, value] of encoded(entries)) {
        tree.put(key, value);
        count++;
      }
      return count;
    });
  }

  /**
   * The entries of a range, in key order. A tree may change while it is iterated: what comes is
   * what is there when its turn comes.
   */
  entries(range: Range = {}): Generator<[Uint8Array, Uint8Array], void, undefined> {
    return this.#scan(boundsOf(range), (scan, at) => [scan.key(at), scan.value(at)]);
  }

  /** The keys of a range, in order. */
  keys(range: Range = {}): Generator<Uint8Array, void, undefined> {
    return this.#scan(boundsOf(range), (scan, at) => scan.key(at));
  }

  /** The values of a range, in key order. */
  values(range: Range = {}): Generator<Uint8Array, void, undefined> {
    return this.#scan(boundsOf(range), (scan, at) => scan.value(at));
  }

  /** All entries, in key order. */
  [Symbol.iterator](): Generator<[Uint8Array, Uint8Array], void, undefined> {
    return this.entries();
  }

  *#scan<T>(
    bounds: Bounds,
    pick: (scan: Scan, at: number) => T,
  ): Generator<T, void, undefined> {
    let entries = this.#find();
    let left = bounds.limit;
    if (entries === undefined || left === 0) return;
    const scan = this.#takeScan(entries);
    let { changes } = entries;
    for (let found = scan.begin(bounds); found; found = scan.leaveLeaf(left)) {
      for (let at = 0; at < scan.count; at++) {
        yield pick(scan, at);
        if (--left === 0) break;
        if (this.#isCurrent(entries, changes)) continue;
        entries = this.#find();
        if (entries === undefined) return;
        ({ changes } = entries);
        scan.resume(entries, at, left);
        at = -1;
      }
      if (left === 0) break;
    }
    this.#idleScan = scan;
  }

  /** A scan of the tree: the one that ended last, unless it is of another tree or in use. */
  #takeScan(entries: Entries): Scan {
    const idle = this.#idleScan;
    this.#idleScan = undefined;
    return idle?.entries === entries ? idle : new Scan(entries);
  }

  /** Whether a tree found earlier is still the one to read, and has not changed. */
  #isCurrent(entries: Entries, changes: number): boolean {
    return entries === this.#entries && entries.changes === changes &&
      this.#epoch === this.#session.epoch;
  }

  /** Adds to the tree, made if need be, in a transaction of its own unless one is open. */
  #change<T>(change: (entries: Entries) => T): T {
    return this.#session.change(() => change(this.#find() ?? this.#create()));
  }

  #create(): Entries {
    this.#session.createTree(this.name);
    return this.#find()!;
  }

  #find(): Entries | undefined {
    const { epoch } = this.#session;
    if (this.#epoch !== epoch) {
      this.#session.checkOpen();
      this.#entries = this.#session.findTree(this.name);
      this.#epoch = epoch;
    }
    return this.#entries;
  }
}

function* encoded(
  entries: Iterable<readonly [Key, Uint8Array]>,
): Generator<[Uint8Array, Uint8Array]> {
  for (const [key, value] of entries) yield [encodeKey(key), value];
}
