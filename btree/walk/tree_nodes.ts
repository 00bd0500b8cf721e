/**
 * The nodes of one tree: descends to them, checks that each matches its parent, and allocates and
 * releases their pages.
 *
 * Each level has one view, so a descent has a view for each node of its path, and no step
 * allocates. A node is returned in the view of its level. A caller that needs two nodes of one
 * level passes a view for the second.
 */

import {
  corruptHeader,
  format,
  type Frame,
  header,
  type PageNumber,
  type Pager,
  type PageReader,
  type Place,
} from "../../pager/mod.ts";
import { compareEntry, copyKey, LEVEL_MAX } from "../node/node.ts";
import { clearNode } from "../node/node_edit.ts";
import type { NodeView } from "../node/node_view.ts";
import type { TreeContext } from "./tree_context.ts";
import type { TreePath } from "./tree_path.ts";

const { CHUNK_SHIFT, HEADER, HEADER_WORD_SHIFT, KIND_BRANCH, KIND_LEAF, SLOT_MASK } = format;
const { kindOf, levelOf, treeOf } = header;

/** The nodes of one tree. */
export class TreeNodes {
  /** The id of the tree, in the header of each of its pages. */
  readonly tree: number;
  /** The root page. Only a compaction moves it; then a new object is needed. */
  readonly root: number;
  /** The reader of its pages: the pager, or a snapshot, which is read-only. */
  readonly reader: PageReader;
  /** Incremented by every change, so that cursors detect it and seek again. */
  changes = 0;

  readonly #context: TreeContext;
  readonly #frames: readonly Frame[];
  readonly #views: readonly NodeView[];
  /** The key of the branch between the leaf of the last `walkOn` and the one before. */
  readonly #separator: Uint8Array;
  #separatorLength = 0;

  /**
   * Creates the nodes of a tree.
   *
   * @param context The context of its database.
   * @param tree Its number.
   * @param root Its root page.
   * @param reader The reader of its pages: the pager, or a snapshot.
   */
  constructor(context: TreeContext, tree: number, root: number, reader: PageReader) {
    this.#context = context;
    this.#frames = reader.frames;
    this.#views = context.views;
    this.#separator = context.separator;
    this.reader = reader;
    this.tree = tree;
    this.root = root;
  }

  /** The pager, where the pages are changed. */
  get pager(): Pager {
    return this.#context.pager;
  }

  /** The root. */
  rootNode(): NodeView {
    const place = this.reader.at(this.root);
    const frame = this.#frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    const kind = kindOf(frame, slot);
    if (kind !== KIND_LEAF && kind !== KIND_BRANCH) {
      corruptHeader(this.root, HEADER.kind, `the root of a tree is of kind ${kind}`);
    }
    if (treeOf(frame, slot) !== this.tree) this.#foreign(this.root);
    return this.#views[levelOf(frame, slot)]!.at(this.#frames, place);
  }

  /**
   * Reads a page that must be a node of this tree at a level.
   *
   * @param view The view to point at it; by default the view of its level.
   */
  node(page: PageNumber, level: number, view: NodeView = this.#views[level]!): NodeView {
    const place = this.reader.at(page);
    this.check(place, page, level);
    return view.at(this.#frames, place);
  }

  /** Checks that the page at a place is a node of this tree at a level. */
  check(place: Place, page: PageNumber, level: number): void {
    const { u32 } = this.#frames[place >>> CHUNK_SHIFT]!;
    const word = (place & SLOT_MASK) << HEADER_WORD_SHIFT;
    const shape = level === 0 ? KIND_LEAF : KIND_BRANCH | (level << 8);
    if ((u32[word]! & 0xffff) !== shape) {
      corruptHeader(page, HEADER.kind, `not a node of level ${level}, as its parent says`);
    }
    if (u32[word + 1] !== this.tree) this.#foreign(page);
  }

  /** The child of an entry of a branch. */
  child(branch: NodeView, index: number): NodeView {
    return this.node(branch.child(index), branch.level - 1);
  }

  /** The leaf where a key is or would be. */
  leafFor(key: Uint8Array, length: number): NodeView {
    let node = this.rootNode();
    while (node.level > 0) node = this.child(node, node.childFor(key, length));
    return node;
  }

  /** The first or the last leaf. */
  edgeLeaf(last: boolean): NodeView {
    let node = this.rootNode();
    while (node.level > 0) node = this.child(node, last ? node.entries - 1 : 0);
    return node;
  }

  /** Like `leafFor`, and records the path. */
  descend(path: TreePath, key: Uint8Array, length: number): NodeView {
    let node = this.#begin(path);
    while (node.level > 0) node = this.#down(path, node, node.childFor(key, length));
    return node;
  }

  /** The first or the last leaf. Records the path. */
  descendToEdge(path: TreePath, last: boolean): NodeView {
    let node = this.#begin(path);
    while (node.level > 0) node = this.#down(path, node, last ? node.entries - 1 : 0);
    return node;
  }

  /**
   * Moves a path to the next or the previous leaf.
   *
   * @returns That leaf, or undefined at the edge of the tree, where the path becomes invalid.
   */
  neighbour(path: TreePath, forward: boolean): NodeView | undefined {
    return this.#step(path, forward, false);
  }

  /** Moves to a neighbour; `notes` keeps the key between the two before other pages are read. */
  #step(path: TreePath, forward: boolean, notes: boolean): NodeView | undefined {
    const step = forward ? 1 : -1;
    for (let depth = path.depth - 1; depth >= 0; depth--) {
      let node = this.nodeOn(path, depth);
      const index = path.indexes[depth]! + step;
      if (index < 0 || index >= node.entries) continue;
      path.depth = depth;
      if (notes) this.#noteSeparator(node, forward ? index : index + 1);
      node = this.#down(path, node, index);
      while (node.level > 0) node = this.#down(path, node, forward ? 0 : node.entries - 1);
      return node;
    }
    return undefined;
  }

