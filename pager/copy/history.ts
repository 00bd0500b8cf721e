/**
 * The histories of a database and of its copies.
 *
 * A copy has the id of its source, so that increments of the source fit it. Both may go on, each
 * with commits of its own under the same versions. So a copy gets a history of its own, and keeps
 * from which one it comes, and up to which version the two are the same.
 */

import type { Superblock } from "../format/superblock.ts";
import type { Version } from "../format/units.ts";

/** What a superblock says of a history. */
export type History = Readonly<Pick<Superblock, "history" | "origin" | "originVersion">>;

/** The superblock of a copy of a closed file. */
export function branched(superblock: Superblock): Superblock {
  const [history] = crypto.getRandomValues(new Uint32Array(1));
  const { version } = superblock;
  // A copy that has not been written to is of the history that it was copied from.
  const origin = hasGoneOn(superblock) ? superblock.history : superblock.origin;
  return { ...superblock, history: history!, origin, originVersion: version };
}

function hasGoneOn({ history, version, originVersion }: Superblock): boolean {
  return history === 0 || version > originVersion;
}

/**
 * Whether a state of some history at a version is one that a file has had.
 *
 * @param of What the superblock of the file says.
 */
export function hasHad(
  { history, origin, originVersion }: History,
  state: { readonly history: number; readonly version: Version },
): boolean {
  if (state.history === history) return true;
  return history !== 0 && state.history === origin && state.version <= originVersion;
}
