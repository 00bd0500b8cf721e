/**
 * Archives of a database that several handles share: the commits of all in their order, one handle
 * that archives while the others stand by, and streams to replicas.
 */

import { assert, assertEquals, assertGreater, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { archive, ClosedError, IoError, open, openReplica, replicate, restore } from "../../mod.ts";
import { openOnShare } from "../../pager/open_pager.ts";
import type { ShareFiles } from "../../pager/share/open_share.ts";
import { parseSegment, type Segment } from "../../store/archive/segments/segment.ts";
import { Database } from "../../store/database.ts";
import { SharingSession } from "../../store/follow/sharing_session.ts";
import { openOn } from "../support/databases/database.ts";
import { MemoryStore } from "../support/databases/memory_store.ts";
import { makeImage, plansAt } from "../support/files/crash_images.ts";
import { always, FaultyFile } from "../support/files/faulty_file.ts";
import { PowerFile, PowerWalk } from "../support/files/power_file.ts";
import { Random } from "../support/random.ts";
import { CODECS, handlesForEach, nextTurn, treeOf } from "./processes/handles.ts";
import { SharedWorld } from "./processes/one_thread.ts";

const SLOW = { everyMs: 60_000 };

/** The entries of a database. */
type Content = readonly [string, string][];

const handles = handlesForEach();

function contentOf(db: Database): Content {
  return [...treeOf(db).entries()];
}

function segmentsIn(store: MemoryStore): Segment[] {
  return store.puts.map(parseSegment).filter((segment) => segment !== undefined);
}

async function contentAt(store: MemoryStore, at?: number): Promise<Content> {
  const to = `${handles.folder}/restored`;
  try {
    await restore(to, { from: store, at });
    using db = open(to, { readOnly: true });
    return contentOf(db);
  } finally {
    Deno.removeSync(to);
  }
}

/** Resolves in a later turn of the event loop, when a condition holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn();
}

describe("an archive of a shared database", () => {
  it("has the commits of all handles, each by itself, in their order", async () => {
    const all = [handles.open(), handles.open(), handles.open()];
    const store = new MemoryStore();
    await treeOf(all[1]!).set("first", "1");
    await using shipping = archive(all[0]!, store, SLOW);
    await shipping.flush();
    const random = new Random(1);
    const states = new Map<number, Content>();
    for (let i = 0; i < 30; i++) {
      const db = random.pick(all);
      await treeOf(db).set(`key ${random.below(8)}`, `${i}`.repeat(1 + random.below(2000)));
      states.set(db.version, contentOf(db));
      if (random.once(6)) await shipping.flush();
    }
    await shipping.flush();
    assertEquals(segmentsIn(store).slice(1).some(({ kind }) => kind !== "commits"), false);
    for (const [version, state] of states) assertEquals(await contentAt(store, version), state);
    assertEquals(all[0]!.stats().archive!.losses, 0);
  });

  it("has what another handle took to the medium together as one", async () => {
    const [a, b] = [handles.open(), handles.open()];
    const store = new MemoryStore();
    await using shipping = archive(a, store, SLOW);
    await treeOf(a).set("a", "1");
    await shipping.flush();
    const { version } = a;
    const before = contentOf(a);
    await Promise.all(["1", "2", "3"].map((value) => treeOf(b).set("b", value)));
    await Promise.all(["4", "5"].map((value) => treeOf(a).set("b", value)));
    await shipping.flush();
    assertEquals(a.version, version + 5);
    const refused = async (at: number) =>
      await assertRejects(
        () => restore(`${handles.folder}/refused`, { from: store, at }),
        RangeError,
        `between versions ${version} and ${version + 3}, which were archived together`,
      );
    await refused(version + 1);
    await refused(version + 2);
    assertEquals(await contentAt(store, version), before);
    // Its own commits it knows one by one.
    const found: (string | undefined)[] = [];
    for (const at of [version + 3, version + 4, version + 5]) {
      await restore(`${handles.folder}/${at}`, { from: store, at });
      using db = open(`${handles.folder}/${at}`);
      found.push(treeOf(db).get("b"));
    }
    assertEquals(found, ["3", "4", "5"]);
  });

  it("has no commit that was rolled back", async () => {
    const [a, b] = [handles.open(), handles.open()];
    const store = new MemoryStore();
    await using shipping = archive(a, store, SLOW);
    await treeOf(a).set("a", "1");
    for (const db of [a, b]) {
      const failing = db.write(() => {
        throw new RangeError("on purpose");
      });
      await assertRejects(() => failing, RangeError);
      await treeOf(db).set("b", "2");
    }
    await shipping.flush();
    assertEquals(await contentAt(store), contentOf(a));
  });

  it("copies pages where the journal of others was gone before it was read", async () => {
    const options = { journalBytes: 2 * 1024 * 1024, cacheBytes: 8 * 1024 * 1024 };
    const [a, b] = [handles.open(options), handles.open(options)];
    const store = new MemoryStore();
    await using shipping = archive(a, store, SLOW);
    await treeOf(a).set("a", "1");
    await shipping.flush();
    // In one turn, so the handle that archives reads none of it before the journal begins anew.
    const begun = b.stats().checkpoints;
    for (let i = 0; b.stats().checkpoints < begun + 3; i++) {
      b.writeSync((tx) => tx.tree(treeOf(b)).set(`long ${i % 9}`, `${i % 10}`.repeat(60_000)));
    }
    await nextTurn();
    assertEquals([a.version, a.stats().archive!.losses], [b.version, 1]);
    await treeOf(b).set("after", "0");
    await shipping.flush();
    assertEquals(segmentsIn(store).map(({ kind }) => kind), ["base", "commits", "delta"]);
    assertEquals(await contentAt(store), contentOf(b));
    await treeOf(b).set("after", "1");
    await shipping.flush();
    assertEquals(segmentsIn(store).at(-1)!.kind, "commits");
    assertEquals(await contentAt(store), contentOf(b));
  });

  it("is written by one handle, and another one continues it when that one ends", async () => {
    const [a, b, c] = [handles.open(), handles.open(), handles.open()];
    const store = new MemoryStore();
    const first = archive(a, store, { everyMs: 5 });
    const second = archive(b, store, { everyMs: 5 });
    assertEquals([a, b].map((db) => db.stats().archive!.standsBy), [false, true]);
    assertThrows(() => archive(b, store), TypeError, "an archive of the database is being written");
    await treeOf(c).set("a", "1");
    // The one that stands by sees in the store what the other one ships.
    await second.flush();
    assertEquals(b.stats().archive!.version, c.version);
    assertEquals(b.stats().archive!.objects, 0);
    assertEquals(await contentAt(store), contentOf(c));
    await first.close();
    await treeOf(c).set("a", "2");
    await second.flush();
    await until(() => !b.stats().archive!.standsBy);
    assertGreater(b.stats().archive!.objects, 0);
    await treeOf(c).set("a", "3");
    await second.close();
    assertEquals(await contentAt(store), contentOf(c));
    assertEquals(segmentsIn(store).filter(({ kind }) => kind === "base").length, 1);
  });

  it("is continued when the database of the handle that wrote it is closed", async () => {
    const [a, b] = [handles.open(), handles.open()];
    const store = new MemoryStore();
    archive(a, store, { everyMs: 5 });
    await using second = archive(b, store, { everyMs: 5 });
    await treeOf(b).set("a", "1");
    a.close();
    await second.flush();
    assertEquals(await contentAt(store), contentOf(b));
    assertEquals(b.stats().archive!.standsBy, false);
  });

  it("ends for a handle that stands by, once the store has what was committed", async () => {
    const [a, b] = [handles.open(), handles.open()];
    const store = new MemoryStore();
    await using _first = archive(a, store, { everyMs: 5 });
    const second = archive(b, store, { everyMs: 5 });
    await treeOf(b).set("a", "1");
    await second.close();
    assertEquals(await contentAt(store), contentOf(b));
    const { ended, standsBy, objects } = b.stats().archive!;
    assertEquals([ended, standsBy, objects], [true, false, 0]);
    // Neither waits for the other one's store.
    const third = archive(b, new MemoryStore(), { everyMs: 5 });
    const aborted = new Error("enough");
    await assertRejects(() => third.close({ signal: AbortSignal.abort(aborted) }), Error, "enough");
    const last = archive(b, store, SLOW);
    const flushed = last.flush();
    b.close();
    await assertRejects(() => flushed, ClosedError);
  });

  it("is refused by one that stands by, if the store has another database", async () => {
    const [a, b] = [handles.open(), handles.open()];
    const [store, other] = [new MemoryStore(), new MemoryStore()];
    {
      using db = open(`${handles.folder}/other`);
      await using _shipping = archive(db, other);
      await treeOf(db).set("a", "1");
    }
    await using _first = archive(a, store, SLOW);
    const second = archive(b, other, { everyMs: 5 });
    await assertRejects(() => second.flush(), RangeError, "another database");
    assertEquals(b.stats().archive!.ended, true);
  });

  it("needs the file whose lock says who archives", async () => {
    const db = handles.open();
    Deno.mkdirSync(`${handles.path}-archive`);
    assertThrows(() => archive(db, new MemoryStore()), IoError, "-archive");
    Deno.removeSync(`${handles.path}-archive`);
    const shipping = archive(db, new MemoryStore());
    await shipping.close();
    assertEquals(db.stats().archive!.ended, true);
  });

  it("goes on if something deletes that file, with two that archive", async () => {
    const [a, b] = [handles.open(), handles.open()];
    const store = new MemoryStore();
    await using first = archive(a, store, SLOW);
    await treeOf(a).set("a", "1");
    await first.flush();
    Deno.removeSync(`${handles.path}-archive`);
    await using second = archive(b, store, SLOW);
    assertEquals(b.stats().archive!.standsBy, false);
    for (let i = 0; i < 3; i++) {
      await treeOf(i === 1 ? a : b).set("a", `${i}`);
      await first.flush();
      await treeOf(i === 1 ? b : a).set("b", `${i}`);
      await second.flush();
      assertEquals(await contentAt(store), contentOf(b));
    }
  });

  it("writes a base beside the commits of others", async () => {
    const [a, b] = [handles.open(), handles.open()];
    const store = new MemoryStore();
    await using shipping = archive(a, store, { everyMs: 5, baseEvery: 20 });
    const states = new Map<number, Content>();
    for (let i = 0; i < 8 || a.stats().archive!.bases < 3; i++) {
      await treeOf(b).set(`key ${i % 7}`, `${i}`);
      states.set(b.version, contentOf(b));
      await nextTurn();
    }
    await shipping.flush();
    assertEquals(await contentAt(store), contentOf(b));
    const kept = [...states].slice(2);
    const [version, state] = new Random(1).pick(kept);
    const hasCommits = segmentsIn(store).some(({ kind, from, to }) =>
      kind === "commits" && from < version && version <= to
    );
    if (hasCommits) assertEquals(await contentAt(store, version), state);
  });

  it("begins with commits that wait for their flush", async () => {
    const db = handles.open();
    const store = new MemoryStore();
    const sets = Array.from({ length: 20 }, (_, i) => treeOf(db).set(`${i}`, "long ".repeat(1000)));
    await using shipping = archive(db, store, SLOW);
    sets.push(treeOf(db).set("last", "one"));
    await Promise.all(sets);
    await shipping.flush();
    assertEquals(await contentAt(store), contentOf(db));
  });
});

/** A handle whose process may have died before it is closed. */
function closedAnyway(db: Database): Disposable & { readonly db: Database } {
  const close = () => {
    try {
      db.close();
    } catch {
      // A dead process closes nothing.
    }
  };
  return { db, [Symbol.dispose]: close };
}

describe("an archive of a shared file whose archiver fails", () => {
  it("is continued by another process once that one cannot write any more", async () => {
    const world = new SharedWorld(new PowerFile());
    const files = world.begin(Infinity).files();
    const base = new FaultyFile(files.base);
    const openOver = (files: ShareFiles) =>
      closedAnyway(new Database(new SharingSession(openOnShare(files, "simulated", {}))));
    using failing = openOver({ ...files, base });
    using beside = openOver(world.begin(Infinity).files());
    const store = new MemoryStore();
    const first = archive(failing.db, store, SLOW);
    await treeOf(failing.db).set("a", "1");
    await first.flush();
    await using second = archive(beside.db, store, { everyMs: 1 });
    assertEquals(beside.db.stats().archive!.standsBy, true);
    base.fault = always("throw", "sync", "write");
    await assertRejects(() => treeOf(failing.db).set("a", "2"), IoError);
    await treeOf(beside.db).set("b", "3");
    await assertRejects(() => first.flush(), IoError);
    await second.flush();
    assertEquals(await contentAt(store), contentOf(beside.db));
  });
});

describe("an archive of a shared file whose writer is killed", () => {
  it("has no commit that is not on the medium", async () => {
    let written = 0;
    // The writer is killed at each of its calls to the system in turn.
    for (let calls = 1, isOver = false; !isOver; calls++) {
      const world = new SharedWorld(new PowerFile());
      const [session, other] = [world.begin(Infinity), world.begin(Infinity)]
        .map((life) => new SharingSession(openOnShare(life.files(), "simulated", {})));
      using db = new Database(session!);
      using beside = closedAnyway(new Database(other!));
      const set = (value: string) =>
        beside.db.writeSync((tx) => tx.tree("words", CODECS).set("a", value));
      // It looks at who waits when time has passed since it looked last.
      world.stepMs = () => 10;
      world.beginVisit();
      set("0");
      world.stepMs = () => 0;
      await nextTurn();
      const store = new MemoryStore();
      await using shipping = archive(db, store, SLOW);
      await shipping.flush();
      // Somebody waits for the lock again, and the hold outlasts its turn: it ends before the sync.
      world.beginVisit();
      world.stepMs = () => 10;
      const life = world.lives.at(-1)!;
      life.killAfter(calls);
      try {
        set("1");
        isOver = true;
      } catch (error) {
        if (!life.isOver) throw error;
      }
      world.stepMs = () => 0;
      await nextTurn();
      if (db.version === 1) continue;
      if (db.durableVersion === 1) written++;
      await shipping.flush();
      assertEquals(await contentAt(store), [["a", "1"]]);
      const walk = new PowerWalk(world.file.start);
      for (const operation of world.file.operations) {
        walk.issue(operation);
        walk.complete(operation);
      }
      const options = { garbage: "none", rotPages: [], limit: 4 } as const;
      for (const plan of plansAt(walk, options, new Random(1))) {
        using left = openOn(new PowerFile(makeImage(walk, plan), false));
        assertEquals(contentOf(left), [["a", "1"]]);
      }
    }
    assertGreater(written, 0);
  });
});

describe("a replica of a shared database", () => {
  it("follows the commits of all handles, by a stream of any of them", async () => {
    const all = [handles.open(), handles.open()];
    await treeOf(all[0]!).set("a", "0");
    let streams = 0;
    const replica = await openReplica(`${handles.folder}/replica`, {
      from: (after) => replicate(all[streams++ % 2]!, { after, everyMs: 2 }),
      everyMs: 2,
    });
    for (let i = 1; i < 8; i++) {
      const db: Database = all[i % 2]!;
      await treeOf(db).set("a", `${i}`);
      await replica.reaches(db.version);
      assertEquals(treeOf(replica.db).get("a"), `${i}`);
    }
    assertEquals(contentOf(replica.db), contentOf(all[0]!));
    // The stream of a handle that is closed ends, and one of another handle continues.
    all[0]!.close();
    await treeOf(all[1]!).set("a", "last");
    await replica.reaches(all[1]!.version);
    assertEquals(treeOf(replica.db).get("a"), "last");
    assert(streams > 1);
    await replica.close();
  });
});
