/**
 * The rebalancer repairs a tree after entries were removed. Empty pages return to the allocator,
 * thin pages merge with a sibling or borrow from it, and a root with one child takes over its
 * content.
 *
 * Siblings share a parent. A merge moves the right sibling into the left one. A merge or borrow for
 * which the pages or the parent lack room is skipped: thin pages are allowed, empty pages are not,
 * except the root.
 */

import { corrupt, format, header, type PageNumber, type Pager } from "../../pager/mod.ts";
import type { EntryList } from "../node/entry_list.ts";
import { copyKey, usedBytesOf } from "../node/node.ts";
import { clearNode, removeBranchEntry } from "../node/node_edit.ts";
import { NodeView } from "../node/node_view.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import type { TreeNodes } from "../walk/tree_nodes.ts";
import type { TreePath } from "../walk/tree_path.ts";
import { replaceSeparator } from "./separator.ts";

const { KIND_BRANCH, KIND_LEAF, PAGE_BYTES } = format;
const { setLink, setShape } = header;

/** A node that uses fewer bytes is thin, and merges or borrows. */
const THIN_BYTES = PAGE_BYTES / 3;
/** The most bytes that merging nodes may use, so that the next insert does not split them. */
const MERGED_BYTES_MAX = PAGE_BYTES - PAGE_BYTES / 8;

/** Merges thin pages of one tree, and removes empty ones. */
export class Rebalancer {
  readonly #nodes: TreeNodes;
  readonly #pager: Pager;
  readonly #list: EntryList;
  readonly #path: TreePath;
  readonly #keys: readonly Uint8Array[];
  readonly #before: TreePath;
  readonly #view = new NodeView();
  readonly #child = new NodeView();

  /**
   * Creates the rebalancer of a tree.
   *
   * @param context The context of its database.
   * @param nodes Its pages.
   */
  constructor(context: TreeContext, nodes: TreeNodes) {
    this.#nodes = nodes;
    this.#pager = context.pager;
    this.#list = context.list;
    this.#path = context.path;
    this.#before = context.pathBefore;
    this.#keys = context.keys;
  }

  /** Repairs the pages of the path, from the leaf up, after its leaf lost entries. */
  repair(): void {
    for (let depth = this.#path.depth; depth > 0; depth--) {
      const node = this.#look(this.#path.pages[depth]!);
      if (usedBytesOf(node.frame, node.slot) >= THIN_BYTES) continue;
      if (node.entries === 0) this.#removePage(depth);
      else this.#evenOut(depth);
    }
    this.#lowerRoot();
  }

  /** Removes an empty page from its parent and from the chain of leaves. */
  #removePage(depth: number): void {
    const page = this.#path.pages[depth]!;
    if (depth === this.#path.depth) this.#unlinkLeaf(page);
    this.#nodes.release(page);
    const { frame, slot } = this.#touch(this.#path.pages[depth - 1]!);
    removeBranchEntry(frame, slot, this.#path.indexes[depth - 1]!);
  }

  #unlinkLeaf(page: PageNumber): void {
    const next = this.#look(page).link;
    const before = this.#leafBefore();
    if (before === undefined) return;
    this.#pager.touch(before.place);
    setLink(before.frame, before.slot, next);
  }

