/**
 * The cache for the explorer's page: frames by extent, the most recently used pages, and the next
 * to be evicted.
 */

import type { CacheState, FrameState } from "../../../inspect.ts";
import { format, kindName, NO_PAGE } from "../../../pager/mod.ts";
import type { CacheInfo, FrameInfo, RecentPage } from "../api_types.ts";

const { CHUNK_PAGES, EXTENT_PAGES, KIND_FREE } = format;
const FRAMES_MAX = 512;
const RECENT_MAX = 24;

/** The cache, with a bounded number of frames. */
export function cacheInfo(cache: CacheState): CacheInfo {
  const { frames, bytes, bytesLimit, hits, misses, evictions } = cache;
  const clock = frames.reduce((most, { ticks }) => Math.max(most, largest(ticks)), 0);
  const pages = pagesOf(frames);
  pages.sort((a, b) => b.tick - a.tick);
  const described = pages.map(({ tick, ...page }) => ({ ...page, idle: clock - tick }));
  const mayLeave = described.filter(({ isPinned }) => !isPinned);
  return {
    bytes,
    bytesLimit,
    hits,
    misses,
    evictions,
    pages: pages.length,
    dirtyPages: pages.filter(({ dirty }) => dirty).length,
    frames: frames.slice(0, FRAMES_MAX).map((frame) => frameInfo(frame, clock)),
    moreFrames: Math.max(0, frames.length - FRAMES_MAX),
    newest: described.slice(0, RECENT_MAX).map(recentPage),
    oldest: mayLeave.slice(-RECENT_MAX).reverse().map(recentPage),
  };
}

/** The used pages of trees that are in memory. */
function pagesOf(frames: readonly FrameState[]) {
  return frames.flatMap(({ pages, kinds, verified, dirty, pinned, ticks }) => {
    return Array.from(pages, (page, slot) => ({
      page,
      kindName: kindName(kinds[slot]!),
      dirty: dirty[slot] === 1,
      isPinned: pinned[slot] === 1,
      tick: ticks[slot]!,
      isShown: page !== NO_PAGE && verified[slot] === 1 && kinds[slot] !== KIND_FREE,
    })).filter(({ isShown }) => isShown);
  });
}

function recentPage(page: RecentPage): RecentPage {
  const { kindName, idle, dirty } = page;
  return { page: page.page, kindName, idle, dirty };
}

function frameInfo(frame: FrameState, clock: number): FrameInfo {
  const { index, chunk, pages, verified, dirty, pinned, ticks } = frame;
  const groups = new Array<number>(CHUNK_PAGES / EXTENT_PAGES).fill(0);
  pages.forEach((page, slot) => {
    if (page !== NO_PAGE && verified[slot] === 1) groups[Math.floor(slot / EXTENT_PAGES)]!++;
  });
  const newest = largest(ticks);
  return {
    index,
    chunk,
    verified: groups,
    dirty: countOnes(dirty),
    pinned: countOnes(pinned),
    idle: newest === 0 ? -1 : clock - newest,
  };
}

function countOnes(flags: Uint8Array): number {
  return flags.reduce((count, flag) => count + flag, 0);
}

function largest(numbers: Uint32Array): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}
