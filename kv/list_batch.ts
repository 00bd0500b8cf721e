/**
 * A batch of a list: entries of a range at one version, which are decoded where they lie in their
 * pages.
 */

import type { EntryView, ReadTree } from "../mod.ts";
import type { KvEntry, KvKey } from "./api/types.ts";
import { KeyReader } from "./format/key_reader.ts";
import { expiryIn, halfVersionIn, type KvRecord, valueIn, versionIn } from "./format/record.ts";
import { isWithin, type KeyBounds, rangeOf } from "./format/selector.ts";
import type { KeyLike } from "./format/trees.ts";
import { versionstampOf } from "./format/versionstamp.ts";
import { inheritsAsEver } from "./value/common_values.ts";

const FEW = 8;

/** What a list reads next. */
export interface Batch {
  /** The range of keys. */
  readonly bounds: KeyBounds;
  /** Bytes with which all keys of the range begin. */
  readonly common: Uint8Array;
  /** Whether the order is descending. */
  readonly reverse: boolean;
  /** The most entries. */
  readonly limit: number;
}

/** The entries of a batch. */
export interface ReadEntries {
  /** The entries, which belong to the program. */
  readonly entries: KvEntry<unknown>[];
  /** The stored key of the last entry, if the batch has all that it asked for. */
  readonly end: Uint8Array | undefined;
}

/**
 * Reads a batch.
 *
 * @param hiddenUntil Entries that expire by then are left out.
 */
export function readBatch(
  tree: ReadTree<KvKey, KvRecord, KeyLike>,
  batch: Batch,
  hiddenUntil: number,
): ReadEntries {
  const { bounds, reverse } = batch;
  // Entries that are left out do not count.
  const limit = hiddenUntil === -Infinity ? batch.limit : Infinity;
  const read = new BatchEntries(batch, hiddenUntil);
  try {
    tree.visitViews({ ...rangeOf(bounds), reverse, limit }, (entry) => read.add(entry));
  } catch (error) {
    // The tree fails too, and says where.
    if (read.refused !== undefined) tree.get(read.refused);
    throw error;
  }
  const { end } = read;
  // Keys that are not in order would be listed without end. The other visit of the tree says where.
  if (end !== undefined && !isWithin(end, bounds)) {
    tree.visit({ ...rangeOf(bounds), reverse }, () => {});
    throw new RangeError("Cannot list: the keys of the tree are not in order");
  }
  return read;
}

/** Decodes the entries of one batch. No other code runs meanwhile. */
class BatchEntries implements ReadEntries {
  readonly entries: KvEntry<unknown>[] = [];
  end: Uint8Array | undefined;
  /** The key of the entry that cannot be decoded. */
  refused: Uint8Array | undefined;
  #count = 0;
  readonly #limit: number;
  readonly #hiddenUntil: number;
  readonly #keys: KeyReader;
  #isPlain = false;
  /** The halves of the version of the last entry, as integers, and its versionstamp. */
  #high = 0;
  #low = 0;
  #versionstamp = versionstampOf(0);

  constructor({ common, limit }: Batch, hiddenUntil: number) {
    this.#limit = limit;
    this.#hiddenUntil = hiddenUntil;
    this.#keys = new KeyReader(common);
  }

  /** Adds an entry. Returns whether there is room for another one. */
  add(entry: EntryView): boolean {
    try {
      const { bytes, start } = entry;
      const value = valueIn(bytes, start, entry.end, this.#isPlain);
      if (this.#hiddenUntil !== -Infinity && expiryIn(bytes, start) <= this.#hiddenUntil) {
        return true;
      }
      const versionstamp = this.#versionstampIn(bytes, start);
      // By its index, which V8 stores here; a push is a call.
      this.entries[this.#count++] = { key: this.#keys.decode(entry.key), value, versionstamp };
    } catch (error) {
      this.refused = entry.key.slice();
      throw error;
    }
    // To find out costs as much as it saves for a few entries.
    if (this.#count === FEW) this.#isPlain = inheritsAsEver();
    if (this.#count < this.#limit) return true;
    this.end = entry.key.slice();
    return false;
  }

  /** The versionstamp of a record. Entries that lie together were often set together. */
  #versionstampIn(bytes: Uint8Array, start: number): string {
    const high = halfVersionIn(bytes, start, 0);
    const low = halfVersionIn(bytes, start, 1);
    if (low === this.#low && high === this.#high) return this.#versionstamp;
    this.#high = high;
    this.#low = low;
    return this.#versionstamp = versionstampOf(versionIn(bytes, start));
  }
}
