/**
 * Range delete: removes all keys between two bounds.
 *
 * Two paths lead to the leaves of the bounds. All subtrees between the paths are dropped: at the
 * branch where the paths part, the entries between them; below it, all entries right of the left
 * path and left of the right path. Of dropped leaves only headers are read, unless they refer to
 * values outside of them. Then the two leaves lose their entries in the range, the chain of leaves
 * is closed, and both paths are repaired. If the range holds no key, no page is touched.
 */

import { corruptHeader, format, header, type PageNumber, type Pager } from "../../pager/mod.ts";
import { childAt, copyKey, KEY_BYTES_MAX, LeafCell, REFERENCE_TAG } from "../node/node.ts";
import { compactNode, removeBranchEntry, removeLeafEntry } from "../node/node_edit.ts";
import { NodeView } from "../node/node_view.ts";
import { decodeReference } from "../value/reference.ts";
import { releaseRuns } from "../value/runs.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import type { TreeNodes } from "../walk/tree_nodes.ts";
import { TreePath } from "../walk/tree_path.ts";
import type { Rebalancer } from "./rebalancer.ts";
import { SharedReleases } from "./shared_releases.ts";

const { FLAG_HOLDS_RUNS, HEADER, KIND_LEAF } = format;
const { entriesOf, flagsOf, setLink, shapeOf, treeOf } = header;

/** Removes every key of a tree from `from` to below `to`. Returns the number removed. */
export function deleteRange(
  context: TreeContext,
  nodes: TreeNodes,
  rebalancer: Rebalancer,
  from: Uint8Array | undefined,
  to: Uint8Array | undefined,
): number {
  return new RangeDelete(context, nodes, rebalancer).run(from, to);
}

class RangeDelete {
  readonly #context: TreeContext;
  readonly #nodes: TreeNodes;
  readonly #pager: Pager;
  readonly #rebalancer: Rebalancer;
  readonly #left = new TreePath();
  readonly #right = new TreePath();
  readonly #view = new NodeView();
  readonly #cell = new LeafCell();
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  readonly #shared: SharedReleases;
  #count = 0;
  #hasChanged = false;

  constructor(context: TreeContext, nodes: TreeNodes, rebalancer: Rebalancer) {
    this.#context = context;
    this.#nodes = nodes;
    this.#pager = context.pager;
    this.#rebalancer = rebalancer;
    this.#shared = new SharedReleases(context, nodes.tree);
  }

  run(from: Uint8Array | undefined, to: Uint8Array | undefined): number {
    const start = this.#findStart(from);
    const end = this.#findEnd(to);
    const leftPage = this.#left.pages[this.#left.depth]!;
    const rightPage = this.#right.pages[this.#right.depth]!;
    if (leftPage === rightPage) {
      this.#removeEntries(leftPage, start, end);
    } else if (this.#isBefore()) {
      this.#removeEntries(leftPage, start, Infinity);
      this.#removeEntries(rightPage, 0, end);
      this.#dropBetween();
      if (this.#hasChanged) this.#link(leftPage, rightPage);
    }
    this.#shared.finish();
    if (this.#hasChanged) this.#repairPaths(from, to);
    return this.#count;
  }

  /** Finds the leaf where the range begins. Returns the index of its first key. */
  #findStart(from: Uint8Array | undefined): number {
    if (from === undefined) {
      this.#nodes.descendToEdge(this.#left, false);
      return 0;
    }
    return this.#nodes.descend(this.#left, from, from.length).lowerBound(from, from.length);
  }

  /** Finds the leaf where the range ends. Returns the index of the first key after it. */
  #findEnd(to: Uint8Array | undefined): number {
    if (to === undefined) {
      this.#nodes.descendToEdge(this.#right, true);
      return Infinity;
    }
    return this.#nodes.descend(this.#right, to, to.length).lowerBound(to, to.length);
  }

