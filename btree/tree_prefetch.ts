/**
 * Brings the pages of keys, or of a range, into memory without blocking the thread.
 *
 * It goes down the tree a level at a time: it collects the pages that are not in memory, brings
 * them in, and looks again from the root. So it keeps no version, and the tree may change, be
 * dropped or be replaced meanwhile; then it may bring in pages that are no longer needed.
 *
 * Damage does not end it: the read that needs a damaged page will report it.
 */

import { format, header, type PageNumber, type Prefetch } from "../pager/mod.ts";
import { compareKeys } from "./node/key.ts";
import { LeafCell, REFERENCE_TAG } from "./node/node.ts";
import type { NodeView } from "./node/node_view.ts";
import type { BTree } from "./tree.ts";
import { missingInRuns } from "./value/missing_runs.ts";
import { decodeReference, type Reference } from "./value/reference.ts";
import { type IsReady, type LeafBounds, leafWindow, missingOnPath } from "./walk/missing_pages.ts";

const { FLAG_HOLDS_RUNS } = format;
const { flagsOf } = header;

/** The most keys that are looked for at once. */
const KEYS_MAX = 256;
/** The most leaves of a range that are brought in at once. */
const LEAVES_MAX = 64;
/** A usual number of entries in a leaf, by which a limit is turned into leaves. */
const LEAF_ENTRIES = 64;
/** The most pages that are collected before they are brought in. */
const PAGES_MAX = 4096;

/** What to bring in. */
export interface PrefetchScope {
  /** Finds the tree as it is now, or undefined if it was dropped. */
  find(): BTree | undefined;
  /** The prefetch that brings pages in. */
  readonly prefetch: Prefetch;
  /** Whether values outside of leaves are brought in too. */
  readonly takesValues: boolean;
}

/** Brings in what a look-up of each key reads, until the prefetch is full. */
export async function prefetchKeys(
  scope: PrefetchScope,
  keys: Iterable<Uint8Array>,
): Promise<void> {
  let batch: Uint8Array[] = [];
  for (const key of keys) {
    batch.push(key);
    if (batch.length < KEYS_MAX) continue;
    await prefetchBatch(scope, batch);
    if (scope.prefetch.isFull) return;
    await scope.prefetch.breathe();
    batch = [];
  }
  await prefetchBatch(scope, batch);
}

/** Brings in what the look-ups of some keys read: first the paths, then the values. */
async function prefetchBatch(scope: PrefetchScope, batch: readonly Uint8Array[]): Promise<void> {
  const { prefetch } = scope;
  const references: Reference[] = [];
  let entries = scope.find();
  for (let keys = batch; keys.length > 0 && entries !== undefined; entries = scope.find()) {
    const tree = entries;
    const missing = new Set<PageNumber>();
    keys = keys.filter((key) => {
      const page = prefetch.attempt(() => {
        const page = missingOnPath(tree.nodes, key, isReadyIn(prefetch));
        if (page === undefined && scope.takesValues) addReference(tree, key, references);
        return page;
      });
      if (page !== undefined) missing.add(page);
      return page !== undefined;
    });
    await prefetch.bring([...missing], tree.reader);
    if (prefetch.isFull) return;
  }
  if (entries !== undefined) await prefetchValues(prefetch, entries, references);
}

/** Adds the reference of a key whose value is outside of its leaf. */
function addReference(entries: BTree, key: Uint8Array, references: Reference[]): void {
  const found = entries.find(key, key.length);
  if (found !== undefined && found.length < 0) {
    references.push(decodeReference(found.bytes, found.at));
  }
}

