/**
 * Steps through the entries of a range, for iterators and visits.
 *
 * The steps read one version: the current pages until the first change, and then the version that
 * was kept at the first step; none is kept if that step copied all entries. Inside a transaction
 * they follow changes instead.
 *
 * Invariants:
 * 1. From the first step to `end` they own a scan.
 * 2. They keep a version no longer than that.
 */

import type { BTree } from "../../btree/mod.ts";
import type { PageSnapshot } from "../../pager/mod.ts";
import type { ScanMemory } from "../memory/slab.ts";
import type { Bounds } from "./range.ts";
import { giveBackScan, type Scan, takeScan } from "./scan.ts";
import type { Steps, TreeSource } from "./tree_source.ts";

/** The tree of iterators. */
export interface Scanned {
  /** The source of the tree. */
  readonly source: TreeSource;
  /** Finds the current tree, or undefined if no tree has the name. */
  find(): BTree | undefined;
}

/** The steps of a range of a tree, as the source of the tree takes them. */
export function stepsOf(scanned: Scanned, bounds: Bounds, memory: ScanMemory): Steps {
  const { source } = scanned;
  if (source.stepsOf === undefined) return new ScanSteps(scanned, bounds, memory);
  return source.stepsOf(() => new ScanSteps(scanned, bounds, memory));
}

/** Steps through the entries of a range. */
export class ScanSteps implements Steps {
  /** The index in the leaf of the scan of the entry stepped to. */
  at = -1;
  readonly #scanned: Scanned;
  readonly #bounds: Bounds;
  readonly #memory: ScanMemory;
  #scan: Scan | undefined;
  #btree: BTree | undefined;
  #kept: PageSnapshot | undefined;
  /** The number of entries left within the limit. */
  #left: number;
  /** The counters of tree and source at the last step in which the scan matched them. */
  #changes = 0;
  #epoch = 0;
  #followsChanges = false;
  #isDone = false;

  /**
   * Creates steps that have not begun.
   *
   * @param scanned The tree.
   * @param bounds The range.
   * @param memory The memory of keys and values.
   */
  constructor(scanned: Scanned, bounds: Bounds, memory: ScanMemory) {
    this.#scanned = scanned;
    this.#bounds = bounds;
    this.#memory = memory;
    this.#left = bounds.limit;
  }

  /**
   * Steps to the next entry, at `at` of the scan. After an error the caller ends the steps.
   *
   * @returns The scan; undefined at the end of the range, or after `end`.
   */
  next(): Scan | undefined {
    const scan = this.#isDone ? undefined : this.#scan ?? this.#begin();
    if (scan === undefined || this.#left === 0) return undefined;
    if (!this.#isInStep() && !this.#catchUp(scan)) return undefined;
    while (++this.at >= scan.count) {
      if (!scan.leaveLeaf(this.#left)) return undefined;
      this.at = -1;
    }
    this.#left--;
    const { views } = this.#scanned.source;
    if (views !== undefined) views.expire();
    return scan;
  }

  /** Ends the steps, and releases what they hold. */
  end(): void {
    this.#isDone = true;
    this.#kept?.close();
    this.#kept = undefined;
    if (this.#scan !== undefined) giveBackScan(this.#scan);
    this.#scan = undefined;
  }

  /** The scan on the first leaf, or undefined if the range is empty. */
  #begin(): Scan | undefined {
    const { source } = this.#scanned;
    const btree = this.#scanned.find();
    if (btree === undefined || this.#left === 0) return undefined;
    const scan = this.#scan = takeScan(btree);
    this.#keepStep(btree);
    this.#followsChanges = source.followsChanges;
    if (!scan.begin(this.#bounds, this.#memory)) return undefined;
    if (!scan.isWhole) this.#kept = source.keepVersion();
    return scan;
  }

  /** Whether nothing has changed: an immutable version may only have been closed. */
  #isInStep(): boolean {
    const btree = this.#btree!;
    return (btree.nodes.changes === this.#changes || !btree.isLive) &&
      this.#scanned.source.epoch === this.#epoch;
  }

  #keepStep(btree: BTree): void {
    this.#btree = btree;
    this.#changes = btree.nodes.changes;
    this.#epoch = this.#scanned.source.epoch;
  }

  /**
   * Continues after a change: with the copied entries, with the kept version, or with the current
   * tree; after a close it is refused. Returns whether such a tree exists.
   */
  #catchUp(scan: Scan): boolean {
    const { source } = this.#scanned;
    if (this.#followsChanges) return this.#resume(scan, this.#scanned.find());
    source.checkOpen();
    const btree = this.#btree!;
    if (!scan.isWhole && btree.isLive) return this.#resume(scan, btree.readFrom(this.#kept!));
    this.#keepStep(btree);
    return true;
  }

  #resume(scan: Scan, btree: BTree | undefined): boolean {
    if (btree === undefined) return false;
    this.#keepStep(btree);
    scan.resume(btree, this.at, this.#left);
    this.at = -1;
    return true;
  }
}