  /**
   * Moves a path as `neighbour` does, in a walk that may reach every leaf.
   *
   * @throws {CorruptionError} It has reached more leaves than the file has pages: branches share
   * children, and the walk would not end.
   */
  nextLeaf(path: TreePath, forward: boolean): NodeView | undefined {
    this.#countLeaf(path, forward);
    return this.#step(path, forward, false);
  }

  /**
   * Moves a path as `nextLeaf` does, to a leaf whose keys are where its branches say.
   *
   * @throws {CorruptionError} They are not. Whoever went on behind such a key would come to the
   * same leaf again and again.
   */
  walkOn(path: TreePath, forward: boolean): NodeView | undefined {
    this.#countLeaf(path, forward);
    const leaf = this.#step(path, forward, true);
    if (leaf === undefined || leaf.entries === 0) return leaf;
    const { frame, slot, entries } = leaf;
    const index = forward ? 0 : entries - 1;
    const order = compareEntry(frame, slot, index, this.#separator, this.#separatorLength);
    if (order < 0 === forward) {
      corruptHeader(leaf.page, HEADER.tree, "a leaf has keys of its neighbour, as a branch says");
    }
    return leaf;
  }

  #countLeaf(path: TreePath, forward: boolean): void {
    path.leaves += forward ? 1 : -1;
    if (Math.abs(path.leaves) > this.reader.meta.pageCount) {
      corruptHeader(this.root, HEADER.tree, "the tree has more leaves than the file has pages");
    }
  }

  #noteSeparator({ frame, slot }: NodeView, index: number): void {
    this.#separatorLength = copyKey(frame, slot, index, this.#separator);
  }

  /** The node at a depth of a path that leads to a leaf. */
  nodeOn(path: TreePath, depth: number): NodeView {
    return depth === 0 ? this.rootNode() : this.node(path.pages[depth]!, path.depth - depth);
  }

  /** The leaf that a path leads to. */
  leafOn(path: TreePath): NodeView {
    return this.nodeOn(path, path.depth);
  }

  /** Allocates a page for an empty node of a level. */
  create(level: number, near: number): number {
    return createNode(this.#context, this.tree, level, near);
  }

  /** Releases a node's page. */
  release(page: PageNumber): void {
    this.#context.allocator.release(page, 1);
  }

  #begin(path: TreePath): NodeView {
    path.depth = 0;
    path.leaves = 0;
    path.pages[0] = this.root;
    return this.rootNode();
  }

  /** Follows an entry of the branch at the end of a path. */
  #down(path: TreePath, branch: NodeView, index: number): NodeView {
    path.indexes[path.depth] = index;
    path.pages[++path.depth] = branch.child(index);
    return this.child(branch, index);
  }

  #foreign(page: PageNumber): never {
    corruptHeader(page, HEADER.tree, `not a page of tree ${this.tree}`);
  }
}

/** Allocates a page for an empty node of a tree, of a level. */
export function createNode(
  context: TreeContext,
  tree: number,
  level: number,
  near: number,
): number {
  const { pager, allocator } = context;
  if (level > LEVEL_MAX) {
    throw new RangeError(`Cannot grow tree ${tree}: level ${level} is too high`);
  }
  const kind = level === 0 ? KIND_LEAF : KIND_BRANCH;
  const page = allocator.allocate(kind, tree, near);
  const { frame, slot } = context.views[level]!.at(pager.frames, pager.at(page));
  header.setShape(frame, slot, kind, level);
  clearNode(frame, slot);
  return page;
}
