// The change feed and its queues by themselves: the changes that a queue receives, their removal by
// savepoints, the time when a commit can be taken, and the bound on waiting changes.

import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { utf8 } from "../../tests/support/databases/database.ts";
import { boundsOf, type Range } from "../read/range.ts";
import { TreeFormat } from "../read/tree_format.ts";
import type { RawChange } from "./change.ts";
import { ChangeFeed } from "./change_feed.ts";
import { WatchQueue } from "./watch_queue.ts";

type Key = Uint8Array | string;

const FORMAT = new TreeFormat<Uint8Array, never, Key, never, Key>({});

/** The bounds of all keys. */
const ALL = { lower: undefined, upper: undefined };

/** A queue on a feed, for a range of a tree. */
function queueOn(feed: ChangeFeed, range: Range = {}, changesMax = 100, tree = "a"): WatchQueue {
  const queue = new WatchQueue({ tree, ...boundsOf(range, FORMAT) }, changesMax, () => {});
  feed.add(queue);
  return queue;
}

/** Notes that a key gets a value. */
function set(feed: ChangeFeed, key: string, tree = "a"): void {
  feed.noteSet(tree, utf8(key), utf8(key).length, new Uint8Array([1]));
}

/** Notes that a range is deleted. */
function deleteRange(feed: ChangeFeed, range: Range, count = 1): void {
  feed.noteDeleteRange("a", range, boundsOf(range, FORMAT), count);
}

/** A transaction that is durable at once. */
function transact(feed: ChangeFeed, version: number, action: () => void): void {
  feed.begin();
  action();
  feed.commit(version);
  feed.deliver(version);
}

/** A change in short. */
function shortOf(change: RawChange): string {
  const { type } = change;
  if (type === "set" || type === "delete") return `${type} ${new TextDecoder().decode(change.key)}`;
  if (type === "rename") return `rename ${change.from} ${change.to}`;
  return type === "drop" ? type : `${type} ${change.count}`;
}

/** All that can be taken, as `version: changes`. */
function takeAll(queue: WatchQueue): string[] {
  const taken: string[] = [];
  for (let commit = queue.take(); commit !== undefined; commit = queue.take()) {
    taken.push(`${commit.version}: ${commit.changes.map(shortOf).join(", ")}`);
  }
  return taken;
}

