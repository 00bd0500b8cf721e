/**
 * Positions in the history of a database, as a replica or the store of an archive has them, and
 * whether they are positions of a database that is open.
 */

import { type Copies, hasHad } from "../../pager/mod.ts";
import type { ArchiveStore } from "./archive_store.ts";
import { ArchiveIndex } from "./segments/archive_index.ts";
import { BASE, linkOf } from "./segments/segment.ts";
import { readSegment } from "./segments/segment_reader.ts";

/** The position that the next segment follows. */
export interface Tip {
  readonly version: number;
  readonly link: number;
}

/** A position in the history of a database, from which shipping continues. */
export interface ArchivePosition extends Tip {
  /** The id of the database. */
  readonly databaseId: Uint8Array;
  /** The time of its last commit, in milliseconds since 1970. */
  readonly time: number;
  /** The history of the database there; undefined if it is not known. */
  readonly history?: number | undefined;
}

/** The position that a store leads to. */
export interface StorePosition extends ArchivePosition {
  /** The time of the last base, in milliseconds since 1970. */
  readonly baseTime: number;
}

/**
 * The position that a store leads to; undefined if it has none.
 *
 * @throws {CorruptionError} Its last segment is damaged, or was merged since it was listed.
 */
export async function lastInStore(store: ArchiveStore): Promise<StorePosition | undefined> {
  const { tip, segments } = new ArchiveIndex(await store.list());
  if (tip === undefined) return undefined;
  const { databaseId, history } = await readSegment(store, tip);
  const { last: baseTime } = segments.findLast(({ kind }) => kind === BASE)!;
  return { databaseId, history, version: tip.to, link: linkOf(tip), time: tip.last, baseTime };
}

/**
 * Refuses a position of another database, or one that this database has not had.
 *
 * @param copies What the database says of itself.
 * @param last Its version; by default that does not matter.
 * @throws {RangeError} It is one.
 */
export function checkPosition(
  { databaseId, history: own }: Pick<Copies, "databaseId" | "history">,
  position: ArchivePosition,
  last = Infinity,
): void {
  if (position.databaseId.some((byte, i) => byte !== databaseId[i])) {
    throw new RangeError("Cannot archive: the store has the archive of another database");
  }
  const { version, history = own.history } = position;
  if (version > last) {
    const state = `the store has version ${version}, and the database was at ${last}`;
    throw new RangeError(`Cannot archive: ${state}; archive an older copy to a store of its own`);
  }
  if (hasHad(own, { history, version })) return;
  const state = `the store has version ${version} of another history of the database`;
  throw new RangeError(`Cannot archive: ${state}; archive a copy to a store of its own`);
}
