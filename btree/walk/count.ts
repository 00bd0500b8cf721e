/**
 * Counts the entries of a tree, or of a range of it. It reads branches, and only the headers of
 * leaves, except for the leaves where the range begins and ends.
 *
 * Leaves are counted in the order of their chunks, a batch at a time: the headers of one chunk are
 * one page, so a count of n leaves in c chunks makes about 2c reads for each batch, not n.
 */

import { corruptHeader, format, header, type PageNumber } from "../../pager/mod.ts";
import { compareKeys } from "../node/key.ts";
import type { NodeView } from "../node/node_view.ts";
import type { TreeNodes } from "./tree_nodes.ts";

const { CHUNK_SHIFT, HEADER, KIND_LEAF } = format;
const { shapeOf, treeOf } = header;

/** Leaves of a full batch, whose page numbers take 8 MiB at most. */
const BATCH_LEAVES = 2 ** 20;
/** Page numbers that there is room for at first. */
const FIRST_LEAVES = 2 ** 9;

/** Counts the entries of leaves by their headers. */
class LeafCounter {
  readonly #nodes: TreeNodes;
  #pages = new Uint32Array(FIRST_LEAVES);
  #length = 0;
  #count = 0;

  constructor(nodes: TreeNodes) {
    this.#nodes = nodes;
  }

