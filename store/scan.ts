/**
 * Going through the entries of a range, a leaf at a time: each leaf's part is copied out at once
 * (`LeafBatch`), and keys and values are views of that copy, which cannot be transferred.
 */

import { type Cursor, LeafBatch, type Tree as Entries } from "../btree/mod.ts";
import type { Bounds } from "./range.ts";
import { takeShared } from "./slab.ts";

/** Going through the entries of a range, a leaf at a time. */
export class Scan {
  /** The tree. */
  entries: Entries;
  #cursor: Cursor;
  #bounds: Bounds = { lower: undefined, upper: undefined, forward: true, limit: Infinity };
  #more = false;
  readonly #batch = new LeafBatch(takeShared);
  /** The batch's bytes once more: whoever got a key may have changed it when it is sought. */
  #kept = new Uint8Array(0);

  /**
   * A scan that has not begun.
   *
   * @param entries The tree.
   */
  constructor(entries: Entries) {
    this.entries = entries;
    this.#cursor = entries.cursor();
  }

  /** How many entries of this leaf there are to go through. */
  get count(): number {
    return this.#batch.count;
  }

  /** Begins; false when there is nothing in the range. */
  begin(bounds: Bounds): boolean {
    this.#bounds = bounds;
    const { lower, upper, forward } = bounds;
    const found = forward ? this.#seekForward(lower) : this.#seekBackward(upper);
    return found && this.#copy(bounds.limit);
  }

  /** Goes on to the next leaf; false when the range ends here. */
  leaveLeaf(limit: number): boolean {
    return this.#more && this.#cursor.leaveLeaf(this.#bounds.forward) && this.#copy(limit);
  }

  /** Goes on after an entry of this leaf, when the tree has changed since it was copied. */
  resume(entries: Entries, at: number, limit: number): void {
    if (entries !== this.entries) {
      this.entries = entries;
      this.#cursor = entries.cursor();
    }
    const entry = this.#entryAt(at);
    const key = this.#kept.subarray(this.#batch.keyAt[entry], this.#batch.keyEnd[entry]);
    const found = this.#bounds.forward ? this.#seekAfter(key) : this.#cursor.seekBefore(key);
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
    return this.entries.readRuns(this.#kept, this.#batch.valueAt[entry]);
  }

  #entryAt(at: number): number {
    return this.#bounds.forward ? at : this.#batch.count - 1 - at;
  }

  #copy(limit: number): boolean {
    const { forward, lower, upper } = this.#bounds;
    const bound = forward ? upper : lower;
    this.#more = this.#cursor.copyLeaf(this.#batch, forward, bound, limit);
    const { bytes } = this.#batch;
    if (this.#kept.length < bytes.length) this.#kept = new Uint8Array(bytes.length);
    this.#kept.set(bytes);
    return this.#batch.count > 0;
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

  #seekAfter(key: Uint8Array): boolean {
    if (!this.#cursor.seek(key)) return false;
    const found = this.#cursor.key();
    const stands = found.length === key.length && found.every((byte, i) => byte === key[i]);
    return stands ? this.#cursor.next() : true;
  }
}
