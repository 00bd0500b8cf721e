/**
 * What an inspector tells, as plain data: copies that stay as they are while the database goes on.
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
  /** Whether it was read without its lock, so that what is told may be of different moments. */
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
  /** The last committed version; without the lock, the last that a checkpoint took there. */
  readonly version: number;
  /** The root page of the catalog; 0 = there is none yet. */
  readonly catalogRoot: number;
  /** Both copies of the superblock. */
  readonly superblocks: readonly SuperblockState[];
  /** Where the journal stands; undefined in memory, and without the lock. */
  readonly journal: JournalState | undefined;
  /** Where the checkpoint stands; undefined in memory, and without the lock. */
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
  /** Names of its codecs; "" is one without a name. */
  readonly codecs: { readonly key: string; readonly value: string };
}

/** A page header, and how much of its page is used. */
export interface HeaderState extends HeaderFields {
  /** The bytes that entries use; of a run, all at its first page. */
  readonly usedBytes: number;
}

/** A page. */
export interface PageState {
  /** Its header. */
  readonly header: HeaderState;
  /** Its 8192 bytes. */
  readonly bytes: Uint8Array;
  /** What stands in it; undefined where that is not data of a tree, or is damaged. */
  readonly contents: PageContents | undefined;
  /** The first rule that it breaks, or undefined. */
  readonly damage: string | undefined;
}

/** What it took to have a page in memory. */
export interface PageLoad {
  /** Where it was before. */
  readonly from: Residence;
  /** What was read for it. */
  readonly read: "nothing" | "chunk" | "extent" | "page";
  /** Calls that read. */
  readonly readCalls: number;
  /** Bytes that they read. */
  readonly bytesRead: number;
}

/** One page on the way to a key, and what it took. */
export interface LookupStep extends LookupTraceStep {
  /** What it took to have the page in memory. */
  readonly load: PageLoad;
}

/** The way of a look-up. */
export interface Lookup {
  /** The name of the tree. */
  readonly tree: string;
  /** The key. */
  readonly key: Uint8Array;
  /** The pages on the way, from the root to a leaf. */
  readonly steps: readonly LookupStep[];
  /** Whether the key is there. */
  readonly found: boolean;
  /** How long its value is, or -1. */
  readonly valueBytes: number;
}

/** A frame of the cache. Arrays are by slot. */
export interface FrameState {
  /** Its number. */
  readonly index: number;
  /** The chunk that it holds whole; -1 = it holds single pages. */
  readonly chunk: number;
  /** Page numbers; `NO_PAGE` where there is none, or an old image. */
  readonly pages: Uint32Array;
  /** Kinds, as `format.KIND_...`. */
  readonly kinds: Uint8Array;
  /** 1 where the page is verified. */
  readonly verified: Uint8Array;
  /** 1 where it is newer than the file. */
  readonly dirty: Uint8Array;
  /** 1 where it may not leave: the open transaction touched it, or it is an old image. */
  readonly pinned: Uint8Array;
  /** The clock at its last use; it moves on with every miss. The smallest leaves first. */
  readonly ticks: Uint32Array;
}

/** The cache. */
export interface CacheState {
  /** Memory in frames, in bytes. */
  readonly bytes: number;
  /** The bound on it. */
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

/** A page that was asked for. */
export interface TracedPage {
  /** Its number. */
  readonly page: number;
  /** Whether it was in memory, verified. */
  readonly hit: boolean;
}

/** What was done since a trace was switched on, or taken. */
export interface Trace extends DiskFigures {
  /** The pages asked for, in order; at most 10 000 of them. */
  readonly pages: readonly TracedPage[];
  /** How often a page was asked for. */
  readonly touches: number;
  /** How often it was in memory, verified. */
  readonly hits: number;
  /** How often it was not. */
  readonly misses: number;
  /** What was read, by how much at once. */
  readonly loads: LoadFigures;
  /** Pages evicted. */
  readonly evictions: number;
}