  /** Adds children `begin` to `end` - 1 of a branch of level 1. */
  addChildren(branch: NodeView, begin: number, end: number): void {
    for (let index = begin; index < end; index++) {
      if (this.#length === this.#pages.length) this.#grow();
      this.#pages[this.#length++] = branch.child(index);
    }
    if (this.#length > BATCH_LEAVES) this.#countBatch();
  }

  #grow(): void {
    const larger = new Uint32Array(this.#pages.length << 1);
    larger.set(this.#pages);
    this.#pages = larger;
  }

  /** The entries of all leaves added. */
  end(): number {
    this.#countBatch();
    return this.#count;
  }

  #countBatch(): void {
    const batch = inChunkOrder(this.#pages.subarray(0, this.#length));
    for (let i = 0; i < batch.length; i++) this.#count += leafEntries(this.#nodes, batch[i]!);
    this.#length = 0;
  }
}

/** Pages in the order of their chunks, by a counting sort, which is faster than `sort`. */
function inChunkOrder(pages: Uint32Array): Uint32Array {
  let last = 0;
  for (let i = 0; i < pages.length; i++) last = Math.max(last, pages[i]! >>> CHUNK_SHIFT);
  // Few pages of a large file; or the number of one is damaged.
  if (last > pages.length) return pages.sort();
  const next = new Uint32Array(last + 2);
  for (let i = 0; i < pages.length; i++) next[(pages[i]! >>> CHUNK_SHIFT) + 1]!++;
  for (let chunk = 1; chunk <= last; chunk++) next[chunk]! += next[chunk - 1]!;
  const sorted = new Uint32Array(pages.length);
  for (let i = 0; i < pages.length; i++) sorted[next[pages[i]! >>> CHUNK_SHIFT]!++] = pages[i]!;
  return sorted;
}

/**
 * Counts the entries of a range of a tree.
 *
 * @param lower The lower bound, inclusive, or undefined.
 * @param upper The upper bound, exclusive, or undefined.
 */
export function countRange(
  nodes: TreeNodes,
  lower: Uint8Array | undefined,
  upper: Uint8Array | undefined,
): number {
  const root = nodes.rootNode();
  const { level } = root;
  const isWhole = lower === undefined && upper === undefined;
  if (isWhole && level === 0) return root.entries;
  if (lower !== undefined && upper !== undefined) {
    if (compareKeys(lower, lower.length, upper, upper.length) >= 0) return 0;
  }
  const leaves = new LeafCounter(nodes);
  if (isWhole) {
    addBelow(nodes, leaves, nodes.root, level);
    return leaves.end();
  }
  const atEdges = countBetween(nodes, leaves, level, lower, upper);
  return atEdges + leaves.end();
}

/**
 * Adds the leaves of a range, from the lowest node whose subtree holds the whole of it. Returns the
 * number of entries in the leaves at its two ends, which are not added.
 */
function countBetween(
  nodes: TreeNodes,
  leaves: LeafCounter,
  rootLevel: number,
  lower: Uint8Array | undefined,
  upper: Uint8Array | undefined,
): number {
  let page = nodes.root;
  for (let level = rootLevel;; level--) {
    const node = nodeAt(nodes, page, level);
    const first = beginIn(node, level, lower);
    const last = endIn(node, level, upper);
    if (level === 0) return last - first;
    const left = node.child(first);
    if (first === last) {
      page = left;
      continue;
    }
    const right = node.child(last);
    addChildren(nodes, leaves, page, level, first + 1, last);
    return countFrom(nodes, leaves, left, level - 1, lower) +
      countUpTo(nodes, leaves, right, level - 1, upper);
  }
}

/** As `countBetween`, for the entries of a subtree whose keys are not below a key. */
function countFrom(
  nodes: TreeNodes,
  leaves: LeafCounter,
  edge: number,
  edgeLevel: number,
  key: Uint8Array | undefined,
): number {
  let page = edge;
  for (let level = edgeLevel;; level--) {
    const node = nodeAt(nodes, page, level);
    const { entries } = node;
    const first = beginIn(node, level, key);
    if (level === 0) return entries - first;
    const child = node.child(first);
    addChildren(nodes, leaves, page, level, first + 1, entries);
    page = child;
  }
}

/** As `countBetween`, for the entries of a subtree whose keys are below a key. */
function countUpTo(
  nodes: TreeNodes,
  leaves: LeafCounter,
  edge: number,
  edgeLevel: number,
  key: Uint8Array | undefined,
): number {
  let page = edge;
  for (let level = edgeLevel;; level--) {
    const node = nodeAt(nodes, page, level);
    const last = endIn(node, level, key);
    if (level === 0) return last;
    const child = node.child(last);
    addChildren(nodes, leaves, page, level, 0, last);
    page = child;
  }
}

/** The first child of a branch, or entry of a leaf, in the range. */
function beginIn(node: NodeView, level: number, key: Uint8Array | undefined): number {
  if (key === undefined) return 0;
  return level > 0 ? node.childFor(key, key.length) : node.lowerBound(key, key.length);
}

/** The child of a branch that holds the end of the range, or the end index in a leaf. */
function endIn(node: NodeView, level: number, key: Uint8Array | undefined): number {
  if (key === undefined) return level > 0 ? node.entries - 1 : node.entries;
  return level > 0 ? node.childFor(key, key.length) : node.lowerBound(key, key.length);
}

/** Adds the leaves below children `begin` to `end` - 1 of a branch. */
function addChildren(
  nodes: TreeNodes,
  leaves: LeafCounter,
  page: PageNumber,
  level: number,
  begin: number,
  end: number,
): void {
  if (level === 1) return leaves.addChildren(nodeAt(nodes, page, level), begin, end);
  for (let index = begin; index < end; index++) {
    addBelow(nodes, leaves, nodeAt(nodes, page, level).child(index), level - 1);
  }
}

/** Adds the leaves below a branch. */
function addBelow(nodes: TreeNodes, leaves: LeafCounter, page: PageNumber, level: number): void {
  let branches = 0;
  const pages = [page];
  const levels = [level];
  while (pages.length > 0) {
    const next = pages.pop()!;
    const nextLevel = levels.pop()!;
    if (++branches > nodes.reader.meta.pageCount) {
      corruptHeader(next, HEADER.tree, "the tree has more pages than the file");
    }
    const branch = nodeAt(nodes, next, nextLevel);
    const { entries } = branch;
    if (nextLevel === 1) {
      leaves.addChildren(branch, 0, entries);
      continue;
    }
    for (let index = 0; index < entries; index++) {
      pages.push(branch.child(index));
      levels.push(nextLevel - 1);
    }
  }
}

function nodeAt(nodes: TreeNodes, page: PageNumber, level: number): NodeView {
  return page === nodes.root ? nodes.rootNode() : nodes.node(page, level);
}

/** The number of entries of a leaf, from its header. */
function leafEntries(nodes: TreeNodes, page: PageNumber): number {
  const { reader } = nodes;
  const frame = reader.peek(page);
  const shape = shapeOf(frame, reader.peekedSlot);
  if ((shape & 0xffff) !== KIND_LEAF || treeOf(frame, reader.peekedSlot) !== nodes.tree) {
    corruptHeader(page, HEADER.kind, `not a leaf of tree ${nodes.tree}, as its parent says`);
  }
  return shape >>> 16;
}
