/**
 * Merges old segments of commits, so that the objects of an archive do not grow in number with the
 * shipments of years: those of one period of time become one object, of a bounded size.
 *
 * Invariants:
 * 1. A merged segment is put before its members are deleted, and these are deleted only when it was
 *    made some time ago, is listed, and reads back whole. So whatever list a reader has, and
 *    wherever the work is cut off, the members or the merged segment are there.
 * 2. No merged segment goes past the position of a base, or one from which the archive goes on in
 *    two ways: a restore may begin there, and what leads there and on stays as it is.
 * 3. It ends where its last member ends, with the link of that, so nothing else changes its name.
 *
 * A segment with parts is large enough, and stays as it is.
 */

import { CorruptionError, joinBytes } from "../../../pager/mod.ts";
import type { ArchiveStore } from "../archive_store.ts";
import type { ArchiveIndex } from "./archive_index.ts";
import { COMMITS, linkOf, MERGED, type Segment, segmentName } from "./segment.ts";
import { encodeSegment, type MemberEnd, type SegmentHead } from "./segment_head.ts";
import { readSegment } from "./segment_reader.ts";

/** The most bytes of commits in a merged segment. */
export const MERGED_BYTES_MAX = 4 * 1024 * 1024;

/** Which segments are merged. */
export interface MergeRange {
  /** Segments that begin before this version stay as they are. */
  readonly from: number;
  /** The versions that no merged segment goes past, besides those of listed bases. */
  readonly breaks: ReadonlySet<number>;
  /** The length of a period, in milliseconds. */
  readonly periodMs: number;
  /** Only periods that ended before this time are merged, in milliseconds since 1970. */
  readonly before: number;
}

/** The version that the last merged segment leads to; 0 if there is none. */
export function lastMerged({ segments }: ArchiveIndex): number {
  return segments.findLast(({ kind }) => kind === MERGED)?.to ?? 0;
}

/** The runs of segments that follow each other in a period and are to be merged, in order. */
export function runsToMerge(index: ArchiveIndex, range: MergeRange): Segment[][] {
  const { from, breaks, periodMs, before } = range;
  const runs: Segment[][] = [];
  const periodOf = ({ last }: Segment) => Math.floor(last / periodMs);
  for (const segment of unmerged(index)) {
    if (segment.from < from || (periodOf(segment) + 1) * periodMs > before) continue;
    const run = runs.at(-1);
    const end = run?.at(-1);
    const follows = end !== undefined && !breaks.has(end.to) && onlyNext(index, end) === segment;
    if (follows && periodOf(end) === periodOf(segment)) run!.push(segment);
    else runs.push([segment]);
  }
  return runs.filter(({ length }) => length > 1);
}

/** The segments of commits that no merged segment covers, in order. */
function unmerged({ segments }: ArchiveIndex): Segment[] {
  const found: Segment[] = [];
  let start = Infinity;
  for (let at = segments.length - 1, next = at; at >= 0; at--) {
    const segment = segments[at]!;
    for (; next >= 0 && segments[next]!.to >= segment.to; next--) {
      if (segments[next]!.kind === MERGED) start = Math.min(start, segments[next]!.from);
    }
    if (segment.kind === COMMITS && segment.from < start) found.push(segment);
  }
  return found.reverse();
}

/** The segment of commits that follows another one, if nothing else begins or ends between them. */
function onlyNext(index: ArchiveIndex, segment: Segment): Segment | undefined {
  const around = index.around(segment.to, linkOf(segment));
  if (around.length !== 2 || around.some(({ kind }) => kind !== COMMITS)) return undefined;
  return around.find((other) => other !== segment);
}

/**
 * Puts merged segments in a store for a run of segments, as many as their size needs.
 *
 * @param made The time, in milliseconds since 1970.
 * @param isOver Whether to stop before the next object.
 * @throws {CorruptionError} A segment is damaged, or missing.
 */
export async function mergeRun(
  store: ArchiveStore,
  run: readonly Segment[],
  made: number,
  isOver: () => boolean,
): Promise<void> {
  let members: SegmentHead[] = [];
  let bytes = 0;
  for (const segment of run) {
    if (isOver()) return;
    const head = await readSegment(store, segment);
    const { parts: { length: parts }, content: { length }, history } = head;
    const isOther = members.length > 0 && members[0]!.history !== history;
    if (parts > 0 || bytes + length > MERGED_BYTES_MAX || isOther) {
      await putMerged(store, members, made);
      [members, bytes] = [[], 0];
    }
    if (parts > 0) continue;
    members.push(head);
    bytes += length;
  }
  await putMerged(store, members, made);
}

async function putMerged(
  store: ArchiveStore,
  heads: readonly SegmentHead[],
  made: number,
): Promise<void> {
  if (heads.length < 2) return;
  const [first, last] = [heads[0]!, heads.at(-1)!];
  const { databaseId, history } = last;
  const segment = {
    kind: MERGED,
    from: first.segment.from,
    to: last.segment.to,
    first: first.segment.first,
    last: last.segment.last,
    after: first.segment.after,
    merged: { link: linkOf(last.segment), made },
  } as const;
  const content = joinBytes(heads.map((head) => head.content));
  const members = heads.slice(0, -1).map((head) => endOf(head.segment));
  const fields = { segment, databaseId, history, members, parts: [], content };
  const { bytes, sum } = encodeSegment(fields);
  await store.put(segmentName({ ...segment, sum }), bytes);
}

function endOf(segment: Segment): MemberEnd {
  return { to: segment.to, link: linkOf(segment) };
}

/**
 * Deletes the members of merged segments that were made before a time, the last one first, and what
 * was merged twice.
 *
 * @param isOver Whether to stop before the next object.
 * @throws {CorruptionError} A merged segment is damaged: its members stay.
 */
export async function deleteMembers(
  store: ArchiveStore,
  index: ArchiveIndex,
  before: number,
  isOver: () => boolean,
): Promise<void> {
  let failure: CorruptionError | undefined;
  const commits = index.segments.filter(({ kind }) => kind === COMMITS);
  const kept = new Map<string, Segment>();
  const old = index.segments.filter(({ merged }) => merged !== undefined && merged.made < before);
  for (const segment of old.sort((a, b) => a.merged!.made - b.merged!.made || a.sum - b.sum)) {
    const place = [segment.from, segment.after, segment.to, linkOf(segment)].join();
    const same = kept.get(place);
    const replaced = same === undefined ? within(segment, commits) : [segment];
    if (replaced.length === 0 && same === undefined) kept.set(place, segment);
    if (replaced.length === 0) continue;
    try {
      const ends = endsIn(await readSegment(store, same ?? segment));
      kept.set(place, same ?? segment);
      for (const { name, end } of replaced.map(nameAndEnd).reverse()) {
        if (isOver()) return;
        if (ends.has(end)) await store.delete(name);
      }
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}

/** The segments of commits, of all in the order of their ends, in the versions of a merged one. */
function within({ from, to }: Segment, commits: readonly Segment[]): Segment[] {
  let [low, high] = [0, commits.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (commits[middle]!.to <= from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < commits.length && commits[end]!.to <= to) end++;
  return commits.slice(low, end).filter((segment) => segment.from >= from);
}

/** The ends of the members of a merged segment. */
function endsIn({ segment, members }: SegmentHead): Set<string> {
  return new Set([...members, endOf(segment)].map(textOf));
}

function nameAndEnd(segment: Segment): { name: string; end: string } {
  return { name: segmentName(segment), end: textOf(endOf(segment)) };
}

function textOf({ to, link }: MemberEnd): string {
  return `${to} ${link}`;
}
