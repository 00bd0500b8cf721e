// The cache alone, with an owner that only records calls: the limit, the order of eviction, pages
// that must not be evicted, and the release of memory.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { type Frame, IMAGE } from "../format/frame.ts";
import { Cache, MISS } from "./cache.ts";

/** An owner that cleans every chunk on request, unless it is set to refuse. */
class Owner {
  readonly cleaned: number[] = [];
  cleans = true;
  /** The chunks that would wait for the medium. */
  readonly inFlight = new Set<number>();
  cache: Cache | undefined;

  canClean(): boolean {
    return this.cleans;
  }

  isInFlight(chunk: number): boolean {
    return this.inFlight.has(chunk);
  }

  clean(chunk: number): boolean {
    if (!this.cleans) return false;
    this.cleaned.push(chunk);
    for (const frame of this.cache?.frames ?? []) {
      frame.pages.forEach((page, slot) => {
        if (page >>> 8 === chunk) frame.dirty[slot] = 0;
      });
    }
    return true;
  }
}

function setUp(limit: number): { cache: Cache; owner: Owner } {
  const owner = new Owner();
  const cache = new Cache(limit, owner);
  owner.cache = cache;
  cache.reserve(1000);
  return { cache, owner };
}

/** Loads a page, as the loader does on a miss under pressure. */
function bring(cache: Cache, page: number): number {
  cache.tick();
  const place = cache.addPage(page);
  cache.use(place);
  return place;
}

/** A cache of `limit` frames, each slot filled by a miss of its own, page 1 the oldest. */
function full(limit: number): { cache: Cache; owner: Owner; pages: number } {
  const { cache, owner } = setUp(limit);
  const pages = limit * 255;
  for (let page = 1; page <= pages; page++) bring(cache, page);
  assertEquals([cache.frames.length, cache.evictions], [limit, 0]);
  return { cache, owner, pages };
}

function frameAt(cache: Cache, place: number): Frame {
  return cache.frames[place >>> 8]!;
}

describe("Cache.lookup", () => {
  it("misses a page that is not there, and one that is not verified", () => {
    const { cache } = setUp(4);
    assertEquals([cache.lookup(5), cache.find(5)], [MISS, MISS]);
    const frame = cache.addChunkFrame(0);
    assertEquals([cache.lookup(5), cache.find(5)], [MISS, 5]);
    cache.use(5);
    assertEquals([cache.lookup(5), frame.ticks[5]], [5, cache.clock]);
    const place = cache.addPage(300);
    assertEquals([cache.lookup(300), cache.find(300)], [MISS, place]);
    cache.use(place);
    assertEquals(cache.lookup(300), place);
  });

  it("misses chunks past its tables", () => {
    const { cache } = setUp(4);
    assertEquals([cache.lookup(0xffff_fffd), cache.find(0xffff_fffd)], [MISS, MISS]);
  });
});

