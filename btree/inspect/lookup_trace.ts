/**
 * The trace of a look-up, for inspection: each page of the path, the comparisons of its binary
 * search, and the child taken.
 *
 * It takes the steps of `TreeNodes.leafFor` in the same order, so that a caller can measure the
 * cost of each. It repeats each search with a record of its comparisons, and asserts that both end
 * alike.
 */

import {
  assert,
  type Frame,
  header,
  type PageNumber,
  type PageReader,
  type Slot,
} from "../../pager/mod.ts";
import { compareKeys } from "../node/key.ts";
import {
  cellAt,
  childAt,
  comparePrefix,
  copyKey,
  hasLeafLayout,
  headIndex,
  headOf,
  KEY_BYTES_MAX,
  LeafCell,
  REFERENCE_TAG,
  searchBranch,
  searchLeaf,
} from "../node/node.ts";
import { NodeView } from "../node/node_view.ts";
import type { BTree } from "../tree.ts";
import { referredLength } from "../value/reference.ts";

const { entriesOf, levelOf, prefixLengthOf } = header;

/** One comparison of a binary search. */
export interface Probe {
  /** The entry compared. */
  readonly index: number;
  /** Its head: the four key bytes after the prefix, as a number. */
  readonly head: number;
  /** Below 0, 0 or above 0 as the entry's key is below, equal to or above the key sought. */
  readonly order: number;
  /** Whether the heads were equal, so that the other bytes of the keys decided. */
  readonly bytesCompared: boolean;
}

/** One page of the path. */
export interface LookupTraceStep {
  /** The page. */
  readonly page: number;
  /** Its level, 0 = leaf. */
  readonly level: number;
  /** The number of its entries. */
  readonly entries: number;
  /** The length of its prefix. */
  readonly prefixBytes: number;
  /** The order of the key and the prefix: 0 = it begins with it; below 0, above 0 = it sorts so. */
  readonly prefixOrder: number;
  /** The head of the key sought. */
  readonly head: number;
  /** The comparisons, in order. */
  readonly probes: readonly Probe[];
  /** The entry taken; in a leaf, the index or insertion point of the key. */
  readonly index: number;
  /** The child taken; 0 in a leaf. */
  readonly child: number;
}

/** The end of a look-up. */
export interface LookupTraceEnd {
  /** Whether the key was found. */
  readonly found: boolean;
  /** The length of its value, or -1. */
  readonly valueBytes: number;
}

/**
 * Follows the path from the root of a tree to a key, a page at a time.
 *
 * @param reader The reader of pages; each step reads one.
 */
export function* traceLookup(
  tree: BTree,
  key: Uint8Array,
  reader: PageReader,
): Generator<LookupTraceStep, LookupTraceEnd, undefined> {
  const entries = tree.readFrom(reader);
  // A view of its own, because the caller may read other pages between two steps.
  const node = new NodeView();
  node.at(reader.frames, entries.nodes.rootNode().place);
  for (;;) {
    const { frame, slot } = node;
    const step = stepIn(frame, slot, key, node.page);
    yield step;
    if (step.level === 0) return endIn(frame, slot, key);
    entries.nodes.node(step.child, step.level - 1, node);
  }
}

function endIn(frame: Frame, slot: Slot, key: Uint8Array): LookupTraceEnd {
  const index = searchLeaf(frame, slot, key, key.length);
  if (index < 0) return { found: false, valueBytes: -1 };
  const cell = new LeafCell();
  cell.read(frame.u8, cellAt(frame, slot, index));
  const isInline = cell.tag !== REFERENCE_TAG;
  return { found: true, valueBytes: isInline ? cell.tag : referredLength(frame.u8, cell.valueAt) };
}

function stepIn(frame: Frame, slot: Slot, key: Uint8Array, page: PageNumber): LookupTraceStep {
  const leaf = hasLeafLayout(frame, slot);
  const found = leaf
    ? searchLeaf(frame, slot, key, key.length)
    : searchBranch(frame, slot, key, key.length);
  const prefixBytes = prefixLengthOf(frame, slot);
  const prefixOrder = Math.sign(comparePrefix(frame, slot, key, key.length));
  const probes = prefixOrder === 0 ? probesOf(frame, slot, key, found) : [];
  return {
    page,
    level: levelOf(frame, slot),
    entries: entriesOf(frame, slot),
    prefixBytes,
    prefixOrder,
    head: headOf(key, prefixBytes, key.length),
    probes,
    index: found < 0 ? ~found : found,
    child: leaf ? 0 : childAt(frame, slot, found),
  };
}

/** The comparisons of the `searchLeaf` or `searchBranch` call that returned `found`. */
function probesOf(frame: Frame, slot: Slot, key: Uint8Array, found: number): Probe[] {
  const leaf = hasLeafLayout(frame, slot);
  const head = headOf(key, prefixLengthOf(frame, slot), key.length);
  const other = new Uint8Array(KEY_BYTES_MAX);
  const probes: Probe[] = [];
  let low = leaf ? 0 : 1;
  let high = entriesOf(frame, slot);
  let isHit = false;
  while (low < high && !isHit) {
    const index = (low + high) >>> 1;
    const probed = frame.u32[headIndex(slot, index)]!;
    const length = copyKey(frame, slot, index, other);
    const order = Math.sign(compareKeys(other, length, key, key.length));
    probes.push({ index, head: probed, order, bytesCompared: probed === head });
    isHit = leaf && order === 0;
    if (isHit) low = index;
    else if (order <= 0) low = index + 1;
    else high = index;
  }
  assert(found === (leaf ? (isHit ? low : ~low) : low - 1), "a repeated search ends alike");
  return probes;
}
