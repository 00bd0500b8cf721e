/**
 * Format 1 of a Quire file: the layout of everything around the pages.
 *
 * All integers are little-endian at aligned offsets. Reserved bytes are written as zero and checked
 * to be zero. The content of a page is defined by the layer that owns the page's kind.
 *
 * ## File
 *
 * ```text
 * page    8192 bytes, all of them usable
 * chunk   256 pages = 2 MiB; its slot 0 is the header page
 * extent  8 pages = 64 KiB, the unit of read-ahead
 *
 * page number p (u32): chunk p >> 8, slot p & 255, extent p >> 3, byte offset p * 8192
 *
 * chunk 0   [headers][superblock][superblock][page 3][page 4] ... [page 255]
 * chunk c   [headers][page c*256+1] ........................... [page c*256+255]
 * ```
 *
 * The file ends at its last page in use, so the last chunk may be short. Bytes at or past the page
 * count are never read.
 *
 * ## Header page
 *
 * 256 x 32 bytes. The 32 bytes of slot 0 are the free-space bitmap of the chunk: bit i is set if
 * and only if slot i is in use; bit 0 is always set. The bitmap has no sum: it is redundant with
 * the headers, and is checked against them. Slots 1..255 hold a header each:
 *
 * | at | size | node                         | first page of a run     | later page of a run |
 * | -- | ---- | ---------------------------- | ----------------------- | ------------------- |
 * |  0 | u8   | kind                         | kind                    | kind                |
 * |  1 | u8   | level, 0 = leaf              | pages in the run        | 0                   |
 * |  2 | u16  | entries                      | 0                       | index in the run    |
 * |  4 | u32  | tree                         | tree                    | tree                |
 * |  8 | u32  | right sibling, 0 = none      | next run, 0 = last      | first page          |
 * | 12 | u32  | version, low 32 bits         | same                    | same                |
 * | 16 | u16  | version, high 16 bits        | same                    | same                |
 * | 18 | u16  | cell start                   | 0                       | 0                   |
 * | 20 | u16  | prefix length, flags         | bytes in the run (u32)  | 0                   |
 * | 22 | u16  | garbage bytes                | (of the u32)            | 0                   |
 * | 24 | u32  | page sum                     | of its own page         | of its own page     |
 * | 28 | u32  | header sum                   | same                    | same                |
 *
 * Kind 0 is a free page, whose 32 bytes are all zero. The page sum is the CRC-32 of the page's 8192
 * bytes. The header sum mixes bytes 0..27 with the database id and the page number (`checksum.ts`),
 * so that a page written to the wrong place does not match. A later page of a run may have an older
 * version than the first page, never a newer one.
 *
 * Kind 7 is a shared page, which holds fragments of several values. It has the fields of a node,
 * with level, link, prefix and flags of 0.
 *
 * ## Superblocks
 *
 * Slots 1 and 2 of chunk 0, two copies of the same record. Their headers carry the kind and nothing
 * else, with a page sum of 0. Offsets and fields: `SUPERBLOCK` below.
 */

/** The bytes in a page. */
export const PAGE_BYTES = 8192;
/** The shift from a slot to its byte offset in a frame. */
export const PAGE_SHIFT = 13;
/** The shift from a slot to its offset in a frame, in words of 32 bits. */
export const PAGE_WORD_SHIFT = 11;
/** The pages in a chunk, including its header page. */
export const CHUNK_PAGES = 256;
/** Shift from page number to chunk number. */
export const CHUNK_SHIFT = 8;
/** Bytes in a chunk. */
export const CHUNK_BYTES: number = PAGE_BYTES * CHUNK_PAGES;
/** Mask from page number to slot. */
export const SLOT_MASK: number = CHUNK_PAGES - 1;
/** Bytes in a page header. */
export const HEADER_BYTES = 32;
/** Shift from slot to the byte offset of its header. */
export const HEADER_SHIFT = 5;
/** Shift from slot to the 32-bit word where its header begins. */
export const HEADER_WORD_SHIFT = 3;
/** The 32-bit words of a header. */
export const HEADER_WORDS: number = 1 << HEADER_WORD_SHIFT;
/** Pages in an extent, the unit of read-ahead. */
export const EXTENT_PAGES = 8;
/** The pages in the longest run: a whole chunk except its header page. */
export const RUN_PAGES_MAX: number = CHUNK_PAGES - 1;
/** The most pages a file can have; the last two numbers mark "no page" and "image" in memory. */
export const PAGE_COUNT_MAX = 0xffff_fffe;
/** The largest version: 48 bits. */
export const VERSION_MAX = 0xffff_ffff_ffff;

