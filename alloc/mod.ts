/**
 * The allocator alone: free pages of a pager's file, found without scanning it.
 *
 * ```ts
 * import { Allocator } from "./mod.ts";
 * import { format, openPager } from "../pager/mod.ts";
 *
 * const pager = openPager(":memory:");
 * const allocator = new Allocator(pager);
 * pager.begin();
 * const page = allocator.acquire(format.KIND_LEAF, 1, 0);
 * console.assert(allocator.isInUse(page));
 * allocator.release(page, 1);
 * pager.commit();
 * pager.close();
 * ```
 *
 * @module
 */

export { Allocator } from "./allocator.ts";
/** What the allocator is to the pager it allocates in. */
export type { TransactionListener } from "../pager/mod.ts";
