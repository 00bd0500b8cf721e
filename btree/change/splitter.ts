/**
 * The splitter adds an entry to a leaf. An entry that does not fit changes the prefix of the page
 * or splits it, which adds an entry to the parent and may raise the root.
 *
 * 1. A full leaf is split into two or, where a sibling of the same parent is nearly full too, both
 *    are split into three. This fills pages of random inserts to 0.75 rather than 0.7.
 * 2. Where keys arrive in order, full pages stay behind (`SplitPlaces`).
 * 3. The root stays in its page: when it overflows, its content moves down to a new page, and the
 *    root becomes the parent of that page.
 */

import { corrupt, format, header, type PageNumber, type Pager } from "../../pager/mod.ts";
import type { EntryList } from "../node/entry_list.ts";
import {
  BRANCH_WIDTH,
  cellBytes,
  comparePrefix,
  freeBytesOf,
  gapOf,
  HEAD_BYTES,
  LEAF_WIDTH,
  payloadBytes,
} from "../node/node.ts";
import {
  clearNode,
  insertBranchEntry,
  insertLeafEntry,
  makeRoom,
  startBranch,
} from "../node/node_edit.ts";
import { NodeView } from "../node/node_view.ts";
import type { Arrivals } from "../walk/arrivals.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import type { TreeNodes } from "../walk/tree_nodes.ts";
import type { TreePath } from "../walk/tree_path.ts";
import { checkBetween, replaceSeparator } from "./separator.ts";
import { ANY_ORDER, APPENDING, SplitPlaces } from "./split_places.ts";

const { KIND_BRANCH, PAGE_BYTES } = format;
const { cellStartOf, entriesOf, prefixLengthOf, setLink, setShape } = header;

/** A longer prefix must gain this much room; otherwise the page is split. */
const REGAIN_BYTES = 512;
/** A leaf with less room than this, or than the new entry needs, is split with its sibling. */
const SCANT_BYTES = Math.floor(PAGE_BYTES / 5);
/** Free bytes that each of the three keeps, because merged leaves may have a shorter prefix. */
const THIRD_ROOM_MIN = PAGE_BYTES / 8;

/** A split: one object, which the next split changes. */
class Split {
  /** The depth of the pages. */
  depth = 0;
  /** The new page, to the right of the one at the path's depth. */
  page = 0;
  /** The length of the separator between the two, which `#keys[2]` holds. */
  separatorLength = 0;

  /** Describes another split. */
  set(depth: number, page: PageNumber, separatorLength: number): this {
    this.depth = depth;
    this.page = page;
    this.separatorLength = separatorLength;
    return this;
  }
}

/** Adds entries to one tree. */
export class Splitter {
  readonly #nodes: TreeNodes;
  readonly #pager: Pager;
  readonly #list: EntryList;
  readonly #path: TreePath;
  readonly #arrivals: Arrivals;
  readonly #keys: readonly Uint8Array[];
  readonly #view = new NodeView();
  readonly #sibling = new NodeView();
  readonly #split = new Split();
  readonly #places: SplitPlaces;

  /**
   * Creates the splitter of a tree.
   *
   * @param context The context of its database.
   * @param nodes Its pages.
   */
  constructor(context: TreeContext, nodes: TreeNodes) {
    this.#nodes = nodes;
    this.#pager = context.pager;
    this.#list = context.list;
    this.#path = context.path;
    this.#arrivals = context.arrivals;
    this.#keys = context.keys;
    this.#places = new SplitPlaces(context.list, context.path);
  }

  /**
   * Adds an entry to the leaf at the end of the path.
   *
   * @param leaf That leaf.
   * @param index The index of the new entry.
   * @param tag The length of the value, or `REFERENCE_TAG` if `value` is a reference.
   */
  insert(
    leaf: NodeView,
    index: number,
    key: Uint8Array,
    length: number,
    tag: number,
    value: Uint8Array,
  ): void {
    const { frame, slot, place } = leaf;
    const row = this.#arrivals.note(leaf.page, index);
    const fitsPrefix = comparePrefix(frame, slot, key, length) === 0;
    const suffix = length - prefixLengthOf(frame, slot);
    const bytes = LEAF_WIDTH + cellBytes(suffix, payloadBytes(tag));
    if (fitsPrefix && gapOf(frame, slot) >= bytes) {
      // The arrays from the new entry on, and its cell.
      const cellStart = cellStartOf(frame, slot);
      const arraysEnd = LEAF_WIDTH * (entriesOf(frame, slot) + 1);
      const start = cellStart - bytes + LEAF_WIDTH;
      this.#pager.touchParts(place, index * HEAD_BYTES, arraysEnd, start, cellStart);
      return insertLeafEntry(frame, slot, index, key, length, tag, value);
    }
    this.#pager.touch(place);
    if (fitsPrefix && makeRoom(frame, slot, bytes)) {
      return insertLeafEntry(frame, slot, index, key, length, tag, value);
    }
    const list = this.#list;
    list.begin(true);
    list.load(1, frame, slot);
    list.take(1, 0, index);
    list.putLeafEntry(key, length, tag, value);
    list.take(1, index, entriesOf(frame, slot));
    const order = this.#places.orderAt(leaf, index, row);
    const split = this.#spread(this.#path.depth, index, fitsPrefix, order);
    if (split !== undefined) this.#addToParents(split, order);
  }