  /** The leaf before the path's leaf. */
  #leafBefore(): NodeView | undefined {
    const path = this.#before;
    path.depth = this.#path.depth;
    path.pages.set(this.#path.pages);
    path.indexes.set(this.#path.indexes);
    return this.#nodes.neighbour(path, false);
  }

  /** Merges a thin node with a sibling, or lets it borrow. */
  #evenOut(depth: number): void {
    const parent = this.#look(this.#path.pages[depth - 1]!);
    const { entries } = parent;
    if (entries < 2) return; // the parent is thin itself, and comes next
    const index = this.#path.indexes[depth - 1]!;
    const left = index + 1 < entries ? index : index - 1;
    const leftPage = parent.child(left);
    const rightPage = parent.child(left + 1);
    const level = parent.level - 1;
    const separator = copyKey(parent.frame, parent.slot, left + 1, this.#keys[0]!);
    const from = this.#gather(leftPage, rightPage, level, separator);
    this.#checkOrder(from, rightPage, level);
    const { count } = this.#list;
    const bytes = this.#list.bytes(0, count, this.#list.prefixLength(0, count));
    if (bytes <= MERGED_BYTES_MAX) this.#merge(depth, left, leftPage, rightPage, level);
    else if (bytes > PAGE_BYTES) this.#borrow(depth, left, leftPage, rightPage);
  }

  /**
   * Lists the entries of two siblings, and returns the index of the right one's first entry. For
   * branches, the separator becomes the key of that entry.
   */
  #gather(leftPage: number, rightPage: number, level: number, separator: number): number {
    const list = this.#list;
    let rightFrom = 0;
    list.begin(level === 0);
    for (const [source, page] of [[1, leftPage], [2, rightPage]] as const) {
      const node = this.#nodes.node(page, level, this.#child);
      list.load(source, node.frame, node.slot);
      rightFrom = list.count;
      if (source === 2 && level > 0) {
        list.putBranchEntry(this.#keys[0]!, separator, node.child(0));
        list.take(2, 1, node.entries);
      } else {
        list.take(source, 0, node.entries);
      }
    }
    return rightFrom;
  }

  /** Throws unless the list ascends where the siblings meet; each page was checked alone. */
  #checkOrder(rightFrom: number, rightPage: number, level: number): void {
    // In branches, the separator that moved down lies between the two.
    const last = level === 0 ? rightFrom : rightFrom + 1;
    for (let at = Math.max(rightFrom, 1); at <= last && at < this.#list.count; at++) {
      if (this.#list.ascendsAt(at)) continue;
      corrupt(rightPage, 0, "a key is not within what the parent says");
    }
  }

  #merge(depth: number, left: number, leftPage: number, rightPage: number, level: number): void {
    const { frame, slot } = this.#touch(leftPage);
    this.#list.build(frame, slot, 0, this.#list.count);
    if (level === 0) setLink(frame, slot, this.#nodes.node(rightPage, 0, this.#child).link);
    this.#nodes.release(rightPage);
    const parent = this.#touch(this.#path.pages[depth - 1]!);
    removeBranchEntry(parent.frame, parent.slot, left + 1);
  }

  /**
   * Fills a leaf, a child of the path's last branch, from its next sibling: until it uses `bytes`,
   * or until the sibling is empty and released.
   *
   * @param left The index of the leaf in the branch.
   * @returns Whether the sibling was released.
   * @throws {CorruptionError} The leaves are out of order.
   */
  fillLeaf(left: number, bytes: number): boolean {
    const { depth } = this.#path;
    const parent = this.#look(this.#path.pages[depth - 1]!);
    const leftPage = parent.child(left);
    const rightPage = parent.child(left + 1);
    const from = this.#gather(leftPage, rightPage, 0, 0);
    this.#checkOrder(from, rightPage, 0);
    const list = this.#list;
    const room = PAGE_BYTES - bytes;
    if (list.fits(0, list.count, room)) {
      this.#merge(depth, left, leftPage, rightPage, 0);
      return true;
    }
    let cut = from;
    for (let above = list.count; above - cut > 1;) {
      const middle = (cut + above) >>> 1;
      if (list.fits(0, middle, room)) cut = middle;
      else above = middle;
    }
    if (cut > from) this.#divide(depth, left, leftPage, rightPage, cut);
    return false;
  }

  #borrow(depth: number, left: number, leftPage: number, rightPage: number): void {
    this.#divide(depth, left, leftPage, rightPage, this.#list.middle());
  }

  /** Builds two siblings from the list, cut at an index, if they and their parent have room. */
  #divide(depth: number, left: number, leftPage: number, rightPage: number, cut: number): void {
    const list = this.#list;
    // The common prefix of both may be shorter, so that not even two pages hold the entries.
    if (!list.fits(0, cut) || !list.fits(cut, list.count)) return;
    const key = this.#keys[2]!;
    const length = list.copySeparatorTo(cut, key);
    const parent = this.#look(this.#path.pages[depth - 1]!);
    if (!replaceSeparator(this.#pager, parent, left + 1, key, length)) return;
    for (const [page, from, to] of [[leftPage, 0, cut], [rightPage, cut, list.count]] as const) {
      const { frame, slot } = this.#touch(page);
      list.build(frame, slot, from, to);
    }
  }

  /** Replaces a root that is a branch with one child by that child's content, repeatedly. */
  #lowerRoot(): void {
    for (;;) {
      const root = this.#nodes.rootNode();
      if (root.isLeaf || root.entries > 1) return;
      this.#pager.touch(root.place);
      if (root.entries === 0) {
        setShape(root.frame, root.slot, KIND_LEAF, 0);
        clearNode(root.frame, root.slot);
        return;
      }
      this.#takeOver(root, root.child(0));
    }
  }

  #takeOver(root: NodeView, childPage: number): void {
    const { frame, slot } = root;
    const level = root.level - 1;
    const child = this.#nodes.node(childPage, level, this.#child);
    const { entries } = child;
    const list = this.#list;
    list.begin(level === 0);
    list.load(1, child.frame, child.slot);
    list.take(1, 0, entries);
    setShape(frame, slot, level === 0 ? KIND_LEAF : KIND_BRANCH, level);
    list.build(frame, slot, 0, entries);
    this.#nodes.release(childPage);
  }

  #touch(page: PageNumber): NodeView {
    const view = this.#look(page);
    this.#pager.touch(view.place);
    return view;
  }

  /** A view of a page of the path, which needs no check. */
  #look(page: PageNumber): NodeView {
    return this.#view.at(this.#pager.frames, this.#pager.at(page));
  }
}
