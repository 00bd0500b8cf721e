/**
 * The objects of an archive that no restore within the time to keep needs.
 *
 * The newest base that is older than that time, and everything after it, stay. What follows it must
 * begin there: a base that a merged segment goes past does not count.
 */

import { BASE, MERGED, parsePart, parseSegment, type Segment } from "./segment.ts";

/**
 * The names to delete, in an order in which what remains can be restored after each: bases first,
 * so that no base remains whose segments are gone.
 *
 * @param names The names in the store.
 * @param time The oldest time that a restore may name.
 */
export function obsoleteNames(names: readonly string[], time: number): string[] {
  const segments = [...new Set(names)].flatMap((name) => {
    const segment = parseSegment(name);
    return segment === undefined ? [] : [{ name, segment }];
  });
  const isPassed = ({ to }: Segment) =>
    segments.some(({ segment }) => segment.kind === MERGED && segment.from < to && segment.to > to);
  const kept = segments.map(({ segment }) => segment)
    .filter((segment) => segment.kind === BASE && segment.last <= time && !isPassed(segment))
    .reduce<Segment | undefined>((a, b) => a === undefined || b.to > a.to ? b : a, undefined);
  if (kept === undefined) return [];
  const isOld = ({ kind, to }: Segment) => kind === BASE ? to < kept.to : to <= kept.to;
  const old = segments.filter(({ segment }) => isOld(segment));
  const bases = old.filter(({ segment }) => segment.kind === BASE);
  const others = old.filter(({ segment }) => segment.kind !== BASE);
  // The base that stays may share its version with a part of a delta; its own begin at 0.
  const parts = [...new Set(names)].filter((name) => {
    const part = parsePart(name);
    return part !== undefined && (part.from === 0 ? part.to < kept.to : part.to <= kept.to);
  });
  return [...[...bases, ...others].map(({ name }) => name), ...parts];
}
