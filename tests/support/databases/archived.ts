/**
 * Restores of archives into memory, for tests that compare many states.
 */

import { CopiedFile, Disk, type File, MemoryFile } from "../../../pager/mod.ts";
import type { ArchiveStore } from "../../../store/archive/archive_store.ts";
import { ArchivedState } from "../../../store/archive/restore_archive.ts";
import { ArchiveIndex, type ArchivePoint } from "../../../store/archive/segments/archive_index.ts";
import { deleteMembers, mergeRun, runsToMerge } from "../../../store/archive/segments/merging.ts";

/** Restores a point into an empty file, which `complete` makes durable. */
export async function restoreInto(
  file: File,
  store: ArchiveStore,
  point: ArchivePoint,
  complete = (work: Promise<void>): Promise<void> => work,
): Promise<void> {
  const disk = new Disk(file);
  const state = new ArchivedState(disk, store, undefined);
  await state.followAll(new ArchiveIndex(await store.list()).plan(point), point);
  await complete(new CopiedFile(disk).complete(await state.finish()));
}

/** Merges all segments that can be merged, and deletes their members, or leaves them. */
export async function mergeAll(store: ArchiveStore, deletes = true): Promise<void> {
  const never = () => false;
  const all = { from: 0, breaks: new Set<number>(), periodMs: 1e12, before: Infinity };
  for (const run of runsToMerge(new ArchiveIndex(await store.list()), all)) {
    await mergeRun(store, run, 1, never);
  }
  if (deletes) await deleteMembers(store, new ArchiveIndex(await store.list()), 2, never);
}

/** Restores a point as a file in memory. */
export async function restoreToMemory(
  store: ArchiveStore,
  point: ArchivePoint,
): Promise<MemoryFile> {
  const file = new MemoryFile();
  await restoreInto(file, store, point);
  return file;
}
