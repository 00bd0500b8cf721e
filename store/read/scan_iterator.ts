/**
 * What `entries`, `keys` and `values` return: the protocol of iterators over a scan.
 *
 * An iterator shows one version. It reads the current pages until something changes, and from then
 * on the version it kept at its first step; it keeps none when all that it will give was copied
 * then. Inside a transaction it follows the changes instead. A generator would say the same in
 * fewer lines, and takes several times as long for each entry.
 *
 * Invariants:
 * 1. Once it has begun and until it is done it has a scan, which nobody else uses.
 * 2. A version is kept no longer than that, however it ends.
 */

import type { BTree } from "../../btree/mod.ts";
import type { PageSnapshot } from "../../pager/mod.ts";
import type { Bounds } from "./range.ts";
import type { TreeSource } from "./tree_source.ts";
import { Scan } from "./scan.ts";

/** What an iterator makes of an entry of the scan. */
export type Picker<T> = (scan: Scan, at: number) => T;

/** The tree that iterators go through, and the scan that they use one after the other. */
export class Scanned {
  /** Where the tree is read. */
  readonly source: TreeSource;
  /** The tree as it is now, or undefined while there is none of the name. */
  readonly find: () => BTree | undefined;
  #idle: Scan | undefined;

  /**
   * A tree to go through.
   *
   * @param source Where it is read.
   * @param find The tree as it is now.
   */
  constructor(source: TreeSource, find: () => BTree | undefined) {
    this.source = source;
    this.find = find;
  }

  /** A scan of the tree: the one that ended last, unless it is of another tree or in use. */
  take(entries: BTree): Scan {
    const idle = this.#idle;
    this.#idle = undefined;
    return idle?.entries === entries ? idle : new Scan(entries);
  }

  /** Gives a scan back. */
  giveBack(scan: Scan): void {
    this.#idle = scan;
  }
}

/** Goes through the entries of a range. */
export class ScanIterator<T> extends Iterator<T, void, undefined>
  implements Generator<T, void, undefined> {
  readonly #scanned: Scanned;
  readonly #bounds: Bounds;
  readonly #pick: Picker<T>;
  readonly #alignsValues: boolean;
  #scan: Scan | undefined;
  #entries: BTree | undefined;
  #kept: PageSnapshot | undefined;
  /** The entry of the leaf that was given last. */
  #at = -1;
  /** How many entries may still come. */
  #left: number;
  /** Of the tree and of the source, when the scan was in step with them last. */
  #changes = 0;
  #epoch = 0;
  #followsChanges = false;
  #isRunning = false;
  #isDone = false;

  /**
   * An iterator that has not begun.
   *
   * @param scanned The tree.
   * @param bounds The range.
   * @param pick What it makes of an entry.
   * @param alignsValues Whether it hands out the bytes of values.
   */
  constructor(scanned: Scanned, bounds: Bounds, pick: Picker<T>, alignsValues: boolean) {
    super();
    this.#scanned = scanned;
    this.#bounds = bounds;
    this.#pick = pick;
    this.#alignsValues = alignsValues;
    this.#left = bounds.limit;
  }

  /** The next entry. */
  override next(): IteratorResult<T, void> {
    this.#refuseRunning();
    this.#isRunning = true;
    try {
      const scan = this.#isDone ? undefined : this.#scan ?? this.#begin();
      if (scan !== undefined && this.#toNext(scan)) {
        return { value: this.#pick(scan, this.#at), done: false };
      }
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      this.#isRunning = false;
    }
    return this.return();
  }

  /** Ends it. */
  override return(): IteratorResult<T, void> {
    this.#refuseRunning();
    this.#end();
    return { value: undefined, done: true };
  }

  /** Ends it, and throws what it is given. */
  override throw(error: unknown): IteratorResult<T, void> {
    this.#refuseRunning();
    this.#end();
    throw error;
  }

  /** Itself. */
  override [Symbol.iterator](): this {
    return this;
  }

  #refuseRunning(): void {
    if (this.#isRunning) throw new TypeError("Cannot step the iterator: it is in a step");
  }

  /** The scan on the first leaf, or undefined: there is nothing in the range. */
  #begin(): Scan | undefined {
    const { source } = this.#scanned;
    const entries = this.#scanned.find();
    if (entries === undefined || this.#left === 0) return undefined;
    const scan = this.#scan = this.#scanned.take(entries);
    this.#keepStep(entries);
    this.#followsChanges = source.followsChanges;
    if (!scan.begin(this.#bounds, this.#alignsValues)) return undefined;
    if (!scan.isWhole) this.#kept = source.keepVersion();
    return scan;
  }

  /** Goes to the next entry; whether there is one. */
  #toNext(scan: Scan): boolean {
    if (this.#left === 0) return false;
    if (!this.#isInStep() && !this.#catchUp(scan)) return false;
    while (++this.#at >= scan.count) {
      if (!scan.leaveLeaf(this.#left)) return false;
      this.#at = -1;
    }
    this.#left--;
    const { views } = this.#scanned.source;
    if (views !== undefined) views.expire();
    return true;
  }

  /** Whether nothing has changed, or what changes is not what is read. */
  #isInStep(): boolean {
    const entries = this.#entries!;
    return (entries.nodes.changes === this.#changes &&
      this.#scanned.source.epoch === this.#epoch) ||
      !entries.isLive;
  }

  #keepStep(entries: BTree): void {
    this.#entries = entries;
    this.#changes = entries.nodes.changes;
    this.#epoch = this.#scanned.source.epoch;
  }

  /**
   * Goes on after a change: with what was copied, with the version that was kept, or with the tree
   * as it is now. Whether there is such a tree.
   */
  #catchUp(scan: Scan): boolean {
    const { source } = this.#scanned;
    if (this.#followsChanges) return this.#resume(scan, this.#scanned.find());
    source.checkOpen();
    const entries = this.#entries!;
    if (!scan.isWhole) return this.#resume(scan, entries.readFrom(this.#kept!));
    this.#keepStep(entries);
    return true;
  }

  #resume(scan: Scan, entries: BTree | undefined): boolean {
    if (entries === undefined) return false;
    this.#keepStep(entries);
    scan.resume(entries, this.#at, this.#left);
    this.#at = -1;
    return true;
  }

  #end(): void {
    this.#isDone = true;
    this.#kept?.close();
    this.#kept = undefined;
    if (this.#scan !== undefined) this.#scanned.giveBack(this.#scan);
    this.#scan = undefined;
  }
}
