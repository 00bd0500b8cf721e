/**
 * The keys that a statement has added to trees, so that it can be taken back when it fails. That
 * costs bytes a key, where a savepoint costs a copy of each page that the statement changes.
 */

import type { WritableRows } from "./trees.ts";

const BYTES_FIRST = 4096;

/** Keys that were not there before. */
export class AddedRows {
  #bytes = new Uint8Array(BYTES_FIRST);
  /** The end of each key in the bytes. */
  readonly #ends: number[] = [];
  /** The tree of each key. */
  readonly #trees: string[] = [];

  /** Adds a key of a tree; its bytes are copied. */
  push(tree: string, key: Uint8Array): void {
    const start = this.#ends.at(-1) ?? 0;
    const end = start + key.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
    }
    this.#bytes.set(key, start);
    this.#ends.push(end);
    this.#trees.push(tree);
  }

  /** Removes all keys from their trees. */
  remove(treeOf: (tree: string) => WritableRows): void {
    for (let i = this.#ends.length - 1; i >= 0; i--) {
      const key = this.#bytes.subarray(this.#ends[i - 1] ?? 0, this.#ends[i]);
      treeOf(this.#trees[i]!).delete(key);
    }
  }
}
