/**
 * A walk through the entries of a range where they lie in the pages, in either direction. It copies
 * nothing, so what it shows is valid only until other pages are read or any is changed. A walk that
 * is used after that refuses to go on.
 *
 * An object serves one walk after the other: a walk through few entries costs less than an object.
 */

import { format, Frame, header } from "../../pager/mod.ts";
import { warmPage } from "../node/cache_warming.ts";
import {
  boundFrom,
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
/** The entries of a range that are shown before its memory is warmed: many walks need no more. */
const FEW = 4;
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
  /** The bound where the range ends. */
  #end: Uint8Array | undefined;
  readonly #path = new TreePath();
  readonly #cell = new LeafCell();
  #changes = 0;
  #frame: Frame = NOTHING;
  #slot = 0;
  #page = 0;
  #entries = 0;
  /** The number of bytes that all keys of the leaf begin with, once they are copied; else -1. */
  #prefix = -1;
  /** The entry, and how many follow it: before the next check of `#goOn`, and after that. */
  #index = -1;
  #step = 1;
  #left = 0;
  #later = 0;
  #more = true;

  /**
   * Begins before the first entry of a range, or if `forward` is false before its last one. Of the
   * bounds it keeps a copy if it needs them later.
   *
   * @param lower No entry is below it.
   * @param upper All entries are below it.
   */
  begin(
    nodes: TreeNodes,
    lower: Uint8Array | undefined,
    upper: Uint8Array | undefined,
    forward: boolean,
  ): void {
    this.#nodes = nodes;
    this.#changes = nodes.changes;
    this.#step = forward ? 1 : -1;
    this.#end = forward ? upper : lower;
    const start = forward ? lower : upper;
    const leaf = start === undefined
      ? nodes.descendToEdge(this.#path, !forward)
      : nodes.descend(this.#path, start, start.length);
    const edge = forward ? 0 : leaf.entries;
    this.#enter(leaf, start === undefined ? edge : leaf.lowerBound(start, start.length));
    if (this.#more && this.#end !== undefined) this.#end = new Uint8Array(this.#end);
  }

  /** Lets go of the tree and its pages. */
  detach(): void {
    this.#nodes = undefined;
    this.#end = undefined;
    this.#frame = NOTHING;
    this.bytes = NOTHING.u8;
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    const nodes = this.#unmoved();
    while (this.#left === 0) {
      if (this.#later > 0) this.#warm();
      else if (!this.#more || !this.#leaveLeaf(nodes)) return this.#more = false;
    }
    this.#left--;
    this.#index += this.#step;
    this.#show();
    return true;
  }

  /** Shows the entries of the leaf that come after the first few. */
  #warm(): void {
    this.#left = this.#later;
    this.#later = 0;
    if (this.#left >= WARM_LEAST) warmPage(this.#frame, this.#slot);
  }

  #leaveLeaf(nodes: TreeNodes): boolean {
    const forward = this.#step > 0;
    const leaf = nodes.nextLeaf(this.#path, forward);
    if (leaf !== undefined) this.#enter(leaf, forward ? 0 : leaf.entries);
    return leaf !== undefined;
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

  /** Enters a leaf before an entry, or backward after it. */
  #enter(leaf: NodeView, at: number): void {
    const { frame, slot, entries } = leaf;
    this.#frame = frame;
    this.#slot = slot;
    this.#page = leaf.page;
    this.#entries = entries;
    this.#prefix = -1;
    this.bytes = frame.u8;
    const end = this.#end;
    let count: number;
    if (this.#step > 0) {
      const limit = end === undefined ? entries : boundFrom(frame, slot, at, end, end.length);
      this.#more = limit === entries;
      this.#index = at - 1;
      count = limit - at;
    } else {
      const limit = end === undefined ? 0 : leaf.lowerBound(end, end.length);
      this.#more = limit === 0;
      this.#index = at;
      count = Math.max(0, at - limit);
    }
    this.#left = Math.min(count, FEW);
    this.#later = count - this.#left;
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