describe("Cache eviction", () => {
  it("lets the page go that was used longest ago", () => {
    const { cache, pages } = full(2);
    const used = new Set([1, 2, 5, 100, 256]);
    for (const page of used) cache.lookup(page);
    const expected: number[] = [];
    for (let page = 1; expected.length < 20; page++) if (!used.has(page)) expected.push(page);
    for (const [i, gone] of expected.entries()) {
      bring(cache, pages + 1 + i);
      assertEquals(cache.find(gone), MISS, `page ${gone}`);
      assertEquals(cache.evictions, i + 1);
    }
    for (const page of used) assert(cache.lookup(page) >= 0);
  });

  it("agrees with exact LRU over random use", () => {
    const { cache, pages } = full(2);
    const random = new Random(7);
    const lastUse = new Map<number, number>();
    for (let page = 1; page <= pages; page++) lastUse.set(page, 64 + page);
    for (let step = pages + 1; step < pages + 3000; step++) {
      const page = 1 + random.below(pages * 2);
      if (cache.lookup(page) >= 0) {
        // Uses between two misses share a tick, so the model only counts misses.
        lastUse.set(page, cache.clock);
        continue;
      }
      const before = new Set(lastUse.keys());
      bring(cache, page);
      lastUse.set(page, cache.clock);
      const gone = [...before].filter((known) => cache.find(known) < 0);
      assertEquals(gone.length, 1);
      const oldest = Math.min(...lastUse.values());
      const tick = lastUse.get(gone[0]!) ?? 0;
      assertEquals(tick, oldest, `page ${gone[0]} went`);
      lastUse.delete(gone[0]!);
    }
    assertEquals(cache.frames.length, 2);
  });

  it("stays within the limit when all victims gathered before were used since", () => {
    const { cache, pages } = full(4);
    let next = pages + 1;
    for (let round = 0; round < 5; round++) {
      bring(cache, next++);
      for (let page = 1; page <= 600; page++) cache.lookup(page);
      for (let miss = 0; miss < 100; miss++) bring(cache, next++);
      assertEquals(cache.frames.length, 4);
    }
  });

  it("stays within the limit when every chunk's header page was just used", () => {
    const { cache } = setUp(4);
    for (let chunk = 0; chunk < 4; chunk++) cache.use(cache.addChunkFrame(chunk).index << 8);
    for (let chunk = 4; chunk < 40; chunk++) {
      bring(cache, chunk * 256);
      assertEquals(cache.frames.length, 4);
    }
  });

  for (const limit of [1, 8, 64, 256]) {
    it(`visits few pages a miss, in ${limit} frames`, () => {
      const { cache, pages } = full(limit);
      const random = new Random(limit);
      const misses = Math.ceil(1.5 * pages);
      let most = 0;
      for (let miss = 1; miss <= misses; miss++) {
        for (let use = random.below(3); use > 0; use--) cache.lookup(1 + random.below(pages));
        const before = cache.visits;
        bring(cache, pages + miss);
        most = Math.max(most, cache.visits - before);
      }
      assert(most <= 3 * 4096 + 256, `${most} visits at one miss`);
      assert(cache.visits <= 12 * misses, `${cache.visits} visits at ${misses} misses`);
      assertEquals([cache.frames.length, cache.evictions], [limit, misses]);
    });
  }

  it("visits few pages when a large cache was used whole since they were collected", () => {
    const { cache, pages } = full(64);
    for (let round = 0; round < 50; round++) {
      for (let page = 1; page <= pages; page++) cache.lookup(page);
      cache.settle();
      const before = cache.visits;
      bring(cache, pages + 1 + round);
      assert(cache.visits - before <= 3 * 4096 + 256, `${cache.visits - before} visits`);
    }
    assertEquals([cache.frames.length, cache.evictions], [64, 50]);
  });

  it("hits as often as exact LRU in a cache of many frames", () => {
    const { cache, pages } = full(40);
    const random = new Random(3);
    const recent = new Map<number, true>();
    for (let page = 1; page <= pages; page++) recent.set(page, true);
    let hits = 0;
    let exactHits = 0;
    const place = () => Math.floor(pages * 3 * random.below(1000) * random.below(1000) / 1e6);
    for (let step = 0; step < 60_000; step++) {
      const page = 1 + place() + random.below(3);
      if (cache.lookup(page) >= 0) hits++;
      else bring(cache, page);
      if (recent.delete(page)) exactHits++;
      else {for (const [oldest] of recent) {
          recent.delete(oldest);
          break;
        }}
      recent.set(page, true);
    }
    assert(hits > exactHits * 0.99, `${hits} hits, ${exactHits} of exact LRU`);
  });

  it("keeps places for 64 misses", () => {
    const { cache, pages } = full(2);
    const place = cache.lookup(1);
    for (let miss = 1; miss <= 64; miss++) {
      assertEquals([cache.find(1), frameAt(cache, place).pages[place & 255]], [place, 1]);
      for (let page = 2; page < 400; page++) cache.lookup(page);
      bring(cache, pages + miss);
    }
  });

  it("keeps what a transaction touched, and grows when there is nothing else", () => {
    const { cache, pages } = full(2);
    for (let page = 1; page <= pages; page++) {
      const place = cache.find(page);
      frameAt(cache, place).scopes[place & 255] = 1;
    }
    bring(cache, pages + 1);
    assertEquals([cache.frames.length, cache.peakFrames, cache.evictions], [3, 3, 0]);
    for (let page = 1; page <= pages; page++) assert(cache.lookup(page) >= 0);
  });

  it("has a dirty page's chunk cleaned before the page leaves", () => {
    const { cache, owner, pages } = full(2);
    const place = cache.find(1);
    frameAt(cache, place).dirty[place & 255] = 1;
    bring(cache, pages + 1);
    assertEquals([owner.cleaned, cache.find(1)], [[0], MISS]);
  });

  it("evicts pages that would wait for the medium after all others, within the limit", () => {
    const { cache, owner, pages } = full(2);
    for (const page of [1, 2]) {
      const place = cache.find(page);
      frameAt(cache, place).dirty[place & 255] = 1;
    }
    owner.inFlight.add(0);
    for (let i = 1; i <= 3; i++) bring(cache, pages + i);
    assertEquals([cache.find(3), owner.cleaned], [MISS, []]);
    assert(cache.find(1) >= 0 && cache.find(2) >= 0);
    for (let page = 1; page <= pages + 3; page++) {
      const place = cache.find(page);
      if (place >= 0) frameAt(cache, place).dirty[place & 255] = 1;
      owner.inFlight.add(page >>> 8);
    }
    cache.settle();
    bring(cache, pages + 4);
    assertEquals([owner.cleaned.length, cache.frames.length], [1, 2]);
  });

  it("passes over dirty pages that cannot be cleaned, and stays near the limit", () => {
    const { cache, owner, pages } = full(2);
    owner.cleans = false;
    for (let page = 1; page <= 300; page++) {
      const place = cache.find(page);
      frameAt(cache, place).dirty[place & 255] = 1;
    }
    for (let page = pages + 1; page < pages + 2000; page++) bring(cache, page);
    assertEquals(cache.frames.length, 2);
    for (let page = 1; page <= 300; page++) assert(cache.find(page) >= 0);
  });

  it("goes on in the right order after the clock was set back", () => {
    const { cache, pages } = full(2);
    cache.clock = 2 ** 30 - 2;
    for (let page = 200; page <= 300; page++) cache.lookup(page);
    for (let page = pages + 1; page < pages + 100; page++) bring(cache, page);
    assert(cache.clock < 2 ** 30);
    for (let page = 200; page <= 300; page++) assert(cache.lookup(page) >= 0, `page ${page}`);
    assertEquals(cache.evictions, 99);
  });
});

