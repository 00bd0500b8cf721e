/**
 * The checkpoint: writes the pages that the journal holds to their places in the file, so that the
 * journal can be used again.
 *
 * It begins by switching areas, then writes one chunk a slice, so that other work can run in
 * between. It ends with a sync, then the superblocks; only after these is the old area free. The
 * superblocks hold the values of the switch: replay begins there.
 *
 * One checkpoint runs at a time. A failed write or sync is final for the handle (`Disk`).
 */

import type { Writeback } from "../cache/writeback.ts";
import type { Disk } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { assert } from "../format/assert.ts";
import { Meta } from "../format/meta.ts";
import type { CurrentSuperblock } from "./current_superblock.ts";
import type { FileEnd } from "./file_end.ts";
import type { Journal } from "./journal.ts";
import type { ChunkNumber } from "../format/units.ts";

/** Writes the pages that the journal holds to their places in the file. */
export class Checkpoint {
  /** Checkpoints completed. */
  completed = 0;

  readonly #disk: Disk;
  readonly #journal: Journal;
  readonly #writeback: Writeback;
  readonly #unsynced: UnsyncedChunks;
  readonly #superblock: CurrentSuperblock;
  readonly #fileEnd: FileEnd;
  /** The meta of the switch. */
  readonly #meta = new Meta();
  #chunks: number[] | undefined;
  #sequence = 0;

  /**
   * The checkpoints of a file.
   *
   * @param parts The file, its journal, its dirty pages, its chunks without a sync, its superblock
   * and its end.
   */
  constructor(
    parts: {
      disk: Disk;
      journal: Journal;
      writeback: Writeback;
      unsynced: UnsyncedChunks;
      superblock: CurrentSuperblock;
      fileEnd: FileEnd;
    },
  ) {
    this.#disk = parts.disk;
    this.#journal = parts.journal;
    this.#writeback = parts.writeback;
    this.#unsynced = parts.unsynced;
    this.#superblock = parts.superblock;
    this.#fileEnd = parts.fileEnd;
  }

  /** Whether a checkpoint is running. */
  get isRunning(): boolean {
    return this.#chunks !== undefined;
  }

  /** Chunks that the running one still has to write. */
  get chunksLeft(): number {
    return this.#chunks?.length ?? 0;
  }

  /**
   * Begins one: every commit becomes durable, and the journal continues in its other area.
   *
   * The commits are confirmed too, so that chunks behind the new end of the file may be emptied.
   */
  begin(meta: Meta): void {
    assert(this.#chunks === undefined, "one checkpoint runs at a time");
    this.#journal.flush(true);
    this.#journal.confirm(this.#journal.durableVersion);
    this.#journal.switchArea(meta);
    this.#meta.assign(meta);
    this.#sequence = this.#journal.sequence;
    this.#chunks = [...this.#writeback.dirtyChunks.keys()].sort((a, b) => b - a);
  }

  /** Writes the next chunk, or ends the checkpoint; call between transactions. */
  slice(): void {
    assert(this.#chunks !== undefined, "a checkpoint is running");
    const chunk = this.#chunks.at(-1);
    if (chunk === undefined) return this.#end();
    if (this.#writeback.dirtyChunks.has(chunk)) this.#clean(chunk);
    this.#chunks.pop();
  }

  /** Writes a chunk. A checkpoint must not end past a chunk that was not written. */
  #clean(chunk: ChunkNumber): void {
    this.#disk.checkWritable();
    const isClean = this.#writeback.clean(chunk);
    assert(isClean, "a slice is taken between transactions");
  }

  /** Runs it to its end. */
  finish(): void {
    while (this.#chunks !== undefined) this.slice();
  }

  #end(): void {
    this.#disk.sync();
    this.#unsynced.clear();
    const { generation, epoch } = this.#journal;
    this.#superblock.publish({
      ...this.#meta,
      replayGeneration: generation,
      replaySequence: this.#sequence,
      syncEpoch: epoch,
    });
    this.#fileEnd.cut();
    this.#chunks = undefined;
    this.completed++;
  }
}
