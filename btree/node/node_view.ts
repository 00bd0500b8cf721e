/**
 * A node in memory, as one thing: the frame and slot where it is, and its page number.
 *
 * A view is an object that is used again and again, so that looking at a node allocates nothing. It
 * holds good until another page is read: loading one may move or evict what it looks at. To come
 * back to a node, keep its page number and look it up again (`walk/tree_nodes.ts`).
 */

import { format, Frame, header } from "../../pager/mod.ts";
import { cellAt, childAt, searchBranch, searchLeaf } from "./node.ts";

const { CHUNK_SHIFT, KIND_LEAF, SLOT_MASK } = format;
const { entriesOf, kindOf, levelOf, linkOf } = header;

/** What a view looks at before it looks at a node. */
const NOTHING = new Frame(0, -1, 0);

/** A node in memory. */
export class NodeView {
  /** The frame that holds it. */
  frame: Frame = NOTHING;
  /** Its slot in the frame. */
  slot = 0;

  /** Looks at the node at a place; returns itself. */
  at(frames: readonly Frame[], place: number): this {
    this.frame = frames[place >>> CHUNK_SHIFT]!;
    this.slot = place & SLOT_MASK;
    return this;
  }

  /** Its page number. */
  get page(): number {
    return this.frame.pages[this.slot]!;
  }

  /** Its place, for the pager. */
  get place(): number {
    return (this.frame.index << CHUNK_SHIFT) | this.slot;
  }

  /** Its level; leaves are at 0. */
  get level(): number {
    return levelOf(this.frame, this.slot);
  }

  /** Whether it is a leaf. */
  get isLeaf(): boolean {
    return kindOf(this.frame, this.slot) === KIND_LEAF;
  }

  /** How many entries it has. */
  get entries(): number {
    return entriesOf(this.frame, this.slot);
  }

  /** Of a leaf: the page of the next leaf, or 0. */
  get link(): number {
    return linkOf(this.frame, this.slot);
  }

  /** Of a branch: the child of an entry. */
  child(index: number): number {
    return childAt(this.frame, this.slot, index);
  }

  /** Where, in `frame.u8`, the cell of an entry begins. */
  cell(index: number): number {
    return cellAt(this.frame, this.slot, index);
  }

  /** Of a branch: the entry whose child holds a key. */
  childFor(key: Uint8Array, length: number): number {
    return searchBranch(this.frame, this.slot, key, length);
  }

  /** Of a leaf: the index of a key, or the complement (~) of the index where it would go. */
  search(key: Uint8Array, length: number): number {
    return searchLeaf(this.frame, this.slot, key, length);
  }

  /** Of a leaf: the index of the first entry whose key is not below a key. */
  lowerBound(key: Uint8Array, length: number): number {
    const index = searchLeaf(this.frame, this.slot, key, length);
    return index < 0 ? ~index : index;
  }
}
