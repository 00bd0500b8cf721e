/**
 * Reading a tree: now, inside a transaction, or as a snapshot shows it. One class for all three.
 *
 * What it hands out belongs to whoever gets it. The tree is found in the catalog by name when it is
 * first used, and again after anything may have changed there. An iterator shows one version: it
 * reads the current pages until something changes, and the snapshot it took at its beginning from
 * then on.
 */

import type { Tree as Entries } from "../btree/mod.ts";
import type { PageSnapshot } from "../pager/mod.ts";
import { encodeKey, type Key } from "./key.ts";
import { type Bounds, boundsOf, type Range } from "./range.ts";
import { Scan } from "./scan.ts";
import type { Slab } from "./slab.ts";

/** Where a tree is read. */
export interface TreeSource {
  /** Goes up whenever a tree found by name may be another one. */
  readonly epoch: number;
  /** Memory for results. */
  readonly slab: Slab;
  /** Throws when it cannot be read any more. */
  checkOpen(): void;
  /** The tree of a name, or undefined. */
  findTree(name: string): Entries | undefined;
  /** Keeps the current version for an iterator; undefined where iterators follow changes. */
  keepVersion(): PageSnapshot | undefined;
}

/** An ordered map from keys to bytes, for reading. */
export class ReadTree {
  /** Its name. */
  readonly name: string;
  readonly #source: TreeSource;
  #entries: Entries | undefined;
  #epoch = -1;
  #idleScan: Scan | undefined;

  /**
   * Made by `Database.tree`, `Transaction.tree` and `Snapshot.tree`.
   *
   * @param source Where it is read.
   * @param name Its name.
   */
  constructor(source: TreeSource, name: string) {
    this.#source = source;
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
    return this.#source.slab.copy(foundBytes, foundAt, foundLength);
  }

  /** Whether there is an entry of that key. */
  has(key: Key): boolean {
    const bytes = encodeKey(key);
    return this.#find()?.find(bytes) ?? false;
  }

  /** How many entries there are. Of leaves, only page headers are read. */
  count(): number {
    return this.#find()?.count() ?? 0;
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
    const kept = this.#source.keepVersion();
    const scan = this.#takeScan(entries);
    let { changes } = entries;
    // Not that of the tree's last look into the catalog: others may have it look meanwhile.
    let epoch = this.#epoch;
    try {
      for (let found = scan.begin(bounds); found; found = scan.leaveLeaf(left)) {
        for (let at = 0; at < scan.count; at++) {
          yield pick(scan, at);
          if (--left === 0) return;
          if (this.#isCurrent(entries, changes, epoch)) continue;
          entries = this.#afterChange(entries, kept);
          if (entries === undefined) return;
          ({ changes } = entries);
          ({ epoch } = this.#source);
          scan.resume(entries, at, left);
          at = -1;
        }
      }
    } finally {
      kept?.close();
      this.#idleScan = scan;
    }
  }

  /**
   * What an iterator goes on with after a change: the version it began with, or the tree as it is.
   */
  #afterChange(entries: Entries, kept: PageSnapshot | undefined): Entries | undefined {
    if (kept === undefined) return this.#find();
    this.#source.checkOpen();
    return entries.isLive ? entries.readFrom(kept) : entries;
  }

  #isCurrent(entries: Entries, changes: number, epoch: number): boolean {
    return !entries.isLive || (entries.changes === changes && epoch === this.#source.epoch);
  }

  /** A scan of the tree: the one that ended last, unless it is of another tree or in use. */
  #takeScan(entries: Entries): Scan {
    const idle = this.#idleScan;
    this.#idleScan = undefined;
    return idle?.entries === entries ? idle : new Scan(entries);
  }

  /** The tree, or undefined while there is none of the name. */
  #find(): Entries | undefined {
    const { epoch } = this.#source;
    if (this.#epoch !== epoch) {
      this.#source.checkOpen();
      this.#entries = this.#source.findTree(this.name);
      this.#epoch = epoch;
    }
    return this.#entries;
  }
}
