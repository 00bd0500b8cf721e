/**
 * Packing: moves the entries of neighbouring leaves together, so that fewer leaves hold them, and
 * the values of shared pages (`shared_packing.ts`).
 *
 * Random inserts leave leaves three quarters full, and random deletions leave them a third full. A
 * group is some neighbouring children of one branch whose entries fit one leaf fewer. Its first
 * leaf is filled from the second, that one from the third, and so on, until one is empty and
 * released. A larger group than eight would change more pages than it is worth.
 *
 * Groups are found by the headers of leaves. A packing that may change few leaves looks at few, and
 * may begin anywhere, so that one after another reaches all of them. It works in slices, and others
 * may commit between two of them: each step finds its place anew, by a key.
 */

import { format, type PageNumber, type Pager } from "../../pager/mod.ts";
import { Rebalancer } from "../change/rebalancer.ts";
import { copyKey, KEY_BYTES_MAX, usedBytesOf } from "../node/node.ts";
import type { NodeView } from "../node/node_view.ts";
import { BTree } from "../tree.ts";
import { NearbyPages } from "../value/nearby_pages.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import { SharedPacking } from "./shared_packing.ts";

/** The bytes that a packed leaf uses: 0.9 of a page, which leaves room for later inserts. */
export const PACKED_BYTES: number = Math.floor(0.9 * format.PAGE_BYTES);
/** The most leaves of a group. */
const GROUP_MAX = 8;
/** The leaves that a step looks at. */
const STEP_LEAVES = 64;
/** The leaves that it looks at for each that it may change. */
const LOOKS = 16;
const LOWEST = new Uint8Array(0);

/** The trees of a database by name. */
interface NamedTrees {
  names(): string[];
  get(name: string): { readonly id: number; readonly root: PageNumber } | undefined;
}

/** How far a packing goes, and where it begins. */
export interface PackingBounds {
  /** The most leaves that it changes, except for the rest of its last group. */
  readonly packsMax: number;
  /** The share of the leaves before the first, 0 to below 1; they follow after the last ones. */
  readonly from: number;
}

/** Moves the entries of leaves together. */
export class Packing {
  /** The number of leaves and shared pages changed or released so far. */
  packed = 0;

  readonly #context: TreeContext;
  readonly #pager: Pager;
  readonly #trees: NamedTrees;
  /** The names of the trees that follow. */
  readonly #names: string[];
  readonly #bounds: PackingBounds;
  /** The share of the first tree before its first leaf; undefined once that is found. */
  #from: number | undefined;
  /** The number of leaves looked at so far. */
  #looks = 0;
  readonly #group = new Uint32Array(GROUP_MAX);
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  /** The key of the first tree where the next step begins. */
  #next: Uint8Array = LOWEST;
  /** The key of the first tree from which on values are placed again. */
  #valuesFrom: Uint8Array = LOWEST;
  /** The shared pages that the slice changed. */
  readonly #changed = new Set<PageNumber>();
  /** The shared pages of the first tree that were filled last. */
  readonly #recent = new NearbyPages();

  /**
   * Creates the packing of all trees of a database.
   *
   * @param context The context of its trees.
   * @param trees Its trees.
   * @param bounds How far it goes.
   */
  constructor(context: TreeContext, trees: NamedTrees, bounds: PackingBounds) {
    this.#context = context;
    this.#pager = context.pager;
    this.#trees = trees;
    this.#bounds = bounds;
    const names = trees.names();
    const place = bounds.from * names.length;
    const first = Math.floor(place);
    this.#from = place - first;
    // The first tree comes again in the end, for what it has before its first leaf.
    const again = this.#from > 0 ? first + 1 : first;
    this.#names = [...names.slice(first), ...names.slice(0, again)];
  }

