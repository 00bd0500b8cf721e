/**
 * Relocation: moves nodes and shared pages of a tree to free pages of lower chunks, or else to
 * lower ones of the same chunk.
 *
 * A move is a change like any other, inside a transaction: it allocates a page, copies the node,
 * points the parent and the leaf before it at the page, and releases the old one. A root has no
 * parent; the caller stores its new page. For a shared page, the entries of its fragments point at
 * the page.
 *
 * A leaf takes siblings along, in key order. So a scan reads them one after another, one descent
 * finds all of them, and only the leaf before the first one changes besides.
 *
 * The path to a node is found by a key from the node itself, that to the entry of a fragment by the
 * key in the shared page. A page without such a path does not move.
 */

import { header, type PageNumber, type Pager } from "../../pager/mod.ts";
import { copyKey, KEY_BYTES_MAX } from "../node/node.ts";
import { copyNode, setChild } from "../node/node_edit.ts";
import { NodeView } from "../node/node_view.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import type { TreeNodes } from "../walk/tree_nodes.ts";
import { TreePath } from "../walk/tree_path.ts";
import { SharedOwner } from "./shared_owner.ts";

/** The siblings that a leaf takes along. */
export interface Siblings {
  /** The first page from which on they move. */
  readonly from: PageNumber;
  /** The most leaves that move, the leaf included. */
  readonly count: number;
  /** The time of `performance.now` after which no other moves. */
  readonly deadline: number;
}

/** Moves nodes and shared pages of one tree. */
export class Relocation {
  readonly #context: TreeContext;
  readonly #nodes: TreeNodes;
  readonly #pager: Pager;
  readonly #path = new TreePath();
  readonly #from = new NodeView();
  readonly #to = new NodeView();
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  readonly #owner: SharedOwner;

  /**
   * Creates the relocation of a tree.
   *
   * @param context The context of its database.
   * @param nodes Its pages.
   */
  constructor(context: TreeContext, nodes: TreeNodes) {
    this.#context = context;
    this.#nodes = nodes;
    this.#pager = context.pager;
    this.#owner = new SharedOwner(context.pager, nodes);
  }

  /**
   * Moves a node that is not the root. A leaf takes its siblings at or behind a page along; if not
   * all of them can move, the leaf may be among those that are left.
   *
   * @returns How many nodes moved.
   */
  move(page: PageNumber, siblings: Siblings): number {
    const depth = this.#descendTo(page);
    if (depth <= 0) return 0;
    const index = this.#path.indexes[depth - 1]!;
    if (depth < this.#path.depth) return this.#moveChildren(depth, index, index + 1, 0);
    const branch = this.#view(this.#path.pages[depth - 1]!, this.#from);
    const { from, count, deadline } = siblings;
    let first = index;
    while (first > 0 && index - first + 1 < count && branch.child(first - 1) >= from) first--;
    let end = index + 1;
    while (end < branch.entries && end - first < count && branch.child(end) >= from) end++;
    // The chunks below the first one may be full, and those below the leaf not.
    return this.#moveChildren(depth, first, end, deadline) ||
      this.#moveChildren(depth, index, index + 1, 0);
  }

  /**
   * Moves neighbouring children of the branch before a depth of the path, until a time at which one
   * has moved. Returns how many moved. If any did, the path becomes invalid.
   */
  #moveChildren(depth: number, first: number, end: number, deadline: number): number {
    const parent = this.#path.pages[depth - 1]!;
    const isLeaf = depth === this.#path.depth;
    const level = this.#path.depth - depth;
    let last = 0;
    let at = first;
    do {
      const page = this.#view(parent, this.#from).child(at);
      this.#nodes.check(this.#pager.at(page), page, level);
      const to = this.#copyDown(page);
      if (to < 0) break;
      const branch = this.#touch(parent);
      setChild(branch.frame, branch.slot, at, to);
      if (isLeaf && at > first) this.#link(last, to);
      else if (isLeaf) this.#linkFromBefore(depth, first, to);
      this.#nodes.release(page);
      last = to;
      at++;
    } while (at < end && performance.now() < deadline);
    return at - first;
  }

  /** Moves the root. Returns its new page, or -1 if there is none before it. */
  moveRoot(): number {
    const { root } = this.#nodes;
    const to = this.#copyDown(root);
    if (to >= 0) this.#nodes.release(root);
    return to;
  }

  /** Moves a shared page. Returns whether it moved. */
  moveShared(page: PageNumber): boolean {
    const { entries } = this.#view(page, this.#from);
    for (let index = 0; index < entries; index++) {
      if (!this.#owner.find(page, index)) return false;
    }
    const to = this.#copyDown(page);
    if (to < 0) return false;
    for (let index = 0; index < entries; index++) {
      this.#owner.find(page, index);
      this.#owner.refer(page, to);
    }
    this.#nodes.release(page);
    return true;
  }

  /** Descends to a node by a key in it or below it. Returns its depth on the path, or -1. */
  #descendTo(page: PageNumber): number {
    const { level } = this.#view(page, this.#from);
    const length = this.#keyIn(page);
    if (length < 0) return -1;
    this.#nodes.descend(this.#path, this.#key, length);
    const depth = this.#path.depth - level;
    return depth >= 0 && this.#path.pages[depth] === page ? depth : -1;
  }

  /** Copies a key of a node, or of its only descendants. Returns the length, or -1. */
  #keyIn(page: PageNumber): number {
    let view = this.#view(page, this.#from);
    for (;;) {
      const { frame, slot, level, entries } = view;
      // Entry 0 of a branch has no key.
      const index = level === 0 ? 0 : 1;
      if (index < entries) return copyKey(frame, slot, index, this.#key);
      if (level === 0) return -1;
      const child = view.child(0);
      this.#nodes.check(this.#pager.at(child), child, level - 1);
      view = this.#view(child, this.#from);
    }
  }

  /** Copies a page to one before it. Returns that one, or -1. */
  #copyDown(page: PageNumber): number {
    const { frame, slot } = this.#view(page, this.#from);
    const kind = header.kindOf(frame, slot);
    const to = this.#context.allocator.allocateBefore(page, 1, kind, this.#nodes.tree);
    if (to < 0) return -1;
    const target = this.#view(to, this.#to);
    const source = this.#view(page, this.#from);
    copyNode(source.frame, source.slot, target.frame, target.slot);
    return to;
  }

  /**
   * Links the leaf before a child of the branch before a depth of the path to a page. The path
   * becomes invalid.
   */
  #linkFromBefore(depth: number, index: number, to: PageNumber): void {
    this.#path.indexes[depth - 1] = index;
    const before = this.#nodes.neighbour(this.#path, false);
    if (before === undefined) return;
    this.#pager.touch(before.place);
    header.setLink(before.frame, before.slot, to);
  }

  /** Links a leaf to a page. */
  #link(leaf: PageNumber, to: PageNumber): void {
    const { frame, slot } = this.#touch(leaf);
    header.setLink(frame, slot, to);
  }

  #touch(page: PageNumber): NodeView {
    const view = this.#view(page, this.#from);
    this.#pager.touch(view.place);
    return view;
  }

  #view(page: PageNumber, view: NodeView): NodeView {
    return view.at(this.#pager.frames, this.#pager.at(page));
  }
}
