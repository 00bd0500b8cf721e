/**
 * What all trees of a database share: pager, allocator, and the scratch of the one writer.
 */

import { Allocator } from "../../alloc/mod.ts";
import type { Pager } from "../../pager/mod.ts";
import { EntryList } from "../node/entry_list.ts";
import { KEY_BYTES_MAX, LEVEL_MAX } from "../node/node.ts";
import { registerNodes } from "../node/node_check.ts";
import { NodeView } from "../node/node_view.ts";
import { Path } from "./path.ts";

/** What all trees of a database share. */
export class TreeContext {
  /** The pager. */
  readonly pager: Pager;
  /** Its allocator. */
  readonly allocator: Allocator;
  /**
   * Entries on their way into new pages.
   *
   * @internal
   */
  readonly list: EntryList = new EntryList();
  /** A view of a node for each level, shared by all trees, as one is walked at a time. */
  readonly views: readonly NodeView[] = Array.from({ length: LEVEL_MAX + 1 }, () => new NodeView());
  /** The way to the leaf that is being changed. */
  readonly path: Path = new Path();
  /** Buffers for keys on their way up a tree. */
  readonly keys: readonly [Uint8Array, Uint8Array, Uint8Array];

  /**
   * The space of a pager; there is one.
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