describe("Cache, chunk frames", () => {
  it("become pool frames in place: pages used stay in place, others leave", () => {
    const { cache } = setUp(2);
    for (const chunk of [0, 1]) cache.addChunkFrame(chunk);
    for (const page of [3, 200, 300]) cache.use(cache.find(page));
    assert(!cache.hasRoom);
    for (let page = 1000; page < 1000 + 255; page++) bring(cache, page);
    assertEquals([cache.find(3), cache.find(200)], [3, 200]);
    assertEquals([cache.find(4), cache.chunkFrame(0)], [MISS, undefined]);
    assert(cache.poolHoldsPartOf(0) && cache.poolHoldsPartOf(3) && !cache.poolHoldsPartOf(9));
    assertEquals(cache.frames.length, 2);
  });

  it("stay while their header page has been touched and used lately", () => {
    const { cache } = setUp(1);
    const frame = cache.addChunkFrame(0);
    frame.scopes[0] = 1;
    cache.use(0);
    cache.use(3);
    bring(cache, 300);
    assert(cache.chunkFrame(0) === frame);
    assertEquals(cache.frames.length, 2);
  });

  it("give a touched header page a slot of its own when they dissolve", () => {
    const { cache, owner } = setUp(1);
    const frame = cache.addChunkFrame(0);
    frame.u8.fill(7, 0, 8192);
    frame.scopes[0] = 5;
    frame.dirty[0] = 1;
    frame.dirty[9] = 1;
    frame.scopes[10] = 5;
    for (const page of [0, 3]) cache.use(page);
    cache.settle();
    for (let page = 300; page < 540; page++) bring(cache, page);
    assertEquals([cache.chunkFrame(0), cache.frames.length], [undefined, 1]);
    const place = cache.find(0);
    assert(place > 0, "the header page is in memory");
    const start = place << 13;
    assert(frame.u8.subarray(start, start + 8192).every((byte) => byte === 7));
    assertEquals([frame.scopes[place], frame.dirty[place]], [5, 1]);
    assertEquals([cache.find(9), cache.find(10)], [9, 10], "what cannot be read again stays");
    assertEquals(owner.cleaned, []);
  });

  it("have their chunk cleaned before they dissolve", () => {
    const { cache, owner } = setUp(1);
    cache.addChunkFrame(0).dirty[0] = 1;
    bring(cache, 300);
    assertEquals([owner.cleaned, cache.chunkFrame(0), cache.frames.length], [[0], undefined, 1]);
  });

  it("that could not be read are taken back", () => {
    const { cache } = setUp(2);
    cache.removeChunkFrame(cache.addChunkFrame(0));
    assertEquals([cache.find(3), cache.frames.length], [MISS, 0]);
  });
});

describe("Cache.trim", () => {
  it("releases the memory by which a transaction made it grow", () => {
    const { cache, pages } = full(2);
    const images = Array.from({ length: 900 }, () => cache.addImage());
    for (const image of images) assertEquals(frameAt(cache, image).pages[image & 255], IMAGE);
    assert(cache.frames.length > 2);
    cache.trim();
    assert(cache.frames.length > 2, "images stay");
    images.forEach((image) => cache.drop(image));
    cache.trim();
    assertEquals(cache.frames.length, 2);
    for (let page = pages + 1; page < pages + 2000; page++) bring(cache, page);
    assertEquals(cache.frames.length, 2);
  });

  it("cleans dirty pages, and stops where it may not", () => {
    const { cache, owner, pages } = full(1);
    for (let page = 1; page <= pages; page++) frameAt(cache, cache.find(page)).scopes[page] = 1;
    const place = bring(cache, 700);
    frameAt(cache, place).dirty[place & 255] = 1;
    owner.cleans = false;
    cache.trim();
    assertEquals(cache.frames.length, 2);
    owner.cleans = true;
    cache.trim();
    assertEquals([cache.frames.length, owner.cleaned], [1, [2]]);
  });
});
