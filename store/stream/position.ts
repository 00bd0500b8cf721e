/**
 * The position of a replica in the history of its source, as text: the database, the version, the
 * link of the segment that leads there, and the time of the last commit.
 */

import type { ArchivePosition } from "../archive/archive_position.ts";

const POSITION = /^([0-9a-f]{32})-(\d{1,15})-([0-9a-f]{8})-(\d{1,15})$/;

/** A position as text. */
export function positionText({ databaseId, version, link, time }: ArchivePosition): string {
  return [databaseId.toHex(), version, link.toString(16).padStart(8, "0"), time].join("-");
}

/** The position that a text says; undefined for another text. */
export function parsePosition(text: string): ArchivePosition | undefined {
  const match = POSITION.exec(text);
  if (match === null) return undefined;
  const [, id, version, link, time] = match;
  return {
    databaseId: Uint8Array.fromHex(id!),
    version: Number(version),
    link: parseInt(link!, 16),
    time: Number(time),
  };
}
