/**
 * The allocator by itself: finds free pages in a pager's file without scanning the file.
 *
 * ```ts
 * import { Allocator } from "./mod.ts";
 * import { format, openPager } from "../pager/mod.ts";
 *
 * const pager = openPager(":memory:");
 * const allocator = new Allocator(pager);
 * pager.begin();
 * const page = allocator.allocate(format.KIND_LEAF, 1, 0);
 * console.assert(allocator.isInUse(page));
 * allocator.release(page, 1);
 * pager.commit();
 * pager.close();
 * ```
 *
 * @module
 */

export { Allocator } from "./allocator.ts";
/** The interface through which the pager calls the allocator. */
export type { TransactionListener } from "../pager/mod.ts";
export type { Frame } from "../pager/mod.ts";
export type { ChunkNumber, PageNumber, Place, Slot, Version } from "../pager/mod.ts";
