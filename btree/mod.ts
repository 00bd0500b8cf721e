/**
 * The B+ trees alone: ordered keys over a pager's pages.
 *
 * ```ts
 * import { Space, Tree } from "./mod.ts";
 * import { openPager } from "../pager/mod.ts";
 *
 * const pager = openPager(":memory:");
 * const space = new Space(pager);
 * pager.begin();
 * const tree = Tree.create(space, 1);
 * tree.put(new Uint8Array([1]), new Uint8Array([2]));
 * pager.commit();
 * console.assert(tree.get(new Uint8Array([1]))?.[0] === 2);
 * pager.close();
 * ```
 *
 * @module
 */

export { bulkLoad } from "./bulk_load.ts";
export { Catalog, type CreateOptions, NAME_BYTES_MAX, type TreeEntry } from "./catalog.ts";
export { type Census, census, type ChunkCensus, chunkCensus } from "./census.ts";
export { Cursor } from "./cursor.ts";
export { FixedCursor, type FixedRange } from "./fixed_cursor.ts";
export { FixedTree } from "./fixed_tree.ts";
export { compareKeys } from "./key.ts";
export { LeafBatch } from "./leaf_batch.ts";
export { KEY_BYTES_MAX } from "./node.ts";
export { Nodes } from "./nodes.ts";
export { Path } from "./path.ts";
export { Space } from "./space.ts";
export { checkTree, type TreeReport } from "./tree_check.ts";
export { Tree } from "./tree.ts";
export { VALUE_BYTES_MAX } from "./value.ts";
