/**
 * Finds the pages of a tree that a read will need and that are not ready, without reading any of
 * them.
 *
 * The tree is searched from its root each time, so the caller may bring pages in and try again,
 * whatever changed in between.
 */

import type { PageNumber } from "../../pager/mod.ts";
import { compareKeys } from "../node/key.ts";
import { copyKey, KEY_BYTES_MAX } from "../node/node.ts";
import type { NodeView } from "../node/node_view.ts";
import type { TreeNodes } from "./tree_nodes.ts";

/** Whether a page can be read without waiting. */
export type IsReady = (page: PageNumber) => boolean;

/** The bounds of a part of a tree, as keys: `lower` inclusive, `upper` exclusive. */
export interface LeafBounds {
  /** No bound if undefined. */
  readonly lower: Uint8Array | undefined;
  /** No bound if undefined. */
  readonly upper: Uint8Array | undefined;
  /** The order of the leaves. */
  readonly forward: boolean;
}

/** Leaves of a part of a tree, all below one branch, in order. */
export interface LeafWindow {
  /** Their pages. */
  readonly leaves: readonly PageNumber[];
  /** The bounds of the rest of the part; undefined if these leaves are the last. */
  readonly rest: LeafBounds | undefined;
}

const scratch = new Uint8Array(KEY_BYTES_MAX);

/** The first page on the path to a key that is not ready; undefined if all are. */
export function missingOnPath(
  nodes: TreeNodes,
  key: Uint8Array,
  isReady: IsReady,
): PageNumber | undefined {
  if (!isReady(nodes.root)) return nodes.root;
  let node = nodes.rootNode();
  while (node.level > 0) {
    const page = node.child(node.childFor(key, key.length));
    if (!isReady(page)) return page;
    node = nodes.node(page, node.level - 1);
  }
  return undefined;
}

/**
 * The first leaves of a part of a tree; or the first page on the path to them that is not ready.
 * The leaves themselves need not be.
 *
 * @param most The most leaves.
 */
export function leafWindow(
  nodes: TreeNodes,
  bounds: LeafBounds,
  most: number,
  isReady: IsReady,
): LeafWindow | PageNumber {
  if (!isReady(nodes.root)) return nodes.root;
  let node = nodes.rootNode();
  if (node.level === 0) return { leaves: [nodes.root], rest: undefined };
  /** The bound between the path and the leaves after it; undefined if there are none. */
  let edge: Uint8Array | undefined;
  for (;;) {
    const first = firstChild(node, bounds);
    const last = lastChild(node, bounds);
    if (node.level === 1) return windowOf(node, bounds, first, last, most, edge);
    edge = first === last ? edge : separatorAfter(node, first, bounds.forward);
    const page = node.child(first);
    if (!isReady(page)) return page;
    node = nodes.node(page, node.level - 1);
  }
}

function windowOf(
  branch: NodeView,
  bounds: LeafBounds,
  first: number,
  last: number,
  most: number,
  edge: Uint8Array | undefined,
): LeafWindow {
  const step = bounds.forward ? 1 : -1;
  const count = Math.min(most, (last - first) * step + 1);
  const leaves = Array.from({ length: count }, (_, i) => branch.child(first + i * step));
  const end = first + (count - 1) * step;
  const next = end === last ? edge : separatorAfter(branch, end, bounds.forward);
  if (next === undefined) return { leaves, rest: undefined };
  return { leaves, rest: bounds.forward ? { ...bounds, lower: next } : { ...bounds, upper: next } };
}

/** The child of a branch where a part of the tree begins, in its order. */
function firstChild(branch: NodeView, { lower, upper, forward }: LeafBounds): number {
  return forward ? lowestChild(branch, lower) : highestChild(branch, upper);
}

/** The child of a branch where it ends. */
function lastChild(branch: NodeView, { lower, upper, forward }: LeafBounds): number {
  return forward ? highestChild(branch, upper) : lowestChild(branch, lower);
}

function lowestChild(branch: NodeView, lower: Uint8Array | undefined): number {
  return lower === undefined ? 0 : branch.childFor(lower, lower.length);
}

/** The last child that can hold a key below the bound. */
function highestChild(branch: NodeView, upper: Uint8Array | undefined): number {
  if (upper === undefined) return branch.entries - 1;
  const index = branch.childFor(upper, upper.length);
  if (index === 0) return 0;
  const length = copyKey(branch.frame, branch.slot, index, scratch);
  return compareKeys(scratch, length, upper, upper.length) === 0 ? index - 1 : index;
}

/** The key between a child of a branch and the next one, in an order. */
function separatorAfter(branch: NodeView, index: number, forward: boolean): Uint8Array {
  const length = copyKey(branch.frame, branch.slot, forward ? index + 1 : index, scratch);
  return scratch.slice(0, length);
}
