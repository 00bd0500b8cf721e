// Live snapshots: an item that one sees stays kept, an item that none sees is released at once, and
// the end of a snapshot visits the items that it releases, not all that are kept.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { Kept, SnapshotList, type SnapshotState } from "./snapshot_list.ts";

/** An item that records its release. */
class Item extends Kept {
  readonly from: number;
  readonly until: number;
  isReleased = false;

  constructor(from: number, until: number) {
    super();
    this.from = from;
    this.until = until;
  }

  override unseen(): void {
    assert(!this.isReleased, "released once");
    this.isReleased = true;
  }
}

/** Ends a snapshot at once, as between transactions. */
function end(list: SnapshotList, snapshot: SnapshotState): void {
  list.close(snapshot);
  list.endClosed();
}

/** Keeps an item that the next version replaces. Returns the item, or undefined if none sees it. */
function keep(list: SnapshotList, from: number, until = from + 1): Item | undefined {
  const item = new Item(from, until);
  return list.keep(item) ? item : undefined;
}

describe("SnapshotList", () => {
  it("has a count of snapshots, and the oldest", () => {
    const list = new SnapshotList();
    assertEquals([list.snapshotCount, list.oldest], [0, undefined]);
    const [first, twin, last] = [list.begin(1), list.begin(1), list.begin(4)];
    assertEquals([list.snapshotCount, list.oldest], [3, first]);
    end(list, twin);
    assertEquals([list.snapshotCount, list.oldest], [2, first]);
    end(list, first);
    assertEquals([list.snapshotCount, list.oldest], [1, last]);
    end(list, last);
    assertEquals([list.snapshotCount, list.oldest], [0, undefined]);
  });

  it("compares the version of a page with the newest snapshot", () => {
    const list = new SnapshotList();
    assertEquals(list.seesLatest(1), false);
    const [older, newer] = [list.begin(3), list.begin(5)];
    assertEquals([4, 5, 6].map((version) => list.seesLatest(version)), [true, true, false]);
    end(list, newer);
    assertEquals([3, 4].map((version) => list.seesLatest(version)), [true, false]);
    end(list, older);
    assertEquals(list.seesLatest(1), false);
  });

  it("does not keep an item written after the newest snapshot", () => {
    const list = new SnapshotList();
    assertEquals(keep(list, 1), undefined);
    list.begin(5);
    assertEquals(keep(list, 6), undefined);
    assertEquals(keep(list, 5)?.isReleased, false);
  });

  it("keeps an item until the last snapshot that sees it has ended", () => {
    const list = new SnapshotList();
    const [first, twin, second] = [list.begin(1), list.begin(1), list.begin(2)];
    const item = keep(list, 1, 3)!;
    list.begin(3);
    end(list, first);
    end(list, second);
    assertEquals(item.isReleased, false);
    end(list, twin);
    assertEquals(item.isReleased, true);
  });

  it("ends closed snapshots only on demand", () => {
    const list = new SnapshotList();
    const [first, second] = [list.begin(1), list.begin(1)];
    const item = keep(list, 1)!;
    list.close(second);
    list.close(first);
    assertEquals([list.snapshotCount, list.oldest, item.isReleased], [2, first, false]);
    assertEquals([list.endClosed(), list.endClosed()], [true, false]);
    assertEquals([list.snapshotCount, item.isReleased], [0, true]);
  });

  it("ends the oldest snapshot before its close, and once", () => {
    const list = new SnapshotList();
    const [first, second] = [list.begin(1), list.begin(2)];
    const item = keep(list, 1)!;
    list.endOldest();
    assertEquals([first.isTooOld, second.isTooOld, item.isReleased], [true, false, false]);
    end(list, first);
    assertEquals([list.snapshotCount, list.oldest], [1, second]);
    list.endOldest();
    assertEquals([list.snapshotCount, item.isReleased], [0, true]);
  });

  it("never ends one that drains to bound memory, nor others for what passes to it", () => {
    const list = new SnapshotList();
    const draining = list.begin(1, true);
    const [first, second] = [list.begin(1), list.begin(2)];
    const item = keep(list, 1)!;
    assertEquals([list.endOldest(), list.endOldest(), list.endOldest()], [false, false, false]);
    assertEquals([draining.isTooOld, first.isTooOld, second.isTooOld], [false, true, true]);
    assertEquals([list.snapshotCount, item.isReleased], [1, false]);
    list.drain(draining);
    assertEquals([list.snapshotCount, item.isReleased], [1, true]);
    end(list, draining);
    assertEquals(list.snapshotCount, 0);
  });

  it("drains a snapshot of what an older one does not see", () => {
    const list = new SnapshotList();
    const older = list.begin(1);
    const draining = list.begin(2, true);
    const [both, one] = [keep(list, 1)!, keep(list, 2)!];
    const visited: unknown[] = [];
    list.each(draining, (item) => visited.push(item));
    assertEquals([visited.length, visited.includes(both), visited.includes(one)], [2, true, true]);
    list.drain(draining);
    assertEquals([both.isReleased, one.isReleased], [false, true]);
    end(list, draining);
    end(list, older);
    assertEquals(both.isReleased, true);
  });

  it("keeps exactly the items that a live snapshot sees, in any order of ends", () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new Random(seed);
      const list = new SnapshotList();
      const live: SnapshotState[] = [];
      const kept = new Set<Item>();
      for (let version = 1; version < 200; version++) {
        for (let more = random.below(3); more > 0; more--) live.push(list.begin(version));
        for (let more = random.below(4); more > 0; more--) {
          const item = keep(list, 1 + random.below(version), version + 1);
          if (item !== undefined) kept.add(item);
        }
        for (let less = random.below(4); less > 0 && live.length > 0; less--) {
          end(list, live.splice(random.below(live.length), 1)[0]!);
        }
        for (const item of kept) {
          const isSeen = live.some((state) =>
            item.from <= state.version && state.version < item.until
          );
          assertEquals(item.isReleased, !isSeen, `seed ${seed}, ${item.from} to ${item.until}`);
          if (!isSeen) kept.delete(item);
        }
      }
      while (live.length > 0) end(list, live.pop()!);
      for (const item of kept) assertEquals(item.isReleased, true);
    }
  });

  for (const count of [1, 100, 10_000]) {
    it(`visits few items beside those released, with ${count} live snapshots`, () => {
      const random = new Random(count);
      const list = new SnapshotList();
      const live: SnapshotState[] = [];
      const most = 4 * Math.ceil(Math.log2(count * 3 + 1));
      const perKeep = (body: () => void) => {
        const before = list.visits;
        body();
        assert(list.visits - before <= most, `${list.visits - before} visits to keep one`);
      };
      for (let version = 1; version <= count; version++) {
        live.push(list.begin(version));
        for (let i = 0; i < 3; i++) {
          perKeep(() => keep(list, 1 + random.below(version), version + 1));
        }
      }
      let releases = 0;
      const before = list.visits;
      while (live.length > 0) {
        end(list, live.splice(random.below(live.length), 1)[0]!);
        releases++;
      }
      const visits = list.visits - before;
      assert(visits <= releases * most, `${visits} visits in ${releases} ends`);
    });
  }

  it("visits few items when the end of a snapshot releases one of 100,000", () => {
    const list = new SnapshotList();
    list.begin(1);
    const last = list.begin(2);
    for (let i = 0; i < 100_000; i++) keep(list, 1, 3);
    const item = keep(list, 2, 3)!;
    const before = list.visits;
    end(list, last);
    assertEquals(item.isReleased, true);
    assert(list.visits - before <= 20, `${list.visits - before} visits`);
  });
});