  /** Adds the page of a split to its parent, and repeats for each split above. */
  #addToParents(first: Split, order: number): void {
    for (let split: Split | undefined = first; split !== undefined;) {
      const depth = split.depth - 1;
      const key = this.#keys[depth & 1]!;
      key.set(this.#keys[2]!.subarray(0, split.separatorLength));
      split = this.#insertIntoBranch(depth, key, split.separatorLength, split.page, order);
    }
  }

  /** Adds an entry to a branch after the entry of the path. Returns the split of the branch. */
  #insertIntoBranch(
    depth: number,
    key: Uint8Array,
    length: number,
    child: number,
    order: number,
  ): Split | undefined {
    const { frame, slot } = this.#touch(this.#path.pages[depth]!);
    const index = this.#path.indexes[depth]! + 1;
    checkBetween(frame, slot, index - 1, index, key, length);
    const fitsPrefix = comparePrefix(frame, slot, key, length) === 0;
    const bytes = BRANCH_WIDTH + cellBytes(length - prefixLengthOf(frame, slot), 0);
    if (fitsPrefix && makeRoom(frame, slot, bytes)) {
      insertBranchEntry(frame, slot, index, key, length, child);
      return undefined;
    }
    const list = this.#list;
    list.begin(false);
    list.load(1, frame, slot);
    list.take(1, 0, index);
    list.putBranchEntry(key, length, child);
    list.take(1, index, entriesOf(frame, slot));
    const isAtEdge = order === APPENDING ? index === list.count - 1 : index === 1;
    const isOrdered = order >= APPENDING && isAtEdge;
    return this.#spread(depth, index, fitsPrefix, isOrdered ? order : ANY_ORDER);
  }

  /**
   * Builds the page at a depth from the list, and if needed a new page to its right, possibly
   * together with a sibling. Returns the split, if there was one.
   */
  #spread(depth: number, index: number, fitsPrefix: boolean, order: number): Split | undefined {
    const list = this.#list;
    const prefix = list.prefixLength(0, list.count);
    const bytes = list.bytes(0, list.count, prefix);
    if (bytes <= (fitsPrefix ? PAGE_BYTES - REGAIN_BYTES : PAGE_BYTES)) {
      this.#build(this.#path.pages[depth]!, 0, list.count);
      return undefined;
    }
    const isLeaf = depth > 0 && depth === this.#path.depth;
    const isCrowded = isLeaf && fitsPrefix && order === ANY_ORDER;
    if (isCrowded) {
      const split = this.#splitWithSibling(list.entryBytes(index, false, prefix));
      if (split !== undefined) return split;
    }
    const cut = this.#places.cut(depth, index, fitsPrefix, order);
    const at = depth === 0 ? this.#raiseRoot() : depth;
    const split = this.#splitAt(at, cut);
    if (isLeaf && cut <= index) {
      this.#arrivals.move(this.#path.pages[at]!, split.page, index - cut);
    }
    return split;
  }

  #splitAt(depth: number, cut: number): Split {
    const list = this.#list;
    const leftPage = this.#path.pages[depth]!;
    const { level } = this.#look(leftPage);
    const rightPage = this.#nodes.create(level, leftPage);
    const separatorLength = list.copySeparatorTo(cut, this.#keys[2]!);
    this.#build(leftPage, 0, cut);
    this.#build(rightPage, cut, list.count);
    if (level === 0) this.#link(leftPage, rightPage);
    return this.#split.set(depth, rightPage, separatorLength);
  }

  /** Splits the leaf of the list with a sibling that has less room than the leaf needs. */
  #splitWithSibling(bytes: number): Split | undefined {
    const room = Math.max(bytes, SCANT_BYTES);
    return this.#splitWith(1, room) ?? this.#splitWith(-1, room);
  }

  /**
   * Splits the leaf of the list and its next or previous sibling into three, if the sibling has
   * less than `room` free. Without a split the list is unchanged.
   *
   * @param step 1 for the next sibling, -1 for the previous one.
   */
  #splitWith(step: number, room: number): Split | undefined {
    const page = this.#siblingWithin(step, room);
    if (page === 0) return undefined;
    const { frame, slot, entries: others } = this.#nodes.node(page, 0, this.#sibling);
    const list = this.#list;
    const own = list.count;
    list.load(2, frame, slot);
    if (step > 0) list.take(2, 0, others);
    else list.takeAhead(2, others);
    if (!list.ascendsAt(step > 0 ? own : others)) {
      corrupt(page, 0, "a key is not within what the parent says");
    }
    const split = this.#splitInThree(step, page);
    if (split !== undefined) return split;
    if (step > 0) list.drop(own, list.count);
    else list.drop(0, others);
    return undefined;
  }

  /** The next or previous sibling of the path's leaf if it has less than `room` free, or 0. */
  #siblingWithin(step: number, room: number): number {
    const depth = this.#path.depth - 1;
    const parent = this.#nodes.nodeOn(this.#path, depth);
    const index = this.#path.indexes[depth]! + step;
    if (index < 0 || index >= parent.entries) return 0;
    const page = parent.child(index);
    // The header suffices, and may be the only part of the page in memory.
    const sibling = this.#pager.peek(page);
    return freeBytesOf(sibling, this.#pager.peekedSlot) < room ? page : 0;
  }

  /**
   * Builds the path's leaf, its sibling, and a new leaf between them from the list; the path then
   * leads to the left leaf. If they or the parent lack room, nothing changes.
   */
  #splitInThree(step: number, siblingPage: number): Split | undefined {
    const list = this.#list;
    const [first, second] = list.thirds();
    for (const [from, to] of [[0, first], [first, second], [second, list.count]] as const) {
      if (from === to || !list.fits(from, to, THIRD_ROOM_MIN)) return undefined;
    }
    const path = this.#path;
    const { depth } = path;
    const key = this.#keys[2]!;
    const right = path.indexes[depth - 1]! + (step > 0 ? 1 : 0);
    const length = list.copySeparatorTo(second, key);
    const parent = this.#look(path.pages[depth - 1]!);
    if (!replaceSeparator(this.#pager, parent, right, key, length)) return undefined;
    const leftPage = step > 0 ? path.pages[depth]! : siblingPage;
    const rightPage = step > 0 ? siblingPage : path.pages[depth]!;
    path.pages[depth]! = leftPage;
    path.indexes[depth - 1] = right - 1;
    const middlePage = this.#nodes.create(0, leftPage);
    const separatorLength = list.copySeparatorTo(first, key);
    this.#build(leftPage, 0, first);
    this.#build(middlePage, first, second);
    this.#build(rightPage, second, list.count);
    this.#link(leftPage, middlePage);
    return this.#split.set(depth, middlePage, separatorLength);
  }

  #link(leftPage: number, rightPage: number): void {
    const right = this.#sibling.at(this.#pager.frames, this.#pager.at(rightPage));
    const left = this.#look(leftPage);
    setLink(right.frame, right.slot, left.link);
    setLink(left.frame, left.slot, rightPage);
  }

  /** Moves the root's content to a new page below it. Returns the depth of that page. */
  #raiseRoot(): number {
    const root = this.#nodes.root;
    const { level } = this.#look(root);
    const page = this.#nodes.create(level, root);
    const { frame, slot } = this.#look(root);
    clearNode(frame, slot);
    setShape(frame, slot, KIND_BRANCH, level + 1);
    startBranch(frame, slot, page);
    this.#path.pushUnderRoot(page);
    return 1;
  }

  #build(page: PageNumber, from: number, to: number): void {
    const { frame, slot } = this.#touch(page);
    this.#list.build(frame, slot, from, to);
  }

  #touch(page: PageNumber): NodeView {
    const view = this.#look(page);
    this.#pager.touch(view.place);
    return view;
  }

  /** A view of a page of the path, or of a new page; neither needs a check. */
  #look(page: PageNumber): NodeView {
    return this.#view.at(this.#pager.frames, this.#pager.at(page));
  }
}
