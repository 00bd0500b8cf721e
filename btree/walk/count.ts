/**
 * Counting the entries of a tree, or of a range of it: branches are read, of leaves only the
 * headers, but for the leaves where the range begins and ends.
 */

import { corruptHeader, format, header, type PageReader } from "../../pager/mod.ts";
import { compareKeys } from "../node/key.ts";
import { childAt, searchBranch, searchLeaf } from "../node/node.ts";
import type { Nodes } from "./tree_nodes.ts";

const { CHUNK_SHIFT, HEADER, KIND_LEAF, SLOT_MASK } = format;
const { entriesOf, levelOf, shapeOf, treeOf } = header;

/** A branch stays where it is while so many leaves below it are peeked at. */
const PEEKS_A_PLACE = 32;

/** How many entries a tree has. */
function countEntries(pager: PageReader, nodes: Nodes): number {
  const root = nodes.rootPlace();
  const frame = pager.frames[root >>> CHUNK_SHIFT]!;
  const level = levelOf(frame, root & SLOT_MASK);
  if (level === 0) return entriesOf(frame, root & SLOT_MASK);
  return countBelow(pager, nodes, nodes.root, level);
}

/**
 * How many entries a range of a tree has.
 *
 * @param lower The first key that counts, or undefined.
 * @param upper The first key after it that does not, or undefined.
 */
export function countRange(
  pager: PageReader,
  nodes: Nodes,
  lower: Uint8Array | undefined,
  upper: Uint8Array | undefined,
): number {
  if (lower === undefined && upper === undefined) return countEntries(pager, nodes);
  if (lower !== undefined && upper !== undefined) {
    if (compareKeys(lower, lower.length, upper, upper.length) >= 0) return 0;
  }
  const { page, level } = commonBranch(pager, nodes, lower, upper);
  const [first, last] = indexesOf(pager, nodes, page, level, lower, upper);
  if (level === 0) return last - first;
  let count = countChildren(pager, nodes, page, level, first + 1, last);
  count += countEdge(
    pager,
    nodes,
    childOf(pager, nodes, page, level, first),
    level - 1,
    lower,
    true,
  );
  count += countEdge(
    pager,
    nodes,
    childOf(pager, nodes, page, level, last),
    level - 1,
    upper,
    false,
  );
  return count;
}

/** The lowest node that has all of a range below it: a leaf, or a branch where its ends part. */
function commonBranch(
  pager: PageReader,
  nodes: Nodes,
  lower: Uint8Array | undefined,
  upper: Uint8Array | undefined,
): { page: number; level: number } {
  const root = nodes.rootPlace();
  let page = nodes.root;
  let level = levelOf(pager.frames[root >>> CHUNK_SHIFT]!, root & SLOT_MASK);
  while (level > 0) {
    const [first, last] = indexesOf(pager, nodes, page, level, lower, upper);
    if (first !== last) break;
    page = childOf(pager, nodes, page, level, first);
    level--;
  }
  return { page, level };
}

/** Where in a node a range begins and ends: children of a branch, positions in a leaf. */
function indexesOf(
  pager: PageReader,
  nodes: Nodes,
  page: number,
  level: number,
  lower: Uint8Array | undefined,
  upper: Uint8Array | undefined,
): [number, number] {
  const place = placeOf(nodes, page, level);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const end = level === 0 ? entriesOf(frame, slot) : entriesOf(frame, slot) - 1;
  const indexOf = (key: Uint8Array): number => {
    if (level > 0) return searchBranch(frame, slot, key, key.length);
    const index = searchLeaf(frame, slot, key, key.length);
    return index < 0 ? ~index : index;
  };
  return [lower === undefined ? 0 : indexOf(lower), upper === undefined ? end : indexOf(upper)];
}

/** How many entries below a page are not below a key (`from`), or are below it. */
function countEdge(
  pager: PageReader,
  nodes: Nodes,
  edge: number,
  edgeLevel: number,
  key: Uint8Array | undefined,
  from: boolean,
): number {
  let count = 0;
  let page = edge;
  for (let level = edgeLevel;; level--) {
    const bounds: [MaybeKey, MaybeKey] = from ? [key, undefined] : [undefined, key];
    const [first, last] = indexesOf(pager, nodes, page, level, ...bounds);
    if (level === 0) return count + last - first;
    const at = from ? first : last;
    count += countChildren(pager, nodes, page, level, from ? at + 1 : 0, from ? last + 1 : at);
    page = childOf(pager, nodes, page, level, at);
  }
}

type MaybeKey = Uint8Array | undefined;

/** How many entries are below some children of a branch, `end` not among them. */
function countChildren(
  pager: PageReader,
  nodes: Nodes,
  page: number,
  level: number,
  begin: number,
  end: number,
): number {
  if (level === 1) return countLeaves(pager, nodes, page, begin, end);
  let count = 0;
  for (let index = begin; index < end; index++) {
    count += countBelow(pager, nodes, childOf(pager, nodes, page, level, index), level - 1);
  }
  return count;
}

/** How many entries are in some leaves of a lowest branch, `end` not among them. */
function countLeaves(
  pager: PageReader,
  nodes: Nodes,
  page: number,
  begin: number,
  end: number,
): number {
  let count = 0;
  for (let index = begin; index < end;) {
    const place = placeOf(nodes, page, 1);
    const frame = pager.frames[place >>> CHUNK_SHIFT]!;
    const some = Math.min(end, index + PEEKS_A_PLACE);
    for (; index < some; index++) {
      count += leafEntries(pager, nodes, childAt(frame, place & SLOT_MASK, index));
    }
  }
  return count;
}

/** A child of a branch, which is looked up again each time, as much may be read in between. */
function childOf(
  pager: PageReader,
  nodes: Nodes,
  page: number,
  level: number,
  index: number,
): number {
  const place = placeOf(nodes, page, level);
  return childAt(pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK, index);
}

/** How many entries are below a branch. */
function countBelow(pager: PageReader, nodes: Nodes, page: number, level: number): number {
  let count = 0;
  let branches = 0;
  const pages = [page];
  const levels = [level];
  while (pages.length > 0) {
    const branch = pages.pop()!;
    const branchLevel = levels.pop()!;
    if (++branches > pager.meta.pageCount) {
      corruptHeader(branch, HEADER.tree, "the tree has more pages than the file");
    }
    const place = placeOf(nodes, branch, branchLevel);
    const frame = pager.frames[place >>> CHUNK_SHIFT]!;
    const entries = entriesOf(frame, place & SLOT_MASK);
    if (branchLevel === 1) {
      count += countLeaves(pager, nodes, branch, 0, entries);
      continue;
    }
    for (let index = 0; index < entries; index++) {
      pages.push(childAt(frame, place & SLOT_MASK, index));
      levels.push(branchLevel - 1);
    }
  }
  return count;
}

function placeOf(nodes: Nodes, page: number, level: number): number {
  return page === nodes.root ? nodes.rootPlace() : nodes.place(page, level);
}

/** The entries of a leaf, from its header. */
function leafEntries(pager: PageReader, nodes: Nodes, page: number): number {
  const frame = pager.peek(page);
  const shape = shapeOf(frame, pager.peekedSlot);
  if ((shape & 0xffff) !== KIND_LEAF || treeOf(frame, pager.peekedSlot) !== nodes.tree) {
    corruptHeader(page, HEADER.kind, `not a leaf of tree ${nodes.tree}, as its parent says`);
  }
  return shape >>> 16;
}
