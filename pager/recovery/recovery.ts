/**
 * Recovery brings a file that was not closed to the state of its last whole commit.
 *
 * `run()` lists the steps. A power cut may interrupt any of them; the next open starts again:
 * 1. Find the chain of batches that follows the superblock, in both areas (`batch_chain.ts`).
 * 2. Tell whether it ends in a torn commit or in rot (`journal_tail.ts`), and check every record.
 * 3. Write the superblock and the batches again, and sync: the bytes that were read may be only in
 *    the system's cache.
 * 4. Chunk by chunk, replay all records in order, verify the pages, and write them. Of the file,
 *    only header pages and pages that records change are read, so the work is in proportion to the
 *    journal.
 * 5. Sync, and write superblocks of a new generation.
 * Of a long journal, chunks are left to be replayed when they are used (`DeferredReplay`). Instead
 * of step 5 the journal is then continued behind its last batch (`Continuation`).
 * Nothing is written before step 3. A read-only handle skips step 3, and keeps the replayed pages
 * in memory, each as one record (`ReplayedPages`).
 */

import type { BatchHeader } from "../batch/batch.ts";
import {
  AREA_CHUNK_BYTES,
  emptyHeaderPage,
  JournalArea,
  journalHeaderPage,
} from "../batch/journal_area.ts";
import { LogReader } from "../batch/log_record.ts";
import type { Disk } from "../file/disk.ts";
import type { OverlayFile } from "../file/overlay_file.ts";
import { seedOf } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  chunksOf,
  endOfChunks,
  PAGE_BYTES,
  SUPERBLOCK_PAGE,
  VERSION_MAX,
} from "../format/format.ts";
import { brokenRule, checkSuperblock, COUNTER_MAX, type Superblock } from "../format/superblock.ts";
import type { ChunkNumber } from "../format/units.ts";
import { repairSuperblocks, writeSuperblock } from "../journal/superblocks.ts";
import {
  type Areas,
  BatchChain,
  corruptJournal,
  joinRecords,
  type ReadBatch,
} from "./batch_chain.ts";
import { ChunkRecords } from "./chunk_records.ts";
import { ChunkReplay } from "./chunk_replay.ts";
import { Continuation, type ContinuedState } from "./continuation.ts";
import { DeferredReplay } from "./deferred_replay.ts";
import { checkTail } from "./journal_tail.ts";
import { ReplayedPages } from "./replayed_pages.ts";

/** Recovery skips this many versions, so that a discarded commit and a new one never share one. */
const VERSION_JUMP = 2 ** 20;
/** The most chunks that only a torn commit used, unless the file has bytes for more: 8 GiB. */
const TORN_CHUNKS_MAX = 4096;
/** The most bytes of records that memory holds for chunks that are replayed later. */
const LEFT_BYTES_MAX = 128 * 1024 * 1024;

/** A summary of one recovery. */
export interface RecoveryReport {
  /** The number of batches with records that were replayed. */
  readonly batches: number;
  /** The number of records in them. */
  readonly records: number;
  /** The number of chunks that have records. */
  readonly chunks: number;
  /** The version of the recovered state. */
  readonly version: number;
  /** The number of bytes at the end of the journal that belong to torn commits. */
  readonly tornBytes: number;
  /**
   * The bytes of memory, besides `cacheBytes`, that the replayed pages take while a read-only
   * handle is open, or that records take until they are replayed; 0 if all pages were written.
   */
  readonly keptBytes: number;
}

/** Options of a recovery. */
export interface RecoveryOptions {
  /** Whether a sector may hold any bytes after an interrupted write. */
  readonly protect: boolean;
  /** Whether to replay the journal even where the pages it changes are damaged. */
  readonly tolerant: boolean;
  /** The overlay under the disk, if the file must not change. */
  readonly overlay: OverlayFile | undefined;
  /**
   * The most records of pages that are replayed at once: of more, chunks are left for later, where
   * the journal can be continued.
   */
  readonly recordsMax: number;
}

/** A recovered file. */
export interface Recovered {
  /** Its superblock, which has been written. */
  readonly superblock: Superblock;
  readonly report: RecoveryReport;
  /** Undefined if everything was replayed. */
  readonly continued: ContinuedState | undefined;
}

