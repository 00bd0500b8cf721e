// The version store: the image of a page that each snapshot sees, the images kept and released, and
// the bound on memory. Versions rise with each commit, so a test begins a snapshot before it keeps
// the images that the snapshot sees.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Cache } from "../cache/cache.ts";
import { SnapshotTooOldError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";
import { IMAGE } from "../format/frame.ts";
import type { SnapshotState } from "./snapshot_list.ts";
import { VersionStore } from "./version_store.ts";

const HEADER = new Uint32Array(8);
const PAGE = 7;

/** A store, its cache, and the pages that were read again. */
function makeStore(bytesMax = Infinity) {
  const cache = new Cache(4, { canClean: () => true, clean: () => true, isInFlight: () => false });
  const broughtBack: [number, Uint32Array][] = [];
  const bringBack = (page: number, header: Uint32Array) => {
    broughtBack.push([page, header]);
    return cache.addImage();
  };
  return {
    cache,
    broughtBack,
    store: new VersionStore(cache, { bringBack, copyBack: () => {} }, bytesMax),
  };
}

/** Ends a snapshot at once, as between transactions. */
function end(store: VersionStore, snapshot: SnapshotState): void {
  store.snapshots.close(snapshot);
  store.snapshots.endClosed();
}

/** Whether a slot still holds an image. */
function isKept(cache: Cache, place: number): boolean {
  return cache.frames[place >>> 8]!.pages[place & 255] === IMAGE;
}

/** Keeps an image of the page, of the versions from `from` up to `until`, in a commit. */
function keep(store: VersionStore, place: number, from: number, until = from + 1): boolean {
  const isKept = store.keep(PAGE, from, until, place);
  store.commit();
  return isKept;
}

describe("VersionStore", () => {
  it("keeps nothing while there is no snapshot", () => {
    const { store, cache } = makeStore();
    assertEquals(store.keep(PAGE, 1, 2, cache.addImage()), false);
    assertEquals(store.keepInPlace(PAGE, 1, 2, HEADER), false);
    assertEquals(store.bytes, 0);
    assertEquals([store.holds(PAGE, 2), store.forget(PAGE, 2)], [false, -1]);
  });

  it("shows an image from the version that wrote it to the one that replaced it", () => {
    const { store, cache } = makeStore();
    const snapshots = [2, 3, 4].map((version) => store.snapshots.begin(version));
    const place = cache.addImage();
    assertEquals(keep(store, place, 3, 5), true);
    snapshots.push(store.snapshots.begin(5));
    assertEquals(snapshots.map((snapshot) => store.find(PAGE, snapshot)), [-1, place, place, -1]);
    assertEquals(store.find(PAGE + 1, snapshots[1]!), -1);
  });

  it("does not keep what was written after the newest snapshot", () => {
    const { store, cache } = makeStore();
    store.snapshots.begin(5);
    assertEquals(store.keep(PAGE, 6, 7, cache.addImage()), false);
    assertEquals(store.keepInPlace(PAGE, 6, 7, HEADER), false);
    assertEquals(keep(store, cache.addImage(), 5), true);
    assertEquals(store.bytes, PAGE_BYTES);
  });

  it("has several images of a page, each for the snapshots of its time", () => {
    const { store, cache } = makeStore();
    const snapshots: SnapshotState[] = [];
    const places: number[] = [];
    for (let version = 1; version <= 6; version++) {
      snapshots.push(store.snapshots.begin(version));
      places.push(cache.addImage());
      keep(store, places[version - 1]!, version);
    }
    const current = store.snapshots.begin(7);
    assertEquals(snapshots.map((snapshot) => store.find(PAGE, snapshot)), places);
    assertEquals([store.find(PAGE, current), store.bytes], [-1, 6 * PAGE_BYTES]);
    for (const index of [3, 0, 5, 1, 4, 2]) {
      end(store, snapshots[index]!);
      assertEquals(isKept(cache, places[index]!), false);
      snapshots.forEach((snapshot, i) => {
        if (isKept(cache, places[i]!)) assertEquals(store.find(PAGE, snapshot), places[i]);
      });
    }
    assertEquals([store.bytes, store.snapshots.oldest], [0, current]);
  });

  it("shows the images that the open transaction keeps, before it commits", () => {
    const { store, cache } = makeStore();
    const [first, second] = [store.snapshots.begin(1), store.snapshots.begin(2)];
    const place = cache.addImage();
    store.keep(PAGE, 2, 3, place);
    assertEquals([store.find(PAGE, first), store.find(PAGE, second)], [-1, place]);
    store.commit();
    assertEquals(store.find(PAGE, second), place);
    end(store, second);
    assertEquals([isKept(cache, place), store.bytes], [false, 0]);
  });

  it("keeps an image while a snapshot of any version sees it", () => {
    const { store, cache } = makeStore();
    const [first, twin, second] = [1, 1, 2].map((version) => store.snapshots.begin(version));
    const place = cache.addImage();
    keep(store, place, 1, 3);
    end(store, first!);
    end(store, second!);
    assertEquals([isKept(cache, place), store.find(PAGE, twin!)], [true, place]);
    end(store, twin!);
    assertEquals([isKept(cache, place), store.bytes], [false, 0]);
  });

  it("forgets the image of a version that is rolled back; its place is the caller's", () => {
    const { store, cache } = makeStore();
    const snapshot = store.snapshots.begin(1);
    const [older, newer] = [cache.addImage(), cache.addImage()];
    keep(store, older, 1);
    const second = store.snapshots.begin(2);
    store.keep(PAGE, 2, 3, newer);
    assertEquals([store.holds(PAGE, 3), store.holds(PAGE, 2)], [true, false]);
    assertEquals(store.forget(PAGE, 4), -1);
    assertEquals(store.forget(PAGE, 3), newer);
    assertEquals([store.holds(PAGE, 3), isKept(cache, newer)], [false, true]);
    assertEquals([store.find(PAGE, second), store.find(PAGE, snapshot)], [-1, older]);
    end(store, second);
    end(store, snapshot);
    assertEquals([isKept(cache, older), isKept(cache, newer), store.bytes], [false, true, 0]);
  });

  it("forgets the images of a savepoint, and keeps those of the transaction around it", () => {
    const { store, cache } = makeStore();
    const snapshot = store.snapshots.begin(1);
    const places = [10, 11, 12].map((page) => {
      const place = cache.addImage();
      store.keep(page, 1, 2, place);
      return place;
    });
    assertEquals([store.forget(12, 2), store.forget(11, 2)], [places[2], places[1]]);
    store.commit();
    assertEquals([10, 11, 12].map((page) => store.find(page, snapshot)), [places[0], -1, -1]);
    end(store, snapshot);
    assertEquals(places.map((place) => isKept(cache, place)), [false, true, true]);
    assertEquals(store.bytes, 0);
  });

  it("reads the bytes of a released page when a snapshot asks, and only once", () => {
    const { store, cache, broughtBack } = makeStore();
    const [first, second] = [store.snapshots.begin(1), store.snapshots.begin(2)];
    assertEquals(store.keepInPlace(PAGE, 1, 3, HEADER), true);
    store.commit();
    assertEquals([broughtBack.length, store.bytes], [0, PAGE_BYTES]);
    const place = store.find(PAGE, first);
    assertEquals([store.find(PAGE, second), broughtBack], [place, [[PAGE, HEADER]]]);
    end(store, first);
    assertEquals(isKept(cache, place), true);
    end(store, second);
    assertEquals([isKept(cache, place), store.bytes], [false, 0]);
  });

  it("releases a page that no snapshot asked for without reading it", () => {
    const { store, broughtBack } = makeStore();
    const snapshot = store.snapshots.begin(1);
    store.keepInPlace(PAGE, 1, 2, HEADER);
    assertEquals([store.forget(PAGE, 2), store.bytes], [-1, 0]);
    store.keepInPlace(PAGE, 1, 2, HEADER);
    store.commit();
    end(store, snapshot);
    assertEquals([store.bytes, broughtBack.length], [0, 0]);
  });

  it("ends the oldest snapshots, no more of them than it must, above its bound", () => {
    const { store, cache } = makeStore(2 * PAGE_BYTES);
    const first = store.snapshots.begin(1);
    for (const page of [5, 6]) store.keep(page, 1, 2, cache.addImage());
    store.commit();
    store.bound();
    assertEquals([first.isTooOld, store.bytes], [false, 2 * PAGE_BYTES]);
    const second = store.snapshots.begin(2);
    const place = cache.addImage();
    store.keep(5, 2, 3, place);
    store.commit();
    store.bound();
    assertEquals([first.isTooOld, second.isTooOld, store.bytes], [true, false, PAGE_BYTES]);
    assertThrows(() => store.find(5, first), SnapshotTooOldError);
    assertThrows(() => store.find(99, first), SnapshotTooOldError);
    assertEquals([store.find(5, second), store.snapshots.oldest], [place, second]);
    // Its owner closes it like any other.
    end(store, first);
    assertEquals(store.snapshots.snapshotCount, 1);
  });

  it("ends all of them when it may keep nothing", () => {
    const { store, cache } = makeStore(0);
    const snapshots = [store.snapshots.begin(1), store.snapshots.begin(1)];
    store.bound();
    assertEquals(store.snapshots.snapshotCount, 2);
    keep(store, cache.addImage(), 1);
    store.bound();
    assertEquals(snapshots.map(({ isTooOld }) => isTooOld), [true, true]);
    assertEquals([store.snapshots.snapshotCount, store.bytes], [0, 0]);
  });
});
