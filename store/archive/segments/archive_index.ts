/**
 * The segments that an archive has, by the names that its store lists, and the choice of those that
 * lead to a version or a time.
 *
 * A segment is chosen from the end: the one that has the wanted state, then the one that it
 * follows, by version and link, down to a base. A process that was killed, and a list that comes
 * late, may leave several segments that follow the same one; each of them leads to states of the
 * same history.
 */

import { BASE, COMMITS, DELTA, linkOf, parseSegment, type Segment } from "./segment.ts";

/** The state to restore: a version, a time, or the last one. */
export type ArchivePoint = number | Date | undefined;

const ACTION = "restore";

/** The segments of an archive. */
export class ArchiveIndex {
  /** The segments, in the order of the versions that they lead to. */
  readonly segments: readonly Segment[];
  /** The segments by the position that they lead to. */
  readonly #byEnd = new Map<string, Segment[]>();

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
      const key = keyOf(segment.to, linkOf(segment));
      const same = this.#byEnd.get(key);
      if (same === undefined) this.#byEnd.set(key, [segment]);
      else same.push(segment);
    }
  }

  /** The segment that others are to follow: the last one that a base leads to. */
  get tip(): Segment | undefined {
    return this.segments.findLast((segment) => this.#chainTo(segment) !== undefined);
  }

  /**
   * The segments that lead to a point, a base first.
   *
   * @throws {RangeError} The archive is empty, does not have the point, or has a gap before it.
   */
  plan(point: ArchivePoint): Segment[] {
    const [first, last] = [this.segments.find(({ kind }) => kind === BASE), this.segments.at(-1)];
    if (first === undefined || last === undefined) refuse("the archive has no base");
    const ends = point === undefined ? [this.tip ?? last] : this.#endsAt(point, first, last);
    for (const end of ends.toReversed()) {
      const chain = this.#chainTo(end);
      if (chain !== undefined) return chain;
    }
    return this.#refuseGap(ends.at(-1)!);
  }

  /**
   * The segments that lead from a position to the tip; none if it is there, undefined if they are
   * not in the archive any more.
   */
  after(version: number, link: number): Segment[] | undefined {
    const { tip } = this;
    if (tip === undefined) return undefined;
    const chain: Segment[] = [];
    const seen = new Set<Segment>();
    for (let [to, end] = [tip.to, linkOf(tip)]; to !== version || end !== link;) {
      const segment = this.#byEnd.get(keyOf(to, end))
        ?.find((candidate) => candidate.kind !== BASE && !seen.has(candidate));
      if (segment === undefined) return undefined;
      seen.add(segment);
      chain.push(segment);
      [to, end] = [segment.from, segment.after];
    }
    return chain.reverse();
  }

  /** The segments that may have a point. */
  #endsAt(point: number | Date, first: Segment, last: Segment): Segment[] {
    if (typeof point === "number") {
      const version = point;
      const isIn = ({ kind, from, to }: Segment) =>
        version === to || (kind === COMMITS && version > from && version < to);
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
        next.from === to && (next.kind === COMMITS || (next.to === to && next.last >= time))
      );
    return isKnown ? ends : this.#refuseBetween(timeText(time), to);
  }

  /** Refuses a state after a version that no segment has by itself. */
  #refuseBetween(what: string, version: number): never {
    const hiding = this.segments.find(({ kind, from, to }) =>
      kind === DELTA && from <= version && version < to
    );
    if (hiding === undefined) refuse(`the archive has a gap, and ${what} is in it`);
    const before = `versions ${version} and ${hiding.to}`;
    refuse(
      `${what} is between ${before}, which were archived together; restore one of these`,
    );
  }

  /** The segments from a base to an end; undefined if one is missing. */
  #chainTo(end: Segment): Segment[] | undefined {
    const chain = [end];
    const seen = new Set(chain);
    for (let segment = end; segment.kind !== BASE;) {
      const before = this.#before(segment).filter((candidate) => !seen.has(candidate));
      const next = before.find(({ kind }) => kind === BASE) ?? before[0];
      if (next === undefined) return undefined;
      seen.add(next);
      chain.push(next);
      segment = next;
    }
    return chain.reverse();
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
