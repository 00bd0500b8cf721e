/**
 * The entries of some leaves of a tree, in key order: branches lead to the leaves, and other leaves
 * are not read. The tree must not change meanwhile.
 */

import {
  corrupt,
  corruptHeader,
  format,
  type PageNumber,
  type PageReader,
} from "../../pager/mod.ts";
import { LeafBatch } from "../node/leaf_batch.ts";
import { KEY_BYTES_MAX } from "../node/node.ts";
import { NodeView } from "../node/node_view.ts";
import { readReferenced } from "../value/value.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import { TreeNodes } from "../walk/tree_nodes.ts";

const { HEADER } = format;

/** A tree as of one version, and the leaves of it that matter. */
export interface TreeVersion {
  /** The context of its database. */
  readonly context: TreeContext;
  /** The reader of its pages. */
  readonly reader: PageReader;
  /** Its number. */
  readonly id: number;
  /** Its root page. */
  readonly root: PageNumber;
  /** Whether the entries of a leaf matter. */
  readonly matters: (leaf: PageNumber) => boolean;
}

/** An entry of a leaf. */
export interface LeafEntry {
  /** Its tree. */
  readonly tree: TreeVersion;
  /** Its key. */
  readonly key: Uint8Array;
  /** Its value, or the reference to it. */
  readonly stored: Uint8Array;
  /** Whether `stored` is a reference. */
  readonly isReference: boolean;
}

/**
 * The entries of the leaves that matter, in key order.
 *
 * @throws {CorruptionError} A page of the tree is damaged, or keys are out of order.
 */
export function* leafEntries(tree: TreeVersion): Generator<LeafEntry, void, undefined> {
  for (const batch of leafBatches(tree, () => new LeafBatch())) {
    for (let index = 0; index < batch.count; index++) {
      const isReference = batch.isReference[index] === 1;
      yield { tree, key: batch.key(index), stored: batch.value(index), isReference };
    }
  }
}

/**
 * The entries of the leaves that matter, in key order, those of a leaf at a time.
 *
 * @param next The batch for the next leaf: each time the same, or one for each.
 * @throws {CorruptionError} As `leafEntries`.
 */
export function* leafBatches(
  tree: TreeVersion,
  next: () => LeafBatch,
): Generator<LeafBatch, void, undefined> {
  const view = new NodeView();
  const nodes = new TreeNodes(tree.context, tree.id, tree.root, tree.reader);
  const last = new Uint8Array(KEY_BYTES_MAX);
  let length = -1;
  for (const page of leavesOf(nodes, tree.matters)) {
    const { frame, slot, entries } = nodes.node(page, 0, view);
    const batch = next();
    batch.fill(frame, slot, 0, entries);
    for (let index = 0; index < batch.count; index++) {
      if (length >= 0 && batch.compareKey(index, last, length) <= 0) {
        corrupt(page, 0, "a key is not after those of the leaf before");
      }
      length = batch.copyKey(index, last);
    }
    yield batch;
  }
}

/** A batch that lends its entries until the next leaf fills it. */
export function lendingBatch(): LeafBatch {
  const batch = new LeafBatch();
  batch.ownsKeys = batch.ownsValues = false;
  return batch;
}

/**
 * The value of an entry.
 *
 * @throws {CorruptionError} It is outside of its leaf, and damaged.
 */
export function valueOf({ tree, stored, isReference }: LeafEntry): Uint8Array {
  return isReference ? readReferenced(tree.reader, tree.id, stored, 0) : stored;
}

/** The leaves that matter, in key order. */
function* leavesOf(
  nodes: TreeNodes,
  matters: (leaf: PageNumber) => boolean,
): Generator<PageNumber, void, undefined> {
  const view = new NodeView();
  const root = nodes.rootNode();
  const tasks = [{ page: nodes.root, level: root.level }];
  let branches = 0;
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    if (task.level === 0) {
      if (matters(task.page)) yield task.page;
      continue;
    }
    if (++branches > nodes.reader.meta.pageCount) {
      corruptHeader(task.page, HEADER.tree, "the tree has more pages than the file");
    }
    const level = task.level - 1;
    const branch = nodes.node(task.page, task.level, view);
    for (let index = branch.entries - 1; index >= 0; index--) {
      const page = branch.child(index);
      if (level > 0 || matters(page)) tasks.push({ page, level });
    }
  }
}
