/**
 * A walk through the entries of a range where they lie in the pages, forward. It copies nothing, so
 * what it shows is valid only until other pages are read or any is changed. A walk that is used
 * after that refuses to go on.
 */

import { format, type Frame } from "../../pager/mod.ts";
import { warmPage } from "../node/cache_warming.ts";
import { copyKey, LeafCell, offsetIndex, REFERENCE_TAG } from "../node/node.ts";
import type { NodeView } from "../node/node_view.ts";
import type { TreeNodes } from "./tree_nodes.ts";
import { TreePath } from "./tree_path.ts";

const { PAGE_SHIFT } = format;

/** A walk through the entries of a range. */
export class LeafViews {
  /** The memory that has the value of the entry, or the reference to it. */
  bytes: Uint8Array;
  /** Where that begins. */
  start = 0;
  /** Where it ends. */
  end = 0;
  /** Whether it is a reference. */
  isReference = false;
  readonly #nodes: TreeNodes;
  readonly #upper: Uint8Array | undefined;
  readonly #path = new TreePath();
  readonly #cell = new LeafCell();
  readonly #changes: number;
  #frame: Frame;
  #slot = 0;
  #page = 0;
  #entries = 0;
  /** The entry, and the one at which the range ends in this leaf. */
  #index = -1;
  #limit = 0;
  #more = true;

  /** Begins before the first entry that is not below `lower`; the range ends below `upper`. */
  constructor(nodes: TreeNodes, lower: Uint8Array | undefined, upper: Uint8Array | undefined) {
    this.#nodes = nodes;
    this.#upper = upper;
    this.#changes = nodes.changes;
    const leaf = lower === undefined
      ? nodes.descendToEdge(this.#path, false)
      : nodes.descend(this.#path, lower, lower.length);
    this.#frame = leaf.frame;
    this.bytes = leaf.frame.u8;
    this.#enter(leaf);
    this.#index = (lower === undefined ? 0 : leaf.lowerBound(lower, lower.length)) - 1;
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    this.#refuseMoved();
    while (++this.#index >= this.#limit) {
      if (!this.#more) return false;
      const leaf = this.#nodes.neighbour(this.#path, true);
      if (leaf === undefined) return this.#more = false;
      this.#enter(leaf);
      this.#index = -1;
    }
    this.#show();
    return true;
  }

  /** Copies the key of the entry, and returns its length. */
  copyKey(into: Uint8Array): number {
    this.#refuseMoved();
    return copyKey(this.#frame, this.#slot, this.#index, into);
  }

  /** Finds the leaf again, after other pages were read. */
  reload(): void {
    const leaf = this.#nodes.leafOn(this.#path);
    this.#frame = leaf.frame;
    this.#slot = leaf.slot;
    this.bytes = leaf.frame.u8;
  }

  #enter(leaf: NodeView): void {
    const { frame, slot, entries } = leaf;
    this.#frame = frame;
    this.#slot = slot;
    this.#page = leaf.page;
    this.#entries = entries;
    this.bytes = frame.u8;
    const upper = this.#upper;
    this.#limit = upper === undefined ? entries : leaf.lowerBound(upper, upper.length);
    this.#more = this.#limit === entries;
    warmPage(frame, slot);
  }

  #show(): void {
    const { u8, u16 } = this.#frame;
    const cell = this.#cell;
    const offsets = offsetIndex(this.#slot, this.#entries, this.#index, true);
    cell.read(u8, (this.#slot << PAGE_SHIFT) + u16[offsets]!);
    this.start = cell.valueAt;
    this.end = cell.end;
    this.isReference = cell.tag === REFERENCE_TAG;
  }

  #refuseMoved(): void {
    const isHere = this.#frame.pages[this.#slot] === this.#page &&
      this.#nodes.changes === this.#changes;
    if (!isHere) refuseMoved();
  }
}

/** Refuses to go on where pages may have moved. */
export function refuseMoved(): never {
  throw new TypeError("Cannot go on: the function of a visit of views used the database");
}
