/**
 * Counts the entries of a tree, or of a range of it. It reads branches, and of leaves only the
 * headers, except for the leaves where the range begins and ends.
 */

import { corruptHeader, format, header } from "../../pager/mod.ts";
import { compareKeys } from "../node/key.ts";
import type { NodeView } from "../node/node_view.ts";
import type { TreeNodes } from "./tree_nodes.ts";

const { HEADER, KIND_LEAF } = format;
const { shapeOf, treeOf } = header;

/** Leaf headers read between two look-ups of their branch, which may be evicted meanwhile. */
const PEEKS_A_LOOKUP = 32;

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
  if (lower === undefined && upper === undefined) {
    return level === 0 ? root.entries : countBelow(nodes, nodes.root, level);
  }
  if (lower !== undefined && upper !== undefined) {
    if (compareKeys(lower, lower.length, upper, upper.length) >= 0) return 0;
  }
  return countBetween(nodes, level, lower, upper);
}

/** Counts from the lowest node whose subtree holds the whole range. */
function countBetween(
  nodes: TreeNodes,
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
    return countChildren(nodes, page, level, first + 1, last) +
      countFrom(nodes, left, level - 1, lower) + countUpTo(nodes, right, level - 1, upper);
  }
}

/** Counts the entries of a subtree whose keys are not below a key. */
function countFrom(
  nodes: TreeNodes,
  edge: number,
  edgeLevel: number,
  key: Uint8Array | undefined,
): number {
  let count = 0;
  let page = edge;
  for (let level = edgeLevel;; level--) {
    const node = nodeAt(nodes, page, level);
    const { entries } = node;
    const first = beginIn(node, level, key);
    if (level === 0) return count + entries - first;
    const child = node.child(first);
    count += countChildren(nodes, page, level, first + 1, entries);
    page = child;
  }
}

/** Counts the entries of a subtree whose keys are below a key. */
function countUpTo(
  nodes: TreeNodes,
  edge: number,
  edgeLevel: number,
  key: Uint8Array | undefined,
): number {
  let count = 0;
  let page = edge;
  for (let level = edgeLevel;; level--) {
    const node = nodeAt(nodes, page, level);
    const last = endIn(node, level, key);
    if (level === 0) return count + last;
    const child = node.child(last);
    count += countChildren(nodes, page, level, 0, last);
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

/** Counts the entries below children `begin` to `end` - 1 of a branch. */
function countChildren(
  nodes: TreeNodes,
  page: number,
  level: number,
  begin: number,
  end: number,
): number {
  if (level === 1) return countLeaves(nodes, page, begin, end);
  let count = 0;
  for (let index = begin; index < end; index++) {
    count += countBelow(nodes, nodeAt(nodes, page, level).child(index), level - 1);
  }
  return count;
}

/** Counts the entries of leaves `begin` to `end` - 1 of a branch of level 1. */
function countLeaves(nodes: TreeNodes, page: number, begin: number, end: number): number {
  let count = 0;
  for (let index = begin; index < end;) {
    const branch = nodeAt(nodes, page, 1);
    const stop = Math.min(end, index + PEEKS_A_LOOKUP);
    for (; index < stop; index++) count += leafEntries(nodes, branch.child(index));
  }
  return count;
}

/** Counts the entries below a branch. */
function countBelow(nodes: TreeNodes, page: number, level: number): number {
  let count = 0;
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
      count += countLeaves(nodes, next, 0, entries);
      continue;
    }
    for (let index = 0; index < entries; index++) {
      pages.push(branch.child(index));
      levels.push(nextLevel - 1);
    }
  }
  return count;
}

function nodeAt(nodes: TreeNodes, page: number, level: number): NodeView {
  return page === nodes.root ? nodes.rootNode() : nodes.node(page, level);
}

/** The number of entries of a leaf, from its header. */
function leafEntries(nodes: TreeNodes, page: number): number {
  const { reader } = nodes;
  const frame = reader.peek(page);
  const shape = shapeOf(frame, reader.peekedSlot);
  if ((shape & 0xffff) !== KIND_LEAF || treeOf(frame, reader.peekedSlot) !== nodes.tree) {
    corruptHeader(page, HEADER.kind, `not a leaf of tree ${nodes.tree}, as its parent says`);
  }
  return shape >>> 16;
}
