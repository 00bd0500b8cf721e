/**
 * The B+ trees alone: ordered keys over a pager's pages.
 *
 * ```ts
 * import { TreeContext, BTree } from "./mod.ts";
 * import { openPager } from "../pager/mod.ts";
 *
 * const pager = openPager(":memory:");
 * const context = new TreeContext(pager);
 * pager.begin();
 * const tree = BTree.create(context, 1);
 * tree.put(new Uint8Array([1]), new Uint8Array([2]));
 * pager.commit();
 * console.assert(tree.get(new Uint8Array([1]))?.[0] === 2);
 * pager.close();
 * ```
 *
 * @module
 */

export { BulkLoad } from "./bulk_load.ts";
export {
  Catalog,
  CATALOG_TREE,
  type CatalogEntry,
  type CreateOptions,
  NAME_BYTES_MAX,
  readCatalogEntry,
  type TreeEntry,
} from "./catalog.ts";
export {
  type Census,
  census,
  type ChunkCensus,
  chunkCensus,
  chunkHeaders,
  usedBytesOf,
} from "./inspect/census.ts";
export { Compaction, type CompactionBounds } from "./compact/compaction.ts";
export { Packing } from "./compact/packing.ts";
export type { Cursor } from "./walk/cursor.ts";
export {
  type LookupTraceEnd,
  type LookupTraceStep,
  type Probe,
  traceLookup,
} from "./inspect/lookup_trace.ts";
export { compareKeys } from "./node/key.ts";
export { type ChooseMemory, LeafBatch, type ResultMemory } from "./node/leaf_batch.ts";
export { LeafCursor } from "./walk/leaf_cursor.ts";
export { LeafViews, refuseMoved } from "./walk/leaf_views.ts";
export { LookupBatch } from "./walk/lookup_batch.ts";
export {
  addReferringLeaves,
  ChangedLeaves,
  type LeafSet,
  type VersionHeaders,
} from "./compare/changed_leaves.ts";
export { ExternalSort } from "./sort/external_sort.ts";
export type { EntrySink } from "./sort/sort_buffer.ts";
export { type EntryChange, treeChanges } from "./compare/tree_changes.ts";
export {
  leafBatches,
  leafEntries,
  type LeafEntry,
  lendingBatch,
  type TreeVersion,
} from "./compare/leaf_entries.ts";
export { firstLeafOf, type LeafRecords, leafRecords } from "./inspect/leaf_records.ts";
export { KEY_BYTES_MAX } from "./node/node.ts";
export { EXTRA_NODE_CHECKS, registerNodes, type Registry } from "./node/node_check.ts";
export type { NodeView } from "./node/node_view.ts";
export type { TreeNodes } from "./walk/tree_nodes.ts";
export {
  type Cell,
  type PageContents,
  pageContents,
  type Region,
} from "./inspect/page_contents.ts";
export type { TreePath } from "./walk/tree_path.ts";
export { TreeContext } from "./walk/tree_context.ts";
export {
  type TreeFigures,
  type TreeSource,
  type TreeVisitor,
  walkTree,
} from "./check/tree_walk.ts";
export { BTree, type FoundEntry } from "./tree.ts";
export {
  isUnfinishedKey,
  readUnfinished,
  type Unfinished,
  UnfinishedValues,
  walkUnfinished,
} from "./unfinished_values.ts";
export { prefetchKeys, prefetchRange, type PrefetchScope } from "./tree_prefetch.ts";
export type { LeafBounds } from "./walk/missing_pages.ts";
export type { Reference } from "./value/reference.ts";
export { VALUE_BYTES_MAX } from "./value/runs.ts";
export { readReferenced } from "./value/value.ts";
export type { ValueReader } from "./value/value_reader.ts";
export type { ChunkNumber, PageNumber, Place, Slot, Version } from "../pager/mod.ts";
