/**
 * A scan of the entries of a range, a leaf at a time. It copies each leaf's part of the range at
 * once (`LeafBatch`). Keys and values that the caller owns are views of memory that a few share,
 * which cannot be transferred; others are lent until the next step.
 */

import { type BTree, KEY_BYTES_MAX, LeafBatch, LeafCursor } from "../../btree/mod.ts";
import type { Bounds } from "./range.ts";
import { memoryForKeys, memoryForValues, type ScanMemory } from "./slab.ts";

const NO_BOUNDS: Bounds = { lower: undefined, upper: undefined, forward: true, limit: Infinity };
/** The most idle scans, which serve all trees: a scan has some 30 KB of scratch memory. */
const IDLE_MAX = 4;
const idle: Scan[] = [];

/** A scan of a tree that has not begun: one that was given back, or a new one. */
export function takeScan(entries: BTree): Scan {
  const scan = idle.pop() ?? new Scan();
  scan.attach(entries);
  return scan;
}

/** Returns a scan for reuse. */
export function giveBackScan(scan: Scan): void {
  scan.detach();
  if (idle.length < IDLE_MAX) idle.push(scan);
}

/** A scan of the entries of a range, a leaf at a time. */
export class Scan {
  #entries: BTree | undefined;
  readonly #cursor = new LeafCursor();
  #bounds: Bounds = NO_BOUNDS;
  #more = false;
  readonly #batch = new LeafBatch(memoryForKeys, memoryForValues);
  readonly #key = new Uint8Array(KEY_BYTES_MAX);

  /** Points the scan at a tree. */
  attach(entries: BTree): void {
    if (entries === this.#entries) return;
    this.#entries = entries;
    this.#cursor.attach(entries.nodes);
  }

  /** Lets go of the tree, the range and the results. */
  detach(): void {
    this.#entries = undefined;
    this.#cursor.attach(undefined);
    this.#bounds = NO_BOUNDS;
    this.#batch.clear();
  }

  /** The number of entries of this leaf in the range. */
  get count(): number {
    return this.#batch.count;
  }

  /** Whether all remaining entries have been copied, so that the tree is not read again. */
  isWhole = false;

  /**
   * Begins the scan; false if the range is empty.
   *
   * @param results The memory of its keys and values.
   */
  begin(bounds: Bounds, results: ScanMemory): boolean {
    this.#bounds = bounds;
    this.#batch.takesValues = results.takesValues;
    this.#batch.ownsKeys = results.ownsKeys;
    this.#batch.ownsValues = results.ownsValues;
    const { lower, upper, forward } = bounds;
    const found = forward ? this.#seekForward(lower) : this.#seekBackward(upper);
    return found && this.#copy(bounds.limit);
  }

  /** Moves to the next leaf; false at the end of the range. */
  leaveLeaf(limit: number): boolean {
    return this.#more && this.#cursor.leaveLeaf(this.#bounds.forward) && this.#copy(limit);
  }

  /** Continues after an entry of this leaf, when the tree has changed since the copy. */
  resume(entries: BTree, at: number, limit: number): void {
    this.attach(entries);
    const cursor = this.#cursor;
    // The batch's own copy: the caller may have changed the key that it received.
    const length = this.#batch.copyKey(this.#entryAt(at), this.#key);
    const found = this.#bounds.forward
      ? cursor.seekAfter(this.#key, length)
      : cursor.seekBefore(this.#key, length);
    if (!found || !this.#copy(limit)) this.#end();
  }

  /** The key of an entry of this leaf. */
  key(at: number): Uint8Array {
    return this.#batch.key(this.#entryAt(at));
  }

  /** The value of an entry of this leaf. */
  value(at: number): Uint8Array {
    const entry = this.#entryAt(at);
    if (this.#batch.isReference[entry] === 0) return this.#batch.value(entry);
    return this.#entries!.readRuns(this.#batch.reference(entry), 0);
  }

  #entryAt(at: number): number {
    return this.#bounds.forward ? at : this.#batch.count - 1 - at;
  }

  #copy(limit: number): boolean {
    const { forward, lower, upper } = this.#bounds;
    const bound = forward ? upper : lower;
    this.#more = this.#cursor.copyLeaf(this.#batch, forward, bound, limit);
    const { count, hasReferences } = this.#batch;
    this.isWhole = (!this.#more || count >= limit) && !hasReferences;
    return count > 0;
  }

  #end(): void {
    this.#more = false;
    this.#batch.count = 0;
  }

  #seekForward(lower: Uint8Array | undefined): boolean {
    return lower === undefined ? this.#cursor.first() : this.#cursor.seek(lower);
  }

  #seekBackward(upper: Uint8Array | undefined): boolean {
    return upper === undefined ? this.#cursor.last() : this.#cursor.seekBefore(upper);
  }
}
