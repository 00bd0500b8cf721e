/**
 * Joins a pager to a share, in two steps: it creates what writes the file and what follows it, of
 * which the pager creates its other parts; and then it takes over the state that the file has now.
 */

import type { FollowedMemory } from "../follow/takeover.ts";
import { assert } from "../format/assert.ts";
import { CHUNK_SHIFT } from "../format/format.ts";
import type { Journal } from "../journal/journal.ts";
import type { Bypass } from "../transaction/bypass.ts";
import type { Writer } from "../transaction/writer.ts";
import { RemoteCommits, type RemoteCommitsParts } from "./remote_commits.ts";
import { Share, type ShareParts } from "./share.ts";
import { SharedFlusher, type SharedFlusherParts } from "./shared_flusher.ts";
import { SharedVersions } from "./shared_versions.ts";
import { Sharing } from "./sharing.ts";
import { VersionPages } from "./version_pages.ts";

/** The parts of a pager that a share drives. */
export type JoinedParts =
  & Omit<RemoteCommitsParts & SharedFlusherParts, "index" | "journal">
  & { readonly journal: Journal | undefined };

/** What a pager hears of its share. */
export interface ShareEvents {
  /** The state may be another than before. */
  moved(): void;
  /** The commits of this handle are on the medium, and the lock is given up. */
  flushed(): void;
}

/** What writes a shared file, and what follows it. */
export interface JoinedShare {
  readonly share: Share;
  readonly flusher: SharedFlusher;
  readonly remote: RemoteCommits;
  readonly versionPages: VersionPages;
}

/**
 * Creates what writes a shared file, and what follows it.
 *
 * @param opened What the handle has open. It has the write lock.
 * @param parts The parts of the pager.
 * @param bounds `journalBytes` = the bytes of an area from which on a checkpoint passes the pins.
 * @param events Hears what happens.
 */
export function joinShare(
  opened: ShareParts,
  parts: JoinedParts,
  bounds: { readonly journalBytes: number },
  events: ShareEvents,
): JoinedShare {
  const { disk, journal } = parts;
  assert(journal !== undefined, "a shared file has a journal");
  const logged = { ...parts, journal };
  const remote = new RemoteCommits({ ...logged, index: opened.index }, () => events.moved());
  const share = new Share(opened, disk, remote);
  const flusher = new SharedFlusher(share, logged, bounds, () => events.flushed());
  return { share, flusher, remote, versionPages: new VersionPages(share, flusher) };
}

/** The memory of a pager that shares its file, and what changes it. */
export interface SharedMemory extends FollowedMemory {
  readonly writer: Writer;
  readonly bypass: Bypass;
}

/**
 * Lets a share change the pages in memory of a pager, and takes over the state that the file has
 * now. The share has the write lock, and gives it up.
 */
export function beginSharing(joined: JoinedShare, memory: SharedMemory): Sharing {
  const { share, flusher, remote, versionPages } = joined;
  const { index, indexed } = share.parts;
  const { loader, meta, snapshots, writer, bypass } = memory;
  const sharing = new Sharing(share, flusher, remote, loader);
  loader.judge = sharing;
  snapshots.older = new SharedVersions({ ...memory, versionPages, index, file: indexed });
  writer.copiesReleased = true;
  bypass.isAllowed = false;
  share.join();
  // A batch has the hint from before its commit, which may have given pages back below it.
  let hint = Math.min(meta.allocatorHint, share.position.superblock.allocatorHint);
  for (const page of index.pagesBefore(Infinity)) hint = Math.min(hint, page >>> CHUNK_SHIFT);
  meta.allocatorHint = hint;
  share.leave();
  return sharing;
}
