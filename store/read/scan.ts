/**
 * A scan of the entries of a range, a leaf at a time. It copies each leaf's part of the range at
 * once (`LeafBatch`). Keys and values that the caller owns are views of memory that a few share,
 * which cannot be transferred; others are lent until the next step.
 */

import {
  type BTree,
  type ChooseMemory,
  KEY_BYTES_MAX,
  LeafBatch,
  LeafCursor,
} from "../../btree/mod.ts";
import { LentMemory } from "../memory/lent_memory.ts";
import { memoryForKeys, memoryForValues, type ScanMemory } from "../memory/slab.ts";
import type { Bounds } from "./range.ts";

const NO_BOUNDS: Bounds = { lower: undefined, upper: undefined, forward: true, limit: Infinity };
/** The most idle scans, which serve all trees: a scan has some 30 KB of scratch memory. */
const IDLE_MAX = 4;
const idle: Scan[] = [];

/** How a scan chooses the memory of its results. */
interface ChosenMemory {
  readonly forKeys: ChooseMemory;
  readonly forValues: ChooseMemory;
}

/** The memory that a scan lends. */
interface Lent extends ChosenMemory {
  readonly keys: LentMemory;
  readonly values: LentMemory;
}

const OWNED: ChosenMemory = { forKeys: memoryForKeys, forValues: memoryForValues };

function newLent(): Lent {
  const keys = new LentMemory();
  const values = new LentMemory();
  return { keys, values, forKeys: () => keys, forValues: () => values };
}

/** A scan of a tree that has not begun: one that was given back, or a new one. */
export function takeScan(btree: BTree): Scan {
  const scan = idle.pop() ?? new Scan();
  scan.attach(btree);
  return scan;
}

/** Returns a scan for reuse. */
export function giveBackScan(scan: Scan): void {
  scan.detach();
  if (idle.length < IDLE_MAX) idle.push(scan);
}

/** A scan of the entries of a range, a leaf at a time. */
export class Scan {
  #btree: BTree | undefined;
  readonly #cursor = new LeafCursor();
  #bounds: Bounds = NO_BOUNDS;
  #more = false;
  readonly #batch = new LeafBatch(memoryForKeys, memoryForValues);
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  /** The memory that the first visit creates. */
  #lent: Lent | undefined;

  /** Points the scan at a tree. */
  attach(btree: BTree): void {
    if (btree === this.#btree) return;
    this.#btree = btree;
    this.#cursor.attach(btree.nodes);
  }

  /** Lets go of the tree, the range and the results. */
  detach(): void {
    this.#btree = undefined;
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
    const memory = results.lends ? this.#lent ??= newLent() : OWNED;
    this.#batch.memoryForKeys = memory.forKeys;
    this.#batch.memoryForValues = memory.forValues;
    const { lower, upper, forward } = bounds;
    const found = forward ? this.#seekForward(lower) : this.#seekBackward(upper);
    return found && this.#copy(bounds.limit);
  }

  /** Moves to the next leaf; false at the end of the range. */
  leaveLeaf(limit: number): boolean {
    return this.#more && this.#cursor.leaveLeaf(this.#bounds.forward) && this.#copy(limit);
  }

  /** Continues after an entry of this leaf, when the tree has changed since the copy. */
  resume(btree: BTree, at: number, limit: number): void {
    this.attach(btree);
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
    return this.#btree!.readReferenced(this.#batch.reference(entry), 0);
  }

  /** The key of an entry of this leaf, of a scan that lends: valid until the next leaf. */
  lentKey(at: number): Uint8Array {
    const entry = this.#entryAt(at);
    const batch = this.#batch;
    return this.#lent!.keys.viewOf(entry, batch.keyStart(entry), batch.keyBytes(entry));
  }

  /** Whether the value of an entry of this leaf is in the leaf. */
  isInline(at: number): boolean {
    return this.#batch.isReference[this.#entryAt(at)] === 0;
  }

  /** The value of an entry, if it is in the leaf, as `lentKey` returns the key. */
  lentValue(at: number): Uint8Array {
    const entry = this.#entryAt(at);
    const batch = this.#batch;
    return this.#lent!.values.viewOf(entry, batch.valueStart(entry), batch.valueBytes(entry));
  }

  /** The memory of the values of this leaf that are in it, of a scan that lends. */
  get lentValues(): Uint8Array {
    return this.#lent!.values.u8;
  }

  /** Where in that memory the value of an entry begins. */
  valueStart(at: number): number {
    return this.#batch.valueStart(this.#entryAt(at));
  }

  /** The length of the value of an entry, if it is in the leaf. */
  valueBytes(at: number): number {
    return this.#batch.valueBytes(this.#entryAt(at));
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