  /**
   * Packs leaves for a time, inside a transaction. Returns whether more follow.
   *
   * @param leavesMax The most leaves that a slice changes, except for the rest of its last group.
   * @throws {CorruptionError} A page breaks a rule. Roll back, and end the packing.
   * @throws {IoError} The system refused. Roll back, too.
   */
  slice(budgetMs: number, leavesMax: number): boolean {
    const deadline = performance.now() + budgetMs;
    const { packsMax } = this.#bounds;
    const last = Math.min(this.packed + leavesMax, packsMax);
    this.#recent.forgetFree(this.#context.allocator);
    this.#changed.clear();
    do {
      const [name] = this.#names;
      if (name === undefined || this.packed >= packsMax) return false;
      if (this.#looks >= LOOKS * packsMax) return false;
      const entry = this.#trees.get(name);
      const tree = entry && new BTree(this.#context, entry.id, entry.root);
      if (tree && this.#from !== undefined) this.#next = this.#keyAt(tree, this.#from);
      this.#from = undefined;
      const next = tree && this.#step(tree, last);
      this.#next = next ?? LOWEST;
      if (next !== undefined) continue;
      this.#names.shift();
      this.#valuesFrom = LOWEST;
      this.#recent.clear();
    } while (this.packed < last && performance.now() < deadline);
    return true;
  }

  /** The key of the branch entry after a share of the leaves of a tree, by its branches alone. */
  #keyAt({ nodes }: BTree, share: number): Uint8Array {
    let node = nodes.rootNode();
    let key: Uint8Array = LOWEST;
    for (let rest = share; node.level > 0;) {
      const at = rest * node.entries;
      const index = Math.floor(at);
      rest = at - index;
      if (index > 0) key = this.#copyKey(node, index);
      if (node.level === 1) break;
      node = nodes.node(node.child(index), node.level - 1);
    }
    return key;
  }

  /**
   * Looks at some leaves of a tree, empties shared pages of their values, and packs the first group
   * found. Returns the key where the next step begins, or undefined at the end of the tree.
   *
   * @param last The value of `packed` at which no more shared pages are emptied.
   */
  #step({ nodes }: BTree, last: number): Uint8Array | undefined {
    // Relieving the cache may move pages, so it precedes the descent.
    this.#pager.relieve();
    const pages = { recent: this.#recent, changed: this.#changed };
    const sharing = new SharedPacking(this.#context, nodes, pages, this.#valuesFrom);
    const { path } = this.#context;
    nodes.descend(path, this.#next, this.#next.length);
    const depth = path.depth - 1;
    if (depth < 0) return this.#packRoot(sharing, nodes.root, last);
    const from = path.indexes[depth]!;
    const { entries } = nodes.nodeOn(path, depth);
    for (let left = from; left < Math.min(entries, from + STEP_LEAVES); left++) {
      this.#looks++;
      const count = this.#groupAt(nodes.nodeOn(path, depth), left);
      // A group takes leaves away, so the values of all of them come first.
      for (let at = left; at < left + Math.max(1, count); at++) {
        this.packed += sharing.packLeaf(nodes.nodeOn(path, depth).child(at), last - this.packed);
        this.#valuesFrom = sharing.from;
        if (this.packed >= last) return this.#keyOf(nodes, left);
      }
      if (count > 0) return this.#pack(nodes, left, count);
    }
    return this.#keyOf(nodes, Math.min(entries, from + STEP_LEAVES));
  }

  /** Empties shared pages of the values of a tree that is one leaf; returns what `#step` does. */
  #packRoot(sharing: SharedPacking, root: PageNumber, last: number): Uint8Array | undefined {
    this.#looks++;
    this.packed += sharing.packLeaf(root, last - this.packed);
    this.#valuesFrom = sharing.from;
    return this.packed >= last ? LOWEST : undefined;
  }

  /** The size of the smallest group that begins with a child of a branch, or 0. */
  #groupAt(branch: NodeView, left: number): number {
    const size = Math.min(GROUP_MAX, branch.entries - left);
    for (let i = 0; i < size; i++) this.#group[i] = branch.child(left + i);
    let bytes = 0;
    for (let i = 0; i < size; i++) {
      bytes += this.#usedBytes(this.#group[i]!);
      if (i > 0 && bytes <= i * PACKED_BYTES) return i + 1;
    }
    return 0;
  }

  /** The bytes that a leaf uses, by its header alone. */
  #usedBytes(page: PageNumber): number {
    const frame = this.#pager.peek(page);
    return usedBytesOf(frame, this.#pager.peekedSlot);
  }

  /**
   * Packs a group. Returns the key of its last leaf, which the next group may begin with, or of the
   * one after it if the group keeps all its leaves.
   */
  #pack(nodes: BTree["nodes"], left: number, count: number): Uint8Array | undefined {
    const { path } = this.#context;
    const rebalancer = new Rebalancer(this.#context, nodes);
    nodes.changes++;
    let at = left;
    let isReleased = false;
    while (!isReleased && at < left + count - 1) {
      isReleased = rebalancer.fillLeaf(at++, PACKED_BYTES);
    }
    this.packed += at - left + 1;
    const next = this.#keyOf(nodes, isReleased ? at - 1 : left + count - 1);
    const depth = path.depth - 1;
    path.indexes[depth] = left;
    path.pages[depth + 1] = nodes.nodeOn(path, depth).child(left);
    rebalancer.repair();
    return next;
  }

  /**
   * The key from which on the path's last branch leads to a child, or to the leaf after its last
   * one; undefined if there is none.
   */
  #keyOf(nodes: BTree["nodes"], index: number): Uint8Array | undefined {
    const { path } = this.#context;
    const depth = path.depth - 1;
    const branch = nodes.nodeOn(path, depth);
    // The first child has no key in the branch; the step began with it.
    if (index === 0) return this.#next;
    if (index < branch.entries) return this.#copyKey(branch, index);
    const after = this.#context.pathBefore;
    after.depth = path.depth;
    after.pages.set(path.pages);
    after.indexes.set(path.indexes);
    after.indexes[depth] = branch.entries - 1;
    after.leaves = 0;
    const leaf = nodes.walkOn(after, true);
    return leaf === undefined ? undefined : this.#copyKey(leaf, 0);
  }

  #copyKey({ frame, slot }: NodeView, index: number): Uint8Array {
    return this.#key.slice(0, copyKey(frame, slot, index, this.#key));
  }
}