/** Brings in what a scan of a range reads, until the prefetch is full. */
export async function prefetchRange(
  scope: PrefetchScope,
  range: LeafBounds,
  limit: number,
): Promise<void> {
  const { prefetch } = scope;
  let left = limit;
  let part: LeafBounds | undefined = isEmpty(range) ? undefined : range;
  while (part !== undefined && left > 0 && !prefetch.isFull) {
    const bounds: LeafBounds = part;
    const entries = scope.find();
    if (entries === undefined) return;
    const most = Math.min(LEAVES_MAX, Math.ceil(left / LEAF_ENTRIES));
    const found = prefetch.attempt(() => {
      return leafWindow(entries.nodes, bounds, most, isReadyIn(prefetch));
    });
    // A scan would not get past a damaged branch either.
    if (found === undefined) return;
    const pages = typeof found === "number" ? [found] : found.leaves;
    const missing = pages.filter((page) => !prefetch.isReady(page));
    await prefetch.bring(missing, entries.reader);
    if (missing.length > 0 || typeof found === "number") continue;
    left -= await prefetchLeaves(scope, entries, found.leaves, bounds, left);
    part = found.rest;
    await prefetch.breathe();
  }
}

/**
 * Brings in the values of entries in leaves that are ready. Returns the number of entries, at most
 * `most`.
 */
async function prefetchLeaves(
  { prefetch, takesValues }: PrefetchScope,
  entries: BTree,
  leaves: readonly PageNumber[],
  bounds: LeafBounds,
  most: number,
): Promise<number> {
  const references: Reference[] = [];
  let count = 0;
  for (const page of leaves) {
    count += prefetch.attempt(() => {
      const { nodes } = entries;
      const leaf = page === nodes.root ? nodes.rootNode() : nodes.node(page, 0);
      const { begin, end } = partOf(leaf, bounds, most - count);
      if (takesValues) addReferences(leaf, begin, end, references);
      return end - begin;
    }) ?? 0;
  }
  await prefetchValues(prefetch, entries, references);
  return count;
}

/** The entries of a leaf within bounds: the first in their order, at most `most`. */
function partOf(
  leaf: NodeView,
  { lower, upper, forward }: LeafBounds,
  most: number,
): { begin: number; end: number } {
  const begin = lower === undefined ? 0 : leaf.lowerBound(lower, lower.length);
  const end = upper === undefined ? leaf.entries : leaf.lowerBound(upper, upper.length);
  return forward
    ? { begin, end: Math.min(end, begin + most) }
    : { begin: Math.max(begin, end - most), end };
}

/** Adds the references of the entries of a leaf whose values are outside of it. */
function addReferences(leaf: NodeView, begin: number, end: number, references: Reference[]): void {
  if ((flagsOf(leaf.frame, leaf.slot) & FLAG_HOLDS_RUNS) === 0) return;
  const cell = new LeafCell();
  for (let index = begin; index < end; index++) {
    cell.read(leaf.frame.u8, leaf.cell(index));
    if (cell.tag === REFERENCE_TAG) references.push(decodeReference(leaf.frame.u8, cell.valueAt));
  }
}

/** Brings in values outside of leaves. Those that were released meanwhile are left out. */
async function prefetchValues(
  prefetch: Prefetch,
  entries: BTree,
  references: readonly Reference[],
): Promise<void> {
  const isReady = isReadyIn(prefetch);
  for (let rest = references; rest.length > 0 && !prefetch.isFull;) {
    const missing = new Set<PageNumber>();
    rest = rest.filter((reference) => {
      if (missing.size >= PAGES_MAX) return true;
      const pages = prefetch.attempt(() => {
        return missingInRuns(entries.reader, entries.id, reference, isReady);
      }) ?? [];
      for (const page of pages) missing.add(page);
      return pages.length > 0;
    });
    await prefetch.bring([...missing], entries.reader);
  }
}

function isReadyIn(prefetch: Prefetch): IsReady {
  return (page) => prefetch.isReady(page);
}

function isEmpty({ lower, upper }: LeafBounds): boolean {
  return lower !== undefined && upper !== undefined &&
    compareKeys(lower, lower.length, upper, upper.length) >= 0;
}
