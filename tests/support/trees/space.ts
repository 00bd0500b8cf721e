/**
 * A pager with an allocator, and helpers that query both.
 */

import { Allocator } from "../../../alloc/mod.ts";
import { type File, format, MemoryFile, type Pager } from "../../../pager/mod.ts";
import { isOfJournal, openNodes } from "./pages.ts";

const { KIND_LEAF } = format;

/** A pager and its allocator. */
export interface Space {
  pager: Pager;
  allocator: Allocator;
}

/** Opens a pager with an allocator. */
export function openSpace(file: File = new MemoryFile(), cacheBytes?: number): Space {
  const pager = openNodes(file, cacheBytes === undefined ? {} : { cacheBytes });
  return { pager, allocator: new Allocator(pager) };
}

/** Takes `count` pages one by one. */
export function take({ allocator }: Space, count: number): number[] {
  return Array.from({ length: count }, () => allocator.allocate(KIND_LEAF, 1, 0));
}

/** The data pages in use according to the bitmaps, without those of the journal. */
export function usedPages({ pager, allocator }: Space): number[] {
  const used: number[] = [];
  for (let page = 3; page < pager.meta.pageCount; page++) {
    if ((page & 255) === 0 || !allocator.isInUse(page)) continue;
    if (!isOfJournal(pager, page)) used.push(page);
  }
  return used;
}

/** `count` numbers from `first` on. */
export function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