/** A free page; its header is all zero. */
export const KIND_FREE = 0;
/** A leaf of a tree. */
export const KIND_LEAF = 1;
/** A branch of a tree. */
export const KIND_BRANCH = 2;
/** The first page of a run. */
export const KIND_RUN = 3;
/** A later page of a run. */
export const KIND_RUN_CONTINUED = 4;
/** A page of a journal area. */
export const KIND_JOURNAL = 5;
/** One of the two superblocks. */
export const KIND_SUPERBLOCK = 6;
/** A page that fragments of several values of a tree share. */
export const KIND_SHARED = 7;
/** One past the last kind of format 1. */
export const KIND_COUNT = 8;

/** Whether pages of a kind belong to a tree. */
export function isOfTree(kind: number): boolean {
  return (kind > KIND_FREE && kind <= KIND_RUN_CONTINUED) || kind === KIND_SHARED;
}

/** Byte offsets of the fields of a page header. */
export const HEADER = {
  kind: 0,
  level: 1,
  runPages: 1,
  entries: 2,
  runIndex: 2,
  tree: 4,
  link: 8,
  versionLow: 12,
  versionHigh: 16,
  cellStart: 18,
  prefix: 20,
  runBytes: 20,
  garbage: 22,
  pageSum: 24,
  headerSum: 28,
} as const;

/** Bits of the u16 at `HEADER.prefix` that hold the prefix length. */
export const PREFIX_LENGTH_MASK = 0x0fff;
/** The bit of the u16 at `HEADER.prefix` that says that an entry of the leaf has a reference. */
export const FLAG_HOLDS_RUNS = 0x8000;

/** The first eight bytes of a superblock: "QUIRE", then bytes that a text-mode copy changes. */
export const MAGIC: readonly number[] = [0x51, 0x55, 0x49, 0x52, 0x45, 0x0d, 0x0a, 0x1a];
/** The version of this format. */
export const FORMAT_VERSION = 1;
/** Page number of the first superblock; the second follows it. */
export const SUPERBLOCK_PAGE = 1;
/** The pages of an empty database: the header page and two superblocks. */
export const FRESH_PAGES = 3;
/** The most chunks of one journal area. */
export const JOURNAL_CHUNKS_MAX = 508;

/** Byte offsets of the fields of a superblock; u32 unless noted. */
export const SUPERBLOCK = {
  /** 8 bytes. */
  magic: 0,
  formatVersion: 8,
  pageBytes: 12,
  chunkPages: 16,
  headerBytes: 20,
  headerPages: 24,
  /** 0 = clean, 1 = open. */
  state: 28,
  /** 16 bytes. */
  databaseId: 32,
  /** u64. The number of this superblock; of two copies, the larger is newer. */
  number: 48,
  /** u64, at most 48 bits. */
  version: 56,
  pageCount: 64,
  /** Page number, 0 = none yet. */
  catalogRoot: 68,
  nextTreeId: 72,
  /** Chunk number: no chunk below it has a free page. */
  allocatorHint: 76,
  /** u64. The generation of the journal where replay starts. */
  replayGeneration: 80,
  /** u64. The sequence number of the last batch whose pages are already in the file. */
  replaySequence: 88,
  /** u64. Syncs completed. */
  syncCount: 96,
  /** The number of chunks in journal area a, then in area b. */
  journalCountA: 104,
  journalCountB: 108,
  /** The number of the history; 0 in a database that is no copy. */
  history: 112,
  /** Of a copy, the history that it was copied from. */
  origin: 116,
  /** u64. Of a copy, the version at which it was copied. */
  originVersion: 120,
  /** Reserved and zero, up to the first list; so are the bytes after each list. */
  reserved: 128,
  /** 508 chunk numbers. */
  journalA: 4096,
  /** 508 chunk numbers. */
  journalB: 6144,
  /** CRC-32 of bytes 0..8187. */
  sum: 8188,
} as const;

/** The number of chunks that hold `pageCount` pages; at least 1. */
export function chunksOf(pageCount: number): number {
  return ((pageCount - 1) >>> CHUNK_SHIFT) + 1;
}

/** The lowest page count that leaves chunks inside the file; 0 for none. */
export function endOfChunks(chunks: readonly number[]): number {
  return chunks.length === 0 ? 0 : (Math.max(...chunks) + 1) * CHUNK_PAGES;
}
