/**
 * The choice of pages to evict: those not used for longest.
 *
 * A collection adds all evictable pages of all frames to a queue, with their ages, some frames at
 * each miss. The oldest page of the queue is the next victim. One that was used since it was
 * collected is skipped; after many of these the queue is outdated, and a new collection begins. So
 * a miss visits at most some thousand pages, whatever the size of the cache. The misses during a
 * collection choose among the frames collected so far.
 *
 * The queue has a list of places for each age below 2048, and above that 1024 lists for the ages
 * between two powers of two. So nothing is sorted, and places whose ages differ by less than a
 * thousandth may leave in either order.
 *
 * Invariant: a collection visits a frame once, so a place is in the queue once.
 *
 * It evicts nothing: `Cache` does.
 */

import { CHUNK_PAGES, CHUNK_SHIFT, SLOT_MASK } from "../format/format.ts";
import { type Frame, IMAGE, placeOf, POOL } from "../format/frame.ts";
import type { ChunkNumber, Place, Slot } from "../format/units.ts";

/** A page used within that many misses is not evicted. */
export const RECENT_MISSES = 64;

/** The number of frames that a miss collects. */
const COLLECTED_FRAMES = 16;
/** The number of skipped pages after which the queue is outdated. */
const SKIPS_MAX = 4096;
const PRECISION_BITS = 10;
const AGE_BITS = 30;
const LISTS = (AGE_BITS - PRECISION_BITS + 1) << PRECISION_BITS;

/** What the choice needs to know of dirty pages. */
export interface DirtyPages {
  /** Whether dirty pages can be written at all; if not, they stay. */
  canClean(): boolean;
  /** Whether to clean a chunk now would wait for the medium, and soon will not. */
  isInFlight(chunk: ChunkNumber): boolean;
}

/** Chooses the pages to evict. */
export class Victims {
  /** The slots visited so far. */
  visits = 0;

  readonly #frames: readonly Frame[];
  readonly #dirtyPages: DirtyPages;
  readonly #queue = new AgeQueue();
  /** The clock at the start of the collection; the ages in the queue are as of then. */
  #collectedAt = 0;
  /** The frame to collect next. */
  #nextFrame = 0;
  /** The number of frames that are not collected yet. */
  #framesLeft = 0;
  /** The pages skipped since the queue was last found to be of use. */
  #skips = 0;
  /** Whether a victim was passed over because it would wait for the medium. */
  #hasPassed = false;

  /**
   * The victims among the pages of a cache.
   *
   * @param frames All frames of the cache, by index, while they come and go.
   */
  constructor(frames: readonly Frame[], dirtyPages: DirtyPages) {
    this.#frames = frames;
    this.#dirtyPages = dirtyPages;
  }

