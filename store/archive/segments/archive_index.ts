/**
 * The segments that an archive has, by the names that its store lists, and the choice of those that
 * lead to a version or a time.
 *
 * A way begins at a base, and goes from a segment to one that follows it, by version and link. A
 * process that was killed, a list that comes late, and commits that were merged, may leave several
 * segments that follow the same one; each of them leads to states of the same history. Of several
 * ways, one with the fewest segments is chosen.
 */

import {
  BASE,
  hasCommits,
  INCREMENT,
  linkOf,
  MERGED,
  parseSegment,
  type Segment,
} from "./segment.ts";

/** The state to restore: a version, a time, or the last one. */
export type ArchivePoint = number | Date | undefined;

const ACTION = "restore";

/** For each segment that a way leads to, the one before it; undefined for the first one. */
type Ways = ReadonlyMap<Segment, Segment | undefined>;

/** The segments of an archive. */
export class ArchiveIndex {
  /** The segments, in the order of the versions that they lead to. */
  readonly segments: readonly Segment[];
  /** The segments by the position that they follow. */
  readonly #byStart = new Map<string, Segment[]>();
  /** The segments by the position that they lead to. */
  readonly #byEnd = new Map<string, Segment[]>();
  /** The ways from bases. */
  readonly #ways: Ways;

