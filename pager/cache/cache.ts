/**
 * The cache: tracks the pages in memory and their places, and evicts pages.
 *
 * While there is room, whole chunks are loaded as chunk frames. Under pressure a chunk frame is
 * converted to a pool frame in place: pages that were used keep their slots and are found through a
 * hash table; slots that were not used become free. From then on pages are loaded and evicted one
 * by one.
 *
 * Eviction is LRU over pages (`Victims`).
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
 *
 * It reads and writes no file, and does not know what a page holds.
 */

import { assert } from "../format/assert.ts";
import { CHUNK_PAGES, CHUNK_SHIFT, PAGE_BYTES, PAGE_SHIFT, SLOT_MASK } from "../format/format.ts";
import { Frame, IMAGE, NO_PAGE, placeOf, POOL } from "../format/frame.ts";
import type { ChunkNumber, PageNumber, Place, Slot } from "../format/units.ts";
import { type FrameMemory, HeapMemory } from "../native/frame_memory.ts";
import { PageTable } from "./page_table.ts";
import { type DirtyPages, isPage, isRecent, RECENT_MISSES, Victims } from "./victims.ts";

/** The result of `lookup` and `find` for a page that is not in memory. */
export const MISS = -1;

const CLOCK_MAX = 2 ** 30;

/** The owner of a cache's dirty pages. */
export interface CacheOwner extends DirtyPages {
  /** Writes the dirty pages of a chunk to the file; false if they must not be written now. */
  clean(chunk: ChunkNumber): boolean;
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

  readonly #owner: CacheOwner;
  readonly #memory: FrameMemory;
  /** Index + 1 of the chunk frame of each chunk, 0 = none. */
  #chunkFrames = new Int32Array(16);
  readonly #pool = new PageTable();
  readonly #free: number[] = [];
  /** Frames that hold nothing, before the last one. */
  readonly #spare: Frame[] = [];
  readonly #victims: Victims;

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
    this.#victims = new Victims(this.frames, owner);
  }

  /** The slots visited so far to choose victims. */
  get visits(): number {
    return this.#victims.visits;
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
    if (!isWindow) this.#victims.forget();
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
    return scopes[slot] === 0 && dirty[slot] === 0 && !isRecent(ticks[slot]!, this.clock);
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

  /**
   * Drops pages that the file has, so that others take their slots, in the same order. Call it only
   * while no caller holds a place.
   *
   * @param pages The pages, ascending.
   */
  dropAll(pages: Uint32Array): void {
    for (let i = pages.length - 1; i >= 0; i--) {
      const place = this.find(pages[i]!);
      const frame = this.frames[place >>> CHUNK_SHIFT]!;
      if (frame.chunk === POOL) this.drop(place);
      else frame.ticks[place & SLOT_MASK] = 0;
    }
    let last = -1;
    for (const page of pages) {
      const chunk = page >>> CHUNK_SHIFT;
      const frame = chunk === last ? undefined : this.chunkFrame(chunk);
      last = chunk;
      if (frame !== undefined && !frame.isWindow) this.#dissolve(frame);
    }
  }

  /** Whether the pages of a chunk fit in slots that are free. */
  get hasFreeChunk(): boolean {
    return this.#free.length >= CHUNK_PAGES;
  }

  /** Ends the memory of the frames. No page is found from then on. */
  close(): void {
    this.#chunkFrames.fill(0);
    this.#pool.clear();
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
    this.#victims.reserve();
    return frame;
  }

  /** Releases an empty frame. One before the last keeps its number, and may be used again. */
  #retire(frame: Frame): void {
    frame.chunk = POOL;
    if (frame.isWindow) frame.isWindow = false;
    else this.ownFrames--;
    this.#victims.forget();
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
    this.#victims.collect(this.clock);
    if (this.#evictVictim(false)) return true;
    // The pages collected so far were used since, or cannot be evicted.
    return this.#evictAnew(false) || (this.#victims.hasPassed && this.#evictAnew(true));
  }

  /** Collects all pages again, until one is evicted. */
  #evictAnew(waits: boolean): boolean {
    this.#victims.begin(this.clock);
    while (this.#victims.collect(this.clock)) {
      if (this.#evictVictim(waits)) return true;
    }
    return false;
  }

  /**
   * Frees at least one slot; false if no victim can be evicted.
   *
   * @param waits Whether a victim may wait for the medium; if not, it is passed over.
   */
  #evictVictim(waits: boolean): boolean {
    const victims = this.#victims;
    for (let place = victims.first(waits); place >= 0; place = victims.next(waits)) {
      const frame = this.frames[place >>> CHUNK_SHIFT]!;
      const slot = place & SLOT_MASK;
      if (frame.chunk !== POOL && this.#dissolve(frame) && this.#free.length > 0) return true;
      if (frame.chunk === POOL && isPage(frame, slot) && this.#evict(frame, slot)) return true;
    }
    return false;
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
    if (isRecent(frame.ticks[0]!, this.clock)) return 0;
    let evictable = 0;
    for (let slot = SLOT_MASK; slot > 0; slot--) {
      if (!isUsed(frame, slot)) return slot;
      const isPinned = frame.scopes[slot] !== 0 || frame.dirty[slot] !== 0;
      if (!isPinned && !isRecent(frame.ticks[slot]!, this.clock)) evictable = slot;
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

  #rebase(): void {
    this.#victims.forget();
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
