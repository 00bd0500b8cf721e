/**
 * Merges stray leaves of a tree: their entries in key order, and the gaps between them.
 *
 * Leaves of an intact tree do not overlap. If some do, because the file mixes two versions, the
 * newest leaf that covers a key decides whether the key has an entry.
 */

import { compareKeys, type LeafRecords, leafRecords } from "../../btree/mod.ts";
import type { PageReader, Report } from "../../pager/mod.ts";
import { Heap } from "./heap.ts";
import { isDamage, type LostLeaf, type StrayLeaf, type TreeRemains } from "./survey.ts";

/** A gap in which entries of a tree may be missing. */
export interface KeyGap {
  /** The last key before the gap, or undefined. */
  readonly lower: Uint8Array | undefined;
  /** The first key after the gap, or undefined. */
  readonly upper: Uint8Array | undefined;
  /** The least number of missing entries. */
  readonly entries: number;
}

/** A leaf with its first and last key. */
interface KeyedLeaf extends StrayLeaf {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

/** A leaf that is being merged. */
interface Run {
  readonly page: number;
  readonly version: number;
  /** Its number in the order in which leaves are begun. */
  readonly order: number;
  /** Its entries; undefined once none is left. */
  records: LeafRecords | undefined;
  index: number;
  key: Uint8Array;
}

/** One entry. */
export interface StrayEntry {
  /** Its key. */
  readonly key: Uint8Array;
  /** The page of its leaf. */
  readonly page: number;
  /** The length of its value, as the leaf says. */
  valueLength(): number;
  /**
   * Its value.
   *
   * @throws {CorruptionError} It is damaged.
   */
  value(): Uint8Array;
}

/** The leaves of one tree, sorted. */
export class LeafMerge {
  /** Entries of older leaves that a newer leaf does not have. */
  superseded = 0;
  /** Comparisons of keys in the merge. */
  compared = 0;

  readonly #reader: PageReader;
  readonly #remains: TreeRemains;
  readonly #leaves: KeyedLeaf[] = [];

  /**
   * Reads and sorts the leaves of a tree.
   *
   * @param report Receives leaves that turn out to be damaged.
   */
  constructor(reader: PageReader, remains: TreeRemains, report: Report) {
    this.#reader = reader;
    this.#remains = remains;
    for (const leaf of remains.leaves) {
      try {
        const records = leafRecords(reader, leaf.page);
        if (records.count === 0) continue;
        // Copies, because the originals keep all records of the leaf in memory.
        const first = records.key(0).slice();
        this.#leaves.push({ ...leaf, first, last: records.key(records.count - 1).slice() });
      } catch (error) {
        if (isDamage(error)) report(error);
      }
    }
    this.#leaves.sort((a, b) => compare(a.first, b.first) || b.version - a.version);
  }

