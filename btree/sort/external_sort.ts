/**
 * Sorts any number of entries by key, inside a transaction: an external merge sort. Entries gather
 * in memory. When they fill it, they are written in order to free pages as a run (`SortedRun`). In
 * the end all runs are merged, entry by entry.
 *
 * 1. Of several entries with one key, the last added remains.
 * 2. No catalog lists a run, and its pages are taken and given back by one transaction. So neither
 *    a rollback nor a crash leaves one behind.
 * 3. The pages of runs go past the journal to the file, as those of any large load do.
 *
 * See D. Knuth, The Art of Computer Programming 3, section 5.4, "External sorting".
 */

import { commonLength } from "../node/key.ts";
import { KEY_BYTES_MAX } from "../node/node.ts";
import { copyBytes } from "../node/node_edit.ts";
import { checkKey, checkValue } from "../tree.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import { type EntrySink, SortBuffer } from "./sort_buffer.ts";
import { RunReader, SortedRun } from "./sorted_run.ts";
import { type Source, SourceHeap } from "./source_heap.ts";

/** The memory in which entries gather. */
const SORT_BYTES = 64 * 1024 * 1024;

/** Sorts entries by key, inside a transaction. */
export class ExternalSort {
  /** The number of runs written. */
  get runs(): number {
    return this.#runs.length;
  }

  readonly #context: TreeContext;
  readonly #id: number;
  readonly #buffer: SortBuffer;
  readonly #runs: SortedRun[] = [];
  /** What all keys in runs begin with; -1 bytes = there is no run. */
  readonly #prefix = new Uint8Array(KEY_BYTES_MAX);
  #prefixLength = -1;

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
    for (const run of this.#runs) run.release();
    this.#runs.length = 0;
  }

  #writeRun(): void {
    const run = new SortedRun({ context: this.#context, id: this.#id });
    // The runs of a sort that fails are given back by the rollback.
    this.#buffer.drain(run);
    run.finish();
    this.#sharePrefix();
    this.#buffer.clear();
    this.#runs.push(run);
  }

  /** Shortens the common prefix to what the keys in the buffer share with it. */
  #sharePrefix(): void {
    if (this.#buffer.count === 0) return;
    const { prefix } = this.#buffer;
    if (this.#prefixLength < 0) {
      this.#prefix.set(prefix);
      this.#prefixLength = prefix.length;
    } else {
      const length = commonLength(this.#prefix, this.#prefixLength, prefix, prefix.length);
      this.#prefixLength = length;
    }
  }

  #merge(sink: EntrySink): void {
    const sources: Source[] = this.#runs.map((run) => new RunReader(run));
    sources.push(new Rest(this.#buffer));
    this.#sharePrefix();
    const heap = new SourceHeap(sources, this.#prefixLength);
    const last = new Uint8Array(KEY_BYTES_MAX);
    let lastLength = -1;
    for (let source = heap.first; source !== undefined; source = heap.first) {
      const { bytes, keyAt, keyLength } = source;
      if (keyLength !== lastLength || !isPart(bytes, keyAt, last, lastLength)) {
        copyBytes(bytes, keyAt, last, 0, keyLength);
        lastLength = keyLength;
        source.fetchValue();
        const { values, valueAt, valueLength } = source;
        sink.add(bytes, keyAt, keyLength, values, valueAt, valueLength);
      }
      heap.advanceFirst();
    }
  }
}

/** Whether an array has the first bytes of another one, from a position on. */
function isPart(bytes: Uint8Array, at: number, part: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[at + i] !== part[i]) return false;
  return true;
}

/** The entries that are still in memory. */
class Rest implements Source {
  readonly bytes: Uint8Array;
  readonly values: Uint8Array;
  keyAt = 0;
  keyLength = 0;
  valueAt = 0;
  valueLength = 0;
  readonly #buffer: SortBuffer;
  readonly #order: Uint32Array;
  #at = 0;

  constructor(buffer: SortBuffer) {
    this.#buffer = buffer;
    this.#order = buffer.order();
    this.bytes = this.values = buffer.bytes;
  }

  advance(): boolean {
    if (this.#at === this.#order.length) return false;
    const entry = this.#order[this.#at++]!;
    this.keyAt = this.#buffer.keyAt(entry);
    this.keyLength = this.#buffer.keyLength(entry);
    this.valueAt = this.keyAt + this.keyLength;
    this.valueLength = this.#buffer.valueLength(entry);
    return true;
  }

  fetchValue(): void {}
}
