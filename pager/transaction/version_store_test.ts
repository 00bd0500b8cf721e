// The version store: the image of a page that each snapshot sees, the images kept and released, and
// the bound on memory.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Cache } from "../cache/cache.ts";
import { SnapshotTooOldError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";
import { IMAGE } from "../format/frame.ts";
import { type SnapshotState, VersionStore } from "./version_store.ts";

const HEADER = new Uint32Array(8);
const PAGE = 7;

/** A store, its cache, and the pages that were read again. */
function makeStore(bytesMax = Infinity) {
  const cache = new Cache(4, { canClean: () => true, clean: () => true });
  const broughtBack: [number, Uint32Array][] = [];
  const bringBack = (page: number, header: Uint32Array) => {
    broughtBack.push([page, header]);
    return cache.addImage();
  };
  return { cache, broughtBack, store: new VersionStore(cache, { bringBack }, bytesMax) };
}

/** Ends a snapshot at once, as between transactions. */
function end(store: VersionStore, snapshot: SnapshotState): void {
  store.close(snapshot);
  store.endClosed();
}

/** Whether a slot still holds an image. */
function isKept(cache: Cache, place: number): boolean {
  return cache.frames[place >>> 8]!.pages[place & 255] === IMAGE;
}

describe("VersionStore", () => {
  it("keeps nothing while there is no snapshot", () => {
    const { store, cache } = makeStore();
    assertEquals(store.keep(PAGE, 1, 2, cache.addImage()), false);
    assertEquals(store.keepInPlace(PAGE, 1, 2, HEADER), false);
    assertEquals([store.bytes, store.snapshotCount, store.oldest], [0, 0, undefined]);
    assertEquals([store.holds(PAGE, 2), store.forget(PAGE, 2)], [false, -1]);
  });

  it("shows an image from the version that wrote it to the one that replaced it", () => {
    const { store, cache } = makeStore();
    const snapshots = [2, 3, 4, 5].map((version) => store.begin(version));
    const place = cache.addImage();
    assertEquals(store.keep(PAGE, 3, 5, place), true);
    assertEquals(snapshots.map((snapshot) => store.find(PAGE, snapshot)), [-1, place, place, -1]);
    assertEquals(store.find(PAGE + 1, snapshots[1]!), -1);
  });

  it("knows between any two versions whether a snapshot sees what was written in between", () => {
    const { store } = makeStore();
    const versions = [2, 2, 3, 7, 8, 20];
    const snapshots = versions.map((version) => store.begin(version));
    for (let left = versions.length; left >= 0; left--) {
      const live = versions.slice(0, left);
      for (let from = 0; from < 22; from++) {
        for (let until = from; until < 22; until++) {
          const seen = live.some((version) => from <= version && version < until);
          assertEquals(store.isSeen(from, until), seen, `${from} to ${until} of ${live}`);
        }
      }
      if (left > 0) end(store, snapshots[left - 1]!);
    }
  });

  it("does not keep what no snapshot sees: replaced before them, or written after", () => {
    const { store, cache } = makeStore();
    store.begin(5);
    assertEquals(store.keep(PAGE, 3, 5, cache.addImage()), false);
    assertEquals(store.keep(PAGE, 6, 7, cache.addImage()), false);
    assertEquals(store.keepInPlace(PAGE, 6, 7, HEADER), false);
    assertEquals(store.keep(PAGE, 5, 6, cache.addImage()), true);
    assertEquals(store.bytes, PAGE_BYTES);
  });

  it("tells whether the newest snapshot sees a page as it is", () => {
    const { store } = makeStore();
    assertEquals(store.seesLatest(1), false);
    const [older, newer] = [store.begin(3), store.begin(5)];
    assertEquals([4, 5, 6].map((version) => store.seesLatest(version)), [true, true, false]);
    end(store, newer);
    assertEquals([3, 4].map((version) => store.seesLatest(version)), [true, false]);
    end(store, older);
    assertEquals(store.seesLatest(1), false);
  });

  it("has several images of a page, each for the snapshots of its time", () => {
    const { store, cache } = makeStore();
    const snapshots: SnapshotState[] = [];
    const places: number[] = [];
    for (let version = 1; version <= 6; version++) {
      snapshots.push(store.begin(version));
      places.push(cache.addImage());
      store.keep(PAGE, version, version + 1, places[version - 1]!);
    }
    const current = store.begin(7);
    assertEquals(snapshots.map((snapshot) => store.find(PAGE, snapshot)), places);
    assertEquals([store.find(PAGE, current), store.bytes], [-1, 6 * PAGE_BYTES]);
    for (const index of [3, 0, 5, 1, 4, 2]) {
      end(store, snapshots[index]!);
      assertEquals(isKept(cache, places[index]!), false);
      snapshots.forEach((snapshot, i) => {
        if (isKept(cache, places[i]!)) assertEquals(store.find(PAGE, snapshot), places[i]);
      });
    }
    assertEquals([store.bytes, store.oldest], [0, current]);
  });

  it("keeps an image while anybody of any version sees it", () => {
    const { store, cache } = makeStore();
    const [first, twin, second] = [store.begin(1), store.begin(1), store.begin(2)];
    const place = cache.addImage();
    store.keep(PAGE, 1, 3, place);
    end(store, first);
    end(store, second);
    assertEquals([isKept(cache, place), store.find(PAGE, twin)], [true, place]);
    end(store, twin);
    assertEquals([isKept(cache, place), store.bytes], [false, 0]);
  });

  it("ends what was closed only when it is told that no transaction is open", () => {
    const { store, cache } = makeStore();
    const [first, second] = [store.begin(1), store.begin(1)];
    const place = cache.addImage();
    store.keep(PAGE, 1, 2, place);
    store.close(second);
    store.close(first);
    assertEquals([store.snapshotCount, store.oldest, isKept(cache, place)], [2, first, true]);
    assertEquals([store.endClosed(), store.endClosed()], [true, false]);
    assertEquals([store.snapshotCount, isKept(cache, place)], [0, false]);
  });

  it("forgets the image of a version that is rolled back; its place is the caller's", () => {
    const { store, cache } = makeStore();
    const snapshot = store.begin(1);
    const [older, newer] = [cache.addImage(), cache.addImage()];
    store.keep(PAGE, 1, 2, older);
    const second = store.begin(2);
    store.keep(PAGE, 2, 3, newer);
    assertEquals([store.holds(PAGE, 3), store.holds(PAGE, 2)], [true, false]);
    assertEquals(store.forget(PAGE, 4), -1);
    assertEquals(store.forget(PAGE, 3), newer);
    assertEquals([store.holds(PAGE, 3), isKept(cache, newer)], [false, true]);
    assertEquals([store.find(PAGE, second), store.find(PAGE, snapshot)], [-1, older]);
    assertEquals([store.forget(PAGE, 2), store.bytes], [older, 0]);
  });

  it("brings the bytes of a page that was given back when somebody asks, and once", () => {
    const { store, cache, broughtBack } = makeStore();
    const [first, second] = [store.begin(1), store.begin(2)];
    assertEquals(store.keepInPlace(PAGE, 1, 3, HEADER), true);
    assertEquals([broughtBack.length, store.bytes], [0, PAGE_BYTES]);
    const place = store.find(PAGE, first);
    assertEquals([store.find(PAGE, second), broughtBack], [place, [[PAGE, HEADER]]]);
    end(store, first);
    assertEquals(isKept(cache, place), true);
    end(store, second);
    assertEquals([isKept(cache, place), store.bytes], [false, 0]);
  });

  it("gives back a page that nobody asked for without bringing it", () => {
    const { store, broughtBack } = makeStore();
    const snapshot = store.begin(1);
    store.keepInPlace(PAGE, 1, 2, HEADER);
    assertEquals([store.forget(PAGE, 2), store.bytes], [-1, 0]);
    store.keepInPlace(PAGE, 1, 2, HEADER);
    end(store, snapshot);
    assertEquals([store.bytes, broughtBack.length], [0, 0]);
  });

  it("ends the oldest snapshots, no more of them than it must, above its bound", () => {
    const { store, cache } = makeStore(2 * PAGE_BYTES);
    const first = store.begin(1);
    for (const page of [5, 6]) store.keep(page, 1, 2, cache.addImage());
    store.bound();
    assertEquals([first.isTooOld, store.bytes], [false, 2 * PAGE_BYTES]);
    const second = store.begin(2);
    const place = cache.addImage();
    store.keep(5, 2, 3, place);
    store.bound();
    assertEquals([first.isTooOld, second.isTooOld, store.bytes], [true, false, PAGE_BYTES]);
    assertThrows(() => store.find(5, first), SnapshotTooOldError);
    assertThrows(() => store.find(99, first), SnapshotTooOldError);
    assertEquals([store.find(5, second), store.oldest], [place, second]);
    // Its owner closes it like any other.
    end(store, first);
    assertEquals(store.snapshotCount, 1);
  });

  it("ends all of them when it may keep nothing", () => {
    const { store, cache } = makeStore(0);
    const snapshots = [store.begin(1), store.begin(1)];
    store.bound();
    assertEquals(store.snapshotCount, 2);
    store.keep(PAGE, 1, 2, cache.addImage());
    store.bound();
    assertEquals(snapshots.map(({ isTooOld }) => isTooOld), [true, true]);
    assertEquals([store.snapshotCount, store.bytes], [0, 0]);
  });
});
