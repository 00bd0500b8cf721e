// What readers see of an archive whose segments are merged: each state, wherever the work is cut
// off, in the middle of a restore, and behind a replica that stopped at a member.

import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, Disk, MemoryFile } from "../../pager/mod.ts";
import { mergeAll, restoreToMemory } from "../../tests/support/databases/archived.ts";
import {
  assertContent,
  bytesOf,
  type Content,
  contentOf,
  openOn,
} from "../../tests/support/databases/database.ts";
import { MemoryStore } from "../../tests/support/databases/memory_store.ts";
import { Random } from "../../tests/support/random.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { archive } from "../archive.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";
import { openReplica } from "../replica.ts";
import { restore } from "../restore.ts";
import { ArchivedState } from "./restore_archive.ts";
import { ArchiveIndex } from "./segments/archive_index.ts";
import { deleteMembers } from "./segments/merging.ts";
import { MERGED, segmentName } from "./segments/segment.ts";

const SLOW = { everyMs: 60_000, mergeAfter: Infinity };
const never = () => false;

/** An archive, the states of its versions, and their times. */
interface Archived {
  readonly store: MemoryStore;
  readonly states: Map<number, Content>;
  readonly times: Map<number, number>;
}

function change(db: Database, random: Random): void {
  db.writeSync((tx) => {
    for (let left = random.below(9) + 1; left > 0; left--) {
      const key = `key ${random.below(60)}`;
      if (random.once(4)) tx.tree("t").delete(key);
      else tx.tree("t").set(key, bytesOf(left, random.below(900)));
    }
  });
}

/** An archive that was written in some parts, each behind what was committed before it began. */
async function makeArchive(path: string, seed: number, parts = [6, 5]): Promise<Archived> {
  const random = new Random(seed);
  const [store, states, times] = [new MemoryStore(), new Map(), new Map()];
  for (const count of parts) {
    using db = open(path);
    change(db, random);
    await using shipping = archive(db, store, SLOW);
    const note = async () => {
      await shipping.flush();
      states.set(db.version, contentOf(db));
      for (const begun = Date.now(); Date.now() === begun;);
    };
    await note();
    for (let i = 0; i < count; i++) {
      change(db, random);
      change(db, random);
      await note();
    }
  }
  for (const { to, last } of new ArchiveIndex(await store.list()).segments) times.set(to, last);
  return { store, states, times };
}

function kindsIn(store: MemoryStore): string[] {
  return [...store.objects.keys()].map((name) => name.split("-")[0]!).sort();
}

async function expectAt(
  store: MemoryStore,
  at: number | Date | undefined,
  wanted: Content,
): Promise<void> {
  const db = openOn(await restoreToMemory(store, at));
  assertContent(contentOf(db), wanted, `at ${at}`);
  db.close();
}

