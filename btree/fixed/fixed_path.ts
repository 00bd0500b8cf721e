/**
 * The way from the root of a fixed tree down to one of its nodes, and from there to its neighbours.
 *
 * A path holds page numbers and indexes, not places, so it stays true while pages come and go in
 * the cache. It does not stay true when the tree changes: seek again.
 *
 * Every step down checks that the child is of the kind, level and tree that its parent says, and
 * not empty; so levels fall strictly, and no path is longer than 32 nodes.
 */

import { corruptHeader, format, type Frame, header, type Pager } from "../../pager/mod.ts";
import { childIndex, childOf, kindOfLevel, LEVEL_MAX } from "./fixed_node.ts";

const { CHUNK_SHIFT, HEADER, KIND_FIXED_BRANCH, KIND_FIXED_LEAF, SLOT_MASK } = format;
const { entriesOf, kindOf, levelOf, shapeOf, treeOf } = header;

const DEPTH_MAX = LEVEL_MAX + 1;

/** The way from the root of a fixed tree down to one of its nodes. */
export class FixedPath {
  /** The pages on the way, the root first. */
  readonly pages: Uint32Array = new Uint32Array(DEPTH_MAX);
  /** The index of the child taken, at each branch on the way. */
  readonly indexes: Uint16Array = new Uint16Array(DEPTH_MAX);
  /** How many branches lie above the node where the way ends. */
  depth = 0;

  readonly #pager: Pager;
  readonly #tree: number;
  readonly #bottom: number;

  /**
   * A path that leads nowhere yet.
   *
   * @param pager Where the pages are.
   * @param tree The id of the tree.
   * @param root Its root page.
   * @param bottom The level of the nodes where it is to end; the root's must not be lower.
   */
  constructor(pager: Pager, tree: number, root: number, bottom: number = 0) {
    this.#pager = pager;
    this.#tree = tree;
    this.#bottom = bottom;
    this.pages[0] = root;
  }

  /** Goes to the node where the key in flight belongs, and returns its place. */
  seek(key: Uint32Array): number {
    const { frames } = this.#pager;
    let place = this.enterRoot();
    let frame = frames[place >>> CHUNK_SHIFT]!;
    let level = levelOf(frame, place & SLOT_MASK);
    for (; level > this.#bottom; level--) {
      place = this.#enter(
        frame,
        place & SLOT_MASK,
        childIndex(frame, place & SLOT_MASK, key),
        level,
      );
      frame = frames[place >>> CHUNK_SHIFT]!;
    }
    return place;
  }

  /** Goes to the first node, and returns its place. */
  first(): number {
    return this.#fall(this.enterRoot(), false);
  }

  /** Goes to the right neighbour, and returns its place; stays and returns -1 if there is none. */
  right(): number {
    for (let depth = this.depth - 1; depth >= 0; depth--) {
      const place = this.#pager.at(this.pages[depth]!);
      const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
      const index = this.indexes[depth]! + 1;
      if (index >= entriesOf(frame, place & SLOT_MASK)) continue;
      return this.#turn(frame, place & SLOT_MASK, depth, index, false);
    }
    return -1;
  }

  /** Goes to the left neighbour, and returns its place; stays and returns -1 if there is none. */
  left(): number {
    for (let depth = this.depth - 1; depth >= 0; depth--) {
      const index = this.indexes[depth]! - 1;
      if (index < 0) continue;
      const place = this.#pager.at(this.pages[depth]!);
      const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
      return this.#turn(frame, place & SLOT_MASK, depth, index, true);
    }
    return -1;
  }

  /** Becomes the same way as another path of the same tree. */
  follow(other: FixedPath): void {
    this.pages.set(other.pages);
    this.indexes.set(other.indexes);
    this.depth = other.depth;
  }

  /** Learns that the content of the root has moved down to a page, the root's only child. */
  lengthen(page: number): void {
    this.pages.copyWithin(2, 1, this.depth + 1);
    this.indexes.copyWithin(1, 0, this.depth);
    this.pages[1] = page;
    this.indexes[0] = 0;
    this.depth++;
  }

  /** Goes to the root, whatever its level, and returns its place. */
  enterRoot(): number {
    const root = this.pages[0]!;
    const place = this.#pager.at(root);
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const kind = kindOf(frame, place & SLOT_MASK);
    if (kind !== KIND_FIXED_LEAF && kind !== KIND_FIXED_BRANCH) {
      corruptHeader(root, HEADER.kind, `the root of a fixed tree cannot be of kind ${kind}`);
    }
    checkTree(frame, place & SLOT_MASK, root, this.#tree);
    this.depth = 0;
    return place;
  }

  /** Enters another child of a branch on the way, and goes on down to its first or last node. */
  #turn(frame: Frame, slot: number, depth: number, index: number, toLast: boolean): number {
    this.depth = depth;
    return this.#fall(this.#enter(frame, slot, index, levelOf(frame, slot)), toLast);
  }

  #fall(from: number, toLast: boolean): number {
    const { frames } = this.#pager;
    let place = from;
    let frame = frames[place >>> CHUNK_SHIFT]!;
    let level = levelOf(frame, place & SLOT_MASK);
    for (; level > this.#bottom; level--) {
      const index = toLast ? entriesOf(frame, place & SLOT_MASK) - 1 : 0;
      place = this.#enter(frame, place & SLOT_MASK, index, level);
      frame = frames[place >>> CHUNK_SHIFT]!;
    }
    return place;
  }

  /** Steps from a branch of a level down to a child. */
  #enter(frame: Frame, slot: number, index: number, level: number): number {
    const page = childOf(frame, slot, index);
    const place = this.#pager.at(page);
    const childFrame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    checkChild(childFrame, place & SLOT_MASK, page, level - 1, this.#tree);
    this.indexes[this.depth++] = index;
    this.pages[this.depth] = page;
    return place;
  }
}

/**
 * Checks that a page is what the branch above it says, by its header alone.
 *
 * @throws {CorruptionError} It is of another kind, level or tree, or empty.
 */
export function checkChild(
  frame: Frame,
  slot: number,
  page: number,
  level: number,
  tree: number,
): void {
  const shape = shapeOf(frame, slot);
  if ((shape & 0xffff) !== (kindOfLevel(level) | (level << 8))) {
    corruptHeader(page, HEADER.kind, `the branch above says a fixed node of level ${level}`);
  }
  if (shape >>> 16 === 0) {
    corruptHeader(page, HEADER.entries, "a fixed node below another is empty");
  }
  checkTree(frame, slot, page, tree);
}

function checkTree(frame: Frame, slot: number, page: number, tree: number): void {
  const owner = treeOf(frame, slot);
  if (owner !== tree) corruptHeader(page, HEADER.tree, `it belongs to tree ${owner}, not ${tree}`);
}
