/**
 * The objects of an archive that no restore within the time to keep needs.
 *
 * The newest base that is older than that time, and everything after it, stay. What follows it must
 * begin there: a base that a merged segment goes past does not count. Nor does one that is lost or
 * damaged in the store: an older one stays in its place.
 */

import { CorruptionError } from "../../../pager/mod.ts";
import type { ArchiveStore } from "../archive_store.ts";
import {
  BASE,
  MERGED,
  parsePart,
  parseSegment,
  partName,
  type Segment,
  segmentName,
} from "./segment.ts";
import { readSegment } from "./segment_reader.ts";

/**
 * The names to delete, in an order in which what remains can be restored after each: bases first,
 * so that no base remains whose segments are gone. Of the bases that could stay, the newest one
 * that the store gives back does.
 *
 * @param store The store, of which the heads of such bases are read.
 * @param names The names in it.
 * @param time The oldest time that a restore may name.
 */
export async function namesToDelete(
  store: ArchiveStore,
  names: readonly string[],
  time: number,
): Promise<string[]> {
  const lost = new Set<string>();
  for (;;) {
    const { kept, obsolete } = obsoleteNames(names.filter((name) => !lost.has(name)), time);
    if (kept === undefined || await isListedWhole(store, kept, names)) return obsolete;
    lost.add(segmentName(kept));
  }
}

/** Whether the head of a segment reads back, and all its parts are listed. */
async function isListedWhole(
  store: ArchiveStore,
  segment: Segment,
  names: readonly string[],
): Promise<boolean> {
  try {
    const { parts } = await readSegment(store, segment);
    const listed = new Set(parts.length === 0 ? [] : names);
    return parts.every(({ sum }, index) => listed.has(partName({ ...segment, index, sum })));
  } catch (error) {
    if (error instanceof CorruptionError) return false;
    throw error;
  }
}

/** The newest base that is old enough, and the names of what no restore needs besides. */
export function obsoleteNames(
  names: readonly string[],
  time: number,
): { kept: Segment | undefined; obsolete: string[] } {
  const segments = [...new Set(names)].flatMap((name) => {
    const segment = parseSegment(name);
    return segment === undefined ? [] : [{ name, segment }];
  });
  const isPassed = ({ to }: Segment) =>
    segments.some(({ segment }) => segment.kind === MERGED && segment.from < to && segment.to > to);
  const kept = segments.map(({ segment }) => segment)
    .filter((segment) => segment.kind === BASE && segment.last <= time && !isPassed(segment))
    .reduce<Segment | undefined>((a, b) => a === undefined || b.to > a.to ? b : a, undefined);
  if (kept === undefined) return { kept, obsolete: [] };
  const isOld = ({ kind, to }: Segment) => kind === BASE ? to < kept.to : to <= kept.to;
  const old = segments.filter(({ segment }) => isOld(segment));
  const bases = old.filter(({ segment }) => segment.kind === BASE);
  const others = old.filter(({ segment }) => segment.kind !== BASE);
  // The base that stays may share its version with a part of an increment; its own begin at 0.
  const parts = [...new Set(names)].filter((name) => {
    const part = parsePart(name);
    return part !== undefined && (part.from === 0 ? part.to < kept.to : part.to <= kept.to);
  });
  return { kept, obsolete: [...[...bases, ...others].map(({ name }) => name), ...parts] };
}
