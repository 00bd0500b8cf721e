// Segments that are merged: which ones, how large the objects are, and what is deleted afterwards.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError } from "../../../pager/mod.ts";
import { MemoryStore } from "../../../tests/support/databases/memory_store.ts";
import { ArchiveIndex } from "./archive_index.ts";
import { deleteMembers, lastMerged, MERGED_BYTES_MAX, mergeRun, runsToMerge } from "./merging.ts";
import { linkOf, MERGED, parseSegment, type Segment, segmentName } from "./segment.ts";
import { readSegment } from "./segment_reader.ts";
import { SegmentWriter } from "./segment_writer.ts";

const BASE: Segment = { kind: "base", from: 0, to: 1, first: 5, last: 5, after: 0, sum: 1 };
const ALL = { from: 0, breaks: new Set<number>(), periodMs: 100, before: Infinity };
const DATABASE = { databaseId: new Uint8Array(16).fill(7), history: 9 };

/** Segments of one commit each behind the base, at times. */
function commitsAt(...times: number[]): Segment[] {
  return times.map((time, i) => ({
    kind: "commits",
    from: i + 1,
    to: i + 2,
    first: time,
    last: time,
    after: i + 1,
    sum: i + 2,
  }));
}

function runs(segments: readonly Segment[], range: Partial<typeof ALL> = {}): number[][] {
  const index = new ArchiveIndex(segments.map(segmentName));
  return runsToMerge(index, { ...ALL, ...range }).map((run) => run.map(({ to }) => to));
}

/** Puts segments of commits of some lengths, each behind the one before it. */
async function putCommits(store: MemoryStore, lengths: readonly number[]): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const [i, length] of lengths.entries()) {
    const after = i === 0 ? 1 : linkOf(segments[i - 1]!);
    const times = { first: 10 + i, last: 10 + i };
    const put = (name: string, bytes: Uint8Array) => store.put(name, bytes);
    const fields = { kind: "commits", from: i + 1, to: i + 2, ...times, after } as const;
    const writer = new SegmentWriter(put, fields, DATABASE);
    for (let left = length; left > 0; left -= 2_000_000) {
      writer.append(new Uint8Array(Math.min(left, 2_000_000)).fill(i + 1));
    }
    await writer.complete();
    segments.push(writer.segment);
  }
  return segments;
}

const never = () => false;
const indexOf = async (store: MemoryStore) => new ArchiveIndex(await store.list());
const mergedIn = async (store: MemoryStore) =>
  (await indexOf(store)).segments.filter(({ kind }) => kind === MERGED);

describe("runsToMerge()", () => {
  const segments = [BASE, ...commitsAt(10, 20, 30, 110, 120, 210, 220, 310)];

  it("are those of whole periods that are old enough, more than one", () => {
    assertEquals(runs(segments), [[2, 3, 4], [5, 6], [7, 8]]);
    assertEquals(runs(segments, { before: 200 }), [[2, 3, 4], [5, 6]]);
    assertEquals(runs(segments, { before: 199 }), [[2, 3, 4]]);
    assertEquals(runs(segments, { before: 99 }), []);
    assertEquals(runs(segments, { from: 4 }), [[5, 6], [7, 8]]);
    assertEquals(runs([]), []);
  });

  it("end at a base, listed or begun, at a fork, at a gap, and at what is merged", () => {
    const one = { periodMs: 1000 };
    const base = { ...BASE, to: 4, after: 4, sum: 99 };
    assertEquals(runs([...segments, base], one), [[2, 3, 4], [5, 6, 7, 8, 9]]);
    assertEquals(runs(segments, { ...one, breaks: new Set([6]) }), [[2, 3, 4, 5, 6], [7, 8, 9]]);
    const fork = { ...segments[5]!, kind: "delta", sum: 98 } as const;
    assertEquals(runs([...segments, fork], one), [[2, 3, 4, 5], [6, 7, 8, 9]]);
    assertEquals(runs(segments.toSpliced(4, 1), one), [[2, 3, 4], [6, 7, 8, 9]]);
    const link = { link: 5, made: 1 };
    const merged = { ...segments[1]!, kind: MERGED, to: 5, merged: link } as const;
    assertEquals(runs([...segments, merged], one), [[6, 7, 8, 9]]);
    assertEquals(lastMerged(new ArchiveIndex([...segments, merged].map(segmentName))), 5);
  });
});

