/**
 * The pages of one tree: finding them, checking that they are what their parent says, taking new
 * ones and giving them back.
 */

import { corruptHeader, format, header, type PageReader } from "../../pager/mod.ts";
import { childAt, LEVEL_MAX, searchBranch } from "../node/node.ts";
import { clearNode } from "../node/node_edit.ts";
import type { Path } from "./path.ts";
import type { Space } from "./space.ts";

const { CHUNK_SHIFT, HEADER, HEADER_WORD_SHIFT, KIND_BRANCH, KIND_LEAF, SLOT_MASK } = format;
const { entriesOf, kindOf, levelOf, treeOf } = header;

/** The pages of one tree. */
export class Nodes {
  /** The tree's number, in the header of each of its pages. */
  readonly tree: number;
  /** The root page; it never moves. */
  readonly root: number;
  readonly #pager: PageReader;
  readonly #space: Space;

  /**
   * The pages of a tree.
   *
   * @param space Where it lives.
   * @param tree Its number.
   * @param root Its root page.
   * @param reader Where its pages are read: the pager, or a snapshot.
   */
  constructor(space: Space, tree: number, root: number, reader: PageReader) {
    this.#space = space;
    this.#pager = reader;
    this.tree = tree;
    this.root = root;
  }

  /** The place of the root. */
  rootPlace(): number {
    const place = this.#pager.at(this.root);
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    const kind = kindOf(frame, slot);
    if (kind !== KIND_LEAF && kind !== KIND_BRANCH) {
      corruptHeader(this.root, HEADER.kind, `the root of a tree is of kind ${kind}`);
    }
    if (treeOf(frame, slot) !== this.tree) this.#foreign(this.root);
    return place;
  }

  /** The place of a page that must be a node of this tree at a level. */
  place(page: number, level: number): number {
    const place = this.#pager.at(page);
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const word = (place & SLOT_MASK) << HEADER_WORD_SHIFT;
    const shape = level === 0 ? KIND_LEAF : KIND_BRANCH | (level << 8);
    if ((frame.u32[word]! & 0xffff) !== shape) {
      corruptHeader(page, HEADER.kind, `not a node of level ${level}, as its parent says`);
    }
    if (frame.u32[word + 1] !== this.tree) this.#foreign(page);
    return place;
  }

  #foreign(page: number): never {
    corruptHeader(page, HEADER.tree, `not a page of tree ${this.tree}`);
  }

  /** The place of the leaf where a key is or would be. */
  leafFor(key: Uint8Array, length: number): number {
    let place = this.rootPlace();
    let frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    let slot = place & SLOT_MASK;
    for (let level = levelOf(frame, slot) - 1; level >= 0; level--) {
      const index = searchBranch(frame, slot, key, length);
      place = this.place(childAt(frame, slot, index), level);
      frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
      slot = place & SLOT_MASK;
    }
    return place;
  }

  /** As `leafFor`, and notes the way there. */
  descend(path: Path, key: Uint8Array, length: number): number {
    let place = this.#begin(path);
    while (this.#levelAt(place) > 0) {
      const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
      place = this.#down(path, place, searchBranch(frame, place & SLOT_MASK, key, length));
    }
    return place;
  }

  /** The place of the first leaf, or of the last, and the way there. */
  descendToEdge(path: Path, last: boolean): number {
    let place = this.#begin(path);
    while (this.#levelAt(place) > 0) {
      const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
      place = this.#down(path, place, last ? entriesOf(frame, place & SLOT_MASK) - 1 : 0);
    }
    return place;
  }

  /**
   * Moves a path to the leaf after the one it leads to, or before.
   *
   * @returns The place of that leaf, or -1 when there is none; then the path is of no more use.
   */
  neighbour(path: Path, forward: boolean): number {
    const step = forward ? 1 : -1;
    const leafDepth = path.depth;
    for (let depth = leafDepth - 1; depth >= 0; depth--) {
      let place = depth === 0
        ? this.rootPlace()
        : this.place(path.pages[depth]!, leafDepth - depth);
      const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
      const index = path.indexes[depth]! + step;
      if (index < 0 || index >= entriesOf(frame, place & SLOT_MASK)) continue;
      path.depth = depth;
      place = this.#down(path, place, index);
      while (this.#levelAt(place) > 0) {
        const inner = this.#pager.frames[place >>> CHUNK_SHIFT]!;
        place = this.#down(path, place, forward ? 0 : entriesOf(inner, place & SLOT_MASK) - 1);
      }
      return place;
    }
    return -1;
  }

  /** The place of the branch at a depth of a path that leads to a leaf. */
  placeOn(path: Path, depth: number): number {
    return depth === 0 ? this.rootPlace() : this.place(path.pages[depth]!, path.depth - depth);
  }

  /** Takes a page for a node, empty, its level set. */
  create(level: number, near: number): number {
    return createNode(this.#space, this.tree, level, near);
  }

  /** Gives a node's page back. */
  release(page: number): void {
    this.#space.allocator.release(page, 1);
  }

  #begin(path: Path): number {
    path.depth = 0;
    path.pages[0] = this.root;
    return this.rootPlace();
  }

  /** Follows an entry of the branch at the end of a path. */
  #down(path: Path, place: number, index: number): number {
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const child = childAt(frame, place & SLOT_MASK, index);
    path.indexes[path.depth] = index;
    path.pages[++path.depth] = child;
    return this.place(child, levelOf(frame, place & SLOT_MASK) - 1);
  }

  #levelAt(place: number): number {
    return levelOf(this.#pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
  }
}

/** Takes a page for a node of a tree, empty, its level set. */
export function createNode(space: Space, tree: number, level: number, near: number): number {
  const { pager, allocator } = space;
  if (level > LEVEL_MAX) {
    throw new RangeError(`Cannot grow tree ${tree}: level ${level} is too high`);
  }
  const kind = level === 0 ? KIND_LEAF : KIND_BRANCH;
  const page = allocator.acquire(kind, tree, near);
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  header.setShape(frame, place & SLOT_MASK, kind, level);
  clearNode(frame, place & SLOT_MASK);
  return page;
}
