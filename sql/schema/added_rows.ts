/**
 * The keys that a statement has added to trees, so that it can be undone when it fails. That costs
 * some bytes a key; a savepoint costs a copy of each page that the statement changes.
 */

import type { WritableRows } from "./trees.ts";

const BYTES_FIRST = 4096;
/** The most memory that is kept for the next statement. */
const BYTES_KEPT = 1024 * 1024;
/** Up to this length a loop takes less than a call. */
const LOOP_BYTES_MAX = 32;

/** Keys that were not there before. */
export class AddedRows {
  #bytes = new Uint8Array(BYTES_FIRST);
  #used = 0;
  /** The end of each key in the bytes. */
  #ends: number[] = [];
  /** The tree of each key. */
  #trees: string[] = [];

  /** Adds a key of a tree; its bytes are copied. */
  push(tree: string, key: Uint8Array): void {
    const start = this.#used;
    const end = start + key.length;
    if (end > this.#bytes.length) this.#grow(end);
    const bytes = this.#bytes;
    if (key.length > LOOP_BYTES_MAX) bytes.set(key, start);
    else for (let i = 0; i < key.length; i++) bytes[start + i] = key[i]!;
    this.#used = end;
    this.#ends.push(end);
    this.#trees.push(tree);
  }

  #grow(size: number): void {
    const larger = new Uint8Array(Math.max(size, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }

  /** Forgets all keys, for the next statement. */
  forget(): void {
    if (this.#bytes.length > BYTES_KEPT) this.#bytes = new Uint8Array(BYTES_FIRST);
    this.#used = 0;
    this.#ends = [];
    this.#trees = [];
  }

  /** Removes all keys from their trees. */
  remove(treeOf: (tree: string) => WritableRows): void {
    for (let i = this.#ends.length - 1; i >= 0; i--) {
      const key = this.#bytes.subarray(this.#ends[i - 1] ?? 0, this.#ends[i]);
      treeOf(this.#trees[i]!).delete(key);
    }
  }
}
