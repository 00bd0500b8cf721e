/**
 * The way of a look-up, told step by step for those who look: each page on the way, what the binary
 * search in it compared, and where it went on.
 *
 * It takes the steps that `TreeNodes.leafFor` takes, in the same order, so what a step costs can be
 * measured between them. The searches are told again beside the real ones, and have to end alike.
 */

import { assert, type Frame, header, type PageReader } from "../../pager/mod.ts";
import { compareKeys } from "../node/key.ts";
import {
  cellAt,
  childAt,
  comparePrefix,
  copyKey,
  headIndex,
  headOf,
  isLeaf,
  KEY_BYTES_MAX,
  LeafCell,
  REFERENCE_TAG,
  searchBranch,
  searchLeaf,
} from "../node/node.ts";
import { NodeView } from "../node/node_view.ts";
import type { BTree } from "../tree.ts";
import { referredLength } from "../value/value.ts";

const { entriesOf, levelOf, prefixLengthOf } = header;

/** One comparison of a binary search. */
export interface Probe {
  /** The entry that was looked at. */
  readonly index: number;
  /** Its head: the four key bytes after the prefix, as a number. */
  readonly head: number;
  /** Below 0, 0 or above 0 as the entry's key is below, at or above the key that is looked for. */
  readonly order: number;
  /** Whether heads were equal, so that the keys' other bytes decided. */
  readonly bytesCompared: boolean;
}

/** One page on the way. */
export interface LookupTraceStep {
  /** The page. */
  readonly page: number;
  /** Its level, 0 = leaf. */
  readonly level: number;
  /** How many entries it has. */
  readonly entries: number;
  /** How many bytes all its keys begin with. */
  readonly prefixBytes: number;
  /** Where the key stands to that prefix: below 0, 0 = it begins with it, above 0. */
  readonly prefixOrder: number;
  /** The head of the key that is looked for. */
  readonly head: number;
  /** The comparisons, in order. */
  readonly probes: readonly Probe[];
  /** The entry that was taken; of a leaf, where the key is or would be. */
  readonly index: number;
  /** The child that was taken; 0 in a leaf. */
  readonly child: number;
}

/** How a look-up ended. */
export interface LookupTraceEnd {
  /** Whether the key is there. */
  readonly found: boolean;
  /** How long its value is, or -1. */
  readonly valueBytes: number;
}

/**
 * Takes the way from the root of a tree to a key, a page at a time.
 *
 * @param reader Where pages are read; each step asks it for one.
 */
export function* traceLookup(
  tree: BTree,
  key: Uint8Array,
  reader: PageReader,
): Generator<LookupTraceStep, LookupTraceEnd, undefined> {
  const entries = tree.readFrom(reader);
  // A view of its own: between two steps whoever looks may read other pages.
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

function endIn(frame: Frame, slot: number, key: Uint8Array): LookupTraceEnd {
  const index = searchLeaf(frame, slot, key, key.length);
  if (index < 0) return { found: false, valueBytes: -1 };
  const cell = new LeafCell();
  cell.read(frame.u8, cellAt(frame, slot, index));
  const isInline = cell.tag !== REFERENCE_TAG;
  return { found: true, valueBytes: isInline ? cell.tag : referredLength(frame.u8, cell.valueAt) };
}

function stepIn(frame: Frame, slot: number, key: Uint8Array, page: number): LookupTraceStep {
  const leaf = isLeaf(frame, slot);
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

/** The comparisons that `searchLeaf` or `searchBranch` made to find what it found. */
function probesOf(frame: Frame, slot: number, key: Uint8Array, found: number): Probe[] {
  const leaf = isLeaf(frame, slot);
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
  assert(found === (leaf ? (isHit ? low : ~low) : low - 1), "a search told again ends alike");
  return probes;
}
