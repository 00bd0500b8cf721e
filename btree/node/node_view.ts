/**
 * A view of a node in memory: its frame, its slot and its page number.
 *
 * Views are reused, so that reading a node allocates nothing. A view is valid until another page
 * is read: a load may move or evict the viewed page. To return to a node, keep its page number and
 * look it up again (`walk/tree_nodes.ts`).
 */

import { format, Frame, header, type PageNumber, type Place } from "../../pager/mod.ts";
import { cellAt, childAt, searchBranch, searchLeaf } from "./node.ts";

const { CHUNK_SHIFT, KIND_LEAF, SLOT_MASK } = format;
const { entriesOf, kindOf, levelOf, linkOf } = header;

/** The frame of a view that has no node yet. */
const NOTHING = new Frame(0, -1, 0);

/** A view of a node in memory. */
export class NodeView {
  /** The frame that holds it. */
  frame: Frame = NOTHING;
  /** Its slot in the frame. */
  slot = 0;

  /** Points the view at the node at a place. Returns the view. */
  at(frames: readonly Frame[], place: Place): this {
    this.frame = frames[place >>> CHUNK_SHIFT]!;
    this.slot = place & SLOT_MASK;
    return this;
  }

  /** Its page number. */
  get page(): PageNumber {
    return this.frame.pages[this.slot]!;
  }

  /** Its place, for the pager. */
  get place(): Place {
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

  /** The number of entries. */
  get entries(): number {
    return entriesOf(this.frame, this.slot);
  }

  /** The page of the next leaf, or 0. Leaves only. */
  get link(): PageNumber {
    return linkOf(this.frame, this.slot);
  }

  /** The child of an entry. Branches only. */
  child(index: number): PageNumber {
    return childAt(this.frame, this.slot, index);
  }

  /** Where, in `frame.u8`, the cell of an entry begins. */
  cell(index: number): number {
    return cellAt(this.frame, this.slot, index);
  }

  /** The entry whose child holds a key. Branches only. */
  childFor(key: Uint8Array, length: number): number {
    return searchBranch(this.frame, this.slot, key, length);
  }

  /** The index of a key, or the complement (~) of its insertion point. Leaves only. */
  search(key: Uint8Array, length: number): number {
    return searchLeaf(this.frame, this.slot, key, length);
  }

  /** The index of the first entry whose key is not below a key. Leaves only. */
  lowerBound(key: Uint8Array, length: number): number {
    const index = searchLeaf(this.frame, this.slot, key, length);
    return index < 0 ? ~index : index;
  }
}
