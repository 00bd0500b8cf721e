/**
 * The cache: tracks the pages in memory and their places, and evicts pages.
 *
 * While there is room, whole chunks are loaded as chunk frames. Under pressure a chunk frame is
 * converted to a pool frame in place: pages that were used keep their slots and are found through a
 * hash table; slots that were not used become free. From then on pages are loaded and evicted one
 * by one.
 *
 * Eviction is LRU over pages. A collection adds all evictable pages to a queue (`Victims`), some
 * frames at each miss. The oldest page of the queue is evicted. A page used since it was collected
 * is skipped; after many of these, a new collection begins. So a miss visits at most some thousand
 * pages, whatever the size of the cache. The misses during a collection choose among the frames
 * collected so far.
 *
 * Invariants:
 * 1. A page is in at most one place; a chunk that has a chunk frame has no page in a pool frame.
 * 2. A place stays valid until its page is evicted. Pages that the open transaction touched
 *    (`scopes`) and pages used within the last 64 misses are never evicted, so a caller may hold
 *    places across that many misses. A page taken into use counts as a miss. Any miss may evict an
 *    untouched header page; a touched one may move after 64 misses without use.
 * 3. A dirty page is evicted only after the owner has cleaned its chunk. One whose chunk would wait
 *    for the medium, and soon will not, is evicted after all others.
 * 4. There are at most `limit` frames besides windows of the file (`Windows`), except while
 *    invariant 2 forces more; `trim` releases the excess. No window is evicted or dissolved.
 * 5. A collection visits a frame once, so a place is in the queue once.
 *
 * It reads and writes no file, and does not know what a page holds.
 */

import { assert } from "../format/assert.ts";
import { CHUNK_PAGES, CHUNK_SHIFT, PAGE_BYTES, PAGE_SHIFT, SLOT_MASK } from "../format/format.ts";
import { Frame, IMAGE, NO_PAGE, placeOf, POOL } from "../format/frame.ts";
import type { ChunkNumber, PageNumber, Place, Slot } from "../format/units.ts";
import { type FrameMemory, HeapMemory } from "../native/frame_memory.ts";
import { PageTable } from "./page_table.ts";
import { Victims } from "./victims.ts";

/** The result of `lookup` and `find` for a page that is not in memory. */
export const MISS = -1;

const RECENT_MISSES = 64;
const CLOCK_MAX = 2 ** 30;
/** The number of frames that a miss collects. */
const COLLECTED_FRAMES = 16;
/** The number of skipped pages after which the queue is outdated. */
const SKIPS_MAX = 4096;

/** The owner of a cache's dirty pages. */
export interface CacheOwner {
  /** Whether dirty pages can be written at all; if not, they stay. */
  canClean(): boolean;
  /** Writes the dirty pages of a chunk to the file; false if they must not be written now. */
  clean(chunk: ChunkNumber): boolean;
  /** Whether to clean a chunk now would wait for the medium, and soon will not. */
  isInFlight(chunk: ChunkNumber): boolean;
}

/** Tracks the pages in memory and their places, and evicts pages. */
export class Cache {
  /** All frames, by index. */
  readonly frames: Frame[] = [];
  /** The most frames besides windows, unless invariant 2 forces more. */
  readonly limit: number;
  /** Frames that are not windows, and hold something. */
  ownFrames = 0;
  /** Advances with every miss and every new page. */
  clock: number = RECENT_MISSES;
  /** Pages evicted so far. */
  evictions = 0;
  /** The most frames besides windows so far. */
  peakFrames = 0;
  /** The slots visited so far to choose victims. */
  visits = 0;

  readonly #owner: CacheOwner;
  readonly #memory: FrameMemory;
  /** Index + 1 of the chunk frame of each chunk, 0 = none. */
  #chunkFrames = new Int32Array(16);
  readonly #pool = new PageTable();
  readonly #free: number[] = [];
  /** Frames that hold nothing, before the last one. */
  readonly #spare: Frame[] = [];
  readonly #victims = new Victims();
  /** The clock at the start of the collection; the ages of victims are as of then. */
  #collectedAt = 0;
  /** The frame to collect next. */
  #nextFrame = 0;
  /** The number of frames that are not collected yet. */
  #framesLeft = 0;
  /** Whether a victim was passed over because it would wait for the medium. */
  #hasPassed = false;

