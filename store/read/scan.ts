/**
 * Going through the entries of a range, a leaf at a time: each leaf's part is copied out at once
 * (`LeafBatch`), and keys and values are views of that copy, which cannot be transferred.
 */

import { type BTree, KEY_BYTES_MAX, LeafBatch, LeafCursor } from "../../btree/mod.ts";
import type { Bounds } from "./range.ts";
import { takeShared } from "./slab.ts";

/** Going through the entries of a range, a leaf at a time. */
export class Scan {
  /** The tree. */
  entries: BTree;
  #cursor: LeafCursor;
  #bounds: Bounds = { lower: undefined, upper: undefined, forward: true, limit: Infinity };
  #more = false;
  readonly #batch = new LeafBatch(takeShared);
  readonly #key = new Uint8Array(KEY_BYTES_MAX);

  /**
   * A scan that has not begun.
   *
   * @param entries The tree.
   */
  constructor(entries: BTree) {
    this.entries = entries;
    this.#cursor = new LeafCursor(entries.nodes);
  }

  /** How many entries of this leaf there are to go through. */
  get count(): number {
    return this.#batch.count;
  }

  /** Whether all that is to come has been copied, so that it can do without the tree. */
  isWhole = false;

  /**
   * Begins; false when there is nothing in the range.
   *
   * @param alignsValues Whether values begin at multiples of 8 of their buffers, as keys do.
   */
  begin(bounds: Bounds, alignsValues: boolean): boolean {
    this.#bounds = bounds;
    this.#batch.alignsValues = alignsValues;
    const { lower, upper, forward } = bounds;
    const found = forward ? this.#seekForward(lower) : this.#seekBackward(upper);
    return found && this.#copy(bounds.limit);
  }

  /** Goes on to the next leaf; false when the range ends here. */
  leaveLeaf(limit: number): boolean {
    return this.#more && this.#cursor.leaveLeaf(this.#bounds.forward) && this.#copy(limit);
  }

  /** Goes on after an entry of this leaf, when the tree has changed since it was copied. */
  resume(entries: BTree, at: number, limit: number): void {
    if (entries !== this.entries) {
      this.entries = entries;
      this.#cursor = new LeafCursor(entries.nodes);
    }
    // Of what was handed out, whoever got it may have changed a key.
    const length = this.#batch.copyKey(this.#entryAt(at), this.#key);
    const found = this.#bounds.forward
      ? this.#cursor.seekAfter(this.#key, length)
      : this.#cursor.seekBefore(this.#key, length);
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
    return this.entries.readRuns(this.#batch.reference(entry), 0);
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