describe("mergeRun()", () => {
  it("puts one object that ends like its last member, and has the ends of the others", async () => {
    const store = new MemoryStore();
    const segments = await putCommits(store, [10, 20, 30]);
    await mergeRun(store, segments, 77, never);
    const [merged] = await mergedIn(store);
    const { from, to, first, last, after } = merged!;
    assertEquals([from, to, first, last, after], [1, 4, 10, 12, 1]);
    assertEquals(merged!.merged, { link: linkOf(segments[2]!), made: 77 });
    const { members, content, history, databaseId, parts } = await readSegment(store, merged!);
    const ends = segments.slice(0, 2).map((segment) => ({ to: segment.to, link: linkOf(segment) }));
    assertEquals([members, history, parts], [ends, DATABASE.history, []]);
    assertEquals(databaseId, DATABASE.databaseId);
    const contents = await Promise.all(segments.map((segment) => readSegment(store, segment)));
    assertEquals([...content], contents.flatMap((head) => [...head.content]));
  });

  it("divides a run by size, and leaves segments with parts", async () => {
    const store = new MemoryStore();
    const half = MERGED_BYTES_MAX / 2;
    const sizes = [half, half, 1, 1, 3 * half, 5, 6, half * 2, 1];
    const segments = await putCommits(store, sizes);
    await mergeRun(store, segments, 1, never);
    const found = (await mergedIn(store)).map(({ from, to }) => [from, to]);
    assertEquals(found, [[1, 3], [3, 5], [6, 8]]);
  });

  it("puts nothing of a run with a damaged segment, nor after its end", async () => {
    const store = new MemoryStore();
    const segments = await putCommits(store, [10, 20, 30]);
    await mergeRun(store, segments, 1, () => true);
    store.objects.get(segmentName(segments[1]!))![120]! ^= 1;
    await assertRejects(() => mergeRun(store, segments, 1, never), CorruptionError);
    assertEquals(await mergedIn(store), []);
  });
});

describe("deleteMembers()", () => {
  it("deletes the members of what was made before a time, the last one first", async () => {
    const store = new MemoryStore();
    const segments = await putCommits(store, [10, 20, 30, 40]);
    await mergeRun(store, segments.slice(0, 3), 5, never);
    const deleted: string[] = [];
    store.before = (operation, name) => void (operation === "delete" && deleted.push(name));
    await deleteMembers(store, await indexOf(store), 5, never);
    assertEquals(deleted, []);
    await deleteMembers(store, await indexOf(store), 6, never);
    assertEquals(deleted, segments.slice(0, 3).map(segmentName).reverse());
  });

  it("leaves what is no member, and all members of what is damaged", async () => {
    const store = new MemoryStore();
    const segments = await putCommits(store, [10, 20, 30]);
    const other = { ...segments[1]!, after: 4, sum: 4 };
    store.objects.set(segmentName(other), new Uint8Array(9));
    await mergeRun(store, segments, 5, never);
    const name = segmentName((await mergedIn(store))[0]!);
    const whole = store.objects.get(name)!;
    store.objects.set(name, whole.with(whole.length - 1, whole.at(-1)! ^ 1));
    const remove = async () => await deleteMembers(store, await indexOf(store), 6, never);
    await assertRejects(remove, CorruptionError, name);
    assertEquals(store.objects.size, 5);
    store.objects.set(name, whole);
    await remove();
    assertEquals([...store.objects.keys()].sort(), [segmentName(other), name].sort());
  });

  it("deletes what was merged twice, as after a late list, but for the first", async () => {
    const store = new MemoryStore();
    const segments = await putCommits(store, [10, 20, 30]);
    for (const made of [3, 2, 4]) await mergeRun(store, segments, made, never);
    await deleteMembers(store, await indexOf(store), 9, never);
    const [only, ...others] = [...store.objects.keys()];
    assertEquals([parseSegment(only!)?.merged?.made, others.length], [2, 0]);
    assert((await readSegment(store, parseSegment(only!)!)).members.length > 0);
  });
});