  /** Makes room for all frames there are. */
  reserve(): void {
    if (this.#queue.reserve(this.#frames.length * CHUNK_PAGES)) this.#framesLeft = 0;
  }

  /** Forgets all victims: a frame has another use, so that its places could be added again. */
  forget(): void {
    this.#queue.clear();
    this.#framesLeft = 0;
  }

  /** Whether a victim of this collection was passed over, as it would wait for the medium. */
  get hasPassed(): boolean {
    return this.#hasPassed;
  }

  /** Begins a collection. */
  begin(clock: number): void {
    this.#queue.clear();
    this.#collectedAt = clock;
    this.#framesLeft = this.#frames.length;
    this.#hasPassed = false;
  }

  /** Adds the evictable pages of the next frames to the queue; false if none are left. */
  collect(clock: number): boolean {
    if (this.#framesLeft === 0) return false;
    const keepsDirty = !this.#dirtyPages.canClean();
    const count = Math.min(COLLECTED_FRAMES, this.#framesLeft);
    this.#framesLeft -= count;
    for (let i = 0; i < count; i++) {
      if (this.#nextFrame >= this.#frames.length) this.#nextFrame = 0;
      this.#collectFrame(this.#frames[this.#nextFrame++]!, clock, keepsDirty);
    }
    return true;
  }

  #collectFrame(frame: Frame, clock: number, keepsDirty: boolean): void {
    if (frame.isWindow) return;
    const mustStay = frame.scopes[0] !== 0
      ? isRecent(frame.ticks[0]!, clock)
      : keepsDirty && frame.dirty[0] !== 0;
    if (frame.chunk !== POOL && mustStay) return;
    this.visits += CHUNK_PAGES;
    const newest = Math.min(this.#collectedAt, clock - RECENT_MISSES);
    for (let slot = CHUNK_PAGES - 1; slot > 0; slot--) {
      if (!isPage(frame, slot) || frame.scopes[slot] !== 0) continue;
      if (keepsDirty && frame.dirty[slot] !== 0) continue;
      const tick = frame.ticks[slot]!;
      if (tick <= newest) this.#queue.add(placeOf(frame, slot), this.#collectedAt - tick);
    }
  }

  /**
   * Takes the first victim of a miss.
   *
   * @param waits Whether it may wait for the medium; if not, such pages are passed over.
   * @returns Its place, or -1 if there is none or the queue is outdated.
   */
  first(waits: boolean): Place {
    this.#skips = 0;
    return this.next(waits);
  }

  /** Takes the next one, where the one before could not be evicted. */
  next(waits: boolean): Place {
    for (let place = this.#queue.take(); place >= 0; place = this.#queue.take()) {
      this.visits++;
      const frame = this.#frames[place >>> CHUNK_SHIFT]!;
      const slot = place & SLOT_MASK;
      if (frame.isWindow) continue;
      if (!isPage(frame, slot) || !this.#queue.hadAge(this.#collectedAt - frame.ticks[slot]!)) {
        if (++this.#skips === SKIPS_MAX) return -1;
        continue;
      }
      if (waits || !this.#mustWait(frame, slot)) return place;
    }
    return -1;
  }

  /** Whether to evict a page, or to dissolve its frame, would wait for the medium. */
  #mustWait(frame: Frame, slot: Slot): boolean {
    const isDirty = frame.dirty[frame.chunk === POOL ? slot : 0] !== 0;
    if (!isDirty || !this.#dirtyPages.isInFlight(frame.pages[slot]! >>> CHUNK_SHIFT)) return false;
    this.#hasPassed = true;
    return true;
  }
}

/** A queue of places by age, the oldest first. */
export class AgeQueue {
  /** The first place of each list plus 1, or 0. */
  readonly #first = new Int32Array(LISTS);
  /** The place after a place in its list plus 1, or 0. */
  #next = new Int32Array(0);
  /** The last list that may have places. */
  #oldest = 0;

  /** Makes room for the places below a limit. Returns whether this emptied the queue. */
  reserve(places: number): boolean {
    if (places <= this.#next.length) return false;
    this.#next = new Int32Array(Math.max(places, this.#next.length * 2));
    this.clear();
    return true;
  }

  /** Removes all places. */
  clear(): void {
    this.#first.fill(0);
    this.#oldest = 0;
  }

  /** Adds a place that is not in the queue, with its age in misses, below 2 ** 30. */
  add(place: Place, age: number): void {
    const list = listOf(age);
    this.#next[place] = this.#first[list]!;
    this.#first[list] = place + 1;
    if (list > this.#oldest) this.#oldest = list;
  }

  /** Removes one of the oldest places; -1 if the queue is empty. */
  take(): Place {
    while (this.#oldest > 0 && this.#first[this.#oldest] === 0) this.#oldest--;
    const place = this.#first[this.#oldest]! - 1;
    if (place >= 0) this.#first[this.#oldest] = this.#next[place]!;
    return place;
  }

  /** Whether the place taken last was added with this age, to the precision of the queue. */
  hadAge(age: number): boolean {
    return age >= 0 && listOf(age) === this.#oldest;
  }
}

/** Whether a page was used so lately that it may not be evicted. */
export function isRecent(tick: number, clock: number): boolean {
  return tick > clock - RECENT_MISSES;
}

/** Whether a slot holds a page. */
export function isPage(frame: Frame, slot: Slot): boolean {
  return frame.pages[slot]! < IMAGE;
}

/** The list of an age. */
function listOf(age: number): number {
  const shift = 31 - Math.clz32(age) - PRECISION_BITS;
  return shift <= 0 ? age : (shift << PRECISION_BITS) + (age >>> shift);
}