describe("a change feed", () => {
  it("gives a queue the changes of its tree and its range, in order", () => {
    const feed = new ChangeFeed();
    const ranges: [Range, string][] = [
      [{}, "set a, set b, set b/1, set b/2, delete c, set d"],
      [{ prefix: "b/" }, "set b/1, set b/2"],
      [{ prefix: "b" }, "set b, set b/1, set b/2"],
      [{ gt: "b", lt: "c" }, "set b/1, set b/2"],
      [{ gte: "b/2", lte: "c" }, "set b/2, delete c"],
      [{ gt: "b/2" }, "delete c, set d"],
      [{ lte: "a" }, "set a"],
      [{ prefix: "b", gte: "b/2" }, "set b/2"],
    ];
    const queues = ranges.map(([range]) => queueOn(feed, range));
    const none = [queueOn(feed, { gt: "c", lt: "b" }), queueOn(feed, {}, 100, "other")];
    transact(feed, 1, () => {
      for (const key of ["a", "b", "b/1", "b/2"]) set(feed, key);
      feed.noteDelete("a", utf8("c and more"), 1);
      set(feed, "d");
    });
    assertEquals(queues.map(takeAll), ranges.map(([, taken]) => [`1: ${taken}`]));
    assertEquals(none.map(takeAll), [[], []]);
  });

  it("gives a range delete to the queues whose range it meets", () => {
    const meets: [Range, Range, boolean][] = [
      [{}, {}, true],
      [{ prefix: "b" }, {}, true],
      [{}, { prefix: "b" }, true],
      [{ prefix: "b" }, { gte: "b/5", lt: "x" }, true],
      [{ prefix: "b" }, { lte: "b" }, true],
      [{ prefix: "b" }, { lt: "b" }, false],
      [{ prefix: "b" }, { gte: "c" }, false],
      [{ gt: "b" }, { lte: "b" }, false],
      [{ lt: "b" }, { gte: "b" }, false],
      [{ gt: "c", lt: "b" }, {}, false],
      [{ gte: "b", lt: "b" }, {}, false],
      [{ lt: "" }, {}, false],
      [{ lt: "" }, { lt: "b" }, false],
      [{ lte: "" }, { lt: "b" }, true],
    ];
    for (const [watched, deleted, expected] of meets) {
      const feed = new ChangeFeed();
      const queue = queueOn(feed, watched);
      transact(feed, 1, () => deleteRange(feed, deleted, 7));
      const message = `${JSON.stringify(deleted)} where ${JSON.stringify(watched)} is watched`;
      assertEquals(takeAll(queue), expected ? ["1: deleteRange 7"] : [], message);
    }
  });

  it("gives a load, a drop and a rename to every queue of the tree", () => {
    const feed = new ChangeFeed();
    const queues = [queueOn(feed, { prefix: "x" }), queueOn(feed, { prefix: "y" })];
    const [other, renamed] = [queueOn(feed, {}, 9, "other"), queueOn(feed, {}, 9, "new")];
    transact(feed, 1, () => {
      feed.noteLoad("a", 5);
      feed.noteRename("a", "new");
    });
    transact(feed, 2, () => feed.noteDrop("a"));
    const expected = ["1: load 5, rename a new", "2: drop"];
    assertEquals(queues.map(takeAll), [expected, expected]);
    assertEquals([takeAll(other), takeAll(renamed)], [[], ["1: rename a new"]]);
  });

  it("does not note what changed nothing", () => {
    const feed = new ChangeFeed();
    const queue = queueOn(feed);
    transact(feed, 1, () => {
      deleteRange(feed, {}, 0);
      feed.noteLoad("a", 0);
    });
    assertEquals(takeAll(queue), []);
  });

  it("copies keys, values and ranges, for each queue by itself", () => {
    const feed = new ChangeFeed();
    const queues = [queueOn(feed), queueOn(feed)];
    // The `slice` of a `Buffer` is not a copy.
    const [key, value] = [Buffer.from("key and more"), Buffer.from("value")];
    const range: { prefix?: string } = { prefix: "b" };
    const [bound, part] = [utf8("bound"), utf8("part")];
    transact(feed, 1, () => {
      feed.noteSet("a", key, 3, value);
      feed.noteDelete("a", key, 3);
      deleteRange(feed, range);
      feed.noteDeleteRange("a", { gte: bound, lt: ["a", part] }, ALL, 1);
    });
    for (const bytes of [key, value, bound, part]) bytes.fill(0);
    delete range.prefix;
    const expected = [
      { type: "set", key: utf8("key"), value: utf8("value") },
      { type: "delete", key: utf8("key") },
      { type: "deleteRange", range: { prefix: "b" }, count: 1 },
      { type: "deleteRange", range: { gte: utf8("bound"), lt: ["a", utf8("part")] }, count: 1 },
    ];
    const [first, second] = queues.map((queue) => queue.take()!.changes);
    assertEquals<unknown>(first, expected);
    if (first![0]!.type === "set") first![0]!.key.fill(0);
    assertEquals<unknown>(second, expected);
  });

  it("takes back what was noted in a savepoint that is rolled back, and in no other", () => {
    const feed = new ChangeFeed();
    const [all, some] = [queueOn(feed), queueOn(feed, { prefix: "k" })];
    transact(feed, 1, () => {
      set(feed, "k1");
      feed.begin();
      set(feed, "k2");
      feed.begin();
      set(feed, "x");
      set(feed, "k3");
      feed.commit(0);
      feed.rollback();
      feed.begin();
      set(feed, "y");
      feed.begin();
      set(feed, "k4");
      feed.rollback();
      feed.commit(0);
      set(feed, "k5");
    });
    feed.begin();
    set(feed, "k6");
    feed.rollback();
    transact(feed, 2, () => set(feed, "k7"));
    assertEquals(takeAll(all), ["1: set k1, set y, set k5", "2: set k7"]);
    assertEquals(takeAll(some), ["1: set k1, set k5", "2: set k7"]);
  });

  it("lets a commit be taken when its version is durable, not before", () => {
    const feed = new ChangeFeed();
    const queue = queueOn(feed);
    for (let version = 1; version <= 4; version++) {
      feed.begin();
      set(feed, `${version}`);
      feed.commit(version);
    }
    assertEquals(takeAll(queue), []);
    feed.deliver(2);
    assertEquals(takeAll(queue), ["1: set 1", "2: set 2"]);
    feed.deliver(2);
    assertEquals(takeAll(queue), []);
    feed.deliver(3);
    feed.close();
    assertEquals([takeAll(queue), queue.isOver], [["3: set 3"], true]);
  });

  it("forgets a queue that is removed, also with a transaction open", () => {
    const feed = new ChangeFeed();
    const [queue, other] = [queueOn(feed), queueOn(feed)];
    feed.begin();
    set(feed, "1");
    feed.remove(queue);
    queue.clear();
    set(feed, "2");
    feed.commit(1);
    feed.deliver(1);
    assertEquals([takeAll(queue), takeAll(other)], [[], ["1: set 1, set 2"]]);
    feed.remove(other);
    assertEquals(feed.size, 0);
  });
});

