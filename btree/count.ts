/**
 * Counting the entries of a tree: branches are read, of leaves only the headers.
 */

import { corruptHeader, format, header, type PageReader } from "../pager/mod.ts";
import { childAt } from "./node.ts";
import type { Nodes } from "./nodes.ts";

const { CHUNK_SHIFT, HEADER, KIND_LEAF, SLOT_MASK } = format;
const { entriesOf, levelOf, shapeOf, treeOf } = header;

/** How many entries a tree has. */
export function countEntries(pager: PageReader, nodes: Nodes): number {
  const root = nodes.rootPlace();
  const frame = pager.frames[root >>> CHUNK_SHIFT];
  const level = levelOf(frame, root & SLOT_MASK);
  if (level === 0) return entriesOf(frame, root & SLOT_MASK);
  return countBelow(pager, nodes, nodes.root, level);
}

/** How many entries are below a branch. */
export function countBelow(pager: PageReader, nodes: Nodes, page: number, level: number): number {
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
    const entries = entriesOf(pager.frames[place >>> CHUNK_SHIFT], place & SLOT_MASK);
    for (let index = 0; index < entries; index++) {
      // The branch is looked up again each time: many headers may be read between two of its
      // entries.
      const again = placeOf(nodes, branch, branchLevel);
      const child = childAt(pager.frames[again >>> CHUNK_SHIFT], again & SLOT_MASK, index);
      if (branchLevel === 1) {
        count += leafEntries(pager, nodes, child);
      } else {
        pages.push(child);
        levels.push(branchLevel - 1);
      }
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
