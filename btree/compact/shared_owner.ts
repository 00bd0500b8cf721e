/**
 * The entry that refers to a fragment of a shared page. The page has the key of that entry with the
 * fragment, by which a descent finds it.
 */

import { format, type PageNumber, type Pager } from "../../pager/mod.ts";
import { copyKey, KEY_BYTES_MAX, LeafCell, REFERENCE_BYTES, REFERENCE_TAG } from "../node/node.ts";
import { NodeView } from "../node/node_view.ts";
import {
  decodeReference,
  encodeReference,
  type Reference,
  runsReference,
} from "../value/reference.ts";
import type { TreeNodes } from "../walk/tree_nodes.ts";
import { TreePath } from "../walk/tree_path.ts";

const { PAGE_SHIFT } = format;

/** The entry that refers to a fragment of a shared page, in one tree. */
export class SharedOwner {
  /** The path to its leaf. */
  readonly path: TreePath = new TreePath();
  /** Its index in the leaf. */
  index = 0;
  /** Its key, in the first `length` bytes. */
  readonly key: Uint8Array = new Uint8Array(KEY_BYTES_MAX);
  /** The length of its key. */
  length = 0;
  /** The reference to the value. */
  reference: Reference = runsReference(0, 0, 0);

  readonly #pager: Pager;
  readonly #nodes: TreeNodes;
  readonly #view = new NodeView();
  readonly #cell = new LeafCell();
  /** The offset of the reference in its leaf. */
  #offset = 0;
  readonly #bytes = new Uint8Array(REFERENCE_BYTES);

  /**
   * Creates a search for owners in a tree.
   *
   * @param pager The pager of its pages.
   * @param nodes Its pages.
   */
  constructor(pager: Pager, nodes: TreeNodes) {
    this.#pager = pager;
    this.#nodes = nodes;
  }

  /**
   * Finds the entry that refers to the fragment at an index of a shared page. Returns false, with
   * the fields undefined, if there is none.
   */
  find(page: PageNumber, index: number): boolean {
    const { frame, slot } = this.#view.at(this.#pager.frames, this.#pager.at(page));
    this.length = copyKey(frame, slot, index, this.key) - 1;
    const number = this.key[0]!;
    this.key.copyWithin(0, 1);
    const leaf = this.#nodes.descend(this.path, this.key, this.length);
    this.index = leaf.search(this.key, this.length);
    if (this.index < 0) return false;
    this.#cell.read(leaf.frame.u8, leaf.cell(this.index));
    if (this.#cell.tag !== REFERENCE_TAG) return false;
    this.#offset = this.#cell.valueAt - (leaf.slot << PAGE_SHIFT);
    this.reference = decodeReference(leaf.frame.u8, this.#cell.valueAt);
    if (this.reference.page === page) return this.reference.number === number;
    return this.reference.secondPage === page && this.reference.secondNumber === number;
  }

  /** Points the reference of the entry found last, to a fragment of a page, at another page. */
  refer(from: PageNumber, to: PageNumber): void {
    const isFirst = this.reference.page === from;
    const moved = isFirst ? { page: to } : { secondPage: to };
    encodeReference({ ...this.reference, ...moved }, this.#bytes);
    this.#pager.overwrite(this.#nodes.leafOn(this.path).place, this.#offset, this.#bytes);
  }
}
