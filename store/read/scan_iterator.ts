/**
 * The iterators that `entries`, `keys` and `values` return: the iterator protocol over a scan.
 *
 * An iterator reads one version. It reads the current pages until the first change, and then the
 * version that it kept at its first step; it keeps none if that step copied all its entries. Inside
 * a transaction it follows changes instead. A generator would be shorter, but takes several times
 * as long for each entry.
 *
 * Invariants:
 * 1. From its first step to its end it owns a scan.
 * 2. It keeps a version no longer than that, however it ends.
 */

import type { BTree } from "../../btree/mod.ts";
import type { PageSnapshot } from "../../pager/mod.ts";
import type { Bounds } from "./range.ts";
import type { TreeSource } from "./tree_source.ts";
import { giveBackScan, type Scan, takeScan } from "./scan.ts";
import type { ScanMemory } from "./slab.ts";

/** Produces the result of an iterator from an entry of the scan. */
export type Picker<T> = (scan: Scan, at: number) => T;

/** The tree of iterators. */
export interface Scanned {
  /** The source of the tree. */
  readonly source: TreeSource;
  /** Finds the current tree, or undefined if no tree has the name. */
  find(): BTree | undefined;
}

/** Iterates over the entries of a range. */
export class ScanIterator<T> extends Iterator<T, void, undefined>
  implements Generator<T, void, undefined> {
  readonly #scanned: Scanned;
  readonly #bounds: Bounds;
  readonly #pick: Picker<T>;
  readonly #memory: ScanMemory;
  #scan: Scan | undefined;
  #entries: BTree | undefined;
  #kept: PageSnapshot | undefined;
  /** The index in the leaf of the last result. */
  #at = -1;
  /** The number of results left within the limit. */
  #left: number;
  /** The counters of tree and source at the last step in which the scan matched them. */
  #changes = 0;
  #epoch = 0;
  #followsChanges = false;
  #isRunning = false;
  #isDone = false;

  /**
   * Creates an iterator that has not begun.
   *
   * @param scanned The tree.
   * @param bounds The range.
   * @param pick Produces a result from an entry.
   * @param memory The memory of the keys and values that `pick` decodes.
   */
  constructor(scanned: Scanned, bounds: Bounds, pick: Picker<T>, memory: ScanMemory) {
    super();
    this.#scanned = scanned;
    this.#bounds = bounds;
    this.#pick = pick;
    this.#memory = memory;
    this.#left = bounds.limit;
  }

  /** The next result. */
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

  /** Ends the iterator. */
  override return(): IteratorResult<T, void> {
    this.#refuseRunning();
    this.#end();
    return { value: undefined, done: true };
  }

  /** Ends the iterator, and throws the argument. */
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

  /** The scan on the first leaf, or undefined if the range is empty. */
  #begin(): Scan | undefined {
    const { source } = this.#scanned;
    const entries = this.#scanned.find();
    if (entries === undefined || this.#left === 0) return undefined;
    const scan = this.#scan = takeScan(entries);
    this.#keepStep(entries);
    this.#followsChanges = source.followsChanges;
    if (!scan.begin(this.#bounds, this.#memory)) return undefined;
    if (!scan.isWhole) this.#kept = source.keepVersion();
    return scan;
  }

  /** Moves to the next entry. Returns whether it exists. */
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

  /** Whether nothing has changed, or the version read is immutable. */
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
   * Continues after a change: with the copied entries, with the kept version, or with the current
   * tree. Returns whether such a tree exists.
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
    if (this.#scan !== undefined) giveBackScan(this.#scan);
    this.#scan = undefined;
  }
}