  /**
   * Sorts the segments of a store.
   *
   * @param names The names in the store, in any order; a name may occur twice.
   */
  constructor(names: readonly string[]) {
    this.segments = [...new Set(names)]
      .map(parseSegment)
      .filter((segment) => segment !== undefined)
      .sort((a, b) => a.to - b.to || a.from - b.from || a.last - b.last || a.sum - b.sum);
    for (const segment of this.segments) {
      addTo(this.#byEnd, keyOf(segment.to, linkOf(segment)), segment);
      if (segment.kind !== BASE) addTo(this.#byStart, keyOf(segment.from, segment.after), segment);
    }
    this.#ways = this.#waysFrom(this.segments.filter(({ kind }) => kind === BASE));
  }

  /** The segment that others are to follow: the last one that a base leads to. */
  get tip(): Segment | undefined {
    return this.segments.findLast((segment) => this.#ways.has(segment));
  }

  /** The segments that lead from a base to the tip; none if there is no base. */
  wayToTip(): Segment[] {
    const { tip } = this;
    return tip === undefined ? [] : chainTo(tip, this.#ways)!;
  }

  /** The segments that follow a position, and those that lead to it. */
  around(version: number, link: number): readonly Segment[] {
    const key = keyOf(version, link);
    return [...this.#byStart.get(key) ?? [], ...this.#byEnd.get(key) ?? []];
  }

  /**
   * The segments that lead to a point, a base first.
   *
   * @throws {RangeError} The archive is empty, does not have the point, or has a gap before it.
   */
  plan(point: ArchivePoint): Segment[] {
    const ends = this.#endsOf(point);
    for (const end of ends.toReversed()) {
      const chain = chainTo(end, this.#ways);
      if (chain !== undefined) return chain;
    }
    return this.#refuseGap(ends.at(-1)!);
  }

  /**
   * The segments that lead from a position to a point, by default to the tip; none if it is there,
   * undefined if they are gone from the archive. The first one may be merged from segments
   * of which one leads to the position: its head shows whether it is.
   *
   * @throws {RangeError} The archive does not have the point.
   */
  after(version: number, link: number, point?: ArchivePoint): Segment[] | undefined {
    if (this.tip === undefined) return undefined;
    const ends = this.#endsOf(point).toReversed();
    if (ends.some((end) => end.to === version && linkOf(end) === link)) return [];
    const around = this.segments.filter(({ kind, from, to }) =>
      kind === MERGED && from < version && version < to
    );
    for (const starts of [this.#byStart.get(keyOf(version, link)) ?? [], around]) {
      const ways = this.#waysFrom(starts);
      for (const end of ends) {
        const chain = chainTo(end, ways);
        if (chain !== undefined) return chain;
      }
    }
    return undefined;
  }

  /** The segments that have a point, if a way leads to one of them. */
  #endsOf(point: ArchivePoint): Segment[] {
    const [first, last] = [this.segments.find(({ kind }) => kind === BASE), this.segments.at(-1)];
    if (first === undefined || last === undefined) refuse("the archive has no base");
    return point === undefined ? [this.tip ?? last] : this.#endsAt(point, first, last);
  }

  /** The segments that may have a point. */
  #endsAt(point: number | Date, first: Segment, last: Segment): Segment[] {
    if (typeof point === "number") {
      const version = point;
      const isIn = (segment: Segment) =>
        version === segment.to ||
        (hasCommits(segment) && version > segment.from && version < segment.to);
      const ends = this.segments.filter(isIn);
      if (ends.length > 0) return ends;
      if (version < first.to || version > last.to) {
        refuse(`version ${version} is not in the archive: it has ${first.to} to ${last.to}`);
      }
      const known = this.segments.findLast(({ to }) => to < version)!;
      return this.#refuseBetween(`version ${version}`, known.to);
    }
    return this.#endsAtTime(point.getTime());
  }

  #endsAtTime(time: number): Segment[] {
    const bases = this.segments.filter(({ kind }) => kind === BASE);
    const start = Math.min(...bases.map(({ first }) => first));
    const end = this.segments.reduce((max, { last }) => Math.max(max, last), 0);
    if (!(time >= start && time <= end)) {
      const range = `${timeText(start)} to ${timeText(end)}`;
      refuse(`${timeText(time)} is not in the archive: it has ${range}`);
    }
    const begun = this.segments.filter(({ first }) => first <= time);
    const to = begun.reduce((max, segment) => Math.max(max, segment.to), 0);
    const ends = begun.filter((segment) => segment.to === to);
    // Either the next commit is known to be later, or the state is known to be the same later.
    const isKnown = ends.some(({ last }) => last >= time) ||
      this.segments.some((next) =>
        next.from === to && (hasCommits(next) || (next.to === to && next.last >= time))
      );
    return isKnown ? ends : this.#refuseBetween(timeText(time), to);
  }

  /** Refuses a state after a version that no segment has by itself. */
  #refuseBetween(what: string, version: number): never {
    const hiding = this.segments.find(({ kind, from, to }) =>
      kind === INCREMENT && from <= version && version < to
    );
    if (hiding === undefined) refuse(`the archive has a gap, and ${what} is in it`);
    const before = `versions ${version} and ${hiding.to}`;
    refuse(
      `${what} is between ${before}, which were archived together; restore one of these`,
    );
  }

  /** For each segment that a way from some first ones leads to, the one before it. */
  #waysFrom(starts: readonly Segment[]): Ways {
    const ways = new Map<Segment, Segment | undefined>();
    for (const start of starts) ways.set(start, undefined);
    // A map lists what is added to it meanwhile: first what one segment leads to, then what two do.
    for (const segment of ways.keys()) {
      for (const next of this.#byStart.get(keyOf(segment.to, linkOf(segment))) ?? []) {
        if (!ways.has(next)) ways.set(next, segment);
      }
    }
    return ways;
  }

  #before({ from, after }: Segment): readonly Segment[] {
    return this.#byEnd.get(keyOf(from, after)) ?? [];
  }

  #refuseGap(end: Segment): never {
    let segment = end;
    for (const seen = new Set([end]);;) {
      const before = this.#before(segment).find((candidate) => !seen.has(candidate));
      if (before === undefined) break;
      seen.add(before);
      segment = before;
    }
    refuse(`the archive has a gap: no segment leads to version ${segment.from}`);
  }
}

/** The way to a segment; undefined if there is none. */
function chainTo(end: Segment, ways: Ways): Segment[] | undefined {
  if (!ways.has(end)) return undefined;
  const chain: Segment[] = [];
  for (let segment: Segment | undefined = end; segment !== undefined; segment = ways.get(segment)) {
    chain.push(segment);
  }
  return chain.reverse();
}

function addTo(map: Map<string, Segment[]>, key: string, segment: Segment): void {
  const same = map.get(key);
  if (same === undefined) map.set(key, [segment]);
  else same.push(segment);
}

function keyOf(version: number, link: number): string {
  return `${version} ${link}`;
}

function refuse(state: string): never {
  throw new RangeError(`Cannot ${ACTION}: ${state}`);
}

/** A time for a message. */
function timeText(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? `time ${time}` : date.toISOString();
}
