/**
 * The iterator of abstract-level over entries, on a snapshot. The iterators over keys and over
 * values that abstract-level provides are built on it: they request one half of each entry.
 *
 * A call reads in the same turn of the event loop: `nextv` a batch, `all` everything that remains.
 * A loop over `next` or `nextv` would still keep other work waiting, as promises that are resolved
 * already continue in the same turn; so a result waits for the next turn after each slice.
 *
 * Invariants:
 * 1. Every read is of the one version that the snapshot shows, also after a seek.
 * 2. An iterator that owns its snapshot closes it when it is closed.
 */

import { setImmediate } from "node:timers/promises";
import type { ReadTree, Snapshot } from "../mod.ts";
import { AbstractIterator, type AbstractIteratorOptions } from "./abstract_level.ts";
import { levelError } from "./errors.ts";
import type { Encoded } from "./formats.ts";
import { type KeyedRange, rangeFrom } from "./range.ts";

/** The number of entries after which an iterator gives way to other work. */
const SLICE_ENTRIES = 1000;

/** An entry in its formats; undefined for a half that was not requested. */
export type EncodedEntry = [key: Encoded | undefined, value: Encoded | undefined];

/** A scan over entries. */
type Entries = Iterator<EncodedEntry, void, undefined>;

/** A tree that decodes to the formats of an iterator. */
export type FormattedTree = ReadTree<Encoded, Encoded, Encoded>;

/** Where an iterator reads. */
export interface IteratorSource {
  /**
   * Finds the tree in the snapshot.
   *
   * @throws {ClosedError} The snapshot is closed.
   */
  readonly find: () => FormattedTree;
  /** The snapshot, if it belongs to the iterator. */
  readonly owned: Snapshot | undefined;
  /** The range, without a limit: abstract-level counts entries. */
  readonly range: KeyedRange;
  /** Whether entries have keys. */
  readonly keys: boolean;
  /** Whether entries have values. */
  readonly values: boolean;
}

/** Iterates over entries of a database `D`. */
export class LevelIterator<D, K, V> extends AbstractIterator<D, K, V> {
  readonly #source: IteratorSource;
  #range: KeyedRange;
  /** Begun by the first read, because a closed snapshot is an error of the read. */
  #entries: Entries | undefined;
  /** The number of entries left in the slice. */
  #left = SLICE_ENTRIES;

  /**
   * Creates an iterator before the first entry.
   *
   * @param options The options that abstract-level passed on, with encoded bounds.
   */
  constructor(db: D, options: object, source: IteratorSource) {
    super(db, options as AbstractIteratorOptions<K, V>);
    this.#source = source;
    this.#range = source.range;
  }

  /** The next entry, or undefined at the end. */
  protected _next(): Promise<EncodedEntry | undefined> {
    return this.#give(this.#take(1)[0], 1);
  }

  /** The next entries, at most `size`; fewer only at the end. */
  protected _nextv(size: number): Promise<EncodedEntry[]> {
    return this.#give(this.#take(size), size);
  }

  /** The remaining entries. */
  protected _all(): Promise<EncodedEntry[]> {
    return Promise.resolve(this.#take(this.limit - this.count));
  }

  /** Moves before a key; to the end if the key lies outside of the range. */
  protected _seek(target: Encoded): void {
    this.#end();
    this.#range = rangeFrom(this.#source.range, target);
  }

  /** Ends the scan, and the snapshot if the iterator owns it. */
  protected _close(): Promise<void> {
    this.#end();
    this.#source.owned?.close();
    return Promise.resolve();
  }

  #take(count: number): EncodedEntry[] {
    const taken: EncodedEntry[] = [];
    try {
      const entries = this.#entries ??= entriesOf(this.#source, this.#range);
      while (taken.length < count) {
        const step = entries.next();
        if (step.done === true) break;
        taken.push(step.value);
      }
      return taken;
    } catch (error) {
      throw levelError(error);
    }
  }

  /** The promise of a result of some entries: in this turn, or in the next after a slice. */
  #give<T>(result: T, entries: number): Promise<T> {
    this.#left -= entries;
    if (this.#left > 0) return Promise.resolve(result);
    this.#left = SLICE_ENTRIES;
    return setImmediate(result);
  }

  #end(): void {
    this.#entries?.return?.();
    this.#entries = undefined;
  }
}

function entriesOf({ find, keys, values }: IteratorSource, range: KeyedRange): Entries {
  const tree = find();
  if (!values) return tree.keys(range).map((key): EncodedEntry => [key, undefined]);
  if (!keys) return tree.values(range).map((value): EncodedEntry => [undefined, value]);
  return tree.entries(range);
}
