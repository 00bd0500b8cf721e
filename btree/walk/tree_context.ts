/**
 * The context that all trees of a database share: the pager, the allocator, and the scratch memory
 * of the one writer.
 */

import { Allocator } from "../../alloc/mod.ts";
import type { Pager } from "../../pager/mod.ts";
import { EntryList } from "../node/entry_list.ts";
import { KEY_BYTES_MAX, LEVEL_MAX, REFERENCE_BYTES } from "../node/node.ts";
import { registerNodes } from "../node/node_check.ts";
import { NodeView } from "../node/node_view.ts";
import { NearbyPages } from "../value/nearby_pages.ts";
import { Arrivals } from "./arrivals.ts";
import { TreePath } from "./tree_path.ts";

/** The context that all trees of a database share. */
export class TreeContext {
  /** The pager. */
  readonly pager: Pager;
  /** Its allocator. */
  readonly allocator: Allocator;
  /**
   * The list of entries from which pages are built.
   *
   * @internal
   */
  readonly list: EntryList = new EntryList();
  /** One node view for each level, shared by all trees: one tree is walked at a time. */
  readonly views: readonly NodeView[] = Array.from({ length: LEVEL_MAX + 1 }, () => new NodeView());
  /** The path to the leaf that is being changed. */
  readonly path: TreePath = new TreePath();
  /**
   * Where keys arrive.
   *
   * @internal
   */
  readonly arrivals: Arrivals = new Arrivals();
  /** A path to the leaf before that one. */
  readonly pathBefore: TreePath = new TreePath();
  /** The reference to the value that is being stored outside of its leaf. */
  readonly reference: Uint8Array = new Uint8Array(REFERENCE_BYTES);
  /** A copy of the reference to the value that is being replaced or removed. */
  readonly oldReference: Uint8Array = new Uint8Array(REFERENCE_BYTES);
  /**
   * The pages that values near the one that is being stored share.
   *
   * @internal
   */
  readonly nearby: NearbyPages = new NearbyPages();
  /**
   * The bytes of entries that were deleted one by one, values included, also where a rollback
   * brought them back. They are free inside of pages, so packing pays.
   */
  bytesDeleted = 0;
  /** The key between two leaves of a walk, valid until the next step. */
  readonly separator: Uint8Array = new Uint8Array(KEY_BYTES_MAX);
  /** Buffers for separators that splits pass to the parent. */
  readonly keys: readonly [Uint8Array, Uint8Array, Uint8Array];

  /**
   * Creates the context of a pager. A pager has one.
   *
   * @param pager The pager.
   */
  constructor(pager: Pager) {
    registerNodes(pager);
    this.pager = pager;
    this.allocator = new Allocator(pager);
    const buffer = () => new Uint8Array(KEY_BYTES_MAX);
    this.keys = [buffer(), buffer(), buffer()];
  }
}
