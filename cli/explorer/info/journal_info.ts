/**
 * The journal and the checkpoint for the explorer's page.
 */

import type { Inspector } from "../../../inspect.ts";
import type { Database } from "../../../mod.ts";
import type { JournalInfo } from "../api_types.ts";
import { superblockInfo } from "./file_info.ts";

/** The state of an open database's journal and checkpoint. */
export function journalInfo(database: Database, inspector: Inspector): JournalInfo {
  const { journal, checkpoint, superblocks, version } = inspector.file();
  const stats = database.stats();
  return {
    version,
    durableVersion: stats.durableVersion,
    writtenVersion: journal?.writtenVersion ?? version,
    generation: journal?.generation ?? 0,
    sequence: journal?.sequence ?? 0,
    syncCount: journal?.syncCount ?? 0,
    pendingBytes: journal?.pendingBytes ?? 0,
    areas: journal?.areas ?? [],
    checkpointRunning: checkpoint?.isRunning ?? false,
    chunksLeft: checkpoint?.chunksLeft ?? 0,
    dirtyChunks: stats.dirtyChunks,
    checkpoints: stats.checkpoints,
    journalBytesWritten: stats.journalBytesWritten,
    journalBatches: stats.journalBatches,
    journalSyncs: stats.journalSyncs,
    pageWrites: stats.pageWrites,
    superblocks: superblocks.map(superblockInfo),
  };
}
