/**
 * Where a page that overflows is split.
 *
 * 1. An insert in key order at the right edge of a tree starts a new page and leaves full pages
 *    behind, with room for a few later inserts in leaves of small entries. So does one in
 *    descending order at the left edge.
 * 2. Where keys arrive in ascending or descending order inside the tree, as those of one of several
 *    series do, a leaf is split beside the new entry: full pages stay behind there too.
 * 3. Otherwise a page is split in the middle.
 *
 * It changes no page.
 */

import { format } from "../../pager/mod.ts";
import type { EntryList } from "../node/entry_list.ts";
import type { NodeView } from "../node/node_view.ts";
import type { TreePath } from "../walk/tree_path.ts";

const { PAGE_BYTES } = format;

/**
 * The room that leaves keep at an edge of the tree. Without it the first insert of each leaf, at
 * random and later, would split it.
 */
const EDGE_ROOM_BYTES = Math.floor(PAGE_BYTES / 20);

/**
 * Keys count as ascending or descending once a row of consecutive inserts would fill this many
 * pages. A shorter row may be chance, and splitting at each would leave thin pages behind.
 */
const ROW_PAGES = 2;
/** Keys arrive in no order where an entry is added. */
export const ANY_ORDER = 0;
/** They arrive in ascending order. */
const ASCENDING = 1;
/** They arrive in descending order. */
const DESCENDING = 2;
/** They arrive in ascending order at the right edge of the tree. */
export const APPENDING = 3;
/** They arrive in descending order at the left edge of the tree. */
const PREPENDING = 4;

/** Where the page at an entry of the path is split, whose entries are in the list. */
export class SplitPlaces {
  readonly #list: EntryList;
  readonly #path: TreePath;

  /**
   * Chooses places in one tree.
   *
   * @param list Has the entries of the page.
   * @param path Leads to the leaf of the new entry.
   */
  constructor(list: EntryList, path: TreePath) {
    this.#list = list;
    this.#path = path;
  }

  /**
   * The order in which keys arrive at an index of the path's leaf.
   *
   * @param row The number of entries before it that were added in a row, as `Arrivals` notes them.
   */
  orderAt(leaf: NodeView, index: number, row: number): number {
    if (index === leaf.entries && leaf.link === 0) return APPENDING;
    if (row < 0 && index === 0 && this.#isLeftmost) return PREPENDING;
    if (Math.abs(row) < ROW_PAGES * leaf.entries) return ANY_ORDER;
    return row > 0 ? ASCENDING : DESCENDING;
  }

  /** Whether the path leads to the first leaf. */
  get #isLeftmost(): boolean {
    const { depth, indexes } = this.#path;
    for (let at = 0; at < depth; at++) if (indexes[at] !== 0) return false;
    return true;
  }

  /**
   * The index that cuts the list. A key of another prefix, or at an edge, starts a new page.
   */
  cut(depth: number, index: number, fitsPrefix: boolean, order: number): number {
    const { count } = this.#list;
    const first = depth === this.#path.depth ? 0 : 1;
    const isLeaf = first === 0;
    if (order === APPENDING) return isLeaf ? this.#cutAtEdge(count - 1, -1) : count - 1;
    if (order === PREPENDING) return isLeaf ? this.#cutAtEdge(1, 1) : first + 1;
    if (!fitsPrefix) return index === first ? first + 1 : count - 1;
    if (order === ASCENDING) return this.#cutBeside(index + 1, index);
    return order === DESCENDING ? this.#cutBeside(index, index + 1) : this.#list.middle();
  }

  /**
   * The cut that leaves the room of an edge in the leaf that stays behind, if entries are small.
   *
   * @param cut The cut that leaves it full.
   * @param step -1 if it is the left leaf, 1 if it is the right one.
   */
  #cutAtEdge(cut: number, step: number): number {
    const list = this.#list;
    const { count } = list;
    const prefix = list.prefixLength(0, count);
    let at = cut;
    let bytes = step < 0 ? list.bytes(0, at, prefix) : list.bytes(at, count, prefix);
    while (bytes > PAGE_BYTES - EDGE_ROOM_BYTES) {
      const last = list.entryBytes(step < 0 ? at - 1 : at, false, prefix);
      if (last > EDGE_ROOM_BYTES) break;
      bytes -= last;
      at += step;
    }
    return at;
  }

  /**
   * The cut where keys arrive in order: with the new entry on the side of those before it in its
   * series, so that the entries on the other side do not take the room of the next inserts; or
   * with the entries on the other side, if it is the first of its series in the leaf or would not
   * fit.
   */
  #cutBeside(preferred: number, other: number): number {
    return this.#canCutAt(preferred)
      ? preferred
      : this.#canCutAt(other)
      ? other
      : this.#list.middle();
  }

  #canCutAt(cut: number): boolean {
    const list = this.#list;
    return cut > 0 && cut < list.count && list.fits(0, cut) && list.fits(cut, list.count);
  }
}
