/**
 * Watchers of a shared and of a followed database hear of the commits of other processes: each
 * change once, in the order of commits, with their own between.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Change, SnapshotTooOldError } from "../../mod.ts";
import { Random } from "../support/random.ts";
import { CODECS, handlesForEach, treeOf } from "./processes/handles.ts";

const handles = handlesForEach();

/** The process would end while it only waits for others. */
function keepAlive(): Disposable {
  const timer = setInterval(() => {}, 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

type Seen = Change<string, string, unknown>;

function show(change: Seen): string {
  if (change.type === "set") return `${change.key}=${change.value}`;
  if (change.type === "delete") return `-${change.key}`;
  return change.type === "rename" ? `${change.from}>${change.to}` : change.type;
}

describe("Tree.watch() of a shared database", () => {
  it("yields the commits of other handles, and its own, in order", async () => {
    using _ = keepAlive();
    const [a, b] = [handles.open(), handles.open()];
    await treeOf(a).setMany([["a", "0"], ["b", "0"]]);
    const watcher = treeOf(a).watch();
    const versions: number[] = [];
    const next = async () => {
      const { value } = await watcher.next();
      versions.push(value!.version);
      return value!.changes.map(show);
    };
    await treeOf(b).set("c", "1");
    assertEquals(await next(), ["c=1"]);
    await treeOf(b).delete("a");
    await treeOf(a).set("b", "2");
    assertEquals([await next(), await next()], [["-a"], ["b=2"]]);
    await b.write((tx) => {
      tx.tree("words", CODECS).set("d", "3");
      tx.tree("words", CODECS).set("b", "3");
      tx.tree("other", CODECS).set("z", "3");
    });
    assertEquals(await next(), ["b=3", "d=3"]);
    assertEquals(versions, [2, 3, 4, 5]);
    await watcher.return();
  });

  it("yields what happens to whole trees", async () => {
    using _ = keepAlive();
    const [a, b] = [handles.open(), handles.open()];
    await treeOf(a).set("a", "0");
    const watcher = treeOf(a).watch();
    const next = async () => (await watcher.next()).value!.changes.map(show);
    b.renameTree("words", "old");
    assertEquals(await next(), ["words>old"]);
    await treeOf(b).set("b", "1");
    assertEquals(await next(), ["b=1"]);
    b.dropTree("words");
    assertEquals(await next(), ["drop"]);
    b.renameTree("old", "words");
    assertEquals(await next(), ["old>words"]);
    await watcher.return();
  });

  it("yields only changes of its range, and large values", async () => {
    using _ = keepAlive();
    const [a, b] = [handles.open(), handles.open()];
    const watcher = treeOf(a).watch({ prefix: "b" });
    await treeOf(b).setMany([["a", "1"], ["b", "y".repeat(100_000)], ["c", "1"]]);
    const { value } = await watcher.next();
    assertEquals(value!.changes.map((change) => show(change).length), [100_002]);
    await watcher.return();
  });

  it("rebuilds a copy from random commits of three handles", async () => {
    using _ = keepAlive();
    const all = [handles.open(), handles.open(), handles.open()];
    const random = new Random(11);
    const copies = all.map(() => new Map<string, string>());
    const watchers = all.map((db) => treeOf(db).watch({}, { maxPending: 1e6 }));
    const reads = watchers.map(async (watcher, i) => {
      const copy = copies[i]!;
      let last = 0;
      for await (const { version, changes } of watcher) {
        assert(version > last, "versions rise");
        last = version;
        for (const change of changes) {
          if (change.type === "set") copy.set(change.key, change.value);
          else if (change.type === "delete") copy.delete(change.key);
          else assertEquals(change.type, "none of the others is made here");
        }
        if (copy.get("end") === "3") return;
      }
    });
    const key = () => `key ${random.below(3000)}`;
    for (let step = 0; step < 200; step++) {
      const db = random.pick(all);
      const write = db.write((tx) => {
        const tree = tx.tree("words", CODECS);
        for (let count = random.below(60); count > 0; count--) {
          if (random.once(3)) tree.delete(key());
          else tree.set(key(), `${step} ${"x".repeat(random.below(300))}`);
        }
      });
      if (random.once(2)) await write;
      if (random.once(4)) await new Promise((resolve) => setTimeout(resolve, random.below(8)));
      if (random.once(40)) db.checkpoint();
    }
    for (const end of ["1", "2", "3"]) await treeOf(all[0]!).set("end", end);
    await Promise.all(reads);
    const expected = [...treeOf(all[0]!).entries()];
    for (const copy of copies) {
      assertEquals([...copy].sort(([a], [b]) => a < b ? -1 : 1), expected);
    }
  });

  it("ends with an error where the commits of others are gone", async () => {
    using _ = keepAlive();
    const small = { journalBytes: 2 * 2 ** 20, cacheBytes: 8 * 2 ** 20 };
    const [a, b] = [handles.open(small), handles.open(small)];
    const words = Array.from({ length: 500 }, (_, i): [string, string] => [`${i}`, ""]);
    await treeOf(a).set("a", "0");
    const watcher = treeOf(a).watch();
    for (const letter of "abcdefgh") {
      // In line: the other handle does not take part meanwhile.
      b.writeSync((tx) => {
        const tree = tx.tree("words", CODECS);
        for (const [key] of words) tree.set(key, letter.repeat(4000));
      });
    }
    await assertRejects(() => watcher.next(), SnapshotTooOldError);
    await treeOf(a).set("a", "1");
    const again = treeOf(a).watch();
    await treeOf(b).set("a", "2");
    assertEquals((await again.next()).value!.changes.map(show), ["a=2"]);
    await again.return();
  });

  it("yields the last commits when the database is closed at once", async () => {
    const a = handles.open();
    const watcher = treeOf(a).watch();
    const set = treeOf(a).set("a", "1");
    handles.opened.pop()!.close();
    await set;
    assertEquals((await watcher.next()).value!.changes.map(show), ["a=1"]);
    assertEquals((await watcher.next()).done, true);
  });

  it("ends when the database is closed", async () => {
    const a = handles.open();
    const watcher = treeOf(a).watch();
    const next = watcher.next();
    handles.opened.pop()!.close();
    assertEquals(await next, { done: true, value: undefined });
  });
});

describe("Tree.watch() of a followed database", () => {
  it("yields the commits of the process that writes", async () => {
    using _ = keepAlive();
    const writer = handles.open({ shared: false });
    await treeOf(writer).setMany([["a", "0"], ["b", "0"]]);
    writer.checkpoint();
    const follower = handles.open({ shared: false, follow: true });
    const watcher = treeOf(follower).watch();
    const copy = new Map(treeOf(follower).entries());
    const random = new Random(3);
    for (let step = 0; step < 60; step++) {
      await treeOf(writer).set(`key ${random.below(20)}`, `${step}`);
      if (random.once(3)) await treeOf(writer).delete(`key ${random.below(20)}`);
      if (random.once(5)) await new Promise((resolve) => setTimeout(resolve, random.below(30)));
    }
    await treeOf(writer).set("end", "1");
    writer.checkpoint();
    for await (const { changes } of watcher) {
      for (const change of changes) {
        if (change.type === "set") copy.set(change.key, change.value);
        else if (change.type === "delete") copy.delete(change.key);
      }
      if (copy.has("end")) break;
    }
    assertEquals([...copy].sort(([a], [b]) => a < b ? -1 : 1), [...treeOf(writer).entries()]);
  });
});
