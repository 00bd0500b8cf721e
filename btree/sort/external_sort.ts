/**
 * Sorts any number of entries by key, inside a transaction: an external merge sort. Entries gather
 * in memory. When they fill it, they are written in order as a run: a temporary tree, which a bulk
 * load builds in free pages. In the end all runs are merged, entry by entry.
 *
 * 1. Of several entries with one key, the last added remains.
 * 2. No catalog lists a run, and its pages are taken and given back by one transaction. So neither
 *    a rollback nor a crash leaves one behind.
 * 3. The pages of runs go past the journal to the file, as those of any large load do.
 *
 * See D. Knuth, The Art of Computer Programming 3, section 5.4, "External sorting".
 */

import { BulkLoad } from "../bulk_load.ts";
import { leafEntries, type LeafEntry, valueOf } from "../compare/leaf_entries.ts";
import { compareKeys } from "../node/key.ts";
import { BTree, checkKey, checkValue } from "../tree.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import { type EntrySink, SortBuffer } from "./sort_buffer.ts";

/** The memory in which entries gather. */
const SORT_BYTES = 64 * 1024 * 1024;
const NOTHING = new Uint8Array(0);

/** Entries in key order, one at a time. */
interface Source {
  /** The key of the current entry. */
  key: Uint8Array;
  /** Goes to the next entry; false after the last. */
  advance(): boolean;
  /** The value of the current entry. */
  value(): Uint8Array;
}

/** Sorts entries by key, inside a transaction. */
export class ExternalSort {
  /** The number of runs written. */
  get runs(): number {
    return this.#runs.length;
  }

  readonly #context: TreeContext;
  readonly #id: number;
  readonly #buffer: SortBuffer;
  readonly #runs: BTree[] = [];

  /**
   * Begins to sort.
   *
   * @param context The context of the database.
   * @param id The number of the tree that the entries are for. Pages of runs have it.
   * @param bytesMax The memory in which entries gather.
   */
  constructor(context: TreeContext, id: number, bytesMax: number = SORT_BYTES) {
    this.#context = context;
    this.#id = id;
    this.#buffer = new SortBuffer(bytesMax);
  }

  /**
   * Adds an entry; key and value are copied.
   *
   * @throws {RangeError} Key or value is too long.
   * @throws {IoError} The disk is full: the transaction has to be rolled back.
   */
  add(key: Uint8Array, length: number, value: Uint8Array): void {
    checkKey(key, length);
    checkValue(value);
    if (this.#buffer.add(key, length, value)) return;
    this.#writeRun();
    this.#buffer.add(key, length, value);
  }

  /**
   * Gives all entries to a sink, in key order, and releases the runs.
   *
   * @throws {IoError} The disk is full: the transaction has to be rolled back.
   */
  drain(sink: EntrySink): void {
    if (this.#runs.length === 0) this.#buffer.drain(sink);
    else this.#merge(sink);
    this.#buffer.clear();
    for (const run of this.#runs) this.#release(run);
    this.#runs.length = 0;
  }

  #writeRun(): void {
    const run = BTree.create(this.#context, this.#id);
    const load = new BulkLoad(run);
    this.#buffer.drain({ add: (key, length, value) => load.add(key, value, length) });
    load.finish();
    this.#buffer.clear();
    this.#runs.push(run);
  }

  #merge(sink: EntrySink): void {
    const sources: Source[] = this.#runs.map((run) => new Run(this.#context, run));
    sources.push(new Rest(this.#buffer));
    const heap = new SourceHeap(sources);
    let last: Uint8Array | undefined;
    for (let source = heap.first; source !== undefined; source = heap.first) {
      const { key } = source;
      const isRepeated = last !== undefined &&
        compareKeys(last, last.length, key, key.length) === 0;
      if (!isRepeated) sink.add(key, key.length, source.value());
      last = key;
      heap.advanceFirst();
    }
  }

  #release(run: BTree): void {
    run.deleteRange();
    this.#context.allocator.release(run.root, 1);
  }
}

/** The entries of a run. */
class Run implements Source {
  key: Uint8Array = NOTHING;
  readonly #version;
  readonly #entries: Iterator<LeafEntry, void>;
  #entry: LeafEntry | undefined;

  constructor(context: TreeContext, { id, root }: BTree) {
    this.#version = { context, reader: context.pager, id, root, matters: () => true };
    this.#entries = leafEntries(this.#version);
  }

  advance(): boolean {
    const next = this.#entries.next();
    if (next.done) return false;
    this.#entry = next.value;
    this.key = next.value.key;
    return true;
  }

  value(): Uint8Array {
    return valueOf(this.#version, this.#entry!);
  }
}

/** The entries that are still in memory. */
class Rest implements Source {
  key: Uint8Array = NOTHING;
  readonly #buffer: SortBuffer;
  readonly #order: Uint32Array;
  #at = -1;

  constructor(buffer: SortBuffer) {
    this.#buffer = buffer;
    this.#order = buffer.order();
  }

  advance(): boolean {
    if (++this.#at === this.#order.length) return false;
    this.key = this.#buffer.key(this.#order[this.#at]!);
    return true;
  }

  value(): Uint8Array {
    return this.#buffer.value(this.#order[this.#at]!);
  }
}

/**
 * A binary heap of sources: the first has the lowest key, and of equal keys the one added last.
 */
class SourceHeap {
  /** The sources, later ones with newer entries, each with its rank. */
  readonly #heap: { readonly source: Source; readonly rank: number }[] = [];

  constructor(sources: readonly Source[]) {
    sources.forEach((source, rank) => {
      if (source.advance()) this.#heap.push({ source, rank });
    });
    for (let i = this.#heap.length >>> 1; i-- > 0;) this.#sink(i);
  }

  /** The source with the lowest key, if one has an entry. */
  get first(): Source | undefined {
    return this.#heap[0]?.source;
  }

  /** Advances the first source. */
  advanceFirst(): void {
    if (!this.#heap[0]!.source.advance()) {
      const last = this.#heap.pop()!;
      if (this.#heap.length === 0) return;
      this.#heap[0] = last;
    }
    this.#sink(0);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const moved = heap[from]!;
    let at = from;
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && this.#isBefore(child + 1, heap[child]!)) child++;
      if (!this.#isBefore(child, moved)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  }

  #isBefore(index: number, { source, rank }: { source: Source; rank: number }): boolean {
    const one = this.#heap[index]!;
    const order = compareKeys(one.source.key, one.source.key.length, source.key, source.key.length);
    return order < 0 || (order === 0 && one.rank > rank);
  }
}