  /**
   * Creates an empty cache.
   *
   * @param limit The most frames.
   * @param owner Cleans dirty pages before they are evicted.
   * @param memory The memory of its frames.
   */
  constructor(limit: number, owner: CacheOwner, memory: FrameMemory = new HeapMemory()) {
    this.limit = limit;
    this.#memory = memory;
    this.#owner = owner;
  }

  /** Whether another whole chunk may be loaded. */
  get hasRoom(): boolean {
    return this.ownFrames < this.limit;
  }

  /** The number of windows. */
  get windowCount(): number {
    return this.frames.length - this.ownFrames - this.#spare.length;
  }

  /** The place of a page that is in memory and verified, marked as used now; or `MISS`. */
  lookup(page: PageNumber): Place {
    const index = this.#chunkFrames[page >>> CHUNK_SHIFT]!;
    if (index > 0) {
      const ticks = this.frames[index - 1]!.ticks;
      const slot = page & SLOT_MASK;
      if (ticks[slot] === 0) return MISS;
      ticks[slot] = this.clock;
      return ((index - 1) << CHUNK_SHIFT) | slot;
    }
    return this.#lookupPool(page);
  }

  #lookupPool(page: PageNumber): number {
    const place = this.#pool.get(page);
    if (place < 0) return MISS;
    const ticks = this.frames[place >>> CHUNK_SHIFT]!.ticks;
    const slot = place & SLOT_MASK;
    if (ticks[slot] === 0) return MISS;
    ticks[slot] = this.clock;
    return place;
  }

  /** The place of a page in memory, verified or not, without marking it; or `MISS`. */
  find(page: PageNumber): Place {
    const index = this.#chunkFrames[page >>> CHUNK_SHIFT]!;
    if (index > 0) return ((index - 1) << CHUNK_SHIFT) | (page & SLOT_MASK);
    return this.#pool.get(page);
  }

  /** The chunk frame of a chunk, or undefined. */
  chunkFrame(chunk: ChunkNumber): Frame | undefined {
    const index = this.#chunkFrames[chunk]!;
    return index > 0 ? this.frames[index - 1] : undefined;
  }

  /** Whether any page of a chunk is in a pool frame. */
  poolHoldsPartOf(chunk: ChunkNumber): boolean {
    if (this.#pool.size === 0) return false;
    const first = chunk * CHUNK_PAGES;
    for (let slot = 0; slot < CHUNK_PAGES; slot++) {
      if (this.#pool.get(first + slot) >= 0) return true;
    }
    return false;
  }

  /** Marks a page as verified and used now. */
  use(place: Place): void {
    this.frames[place >>> CHUNK_SHIFT]!.ticks[place & SLOT_MASK] = this.clock;
  }

  /** Advances the clock, as every miss and every new page does. */
  tick(): void {
    if (++this.clock >= CLOCK_MAX) this.#rebase();
  }

  /** Makes all pages used so far evictable. Call it only while no caller holds a place. */
  settle(): void {
    for (let i = 0; i < RECENT_MISSES; i++) this.tick();
  }

  /** Makes room in the tables for chunks 0..count-1. */
  reserve(count: number): void {
    if (count <= this.#chunkFrames.length) return;
    const grown = new Int32Array(Math.max(count, this.#chunkFrames.length * 2));
    grown.set(this.#chunkFrames);
    this.#chunkFrames = grown;
  }

  /** Adds a zeroed chunk frame. There must be room, and no page of the chunk in a pool frame. */
  addChunkFrame(chunk: ChunkNumber): Frame {
    const frame = this.#addFrame(chunk);
    this.#chunkFrames[chunk] = frame.index + 1;
    return frame;
  }

  /** Removes a chunk frame of which no page is needed: it could not be read, or has none in use. */
  removeChunkFrame(frame: Frame): void {
    this.#chunkFrames[frame.chunk] = 0;
    for (let slot = 0; slot < CHUNK_PAGES; slot++) this.#empty(frame, slot);
    this.#retire(frame);
  }

  /** Counts a chunk frame as a window, whose memory is the system's, or no longer as one. */
  setWindow(frame: Frame, isWindow: boolean): void {
    if (frame.isWindow === isWindow) return;
    frame.isWindow = isWindow;
    this.ownFrames += isWindow ? -1 : 1;
    this.peakFrames = Math.max(this.peakFrames, this.ownFrames);
    // Its places may still be in the queue, and would be added again.
    if (!isWindow) this.#forgetVictims();
  }

  /** Drops the pages of a chunk that are in pool frames; false if one of them must stay. */
  leavePool(chunk: ChunkNumber): boolean {
    if (this.#pool.size === 0) return true;
    const first = chunk * CHUNK_PAGES;
    for (let slot = 0; slot < CHUNK_PAGES; slot++) {
      const place = this.#pool.get(first + slot);
      if (place >= 0 && !this.#mayLeave(place)) return false;
    }
    for (let slot = 0; slot < CHUNK_PAGES; slot++) {
      const place = this.#pool.get(first + slot);
      if (place >= 0) this.drop(place);
    }
    return true;
  }

  #mayLeave(place: Place): boolean {
    const { scopes, dirty, ticks } = this.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    return scopes[slot] === 0 && dirty[slot] === 0 && !this.#isRecent(ticks[slot]!);
  }

  /** Gives a page a slot in a pool frame, unverified. The slot still has its old content. */
  addPage(page: PageNumber): Place {
    const place = this.#takeSlot();
    this.frames[place >>> CHUNK_SHIFT]!.pages[place & SLOT_MASK] = page;
    this.#pool.set(page, place);
    return place;
  }

  /** Allocates a slot in a pool frame for an old image. */
  addImage(): Place {
    const place = this.#takeSlot();
    this.frames[place >>> CHUNK_SHIFT]!.pages[place & SLOT_MASK] = IMAGE;
    return place;
  }

  /** Turns the image in a slot into its page, which must not be in memory. */
  adoptImage(place: Place, page: PageNumber): void {
    const frame = this.frames[place >>> CHUNK_SHIFT]!;
    assert(frame.pages[place & SLOT_MASK] === IMAGE, "an image becomes a page");
    frame.pages[place & SLOT_MASK] = page;
    this.#pool.set(page, place);
    this.use(place);
  }

  /** Frees the slot of an image, or of a page in a pool frame. */
  drop(place: Place): void {
    const frame = this.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    assert(frame.chunk === POOL, "only slots of pool frames are given back");
    if (frame.pages[slot] !== IMAGE) this.#pool.delete(frame.pages[slot]!);
    this.#empty(frame, slot);
    this.#free.push(place);
  }

  /** Ends the memory of the frames. */
  close(): void {
    this.#memory.close();
  }

  /** Releases the frames over the limit, as far as their pages can be evicted. */
  trim(): void {
    for (let index = this.frames.length - 1; index >= 0 && !this.#fits; index--) {
      const frame = this.frames[index]!;
      if (frame.isWindow || this.#spare.includes(frame)) continue;
      if (!this.#vacate(frame)) return;
      this.#removeFreeSlotsOf(index);
      this.#retire(frame);
    }
  }

  get #fits(): boolean {
    return this.ownFrames <= this.limit;
  }

  #addFrame(chunk: ChunkNumber): Frame {
    this.ownFrames++;
    this.peakFrames = Math.max(this.peakFrames, this.ownFrames);
    const spare = this.#spare.pop();
    if (spare !== undefined) {
      if (chunk !== POOL) spare.hold(chunk);
      return spare;
    }
    const frame = new Frame(this.frames.length, chunk, CHUNK_PAGES, this.#memory.take());
    this.frames.push(frame);
    if (this.#victims.reserve(this.frames.length * CHUNK_PAGES)) this.#framesLeft = 0;
    return frame;
  }

  /** Releases an empty frame. One before the last keeps its number, and may be used again. */
  #retire(frame: Frame): void {
    frame.chunk = POOL;
    if (frame.isWindow) frame.isWindow = false;
    else this.ownFrames--;
    this.#forgetVictims();
    if (frame.index < this.frames.length - 1) {
      this.#memory.clear(frame.u8);
      this.#spare.push(frame);
    } else {
      this.frames.pop();
      this.#memory.giveBack(frame.u8);
    }
  }

  #takeSlot(): number {
    if (this.#free.length === 0 && this.hasRoom) this.#addPoolFrame();
    if (this.#free.length === 0 && !this.#evictOne()) this.#addPoolFrame();
    const place = this.#free.pop();
    assert(place !== undefined, "a slot was made free");
    return place;
  }

  #addPoolFrame(): void {
    const frame = this.#addFrame(POOL);
    for (let slot = SLOT_MASK; slot > 0; slot--) this.#free.push(placeOf(frame, slot));
  }

  #empty(frame: Frame, slot: Slot): void {
    frame.pages[slot] = NO_PAGE;
    frame.ticks[slot] = 0;
    frame.scopes[slot] = 0;
    frame.dirty[slot] = 0;
  }

  /** Frees at least one slot; false if no page can be evicted. */
  #evictOne(): boolean {
    if (this.#framesLeft > 0) this.#collect();
    if (this.#evictVictim(false)) return true;
    // The pages collected so far were used since, or cannot be evicted.
    this.#hasPassed = false;
    return this.#evictAnew(false) || (this.#hasPassed && this.#evictAnew(true));
  }

  /** Collects all pages again, until one is evicted. */
  #evictAnew(waits: boolean): boolean {
    this.#beginCollection();
    while (this.#framesLeft > 0) {
      this.#collect();
      if (this.#evictVictim(waits)) return true;
    }
    return false;
  }

  /**
   * Frees at least one slot; false if no victim can be evicted, or the queue is outdated.
   *
   * @param waits Whether a victim may wait for the medium; if not, it is passed over.
   */
  #evictVictim(waits: boolean): boolean {
    let skips = 0;
    for (let place = this.#victims.take(); place >= 0; place = this.#victims.take()) {
      this.visits++;
      const frame = this.frames[place >>> CHUNK_SHIFT]!;
      const slot = place & SLOT_MASK;
      if (frame.isWindow) continue;
      if (!isPage(frame, slot) || !this.#victims.hadAge(this.#collectedAt - frame.ticks[slot]!)) {
        if (++skips === SKIPS_MAX) return false;
        continue;
      }
      if (!waits && this.#mustWait(frame, slot)) continue;
      if (frame.chunk !== POOL) {
        if (this.#dissolve(frame) && this.#free.length > 0) return true;
      }
      if (frame.chunk === POOL && isPage(frame, slot) && this.#evict(frame, slot)) return true;
    }
    return false;
  }

  /** Whether to evict a page, or to dissolve its frame, would wait for the medium. */
  #mustWait(frame: Frame, slot: Slot): boolean {
    const isDirty = frame.dirty[frame.chunk === POOL ? slot : 0] !== 0;
    if (!isDirty || !this.#owner.isInFlight(frame.pages[slot]! >>> CHUNK_SHIFT)) return false;
    this.#hasPassed = true;
    return true;
  }

  #evict(frame: Frame, slot: Slot): boolean {
    if (frame.scopes[slot] !== 0) return false;
    if (frame.dirty[slot] !== 0 && !this.#owner.clean(frame.pages[slot]! >>> CHUNK_SHIFT)) {
      return false;
    }
    this.evictions++;
    this.drop(placeOf(frame, slot));
    return true;
  }

  /** Converts a chunk frame to a pool frame in place; false if it must stay a chunk frame. */
  #dissolve(frame: Frame): boolean {
    const touched = frame.scopes[0] !== 0;
    const headers = touched ? this.#slotForHeaders(frame) : 0;
    if (touched && headers === 0) return false;
    if (!touched && frame.dirty[0] !== 0 && !this.#owner.clean(frame.chunk)) return false;
    this.#chunkFrames[frame.chunk] = 0;
    frame.chunk = POOL;
    for (let slot = SLOT_MASK; slot > 0; slot--) {
      if (slot === headers) {
        this.#moveHeaders(frame, slot);
      } else if (isUsed(frame, slot)) {
        this.#pool.set(frame.pages[slot]!, placeOf(frame, slot));
      } else {
        this.#empty(frame, slot);
        this.#free.push(placeOf(frame, slot));
      }
    }
    this.#empty(frame, 0);
    return true;
  }

  /** The slot of a chunk frame that its touched header page can move to, or 0. */
  #slotForHeaders(frame: Frame): number {
    if (this.#isRecent(frame.ticks[0]!)) return 0;
    let evictable = 0;
    for (let slot = SLOT_MASK; slot > 0; slot--) {
      if (!isUsed(frame, slot)) return slot;
      const isPinned = frame.scopes[slot] !== 0 || frame.dirty[slot] !== 0;
      if (!isPinned && !this.#isRecent(frame.ticks[slot]!)) evictable = slot;
    }
    return evictable;
  }

  /** Moves a header page from slot 0, which a pool frame does not use, to a slot of its own. */
  #moveHeaders(frame: Frame, slot: Slot): void {
    frame.u8.copyWithin(slot << PAGE_SHIFT, 0, PAGE_BYTES);
    frame.pages[slot]! = frame.pages[0]!;
    frame.ticks[slot]! = frame.ticks[0]!;
    frame.scopes[slot]! = frame.scopes[0]!;
    frame.dirty[slot]! = frame.dirty[0]!;
    this.#pool.set(frame.pages[0]!, placeOf(frame, slot));
  }

  /** Empties a frame; false if a page in it cannot be evicted. */
  #vacate(frame: Frame): boolean {
    if (frame.chunk !== POOL && !this.#dissolve(frame)) return false;
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (frame.pages[slot] === IMAGE) return false;
      if (isPage(frame, slot) && !this.#evict(frame, slot)) return false;
    }
    return true;
  }

  #removeFreeSlotsOf(index: number): void {
    let kept = 0;
    for (const place of this.#free) {
      if (place >>> CHUNK_SHIFT !== index) this.#free[kept++] = place;
    }
    this.#free.length = kept;
  }

  #isRecent(tick: number): boolean {
    return tick > this.clock - RECENT_MISSES;
  }

  #beginCollection(): void {
    this.#victims.clear();
    this.#collectedAt = this.clock;
    this.#framesLeft = this.frames.length;
  }

  #forgetVictims(): void {
    this.#victims.clear();
    this.#framesLeft = 0;
  }

  /** Adds the evictable pages of the next frames to the victims. */
  #collect(): void {
    const keepsDirty = !this.#owner.canClean();
    const count = Math.min(COLLECTED_FRAMES, this.#framesLeft);
    this.#framesLeft -= count;
    for (let i = 0; i < count; i++) {
      if (this.#nextFrame >= this.frames.length) this.#nextFrame = 0;
      this.#collectFrame(this.frames[this.#nextFrame++]!, keepsDirty);
    }
  }

  #collectFrame(frame: Frame, keepsDirty: boolean): void {
    if (frame.isWindow) return;
    const mustStay = frame.scopes[0] !== 0
      ? this.#isRecent(frame.ticks[0]!)
      : keepsDirty && frame.dirty[0] !== 0;
    if (frame.chunk !== POOL && mustStay) return;
    this.visits += CHUNK_PAGES;
    const newest = Math.min(this.#collectedAt, this.clock - RECENT_MISSES);
    for (let slot = CHUNK_PAGES - 1; slot > 0; slot--) {
      if (!isPage(frame, slot) || frame.scopes[slot] !== 0) continue;
      if (keepsDirty && frame.dirty[slot] !== 0) continue;
      const tick = frame.ticks[slot]!;
      if (tick <= newest) this.#victims.add(placeOf(frame, slot), this.#collectedAt - tick);
    }
  }

  #rebase(): void {
    this.#forgetVictims();
    const shift = CLOCK_MAX / 2;
    for (const { ticks } of this.frames) {
      for (let slot = 0; slot < ticks.length; slot++) {
        if (ticks[slot] !== 0) ticks[slot] = Math.max(1, ticks[slot]! - shift);
      }
    }
    this.clock -= shift;
  }
}

/** Whether a slot of a chunk frame has to be kept: it is verified, touched or dirty. */
function isUsed(frame: Frame, slot: Slot): boolean {
  return frame.ticks[slot] !== 0 || frame.scopes[slot] !== 0 || frame.dirty[slot] !== 0;
}

function isPage(frame: Frame, slot: Slot): boolean {
  return frame.pages[slot]! < IMAGE;
}
