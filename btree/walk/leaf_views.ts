/**
 * A walk through the entries of a range where they lie in the pages, forward. It copies nothing, so
 * what it shows is valid only until other pages are read or any is changed. A walk that is used
 * after that refuses to go on.
 *
 * An object serves one walk after the other: a walk through few entries costs less than an object.
 */

import { format, Frame, header } from "../../pager/mod.ts";
import { warmPage } from "../node/cache_warming.ts";
import {
  HEAD_BYTES,
  headIndex,
  LeafCell,
  offsetIndex,
  prefixAt,
  REFERENCE_TAG,
} from "../node/node.ts";
import type { NodeView } from "../node/node_view.ts";
import type { TreeNodes } from "./tree_nodes.ts";
import { TreePath } from "./tree_path.ts";

const { PAGE_SHIFT } = format;
const { prefixLengthOf } = header;

const NOTHING = new Frame(0, -1, 0);
/** A walk through fewer entries of a leaf does not need all of its memory. */
const WARM_LEAST = 16;

/** A walk through the entries of a range. */
export class LeafViews {
  /** The memory that has the value of the entry, or the reference to it. */
  bytes: Uint8Array = NOTHING.u8;
  /** Where that begins. */
  start = 0;
  /** Where it ends. */
  end = 0;
  /** Whether it is a reference. */
  isReference = false;
  #nodes: TreeNodes | undefined;
  #upper: Uint8Array | undefined;
  readonly #path = new TreePath();
  readonly #cell = new LeafCell();
  #changes = 0;
  #frame: Frame = NOTHING;
  #slot = 0;
  #page = 0;
  #entries = 0;
  /** The number of bytes that all keys of the leaf begin with, once they are copied; else -1. */
  #prefix = -1;
  /** The entry, and the one at which the range ends in this leaf. */
  #index = -1;
  #limit = 0;
  #more = true;

  /** Begins before the first entry that is not below `lower`; the range ends below `upper`. */
  begin(nodes: TreeNodes, lower: Uint8Array | undefined, upper: Uint8Array | undefined): void {
    this.#nodes = nodes;
    this.#upper = upper;
    this.#changes = nodes.changes;
    const leaf = lower === undefined
      ? nodes.descendToEdge(this.#path, false)
      : nodes.descend(this.#path, lower, lower.length);
    const first = lower === undefined ? 0 : leaf.lowerBound(lower, lower.length);
    this.#enter(leaf, first);
  }

  /** Lets go of the tree and its pages. */
  detach(): void {
    this.#nodes = undefined;
    this.#upper = undefined;
    this.#frame = NOTHING;
    this.bytes = NOTHING.u8;
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    const nodes = this.#unmoved();
    while (++this.#index >= this.#limit) {
      if (!this.#more) return false;
      const leaf = nodes.nextLeaf(this.#path, true);
      if (leaf === undefined) return this.#more = false;
      this.#enter(leaf, 0);
    }
    this.#show();
    return true;
  }

  /**
   * Copies the key of the entry, and returns its length. A walk has one memory for all keys: the
   * bytes that all keys of a leaf begin with are copied once.
   */
  copyKey(into: Uint8Array): number {
    this.#unmoved();
    const { u8, u32 } = this.#frame;
    if (this.#prefix < 0) this.#copyPrefix(into);
    const prefix = this.#prefix;
    const { suffix, tailAt } = this.#cell;
    const head = u32[headIndex(this.#slot, this.#index)]!;
    for (let i = 0; i < suffix && i < HEAD_BYTES; i++) into[prefix + i] = head >>> (24 - 8 * i);
    let to = prefix + HEAD_BYTES;
    for (let from = tailAt; to < prefix + suffix; from++) into[to++] = u8[from]!;
    return prefix + suffix;
  }

  #copyPrefix(into: Uint8Array): void {
    const { u8 } = this.#frame;
    this.#prefix = prefixLengthOf(this.#frame, this.#slot);
    let from = prefixAt(this.#frame, this.#slot);
    for (let to = 0; to < this.#prefix; to++) into[to] = u8[from++]!;
  }

  /** Finds the leaf again, after other pages were read. */
  reload(): void {
    const leaf = this.#nodes!.leafOn(this.#path);
    this.#frame = leaf.frame;
    this.#slot = leaf.slot;
    this.bytes = leaf.frame.u8;
    this.#show();
  }

  /** Enters a leaf before an entry. */
  #enter(leaf: NodeView, first: number): void {
    const { frame, slot, entries } = leaf;
    this.#frame = frame;
    this.#slot = slot;
    this.#page = leaf.page;
    this.#entries = entries;
    this.#prefix = -1;
    this.bytes = frame.u8;
    const upper = this.#upper;
    this.#limit = upper === undefined ? entries : leaf.lowerBound(upper, upper.length);
    this.#more = this.#limit === entries;
    this.#index = first - 1;
    if (this.#limit - first >= WARM_LEAST) warmPage(frame, slot);
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

  /** The nodes, where the page of the entry still is where it was. */
  #unmoved(): TreeNodes {
    const nodes = this.#nodes;
    const isHere = nodes !== undefined && this.#frame.pages[this.#slot] === this.#page &&
      nodes.changes === this.#changes;
    return isHere ? nodes : refuseMoved();
  }
}

/** Refuses to go on where pages may have moved. */
export function refuseMoved(): never {
  throw new TypeError("Cannot go on: the function of a visit of views used the database");
}