/** Brings a file that was not closed to the state of its last whole commit. */
export class Recovery {
  readonly #disk: Disk;
  readonly #superblock: Superblock;
  readonly #options: RecoveryOptions;
  /** The chunks of the journal. */
  readonly #journals: readonly [readonly number[], readonly number[]];
  readonly #areas: Areas;

  /**
   * Creates a recovery.
   *
   * @param disk The file.
   * @param superblock Its current superblock, which says that it is open.
   */
  constructor(disk: Disk, superblock: Superblock, options: RecoveryOptions) {
    this.#disk = disk;
    this.#superblock = superblock;
    this.#options = options;
    const area = (chunks: readonly number[]) => {
      return new JournalArea(disk, chunks, chunks.length * AREA_CHUNK_BYTES);
    };
    // A tolerant recovery uses whatever bytes are in the file.
    const present = (chunks: readonly number[]) => chunks.filter((chunk) => this.#isPresent(chunk));
    this.#journals = [present(superblock.journals[0]), present(superblock.journals[1])];
    this.#areas = [area(this.#journals[0]), area(this.#journals[1])];
  }

  /**
   * Recovers the file.
   *
   * @throws {CorruptionError} The journal, or a page that results from it, breaks a rule.
   */
  run(): Recovered {
    this.#checkAreas();
    const chain = new BatchChain(this.#areas, this.#superblock);
    const tornBytes = checkTail(chain, this.#areas, this.#superblock);
    this.#checkFacts(chain);
    const records = this.#indexRecords(chain);
    this.#checkLength(chain, records);
    const { pageCount, version } = chain.last ?? this.#superblock;
    const next = this.#nextSuperblock(chain, records);
    // A superblock that the next open refuses must not replace one that it takes.
    checkSuperblock(next, SUPERBLOCK_PAGE + (next.number & 1));
    this.#checkTornChunks(pageCount, next);
    this.#rewrite(chain);
    const isLong = tornBytes === 0 && this.#isLong(records);
    const continuation = isLong
      ? new Continuation(chain, this.#areas, this.#superblock, next)
      : undefined;
    const left = continuation?.claim() ? this.#leave(continuation, records) : undefined;
    const keptBytes = this.#replay(records, left);
    this.#finishPages(pageCount, next.pageCount);
    this.#disk.sync();
    const continued = left && continuation?.confirm(left);
    if (continued === undefined) writeSuperblock(this.#disk, next);
    const superblock = continued === undefined ? next : this.#superblock;
    const report = {
      batches: chain.batches.filter(({ header }) => header.payloadBytes > 0).length,
      records: records.count,
      chunks: records.chunks,
      version,
      tornBytes,
      keptBytes,
    };
    return { superblock, report, continued };
  }

  /** The chunks of the areas are on the medium before a superblock lists them. */
  #checkAreas(): void {
    if (this.#options.tolerant) return;
    const error = missingJournal(this.#disk, this.#superblock);
    if (error !== undefined) throw error;
  }

  #isPresent(chunk: ChunkNumber): boolean {
    return isPresent(this.#disk, chunk);
  }

  /** The facts in batches keep the rules of a superblock, which they go into. */
  #checkFacts({ batches }: BatchChain): void {
    const { originVersion } = this.#superblock;
    for (const { header } of batches) {
      // The hint is lowered as far as needed when it goes into a superblock.
      const { rule } = brokenRule({ ...header, allocatorHint: 0 }, originVersion) ?? {};
      if (rule !== undefined) corruptJournal(this.#areas, header.generation, header.offset, rule);
      if (header.syncCount < COUNTER_MAX) continue;
      corruptJournal(this.#areas, header.generation, header.offset, "a number exceeds 2^52");
    }
  }

  /**
   * Makes sure that the bytes read are on the medium. Batches are written again, in case the system
   * lost a write without reporting it, but not where a cut could replace them with garbage. Under
   * an overlay nothing reaches the medium, so nothing depends on it.
   */
  #rewrite({ batches }: BatchChain): void {
    const { overlay, protect } = this.#options;
    if (overlay !== undefined) return;
    repairSuperblocks(this.#disk, this.#superblock, protect);
    if (protect) return;
    for (const batch of batches) batch.rewrite(this.#areas[batch.header.generation & 1]!);
    this.#disk.sync();
  }

  /** Where all records are by chunk; each is well-formed. */
  #indexRecords({ batches }: BatchChain): ChunkRecords {
    const records = new ChunkRecords();
    let group: ReadBatch[] = [];
    for (const batch of batches) {
      group.push(batch);
      if (batch.header.continues) continue;
      this.#indexGroup(records, joinRecords(group), batch.header);
      group = [];
    }
    records.finish();
    return records;
  }

  /** Indexes the records of batches that apply together. */
  #indexGroup(records: ChunkRecords, bytes: Uint8Array, header: BatchHeader): void {
    records.addGroup(bytes);
    const reader = new LogReader();
    for (let at = 0; at < bytes.length;) {
      const end = reader.read(bytes, at, bytes.length);
      if (end < 0 || reader.page >= header.pageCount || !reader.isPlausible(bytes)) {
        corruptJournal(
          this.#areas,
          header.generation,
          header.offset,
          "a record of the journal is malformed",
        );
      }
      records.add(at, reader.page);
      at = end;
    }
  }

  /**
   * A forged page count must not make the file longer. Each chunk that a superblock counts was on
   * the medium before the superblock; each chunk that is newer has records or belongs to the
   * journal.
   */
  #checkLength({ batches }: BatchChain, records: ChunkRecords): void {
    const bytes = this.#disk.size();
    const fileChunks = Math.ceil(bytes / CHUNK_BYTES);
    let chunks = fileChunks + this.#superblock.journals.flat().length;
    for (let at = 0; at < records.count; at = records.end(at)) {
      if (records.chunk(at) >= fileChunks) chunks++;
    }
    const counts = batches.map(({ header }) => header.pageCount);
    // A tolerant recovery accepts a file that is shorter than its superblock says.
    if (!this.#options.tolerant) counts.push(this.#superblock.pageCount);
    for (const count of counts) {
      if (chunksOf(count) <= chunks) continue;
      const rule = `the file has ${bytes} bytes, too few for its ${count} pages`;
      throw new CorruptionError(Math.floor(bytes / PAGE_BYTES), bytes, rule);
    }
  }

  /** Whether it takes long to replay all records, and few bytes to hold them. */
  #isLong(records: ChunkRecords): boolean {
    const { overlay, protect, tolerant, recordsMax } = this.#options;
    // Where a sector may hold anything, header pages and pages are replayed from whole ones.
    if (overlay !== undefined || protect || tolerant) return false;
    return records.count > recordsMax && records.byteLength <= LEFT_BYTES_MAX;
  }

  /**
   * Leaves chunks for later: those between the first one and the end of the data, that are not of
   * the journal. Returns undefined if there are none.
   */
  #leave(continuation: Continuation, records: ChunkRecords): DeferredReplay | undefined {
    const { pageCount, databaseId } = this.#superblock;
    const seed = seedOf(databaseId);
    const left = new DeferredReplay({ disk: this.#disk, records, pageCount, seed });
    const end = Math.floor(continuation.pageCountMin / CHUNK_PAGES);
    const journals = new Set(this.#journals.flat());
    for (let at = 0; at < records.count; at = records.end(at)) {
      const chunk = records.chunk(at);
      if (chunk > 0 && chunk < end && !journals.has(chunk)) left.leave(at);
    }
    return left.count > 0 ? left : undefined;
  }

  /**
   * Replays all records, apart from those of chunks that are left; returns the bytes of memory that
   * the replayed pages take from now on.
   */
  #replay(records: ChunkRecords, left: DeferredReplay | undefined): number {
    const { overlay } = this.#options;
    if (overlay === undefined) {
      this.#replayTo(undefined, records, left);
      return left === undefined ? 0 : records.byteLength;
    }
    const kept = new ReplayedPages();
    this.#replayTo(kept, records, undefined);
    kept.finish();
    overlay.patch(kept);
    return kept.memoryBytes;
  }

  /** Replays all records, and keeps the pages, or writes them to the file. */
  #replayTo(
    kept: ReplayedPages | undefined,
    records: ChunkRecords,
    left: DeferredReplay | undefined,
  ): void {
    const { tolerant } = this.#options;
    const { pageCount, databaseId } = this.#superblock;
    const options = { pageCount, seed: seedOf(databaseId), tolerant, kept };
    const replay = new ChunkReplay(this.#disk, options);
    const journals = new Set(this.#journals.flat());
    try {
      for (let at = 0; at < records.count;) {
        const chunk = records.chunk(at);
        if (left?.has(chunk)) at = records.end(at);
        else at = replay.replayChunk(records, at, journals.has(chunk));
      }
    } finally {
      replay.close();
    }
  }

  /** The superblock of the recovered state. */
  #nextSuperblock(chain: BatchChain, records: ChunkRecords): Superblock {
    const last = chain.last ?? this.#superblock;
    const { nextTreeId, catalogRoot } = last;
    // A batch has the hint from before its commit, which may have released pages below it.
    const { allocatorHint } = this.#superblock;
    const hint = Math.min(last.allocatorHint, allocatorHint, records.chunk(0));
    const pageCount = this.#pageCount(last.pageCount);
    return {
      ...this.#superblock,
      number: this.#superblock.number + 1,
      open: true,
      version: Math.min(last.version + VERSION_JUMP, VERSION_MAX),
      pageCount,
      nextTreeId,
      catalogRoot,
      allocatorHint: Math.min(hint, chunksOf(pageCount)),
      replayGeneration: this.#superblock.replayGeneration + 2,
      replaySequence: chain.sequence,
      journals: this.#journals,
      syncCount: last.syncCount + 1,
    };
  }

  /**
   * A forged journal far behind the pages must not fill the disk with header pages. A torn commit
   * wrote pages before its journal; holes cost nothing.
   */
  #checkTornChunks(pageCount: number, { pageCount: extended, journals }: Superblock): void {
    const chunks = chunksOf(extended) - chunksOf(pageCount);
    if (chunks <= TORN_CHUNKS_MAX || chunks * PAGE_BYTES <= this.#disk.allocated()) return;
    const last = Math.max(...journals.flat());
    const rule = "the journal lies beyond a hole in the file";
    throw new CorruptionError(last * CHUNK_PAGES, last * CHUNK_BYTES, rule);
  }

  /** The page count, extended past both areas; it may end inside one, as `DataEnd` says. */
  #pageCount(pageCount: number): number {
    return Math.max(pageCount, endOfChunks(this.#journals.flat()));
  }

  /** Whether a header page need not be kept in memory under an overlay: the file has it empty. */
  #isEmptyBelow(chunk: ChunkNumber, empty: Uint8Array): boolean {
    if (this.#options.overlay === undefined) return false;
    const found = new Uint8Array(PAGE_BYTES);
    this.#disk.read(found, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    return found.every((byte, i) => byte === empty[i]);
  }

  /** Empties chunks behind the data, and those that only a torn commit used. */
  #finishPages(pageCount: number, extended: number): void {
    const journals = new Set(this.#journals.flat());
    const empty = emptyHeaderPage();
    const seed = seedOf(this.#superblock.databaseId);
    for (let chunk = chunksOf(pageCount); chunk < chunksOf(extended); chunk++) {
      if (journals.has(chunk) || this.#isEmptyBelow(chunk, empty)) continue;
      this.#disk.write(empty, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    }
    // A close that was cut may have emptied the header pages of the areas.
    for (const chunk of journals) {
      this.#disk.write(journalHeaderPage(chunk, seed), 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    }
    if (this.#disk.size() < extended * PAGE_BYTES) this.#disk.truncate(extended * PAGE_BYTES);
  }
}

/** The error of a file that ends before a chunk of its journal, or undefined. */
export function missingJournal(disk: Disk, { journals }: Superblock): CorruptionError | undefined {
  const missing = journals.flat().find((chunk) => !isPresent(disk, chunk));
  if (missing === undefined) return undefined;
  const rule = "the file ends before its journal";
  return new CorruptionError(missing * CHUNK_PAGES, missing * CHUNK_BYTES, rule);
}

function isPresent(disk: Disk, chunk: ChunkNumber): boolean {
  return chunk * CHUNK_BYTES < disk.size();
}
