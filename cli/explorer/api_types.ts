/**
 * The JSON responses of the explorer's server. Bytes are in hexadecimal.
 */

import type { ChapterName, StudyChapter } from "../study/report_types.ts";

/** A tree in the catalog. */
export interface TreeInfo {
  readonly id: number;
  readonly name: string;
  readonly root: number;
  readonly keyCodec: string;
  readonly valueCodec: string;
}

/** One copy of the superblock. */
export interface SuperblockInfo {
  readonly page: number;
  readonly damage: string | null;
  /** Its fields by name, in order; empty when it is damaged. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** The file as a whole. */
export interface FileInfo {
  readonly name: string;
  /** Whether another process holds the lock: the figures may then be from different moments. */
  readonly unsynchronised: boolean;
  /** Whether another process writes the file, and the view follows its commits. */
  readonly followed: boolean;
  /** Whether a running program shows its own database. */
  readonly live: boolean;
  /** Whether look-ups, the cache and the journal can be shown. */
  readonly hasDatabase: boolean;
  readonly pageBytes: number;
  readonly chunkPages: number;
  readonly extentPages: number;
  readonly headerBytes: number;
  readonly pages: number;
  readonly chunks: number;
  readonly bytes: number;
  readonly version: number;
  readonly catalogRoot: number;
  readonly trees: readonly TreeInfo[];
  readonly superblocks: readonly SuperblockInfo[];
  /** The names of the kinds, indexed by kind. */
  readonly kinds: readonly string[];
}

/** Adjacent tiles of equal size. Arrays are indexed by tile. */
export interface TileStrip {
  /** The first page of the first tile. */
  readonly from: number;
  /** Pages of a tile, a power of two. */
  readonly pagesPerTile: number;
  /** Whether the figures are from a sample of the chunks of each tile. */
  readonly sampled: boolean;
  /** The most frequent kind of pages in use; 0 = all free, -1 = damaged headers. */
  readonly kinds: readonly number[];
  /** The bytes used in the pages in use, in percent. */
  readonly fills: readonly number[];
  /** The pages in use, in percent. */
  readonly inUse: readonly number[];
  /** The tree with the most pages in use; -1 = none. */
  readonly trees: readonly number[];
  /** The newest version. */
  readonly versions: readonly number[];
}

/** One page of a chunk. */
export interface PageLine {
  readonly page: number;
  readonly kind: number;
  readonly kindName: string;
  readonly tree: number;
  readonly version: number;
  readonly entries: number;
  readonly usedBytes: number;
}

/** A chunk, page by page. */
export interface ChunkInfo {
  readonly chunk: number;
  readonly pages: readonly PageLine[];
}

/** A region of a page. */
export interface RegionInfo {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/** An entry of a page. */
export interface CellInfo {
  readonly index: number;
  readonly offset: number;
  readonly bytes: number;
  readonly key: string;
  readonly keyText: string;
  /** The length of the value; -1 = no value. */
  readonly valueBytes: number;
  readonly valueText: string;
  /** The page that it points to; 0 = none. */
  readonly target: number;
  readonly note: string;
}

/** A page on the path from a root. */
export interface Crumb {
  readonly page: number;
  readonly label: string;
}

/** A page. */
export interface PageInfo {
  readonly page: number;
  readonly kind: number;
  readonly kindName: string;
  readonly tree: number;
  readonly treeName: string;
  readonly level: number;
  readonly usedBytes: number;
  /** The fields of its header, by name, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly damage: string | null;
  readonly regions: readonly RegionInfo[];
  readonly prefixText: string;
  readonly cells: readonly CellInfo[];
  /** The path from the root of its tree to the page itself; empty if the tree is unknown. */
  readonly crumbs: readonly Crumb[];
  /** Its 8192 bytes. */
  readonly hex: string;
}

/** One comparison of a binary search. */
export interface ProbeInfo {
  readonly index: number;
  readonly head: string;
  readonly order: number;
  readonly bytesCompared: boolean;
}

/** One page of a descent. */
export interface StepInfo {
  readonly page: number;
  readonly level: number;
  readonly entries: number;
  readonly prefixBytes: number;
  readonly prefixOrder: number;
  readonly head: string;
  readonly probes: readonly ProbeInfo[];
  readonly index: number;
  readonly child: number;
  readonly from: "chunk" | "page" | "file";
  readonly read: "nothing" | "chunk" | "extent" | "page";
  readonly readCalls: number;
  readonly bytesRead: number;
}

/** The path of a look-up. */
export interface DescentInfo {
  readonly tree: string;
  readonly key: string;
  readonly keyText: string;
  readonly found: boolean;
  readonly valueBytes: number;
  readonly steps: readonly StepInfo[];
}

/** A frame of the cache. */
export interface FrameInfo {
  readonly index: number;
  /** The chunk if it holds a whole one; -1 = single pages. */
  readonly chunk: number;
  /** The number of verified pages in each of its 32 extents, or groups of 8 slots. */
  readonly verified: readonly number[];
  readonly dirty: number;
  readonly pinned: number;
  /** Misses since a page of it was last used; -1 = never used. */
  readonly idle: number;
}

/** A page in the order of use. */
export interface RecentPage {
  readonly page: number;
  readonly kindName: string;
  /** Misses since it was last used. */
  readonly idle: number;
  readonly dirty: boolean;
}

/** The cache. */
export interface CacheInfo {
  readonly bytes: number;
  readonly bytesLimit: number;
  /** Since counting began. */
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly pages: number;
  readonly dirtyPages: number;
  readonly frames: readonly FrameInfo[];
  /** The number of omitted frames. */
  readonly moreFrames: number;
  /** The most recently used pages, newest first. */
  readonly newest: readonly RecentPage[];
  /** The next pages to be evicted. */
  readonly oldest: readonly RecentPage[];
}

/** An area of the journal. */
export interface JournalAreaInfo {
  readonly chunks: readonly number[];
  readonly usedBytes: number;
  readonly capacityBytes: number;
  readonly isCurrent: boolean;
}

/** The journal and the checkpoint. */
export interface JournalInfo {
  readonly version: number;
  readonly durableVersion: number;
  readonly writtenVersion: number;
  readonly generation: number;
  readonly sequence: number;
  readonly syncCount: number;
  readonly pendingBytes: number;
  readonly areas: readonly JournalAreaInfo[];
  readonly checkpointRunning: boolean;
  readonly chunksLeft: number;
  readonly dirtyChunks: number;
  readonly checkpoints: number;
  readonly journalBytesWritten: number;
  readonly journalBatches: number;
  readonly journalSyncs: number;
  readonly pageWrites: number;
  readonly superblocks: readonly SuperblockInfo[];
}

/** The duration of reads of one size on this disk. */
export interface ReadTime {
  readonly bytes: number;
  /** The median, in microseconds. */
  readonly median: number;
  /** The 90th percentile, in microseconds. */
  readonly slowest: number;
}

/** The durations of reads, by size. */
export interface Measured {
  /** Why nothing was measured; empty if it was. */
  readonly reason: string;
  readonly reads: readonly ReadTime[];
}

/** A chapter of the study. */
export interface StudyInfo {
  readonly chapters: readonly ChapterName[];
  /** Absent if it was not measured. */
  readonly chapter?: StudyChapter;
  /** Why nothing was measured; empty if it was. */
  readonly reason: string;
}

/** Adjacent pages. */
export type PageRun = readonly [first: number, count: number];

/** An instruction of a program. */
export interface InstructionInfo {
  readonly opcode: string;
  readonly numbers: readonly number[];
  readonly p4: string;
  readonly comment: string;
}

/** A register and its value, as a literal of SQL. */
export type RegisterInfo = readonly [register: number, value: string];

/** An instruction that ran. */
export interface SqlStepInfo {
  readonly address: number;
  /** The pages that it touched, in order. */
  readonly pages: readonly PageRun[];
  /** The registers that it changed. */
  readonly registers: readonly RegisterInfo[];
  /** The index of the row that it made; -1 = none. */
  readonly row: number;
}

/** A query, and what it did. */
export interface SqlInfo {
  readonly columns: readonly string[];
  /** The program, by address. */
  readonly instructions: readonly InstructionInfo[];
  /** The registers at the start, NULLs aside. */
  readonly registers: readonly RegisterInfo[];
  /** The rows, whose values are literals of SQL. */
  readonly rows: readonly (readonly string[])[];
  readonly steps: readonly SqlStepInfo[];
  /** What ended it before its end; empty if nothing did. */
  readonly limit: "" | "steps" | "rows" | "ms" | "size";
}

/** Why a request was refused. */
export interface Refusal {
  readonly error: string;
}