  /** Whether the left path is left of the right one; it is not if the bounds are reversed. */
  #isBefore(): boolean {
    const depth = this.#partingDepth();
    return this.#left.indexes[depth]! < this.#right.indexes[depth]!;
  }

  /** The depth of the lowest branch that both paths go through. */
  #partingDepth(): number {
    let depth = 0;
    while (this.#left.indexes[depth] === this.#right.indexes[depth]) depth++;
    return depth;
  }

  #removeEntries(page: PageNumber, from: number, to: number): void {
    const end = Math.min(to, this.#look(page).entries);
    if (end <= from) return;
    this.#touch(page);
    for (let index = end - 1; index >= from; index--) {
      this.#releaseRunsOf(page, index);
      const { frame, slot } = this.#look(page);
      removeLeafEntry(frame, slot, index);
      this.#count++;
    }
    const { frame, slot } = this.#look(page);
    if (entriesOf(frame, slot) > 0) compactNode(frame, slot);
  }

  #releaseRunsOf(page: PageNumber, index: number): void {
    const leaf = this.#look(page);
    const { u8 } = leaf.frame;
    this.#cell.read(u8, leaf.cell(index));
    if (this.#cell.tag !== REFERENCE_TAG) return;
    const reference = decodeReference(u8, this.#cell.valueAt);
    const length = copyKey(leaf.frame, leaf.slot, index, this.#key);
    releaseRuns(this.#pager, this.#context.allocator, this.#nodes.tree, reference);
    if (reference.number !== 0) this.#shared.add(reference, this.#key.slice(0, length));
  }

  #dropBetween(): void {
    const parting = this.#partingDepth();
    for (let depth = this.#left.depth - 1; depth > parting; depth--) {
      this.#dropChildren(this.#left.pages[depth]!, this.#left.indexes[depth]! + 1, Infinity);
      this.#dropChildren(this.#right.pages[depth]!, 0, this.#right.indexes[depth]!);
    }
    const from = this.#left.indexes[parting]! + 1;
    this.#dropChildren(this.#left.pages[parting]!, from, this.#right.indexes[parting]!);
  }

  /** Drops entries from..to-1 of a branch with their subtrees. */
  #dropChildren(page: PageNumber, from: number, to: number): void {
    const end = Math.min(to, this.#look(page).entries);
    if (end <= from) return;
    const branch = this.#touch(page);
    const { frame, slot } = branch;
    const level = branch.level - 1;
    for (let index = end - 1; index >= from; index--) {
      this.#dropSubtree(childAt(frame, slot, index), level);
      removeBranchEntry(frame, slot, index);
    }
  }

  #dropSubtree(page: PageNumber, level: number): void {
    const pages = [page];
    const levels = [level];
    while (pages.length > 0) {
      const next = pages.pop()!;
      const nextLevel = levels.pop()!;
      if (nextLevel === 0) {
        this.#dropLeaf(next);
        continue;
      }
      const branch = this.#nodes.node(next, nextLevel);
      for (let index = 0; index < branch.entries; index++) {
        pages.push(branch.child(index));
        levels.push(nextLevel - 1);
      }
      this.#nodes.release(next);
    }
  }

  #dropLeaf(page: PageNumber): void {
    const frame = this.#pager.peek(page);
    const slot = this.#pager.peekedSlot;
    const shape = shapeOf(frame, slot);
    if ((shape & 0xffff) !== KIND_LEAF || treeOf(frame, slot) !== this.#nodes.tree) {
      corruptHeader(
        page,
        HEADER.kind,
        `not a leaf of tree ${this.#nodes.tree}, as its parent says`,
      );
    }
    const entries = shape >>> 16;
    if ((flagsOf(frame, slot) & FLAG_HOLDS_RUNS) !== 0) this.#releaseAllRuns(page, entries);
    this.#count += entries;
    this.#nodes.release(page);
  }

  #releaseAllRuns(page: PageNumber, entries: number): void {
    for (let index = 0; index < entries; index++) {
      this.#nodes.node(page, 0);
      this.#releaseRunsOf(page, index);
    }
  }

  #link(leftPage: number, rightPage: number): void {
    const { frame, slot } = this.#touch(leftPage);
    setLink(frame, slot, rightPage);
  }

  /** Repairs both paths, whose pages may be thin or empty. */
  #repairPaths(from: Uint8Array | undefined, to: Uint8Array | undefined): void {
    const { path } = this.#context;
    if (to === undefined) this.#nodes.descendToEdge(path, true);
    else this.#nodes.descend(path, to, to.length);
    this.#rebalancer.repair();
    if (from === undefined) this.#nodes.descendToEdge(path, false);
    else this.#nodes.descend(path, from, from.length);
    this.#rebalancer.repair();
  }

  #touch(page: PageNumber): NodeView {
    const view = this.#look(page);
    this.#pager.touch(view.place);
    this.#hasChanged = true;
    return view;
  }

  #look(page: PageNumber): NodeView {
    return this.#view.at(this.#pager.frames, this.#pager.at(page));
  }
}
