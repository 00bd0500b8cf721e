/**
 * The replay of chunks that recovery has left for later, so that a file opens in a time that its
 * journal takes to read. A chunk is replayed before the first read or write of any of its bytes, or
 * by the checkpoint that ends with the batches of its records.
 *
 * Invariants:
 * 1. Memory has no page of a chunk that is left, and the file has its pages as they were at the
 *    replay point, or newer: as before any recovery.
 * 2. The records are on the medium, and an empty batch confirms them. The superblocks keep the
 *    replay point until no chunk is left.
 *
 * A page that does not match its sums is written as it is: its first read reports it.
 */

import type { DeferredChunks } from "../cache/writeback.ts";
import type { Disk, UnfinishedBytes } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { CHUNK_BYTES, CHUNK_PAGES } from "../format/format.ts";
import type { ChunkNumber } from "../format/units.ts";
import type { ChunkRecords } from "./chunk_records.ts";
import { ChunkReplay } from "./chunk_replay.ts";

/** The records of a recovery, and what they apply to. */
export interface DeferredReplayParts {
  /** The file. */
  readonly disk: Disk;
  /** Where the records are; finished. */
  readonly records: ChunkRecords;
  /** The number of pages that the file had when the replayed journal began. */
  readonly pageCount: number;
  /** The seed of header sums. */
  readonly seed: number;
}

/** The replay of chunks that recovery has left for later. */
export class DeferredReplay implements DeferredChunks, UnfinishedBytes {
  readonly #disk: Disk;
  readonly #records: ChunkRecords;
  readonly #replay: ChunkReplay;
  /** The index of the first record of each chunk that is left. */
  readonly #firsts = new Map<ChunkNumber, number>();
  #unsynced: UnsyncedChunks | undefined;

  /** Begins without a chunk. */
  constructor({ disk, records, pageCount, seed }: DeferredReplayParts) {
    this.#disk = disk;
    this.#records = records;
    this.#replay = new ChunkReplay(disk, { pageCount, seed, tolerant: true, kept: undefined });
  }

  /** Leaves a chunk for later, by its first record. */
  leave(index: number): void {
    this.#firsts.set(this.#records.chunk(index), index);
  }

  /**
   * Begins to replay chunks before they are used, once no more are left for later.
   *
   * @param unsynced Collects the chunks that are written.
   */
  begin(unsynced: UnsyncedChunks): void {
    this.#unsynced = unsynced;
    this.#disk.unfinished = this;
  }

  /** The number of chunks that are left. */
  get count(): number {
    return this.#firsts.size;
  }

  /** Whether a chunk is left. */
  has(chunk: ChunkNumber): boolean {
    return this.#firsts.has(chunk);
  }

  /** The chunks that are left. */
  chunks(): Iterable<ChunkNumber> {
    return this.#firsts.keys();
  }

  /** The most pages that the replay of a chunk writes; 0 if it is not left. */
  pagesOf(chunk: ChunkNumber): number {
    const first = this.#firsts.get(chunk);
    if (first === undefined) return 0;
    return Math.min(CHUNK_PAGES, this.#records.end(first) - first + 1);
  }

  /** Replays the chunks, of those left, that have some of the bytes. */
  complete(position: number, length: number): void {
    const last = Math.floor((position + length - 1) / CHUNK_BYTES);
    for (let chunk = Math.floor(position / CHUNK_BYTES); chunk <= last; chunk++) this.replay(chunk);
  }

  /**
   * Replays a chunk, if it is left.
   *
   * @throws {IoError} The system refused. The chunk is left.
   */
  replay(chunk: ChunkNumber): void {
    const first = this.#firsts.get(chunk);
    if (first === undefined) return;
    this.#disk.checkWritable();
    this.#unsynced?.add(chunk);
    // The replay reads and writes the chunk, too.
    this.#firsts.delete(chunk);
    try {
      this.#replay.replayChunk(this.#records, first, false);
    } catch (error) {
      this.#firsts.set(chunk, first);
      throw error;
    }
    if (this.#firsts.size === 0) this.#end();
  }

  #end(): void {
    this.#disk.unfinished = undefined;
    this.#replay.close();
  }
}
