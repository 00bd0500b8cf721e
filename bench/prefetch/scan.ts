/**
 * A scan of part of a tree that is not in memory, at once, or in parts that are prefetched.
 */

import { open, type Tree } from "../../mod.ts";

const PART_ENTRIES = 5000;

/** The scan. */
export interface ScanInput {
  readonly path: string;
  readonly cacheBytes: number;
  /** The number of entries to scan. */
  readonly scanned: number;
  /** Whether the scan is in parts, each prefetched. */
  readonly prefetches: boolean;
}

/** Its figures, in milliseconds. */
export interface ScanOutput {
  readonly elapsed: number;
  /** The longest time without a turn of the event loop, that of the prefetch left out. */
  readonly longest: number;
}

/** Scans from the first entry, with a cache full of pages that the scan does not need. */
export async function measureScan(input: ScanInput): Promise<ScanOutput> {
  const { path, scanned, cacheBytes, prefetches } = input;
  using db = open(path, { readOnly: true, cacheBytes });
  const tree = db.tree("a");
  fillCache(tree);
  const begin = performance.now();
  let longest = 0;
  let gt: Uint8Array | undefined;
  for (let left = scanned; left > 0;) {
    const range = { gt, limit: prefetches ? Math.min(left, PART_ENTRIES) : left };
    if (prefetches) await tree.prefetch(range);
    const start = performance.now();
    const before = left;
    for (const [key] of tree.entries(range)) {
      gt = key;
      left--;
    }
    if (left === before) throw new Error("the tree has fewer entries");
    longest = Math.max(longest, performance.now() - start);
  }
  return { elapsed: performance.now() - begin, longest };
}

/** Reads entries from the end. */
function fillCache(tree: Tree): void {
  for (const _ of tree.keys({ reverse: true, limit: 100_000 }));
}
