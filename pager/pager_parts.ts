/**
 * Opens a file up to its state, and creates the parts that a pager joins, in the order in which
 * they need each other.
 */

import type { Cache } from "./cache/cache.ts";
import { Loader } from "./cache/loader.ts";
import { PageSet } from "./cache/page_set.ts";
import { Windows } from "./cache/windows.ts";
import { Writeback } from "./cache/writeback.ts";
import { Disk } from "./file/disk.ts";
import type { File } from "./file/file.ts";
import { OverlayFile } from "./file/overlay_file.ts";
import { UnsyncedChunks } from "./file/unsynced_chunks.ts";
import { Follower } from "./follow/follower.ts";
import { seedOf } from "./format/checksum.ts";
import { CHUNK_BYTES, chunksOf } from "./format/format.ts";
import type { Frame } from "./format/frame.ts";
import { Meta } from "./format/meta.ts";
import type { Superblock } from "./format/superblock.ts";
import { ClaimedPages } from "./journal/claimed_pages.ts";
import { TapHolder, type TransactionListener } from "./journal/commit_hooks.ts";
import { CurrentSuperblock } from "./journal/current_superblock.ts";
import { DataEnd } from "./journal/data_end.ts";
import { Journal } from "./journal/journal.ts";
import { frameMemory } from "./native/doors.ts";
import { WindowMemory } from "./native/window_memory.ts";
import type { ContinuedState } from "./recovery/continuation.ts";
import { openDatabase } from "./recovery/open_database.ts";
import {
  CACHE_BYTES,
  JOURNAL_BYTES,
  type PagerOptions,
  REPLAY_RECORDS,
  SNAPSHOT_BYTES,
  TRANSACTION_BYTES,
} from "./recovery/options.ts";
import type { RecoveryReport } from "./recovery/recovery.ts";
import type { ShareParts } from "./share/share.ts";
import { OpenTransaction } from "./transaction/open_transaction.ts";
import type { SnapshotList } from "./transaction/snapshot_list.ts";
import { VersionStore } from "./transaction/version_store.ts";

/** The parts that a pager joins. */
export interface PagerParts {
  readonly disk: Disk;
  readonly meta: Meta;
  readonly dataEnd: DataEnd;
  readonly cache: Cache;
  readonly frames: readonly Frame[];
  readonly loader: Loader;
  readonly writeback: Writeback;
  /** Undefined without a journal: of memory, and of a followed file. */
  readonly journal: Journal | undefined;
  readonly claimed: ClaimedPages;
  readonly unsynced: UnsyncedChunks;
  readonly superblock: CurrentSuperblock;
  readonly images: PageSet;
  readonly open: OpenTransaction;
  readonly versions: VersionStore;
  readonly snapshots: SnapshotList;
  readonly listener: TransactionListener;
  readonly taps: TapHolder;
  /** Undefined unless the file is mapped. */
  readonly windows: Windows | undefined;
  readonly seed: number;
  readonly protect: boolean;
}

/** A file opened up to its state, or joined by a share. */
export interface OpenedState {
  readonly disk: Disk;
  readonly superblock: Superblock;
  readonly report: RecoveryReport | undefined;
  readonly follower: Follower | undefined;
  /** How to go on, if recovery left chunks to be replayed later. */
  readonly continued?: ContinuedState | undefined;
}

/**
 * Opens a file as far as its options say: to follow it, read-only, or for writing.
 *
 * @throws {CorruptionError} The file is not a Quire database, or is damaged.
 */
export function openState(
  file: File,
  options: PagerOptions,
  share: ShareParts | undefined,
): OpenedState {
  const { readOnly = false, create = true, follow = false } = options;
  const protect = options.tornSectors === "protect";
  if (share !== undefined) {
    const { superblock } = share;
    return { disk: new Disk(file), superblock, report: undefined, follower: undefined };
  }
  if (follow) {
    const follower = new Follower(file, options.lockTimeoutMs);
    const { superblock } = follower;
    return { disk: new Disk(follower.file), superblock, report: undefined, follower };
  }
  // A read-only handle recovers in memory, and leaves the file as it is.
  const overlay = readOnly ? new OverlayFile(file) : undefined;
  const disk = new Disk(overlay ?? file);
  // What a window shows of a chunk must be whole.
  const isPlain = file.showAt === undefined && options.journal !== false;
  const recordsMax = isPlain ? options.replayRecords ?? REPLAY_RECORDS : Infinity;
  const opened = openDatabase(disk, { create, overlay, protect, recordsMax });
  return { disk, ...opened, follower: undefined };
}

/** Creates the parts of a pager on a file that is open. */
export function makeParts(
  { disk, superblock, follower, continued }: OpenedState,
  options: PagerOptions,
  listener: TransactionListener,
): PagerParts {
  const { cacheBytes = CACHE_BYTES, follow = false, journal: isLogged = true } = options;
  const { maxSnapshotBytes = SNAPSHOT_BYTES, maxTransactionBytes = TRANSACTION_BYTES } = options;
  const protect = options.tornSectors === "protect";
  const meta = new Meta();
  meta.assign(follower?.meta ?? continued?.end.meta ?? superblock);
  const seed = seedOf(superblock.databaseId);
  const unsynced = new UnsyncedChunks(disk);
  const current = new CurrentSuperblock(disk, superblock, protect);
  const dataEnd = new DataEnd();
  const journal = isLogged && !follow
    ? new Journal(disk, current, unsynced, dataEnd, options.journalBytes ?? JOURNAL_BYTES)
    : undefined;
  const limit = Math.floor(cacheBytes / CHUNK_BYTES);
  const memory = frameMemory(limit, options);
  const writeback = new Writeback(disk, { limit, memory }, meta, unsynced, journal);
  const { cache } = writeback;
  if (continued !== undefined) {
    const { replay, end, otherEnd, syncCount } = continued;
    journal?.resume(end, otherEnd, syncCount);
    writeback.deferred = replay;
    replay.begin(unsynced);
  }
  cache.reserve(chunksOf(meta.pageCount));
  const open = new OpenTransaction(meta, maxTransactionBytes);
  const loader = new Loader(disk, cache, meta, seed, open.bypassed, unsynced);
  const versions = new VersionStore(cache, loader, maxSnapshotBytes);
  const { dirtyChunks } = writeback;
  loader.windows = writeback.windows = memory instanceof WindowMemory
    ? new Windows({ disk, cache, memory, meta, unsynced, dirtyChunks })
    : undefined;
  return {
    disk,
    meta,
    dataEnd,
    cache,
    frames: cache.frames,
    loader,
    writeback,
    journal,
    claimed: new ClaimedPages(disk, meta.pageCount),
    unsynced,
    superblock: current,
    images: new PageSet(),
    open,
    versions,
    snapshots: versions.snapshots,
    listener,
    taps: new TapHolder(),
    windows: loader.windows,
    seed,
    protect,
  };
}
