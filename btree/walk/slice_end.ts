/**
 * Divides a tree into slices of bounded cost, for work that runs a slice at a time.
 *
 * The cost of a slice is its pages: leaves, and the pages of values outside of them. The search
 * reads the branches on one path, headers of leaves, and the leaves that refer to such values. A
 * slice also ends where the lowest branch ends.
 */

import { corruptHeader, format, header, type PageNumber } from "../../pager/mod.ts";
import { copyKey, KEY_BYTES_MAX, LeafCell, REFERENCE_TAG } from "../node/node.ts";
import type { NodeView } from "../node/node_view.ts";
import { decodeReference } from "../value/reference.ts";
import type { TreeNodes } from "./tree_nodes.ts";
import type { TreePath } from "./tree_path.ts";

const { FLAG_HOLDS_RUNS, HEADER, KIND_LEAF, PAGE_BYTES } = format;
const { flagsOf, shapeOf, treeOf } = header;

const LOWEST = new Uint8Array(0);

/** The key that ends a slice; see `BTree.sliceEnd`. `path` is overwritten. */
export function sliceEnd(
  nodes: TreeNodes,
  path: TreePath,
  from: Uint8Array | undefined,
  pages: number,
): Uint8Array | undefined {
  const start = from ?? LOWEST;
  let index = nodes.descend(path, start, start.length).lowerBound(start, start.length);
  let left = pages;
  for (let leaves = 0;; leaves++) {
    const page = leafAfter(nodes, path, leaves);
    if (page === undefined || left <= 0) return keyAfter(nodes, path, leaves);
    if (holdsRuns(nodes, page)) {
      const leaf = nodes.node(page, 0);
      for (; index < leaf.entries && left > 0; index++) left -= runPages(leaf, index);
      if (index < leaf.entries) return keyAt(leaf, index);
    }
    left--;
    index = 0;
  }
}

/** The page of a leaf of the lowest branch on a path, `leaves` after the path's own. */
function leafAfter(nodes: TreeNodes, path: TreePath, leaves: number): PageNumber | undefined {
  if (path.depth === 0) return leaves === 0 ? nodes.root : undefined;
  const branch = nodes.nodeOn(path, path.depth - 1);
  const index = path.indexes[path.depth - 1]! + leaves;
  return index < branch.entries ? branch.child(index) : undefined;
}

/** A key that parts `leaves` leaves, or fewer, from the next one; undefined if there is none. */
function keyAfter(nodes: TreeNodes, path: TreePath, leaves: number): Uint8Array | undefined {
  // The lowest branch with an entry after the slice has its key.
  for (let depth = path.depth - 1, wanted = leaves; depth >= 0; depth--, wanted = 1) {
    const branch = nodes.nodeOn(path, depth);
    const next = path.indexes[depth]! + wanted;
    if (next < branch.entries) return keyAt(branch, next);
  }
  return undefined;
}

/** The pages of the value of an entry, shared ones in full; 0 if the value is inline. */
function runPages(leaf: NodeView, index: number): number {
  const { u8 } = leaf.frame;
  const cell = new LeafCell();
  cell.read(u8, leaf.cell(index));
  if (cell.tag !== REFERENCE_TAG) return 0;
  const { length, secondPage } = decodeReference(u8, cell.valueAt);
  return Math.ceil(length / PAGE_BYTES) + (secondPage === 0 ? 0 : 1);
}

function holdsRuns(nodes: TreeNodes, page: PageNumber): boolean {
  const frame = nodes.reader.peek(page);
  const slot = nodes.reader.peekedSlot;
  if ((shapeOf(frame, slot) & 0xffff) !== KIND_LEAF || treeOf(frame, slot) !== nodes.tree) {
    corruptHeader(page, HEADER.kind, `not a leaf of tree ${nodes.tree}, as its parent says`);
  }
  return (flagsOf(frame, slot) & FLAG_HOLDS_RUNS) !== 0;
}

function keyAt({ frame, slot }: NodeView, index: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES_MAX);
  return key.slice(0, copyKey(frame, slot, index, key));
}