  /** The entries, in key order. */
  *entries(): Generator<StrayEntry, void, undefined> {
    // Each of these leaves covers the lowest key, or has ended.
    const byKey = new Heap<Run>((a, b) => this.#compare(a.key, b.key) < 0);
    const byVersion = new Heap<Run>((a, b) => (b.version - a.version || a.order - b.order) < 0);
    for (let next = 0; next < this.#leaves.length || byKey.first !== undefined;) {
      const key = byKey.first?.key;
      const leaf = this.#leaves[next];
      if (key === undefined) byVersion.clear();
      if (leaf !== undefined && (key === undefined || this.#compare(leaf.first, key) <= 0)) {
        const run = this.#begin(leaf, next++);
        byKey.add(run);
        byVersion.add(run);
        continue;
      }
      while (byVersion.first!.records === undefined) byVersion.removeFirst();
      yield* this.#take(byKey, byVersion.first!, key!);
    }
  }

  #begin({ page, version, first }: KeyedLeaf, order: number): Run {
    const records = leafRecords(this.#reader, page);
    return { page, version, order, records, index: 0, key: first };
  }

  /** Moves all leaves past a key, and yields the entry of the newest, if it has one. */
  *#take(byKey: Heap<Run>, newest: Run, key: Uint8Array): Generator<StrayEntry, void, undefined> {
    let entry: StrayEntry | undefined;
    for (let run = byKey.first; run !== undefined; run = byKey.first) {
      if (this.#compare(run.key, key) !== 0) break;
      const { index } = run;
      const records = run.records!;
      byKey.removeFirst();
      if (++run.index < records.count) {
        run.key = records.key(run.index);
        byKey.add(run);
      } else {
        run.records = undefined;
      }
      if (run === newest) entry = entryOf(run.page, key, records, index);
      else this.superseded++;
    }
    if (entry !== undefined) yield entry;
  }

  #compare(a: Uint8Array, b: Uint8Array): number {
    this.compared++;
    return compare(a, b);
  }

  /**
   * Finds gaps by the links of the intact leaves.
   *
   * @param firstLeaf The page of the tree's first leaf, if known.
   * @param hasUnknown Whether lost pages may have been leaves of this tree.
   */
  gaps(firstLeaf: number | undefined, hasUnknown: boolean): KeyGap[] {
    const leaves = this.#leaves;
    const missing = new Map(this.#remains.lost);
    if (leaves.length === 0) {
      const isGone = hasUnknown && this.#remains.leaves.length === 0;
      const entries = sumOf(missing.values());
      return missing.size > 0 || isGone ? [{ lower: undefined, upper: undefined, entries }] : [];
    }
    const gaps: KeyGap[] = [];
    const front = this.#gapBefore(missing, firstLeaf, hasUnknown);
    if (front !== undefined) gaps.push(front);
    let lower = leaves[0]!.last;
    for (let i = 1; i < leaves.length; i++) {
      const { first, last, page } = leaves[i]!;
      const { link } = leaves[i - 1]!;
      if (link !== page && compare(first, lower) > 0) {
        gaps.push({ lower, upper: first, entries: followLost(missing, link) });
      }
      if (compare(last, lower) > 0) lower = last;
    }
    const { link } = leaves[leaves.length - 1]!;
    if (link !== 0) gaps.push({ lower, upper: undefined, entries: followLost(missing, link) });
    return gaps;
  }

  #gapBefore(
    missing: Map<number, LostLeaf>,
    firstLeaf: number | undefined,
    hasUnknown: boolean,
  ): KeyGap | undefined {
    const { page, first } = this.#leaves[0]!;
    const lost = takeLostBefore(missing, page);
    if (firstLeaf === page && lost.length === 0) return undefined;
    if (lost.length === 0 && firstLeaf === undefined && !hasUnknown) return undefined;
    return { lower: undefined, upper: first, entries: sumOf(lost) };
  }
}

function entryOf(page: number, key: Uint8Array, records: LeafRecords, index: number): StrayEntry {
  return {
    key,
    page,
    valueLength: () => records.valueLength(index),
    value: () => records.value(index),
  };
}

/** Removes and returns the lost leaves whose links lead to a page. */
function takeLostBefore(missing: Map<number, LostLeaf>, page: number): LostLeaf[] {
  const before = new Map<number, number>();
  for (const [lostPage, { link }] of missing) before.set(link, lostPage);
  const taken: LostLeaf[] = [];
  for (let at = before.get(page); at !== undefined; at = before.get(at)) {
    const leaf = missing.get(at);
    if (leaf === undefined) break;
    missing.delete(at);
    taken.push(leaf);
  }
  return taken;
}

/** Removes the lost leaves that links lead to from a page, and counts their entries. */
function followLost(missing: Map<number, LostLeaf>, page: number): number {
  let entries = 0;
  for (let at = page, leaf = missing.get(at); leaf !== undefined; leaf = missing.get(at)) {
    entries += leaf.entries;
    missing.delete(at);
    at = leaf.link;
  }
  return entries;
}

function sumOf(leaves: Iterable<LostLeaf>): number {
  let entries = 0;
  for (const leaf of leaves) entries += leaf.entries;
  return entries;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareKeys(a, a.length, b, b.length);
}
