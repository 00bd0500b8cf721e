/**
 * The segments of an archive, and their names.
 *
 * A segment leads from the state of one version to that of another. It is one object, with parts of
 * their own before it if it is large. The name has all that a restore needs to choose segments:
 *
 * ```text
 * KIND-FROM-TO-FIRST-LAST-AFTER-SUM      part-FROM-TO-NUMBER-SUM
 * merged-FROM-TO-FIRST-LAST-AFTER-LINK-MADE-SUM
 *
 * KIND    base: all pages. delta: the pages that changed. commits: each commit by itself
 * merged  the commits of several segments, in place of these
 * FROM    the version that it begins after, 15 digits; 0 for a base
 * TO      the version that it leads to, 15 digits
 * FIRST   the time of its first state, in milliseconds since 1970, 15 digits
 * LAST    the time of its last state
 * AFTER   the link of the segment that it follows, 8 hexadecimal digits
 * LINK    the link of the last segment that was merged
 * MADE    the time at which they were merged, 15 digits
 * SUM     the CRC-32 of its head, 8 hexadecimal digits; of a part, of the part
 * ```
 *
 * Each segment has a link, by which others follow it: its sum. A base that continues an archive has
 * the link of the segment that leads to the same state, which is its `after`; so a restore may
 * begin at either. A merged segment has the link of its last member, so that what followed that one
 * follows it too. Every name is different, so that an object is never replaced.
 */

/** All pages. */
export const BASE = "base";
/** The pages that changed; `delta` in the names of objects. */
export const INCREMENT = "delta";
/** Each commit by itself. */
export const COMMITS = "commits";
/** Each commit of several segments of commits, by itself. */
export const MERGED = "merged";

/** The kind of a segment. */
export type SegmentKind = typeof BASE | typeof INCREMENT | typeof COMMITS | typeof MERGED;
/** The kinds, by their number in a head. */
export const KINDS: readonly SegmentKind[] = [BASE, INCREMENT, COMMITS, MERGED];

/** What the name of a segment says. */
export interface Segment {
  /** The kind. */
  readonly kind: SegmentKind;
  /** The version that it begins after. */
  readonly from: number;
  /** The version that it leads to. */
  readonly to: number;
  /** The time of its first state, in milliseconds since 1970. */
  readonly first: number;
  /** The time of its last state. */
  readonly last: number;
  /** The link of the segment that it follows; 0 for none. */
  readonly after: number;
  /** The CRC-32 of its head. */
  readonly sum: number;
  /** What the name of a merged segment says besides; undefined for others. */
  readonly merged?: Merged | undefined;
}

/** What the name of a merged segment says besides. */
export interface Merged {
  /** The link of its last member. */
  readonly link: number;
  /** The time at which it was made, in milliseconds since 1970. */
  readonly made: number;
}

/** What the name of a part says. */
export interface Part {
  /** As of its segment. */
  readonly from: number;
  /** As of its segment. */
  readonly to: number;
  /** Its index in the segment. */
  readonly index: number;
  /** The CRC-32 of its bytes. */
  readonly sum: number;
}

const DIGITS = 15;
const SEGMENT = /^(base|delta|commits)(-\d{15}){4}(-[0-9a-f]{8}){2}$/;
const MERGED_SEGMENT = /^merged(-\d{15}){4}(-[0-9a-f]{8}){2}-\d{15}-[0-9a-f]{8}$/;
const PART = /^part-(\d{15})-(\d{15})-(\d{8})-([0-9a-f]{8})$/;

/** The name of a segment. */
export function segmentName({ kind, from, to, first, last, after, sum, merged }: Segment): string {
  const more = merged === undefined ? [] : [hex(merged.link), decimal(merged.made)];
  return [kind, ...[from, to, first, last].map(decimal), hex(after), ...more, hex(sum)].join("-");
}

/** The name of a part. */
export function partName({ from, to, index, sum }: Part): string {
  return ["part", decimal(from), decimal(to), `${index}`.padStart(8, "0"), hex(sum)].join("-");
}

/** What a name of a segment says; undefined for another name. */
export function parseSegment(name: string): Segment | undefined {
  const fields = name.split("-");
  const [kind, from, to, first, last, after] = fields;
  const isMerged = MERGED_SEGMENT.test(name);
  if (!isMerged && !SEGMENT.test(name)) return undefined;
  const segment = {
    kind: kind as SegmentKind,
    from: Number(from),
    to: Number(to),
    first: Number(first),
    last: Number(last),
    after: parseInt(after!, 16),
    sum: parseInt(fields.at(-1)!, 16),
  };
  if (!isMerged) return segment;
  return { ...segment, merged: { link: parseInt(fields[6]!, 16), made: Number(fields[7]) } };
}

/** What a name of a part says; undefined for another name. */
export function parsePart(name: string): Part | undefined {
  const match = PART.exec(name);
  if (match === null) return undefined;
  const [, from, to, index, sum] = match;
  return { from: Number(from), to: Number(to), index: Number(index), sum: parseInt(sum!, 16) };
}

/** The link by which other segments follow a segment. */
export function linkOf({ kind, after, sum, merged }: Segment): number {
  if (merged !== undefined) return merged.link;
  return kind === BASE && after !== 0 ? after : sum;
}

/** Whether a segment has each commit by itself. */
export function hasCommits({ kind }: Segment): boolean {
  return kind === COMMITS || kind === MERGED;
}

function decimal(value: number): string {
  return `${value}`.padStart(DIGITS, "0");
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