describe("the cost of a change", () => {
  /** A queue that counts how often it is asked whether it takes a change, and delivered to. */
  class CountingQueue extends WatchQueue {
    static calls = 0;
    override get isOpen(): boolean {
      CountingQueue.calls++;
      return super.isOpen;
    }
    override deliver(durableVersion: number): void {
      CountingQueue.calls++;
      super.deliver(durableVersion);
    }
  }

  it("asks, and delivers to, the watchers of the key alone, of 10,000", () => {
    const feed = new ChangeFeed();
    for (let i = 0; i < 10_000; i++) {
      const scope = { tree: "a", ...boundsOf({ prefix: `user ${i}/` }, FORMAT) };
      feed.add(new CountingQueue(scope, 100, () => {}));
    }
    CountingQueue.calls = 0;
    const calls: number[] = [];
    const count = (action: () => void) => {
      transact(feed, calls.length + 1, action);
      calls.push(CountingQueue.calls);
      CountingQueue.calls = 0;
    };
    count(() => set(feed, "other/key"));
    count(() => deleteRange(feed, { prefix: "other/" }));
    count(() => set(feed, "user 77/key"));
    count(() => feed.noteDelete("a", utf8("user 8/key"), 10));
    count(() => deleteRange(feed, { gte: "user 500/", lt: "user 502/" }));
    assertEquals(calls, [0, 0, 2, 2, 44]);
  });
});

describe("the bound of a queue", () => {
  it("holds as many changes, and loses the commit that does not fit and all after it", () => {
    const feed = new ChangeFeed();
    const queue = queueOn(feed, {}, 3);
    transact(feed, 1, () => ["a", "b"].forEach((key) => set(feed, key)));
    transact(feed, 2, () => set(feed, "c"));
    assertEquals([queue.overflowed, feed.size], [false, 1]);
    transact(feed, 3, () => set(feed, "d"));
    assertEquals([queue.overflowed, queue.isOver, feed.size], [true, false, 0]);
    transact(feed, 4, () => set(feed, "e"));
    assertEquals(takeAll(queue), ["1: set a, set b", "2: set c"]);
    assertEquals(queue.isOver, true);
  });

  it("takes a commit of any size where no other waits, and counts it for the next", () => {
    const feed = new ChangeFeed();
    const queue = queueOn(feed, {}, 2);
    const keys = ["a", "b", "c", "d"];
    for (let version = 1; version <= 2; version++) {
      transact(feed, version, () => keys.forEach((key) => set(feed, key)));
      assertEquals(takeAll(queue), [`${version}: set a, set b, set c, set d`]);
    }
    transact(feed, 3, () => keys.forEach((key) => set(feed, key)));
    transact(feed, 4, () => set(feed, "lost"));
    assertEquals([takeAll(queue), queue.isOver], [["3: set a, set b, set c, set d"], true]);
  });

  it("has room again for what was taken", () => {
    const feed = new ChangeFeed();
    const queue = queueOn(feed, {}, 2);
    for (let version = 1; version < 50; version++) {
      transact(feed, version, () => ["a", "b"].forEach((key) => set(feed, key)));
      assertEquals(takeAll(queue), [`${version}: set a, set b`]);
    }
    assertEquals(queue.overflowed, false);
  });

  it("counts what a rollback takes back no more", () => {
    const feed = new ChangeFeed();
    const queue = queueOn(feed, {}, 2);
    transact(feed, 1, () => {
      set(feed, "a");
      for (let i = 0; i < 3; i++) {
        feed.begin();
        for (let key = 0; key < 9; key++) set(feed, `${key}`);
        feed.rollback();
      }
      set(feed, "b");
    });
    assertEquals([takeAll(queue), queue.overflowed], [["1: set a, set b"], false]);
    feed.begin();
    for (let key = 0; key < 9; key++) set(feed, `${key}`);
    feed.rollback();
    transact(feed, 2, () => set(feed, "c"));
    assertEquals([takeAll(queue), queue.overflowed], [["2: set c"], false]);
  });

  it("never gives out a part of a commit, whatever is taken while it is open", () => {
    const feed = new ChangeFeed();
    const queue = queueOn(feed, {}, 2);
    transact(feed, 1, () => ["a", "b"].forEach((key) => set(feed, key)));
    transact(feed, 2, () => {
      set(feed, "lost");
      assertEquals(takeAll(queue), ["1: set a, set b"]);
      set(feed, "has room");
    });
    assertEquals([takeAll(queue), queue.overflowed, queue.isOver], [[], true, true]);
  });

  it("counts commits that are not durable yet, which come all the same", () => {
    const feed = new ChangeFeed();
    const queue = queueOn(feed, {}, 2);
    for (let version = 1; version <= 3; version++) {
      feed.begin();
      set(feed, `${version}`);
      feed.commit(version);
    }
    assertEquals([queue.overflowed, queue.isOver, takeAll(queue)], [true, false, []]);
    feed.deliver(1);
    assertEquals([takeAll(queue), queue.isOver, feed.size], [["1: set 1"], false, 1]);
    feed.deliver(3);
    assertEquals([takeAll(queue), queue.isOver, feed.size], [["2: set 2"], true, 0]);
  });

  it("keeps no copy of what does not fit", () => {
    const feed = new ChangeFeed();
    const queue = queueOn(feed, {}, 1);
    transact(feed, 1, () => set(feed, "a"));
    feed.begin();
    assert(queue.isOpen);
    set(feed, "b");
    assert(!queue.isOpen, "nothing more is copied");
    feed.rollback();
    assert(queue.isOpen);
  });
});
