/**
 * Range delete in slices: many transactions, one per turn of the event loop, each from where the
 * one before it ended.
 *
 * It never returns to a part that it has passed, so entries that others set there stay. A slice
 * reads the clock after each step, of at most `STEP_PAGES` pages or one value. So a turn exceeds
 * its budget by one step, the commit, and the wait for the disk.
 *
 * A slice ends at the key of an entry: watchers receive ranges of whole keys.
 */

import { setImmediate } from "node:timers";
import { type BTree, compareKeys } from "../../btree/mod.ts";
import { checkOptions } from "../read/argument_checks.ts";
import { type Bounds, keyBoundsOf, type KeyRange, refuseBoundless } from "../read/range.ts";
import { btreeOf } from "../read/read_tree.ts";
import type { TreeFormat } from "../read/tree_format.ts";
import type { Session } from "./session.ts";
import type { TransactionTree } from "./transaction_tree.ts";

/** The most pages that are released between two looks at the clock, unless one value has more. */
const STEP_PAGES = 32;
/** The most steps of one transaction, whatever its budget: 32 MiB of pages. */
const STEPS_MAX = 128;

/** Options of `Tree.deleteRange` and `Tree.clear`. */
export interface DeleteRangeOptions {
  /**
   * If given, the entries are removed by many transactions, one per turn of the event loop, each of
   * which takes about this time in milliseconds. Default: one transaction.
   */
  readonly budgetMs?: number | undefined;
}

/** A tree whose entries are removed. */
export interface SlicedTree<K, V, KI, VI, P> {
  readonly session: Session;
  readonly format: TreeFormat<K, V, KI, VI, P>;
  /** The tree inside a transaction. */
  readonly inside: TransactionTree<K, V, KI, VI, P>;
}

/** The result of a step. */
interface Step {
  /** The number of entries removed. */
  readonly count: number;
  /** The key where the rest of the range begins; undefined = nothing remains. */
  readonly end: Uint8Array | undefined;
}

/** The result of a transaction. */
interface Slice extends Step {
  /** The number of the tree; undefined = it does not exist. */
  readonly id: number | undefined;
}

/**
 * The budget in options; undefined = one transaction.
 *
 * @throws {TypeError} The options are not an object with valid fields.
 * @throws {RangeError} The budget is not above 0.
 */
export function budgetOf(options: DeleteRangeOptions): number | undefined {
  checkOptions("delete the range", options, { budgetMs: "number" });
  const { budgetMs } = options;
  if (budgetMs === undefined || budgetMs > 0) return budgetMs;
  throw new RangeError(`Cannot delete the range: budgetMs ${budgetMs} is not above 0`);
}

/** Removes the entries of a range in slices. */
export class RangeDeleteSlices<K, V, KI, VI, P> {
  readonly #tree: SlicedTree<K, V, KI, VI, P>;
  readonly #range: KeyRange<KI, P>;
  readonly #bounds: Bounds;
  readonly #budgetMs: number;

  /**
   * Creates the removal of a range. It removes nothing yet.
   *
   * @param budgetMs The time that a transaction should take, in milliseconds.
   * @throws {TypeError} The range is malformed, or a codec refused a bound.
   * @throws {RangeError} A bound is too long.
   */
  constructor(tree: SlicedTree<K, V, KI, VI, P>, range: KeyRange<KI, P>, budgetMs: number) {
    this.#tree = tree;
    // The caller owns the object, and may reuse it.
    this.#range = { ...range };
    this.#bounds = keyBoundsOf(range, tree.format);
    refuseBoundless(range);
    this.#budgetMs = budgetMs;
  }

  /**
   * Removes the entries. Returns their number, once all slices are durable.
   *
   * @throws {RangeError} The tree was dropped or renamed meanwhile.
   */
  async run(): Promise<number> {
    const { session } = this.#tree;
    let before: Slice | undefined;
    for (let count = 0;;) {
      const slice: Slice = await session.write(() => session.change(() => this.#slice(before)));
      count += slice.count;
      if (slice.end === undefined) return count;
      before = slice;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Removes the entries of one slice, inside a transaction. */
  #slice(before: Slice | undefined): Slice {
    const deadline = performance.now() + this.#budgetMs;
    const tree = this.#find(before?.id);
    if (tree === undefined) return { count: 0, end: undefined, id: undefined };
    let count = 0;
    let end = before?.end ?? this.#bounds.lower;
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const step = this.#step(tree, end);
      count += step.count;
      end = step.end;
      if (end === undefined || performance.now() >= deadline) break;
    }
    this.#note(before?.end, end, count);
    return { count, end, id: tree.id };
  }

  /** The tree, which must be the one that an earlier slice found. */
  #find(id: number | undefined): BTree | undefined {
    const { inside } = this.#tree;
    const found = btreeOf(inside);
    if (id === undefined || found?.id === id) return found;
    const tree = `tree ${inside.name} was dropped or renamed`;
    throw new RangeError(`Cannot delete the rest of the range: ${tree} meanwhile`);
  }

  #step(tree: BTree, from: Uint8Array | undefined): Step {
    const end = this.#endOfStep(tree, from);
    return { count: tree.deleteRange(from, end ?? this.#bounds.upper), end };
  }

  /** The key of the entry before which a step ends; undefined if it is the last one. */
  #endOfStep(tree: BTree, from: Uint8Array | undefined): Uint8Array | undefined {
    const separator = tree.sliceEnd(from, STEP_PAGES);
    const cursor = tree.cursor();
    if (separator === undefined || !cursor.seek(separator)) return undefined;
    const key = cursor.key().slice();
    const { upper } = this.#bounds;
    const isInside = upper === undefined || compareKeys(key, key.length, upper, upper.length) < 0;
    return isInside ? key : undefined;
  }

  /** Reports the part of the range that a slice removed to watchers. */
  #note(start: Uint8Array | undefined, end: Uint8Array | undefined, count: number): void {
    const { session, format: { key }, inside } = this.#tree;
    const { feed } = session;
    if (count === 0 || feed.size === 0) return;
    const range = {
      ...this.#range,
      ...(start === undefined ? {} : { gte: key.decode(start.slice()) }),
      ...(end === undefined ? {} : { lt: key.decode(end.slice()) }),
    };
    const bounds = { lower: start ?? this.#bounds.lower, upper: end ?? this.#bounds.upper };
    feed.noteDeleteRange(inside.name, range, bounds, count);
  }
}