describe("merged segments", () => {
  it("have every version and time that their members had", () =>
    inTempDir(async (dir) => {
      const { store, states, times } = await makeArchive(`${dir}/db`, 1);
      await mergeAll(store);
      assertEquals(kindsIn(store), ["base", "delta", "merged", "merged"]);
      for (const [version, content] of states) {
        await expectAt(store, version, content);
        await expectAt(store, new Date(times.get(version)!), content);
      }
      await expectAt(store, undefined, [...states.values()].at(-1)!);
      // A version that only a commit inside of a segment has.
      const inner = [...states.keys()][2]! + 1;
      assert(!states.has(inner));
      openOn(await restoreToMemory(store, inner)).close();
    }));

  it("show each state wherever the work is cut off, and to lists that come late", () =>
    inTempDir(async (dir) => {
      const { store, states } = await makeArchive(`${dir}/db`, 2, [4, 3]);
      const images = [new Map(store.objects)];
      const note = () => images.push(new Map(store.objects));
      const { put, delete: remove } = MemoryStore.prototype;
      store.put = (name, bytes) => put.call(store, name, bytes).then(note).then(() => {});
      store.delete = (name) => remove.call(store, name).then(note).then(() => {});
      await mergeAll(store);
      assertGreater(images.length, 8);
      const firstDelete = images.findIndex((image, i) => image.size < (images[i - 1]?.size ?? 0));
      const versions = [...states.keys()];
      const random = new Random(5);
      for (const [i, image] of images.entries()) {
        // A list as late as this one shows the merged segments before members are deleted.
        const late = images[Math.max(Math.min(i, firstDelete - 1), i - random.below(3))]!;
        const reader = new MemoryStore();
        for (const [name, bytes] of image) reader.objects.set(name, bytes);
        reader.list = () => Promise.resolve([...late.keys(), ...late.keys()]);
        for (let checks = 0; checks < 2; checks++) {
          const version = random.pick(versions);
          await expectAt(reader, version, states.get(version)!);
        }
        await expectAt(reader, undefined, states.get(versions.at(-1)!)!);
      }
    }));

  it("go on in the middle of a restore whose segments they replace", () =>
    inTempDir(async (dir) => {
      const { store, states, times } = await makeArchive(`${dir}/db`, 3, [9]);
      const versions = [...states.keys()];
      const objects = new Map(store.objects);
      for (let moment = 0; moment < 8; moment++) {
        store.objects.clear();
        for (const [name, bytes] of objects) store.objects.set(name, bytes);
        let reads = 0;
        store.before = async (operation) => {
          if (operation !== "get" || reads++ !== moment) return;
          await mergeAll(store);
        };
        const version = versions.at(-1 - moment % 3)!;
        const at = [version, undefined, new Date(times.get(version)!)][moment % 3];
        const end = at === undefined ? versions.at(-1)! : version;
        await restore(`${dir}/to`, { from: store, at });
        assertGreater(kindsIn(store).indexOf("merged"), -1);
        {
          using db = open(`${dir}/to`);
          assertContent(contentOf(db), states.get(end)!, `${moment}`);
        }
        Deno.removeSync(`${dir}/to`);
      }
    }));

  it("go on behind a replica that stopped at a member", () =>
    inTempDir(async (dir) => {
      const { store, states } = await makeArchive(`${dir}/db`, 4, [6]);
      const all = [...store.objects];
      const versions = [...states.keys()];
      for (const count of [2, 4, 6]) {
        store.objects.clear();
        for (const [name, bytes] of all.slice(0, count)) store.objects.set(name, bytes);
        const before = await openReplica(`${dir}/replica`, { from: store, everyMs: 1 });
        assertEquals(before.version, versions[count - 1]);
        await before.close();
        for (const [name, bytes] of all) store.objects.set(name, bytes);
        await mergeAll(store);
        const replica = await openReplica(`${dir}/replica`, { from: store, everyMs: 1 });
        await replica.reaches(versions.at(-1)!);
        assertContent(contentOf(replica.db), states.get(versions.at(-1)!)!);
        assertEquals(replica.stats().failure, undefined);
        await replica.close();
        Deno.removeSync(`${dir}/replica`);
      }
    }));

  it("continue no state of another history", () =>
    inTempDir(async (dir) => {
      const { store } = await makeArchive(`${dir}/db`, 8, [4]);
      const [base, first] = new ArchiveIndex(await store.list()).segments;
      await mergeAll(store);
      const merged = new ArchiveIndex(await store.list()).segments.at(-1)!;
      const state = new ArchivedState(new Disk(new MemoryFile()), store, undefined);
      await state.follow(base!, undefined);
      state.meta.version = first!.to;
      await assertRejects(() => state.follow(merged, undefined), RangeError, "does not follow");
    }));

  it("that are damaged or lost are passed over while their members are there", () =>
    inTempDir(async (dir) => {
      const { store, states } = await makeArchive(`${dir}/db`, 6, [5]);
      await mergeAll(store, false);
      const index = new ArchiveIndex(await store.list());
      const name = segmentName(index.segments.find(({ kind }) => kind === MERGED)!);
      const bytes = store.objects.get(name)!;
      const last = [...states.values()].at(-1)!;
      store.objects.set(name, bytes.with(200, bytes[200]! ^ 1));
      await expectAt(store, undefined, last);
      await assertRejects(() => deleteMembers(store, index, 2, never), CorruptionError, name);
      await expectAt(store, undefined, last);
      store.objects.set(name, bytes);
      await deleteMembers(store, index, 2, never);
      await expectAt(store, undefined, last);
      store.objects.set(name, bytes.with(200, bytes[200]! ^ 1));
      await assertRejects(() => restoreToMemory(store, undefined), CorruptionError, name);
    }));
});

describe("an archive that merges", () => {
  it("replaces shipments by fewer objects while it goes on, and continues after a restart", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      const states = new Map<number, Content>();
      const random = new Random(7);
      const isMerged = () => store.objects.size < store.puts.length - 20;
      for (let start = 0; start < 2; start++) {
        using db = open(`${dir}/db`);
        await using shipping = archive(db, store, { everyMs: 1, mergeAfter: 20 });
        const end = db.version + 30;
        while (db.version < end || !isMerged()) {
          change(db, random);
          await shipping.flush();
          states.set(db.version, contentOf(db));
        }
        assertEquals(db.stats().archive!.failure, undefined);
      }
      assertGreater(store.puts.filter((name) => name.startsWith("merged-")).length, 0);
      const versions = [...states.keys()];
      for (let i = 0; i < 12; i++) {
        const version = random.pick(versions);
        await expectAt(store, version, states.get(version)!);
      }
      await expectAt(store, undefined, states.get(versions.at(-1)!)!);
    }));
});
