/**
 * The results of an inspector, as plain data: copies that later changes of the database do not
 * affect.
 */

import type { LookupTraceStep, PageContents } from "../../btree/mod.ts";
import type {
  CheckpointState,
  DiskFigures,
  HeaderFields,
  JournalState,
  LoadFigures,
  Residence,
  SuperblockState,
} from "../../pager/mod.ts";

/** A file as a whole. */
export interface FileState {
  /** Whether it was read without its lock, so that fields may be of different moments. */
  readonly unsynchronised: boolean;
  /** Bytes of a page. */
  readonly pageBytes: number;
  /** Pages of a chunk. */
  readonly chunkPages: number;
  /** Pages of an extent. */
  readonly extentPages: number;
  /** Pages of the file. */
  readonly pages: number;
  /** Chunks of the file; the last may be short. */
  readonly chunks: number;
  /** The size of the file on disk, in bytes. */
  readonly bytes: number;
  /** The last committed version; without the lock, the version of the last checkpoint. */
  readonly version: number;
  /** The root page of the catalog; 0 = no tree was created. */
  readonly catalogRoot: number;
  /** Both copies of the superblock. */
  readonly superblocks: readonly SuperblockState[];
  /** The state of the journal; undefined in memory, and without the lock. */
  readonly journal: JournalState | undefined;
  /** The state of the checkpoint; undefined in memory, and without the lock. */
  readonly checkpoint: CheckpointState | undefined;
}

/** A tree in the catalog. */
export interface TreeState {
  /** Its number, as in the headers of its pages. */
  readonly id: number;
  /** Its name. */
  readonly name: string;
  /** Its root page. */
  readonly root: number;
  /** Names of its codecs; "" is a codec without a name. */
  readonly codecs: { readonly key: string; readonly value: string };
}

/** A page header, and the used bytes of its page. */
export interface HeaderState extends HeaderFields {
  /** Bytes that entries use; the first page of a run has those of the whole run. */
  readonly usedBytes: number;
}

/** A page. */
export interface PageState {
  /** Its header. */
  readonly header: HeaderState;
  /** Its 8192 bytes. */
  readonly bytes: Uint8Array;
  /** Its contents; undefined if it is damaged or holds no data of a tree. */
  readonly contents: PageContents | undefined;
  /** The first rule that it breaks, or undefined. */
  readonly damage: string | undefined;
}

/** The cost of loading a page. */
export interface PageLoad {
  /** Its location before. */
  readonly from: Residence;
  /** The unit read for it. */
  readonly read: "nothing" | "chunk" | "extent" | "page";
  /** The number of read calls. */
  readonly readCalls: number;
  /** The bytes read. */
  readonly bytesRead: number;
}

/** One page of the path to a key, and the cost of its load. */
export interface LookupStep extends LookupTraceStep {
  /** The cost of loading the page. */
  readonly load: PageLoad;
}

/** The path and the result of a look-up. */
export interface Lookup {
  /** The name of the tree. */
  readonly tree: string;
  /** The key. */
  readonly key: Uint8Array;
  /** The pages of the path, from the root to a leaf. */
  readonly steps: readonly LookupStep[];
  /** Whether the key was found. */
  readonly found: boolean;
  /** The length of its value, or -1. */
  readonly valueBytes: number;
}

/** A frame of the cache. Arrays are by slot. */
export interface FrameState {
  /** Its number. */
  readonly index: number;
  /** The chunk that it holds; -1 = it holds single pages. */
  readonly chunk: number;
  /** Page numbers; `NO_PAGE` = the slot is empty or holds an old image. */
  readonly pages: Uint32Array;
  /** Kinds, as `format.KIND_...`. */
  readonly kinds: Uint8Array;
  /** 1 = the page is verified. */
  readonly verified: Uint8Array;
  /** 1 = the page is newer than the file. */
  readonly dirty: Uint8Array;
  /** 1 = the page cannot be evicted: the open transaction touched it, or it is an old image. */
  readonly pinned: Uint8Array;
  /** The clock at its last use; every miss advances it. The smallest is evicted first. */
  readonly ticks: Uint32Array;
}

/** The cache. */
export interface CacheState {
  /** Memory in frames, in bytes. */
  readonly bytes: number;
  /** The limit of `bytes`. */
  readonly bytesLimit: number;
  /** Pages found in memory, while a trace is on. */
  readonly hits: number;
  /** Pages that were not verified in memory, while a trace is on. */
  readonly misses: number;
  /** Pages evicted since the database was opened. */
  readonly evictions: number;
  /** The frames. */
  readonly frames: readonly FrameState[];
}

/** A requested page. */
export interface TracedPage {
  /** Its number. */
  readonly page: number;
  /** Whether it was in memory and verified. */
  readonly hit: boolean;
}

/** The work since a trace was switched on, or last taken. */
export interface Trace extends DiskFigures {
  /** The requested pages, in order; at most 10 000 of them. */
  readonly pages: readonly TracedPage[];
  /** The number of page requests. */
  readonly requests: number;
  /** The requests that found the page in memory and verified. */
  readonly hits: number;
  /** The other requests. */
  readonly misses: number;
  /** Loads by their unit. */
  readonly loads: LoadFigures;
  /** Pages evicted. */
  readonly evictions: number;
}
