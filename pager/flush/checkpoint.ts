/**
 * The checkpoint: writes the pages that the journal holds to their places in the file, so that the
 * journal can be used again.
 *
 * It begins by switching areas, then writes chunks slice by slice, so that other work can run in
 * between. A chunk with more pages than a slice may write is copied, and the copy written in
 * several slices. It ends with a sync, then the superblocks, each copy synced; only after these is
 * the old area free, and may be replaced by one elsewhere (`JournalLocation`). The superblocks hold
 * the values of the switch: replay begins there.
 *
 * In line (`begin`, `slice`, `finish`) it waits for its syncs. In flight (`beginConfirmed`,
 * `takeOff`, `land`) it uses those of flights: before one it stages a chunk that is not confirmed
 * yet, and after one it writes what the flight confirmed. Where nothing else flies, more slices of
 * that follow before the next flight (`sliceConfirmed`). All ways may alternate.
 *
 * One checkpoint runs at a time. A failed write or sync is final for the handle (`Disk`).
 */

import type { Windows } from "../cache/windows.ts";
import type { Writeback } from "../cache/writeback.ts";
import type { Disk } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { assert } from "../format/assert.ts";
import { CHUNK_PAGES } from "../format/format.ts";
import { Meta, type MetaFields } from "../format/meta.ts";
import type { ChunkNumber } from "../format/units.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import type { DataEnd } from "../journal/data_end.ts";
import type { Journal } from "../journal/journal.ts";
import type { FileEnd } from "./file_end.ts";
import type { JournalLocation } from "./journal_location.ts";

/** A sync that takes that many pages to the medium is long: 2 MiB. */
export const LONG_SYNC_PAGES = 256;
/** To write a chunk takes the time of this many pages, besides those that it writes. */
export const CHUNK_WORK = 3;
/** The chunks that one landing looks at. */
const LANDING_CHUNKS = 256;

/** A checkpoint that a session began and did not end. */
export interface BegunCheckpoint {
  /** The facts about the file at its switch. */
  readonly meta: MetaFields;
  /** The last sequence before that. */
  readonly sequence: number;
}

/** What was written last; a sync has to follow before the next step. */
type Step = "pages" | "first copy" | "second copy";

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
  readonly #dataEnd: DataEnd;
  readonly #location: JournalLocation;
  readonly #windows: Windows | undefined;
  /** The meta of the switch. */
  readonly #meta = new Meta();
  #chunks: number[] | undefined;
  #sequence = 0;
  #step: Step = "pages";
  /** Whether the flight in the air syncs everything that the step wrote. */
  #isSyncing = false;
  /** The pages written before the last sync that it used, or before its begin. */
  #pagesSynced = 0;
  /** The last chunk of which a copy was begun, because it has too many pages for one slice. */
  #copied: ChunkNumber = -1;

  /**
   * The checkpoints of a file.
   *
   * @param parts The file, its journal and the location of that, its dirty pages, its chunks
   * without a sync, its superblock, its end and that of its data, and the windows that show it.
   */
  constructor(
    parts: {
      disk: Disk;
      journal: Journal;
      writeback: Writeback;
      unsynced: UnsyncedChunks;
      superblock: CurrentSuperblock;
      fileEnd: FileEnd;
      dataEnd: DataEnd;
      location: JournalLocation;
      windows?: Windows | undefined;
    },
  ) {
    this.#disk = parts.disk;
    this.#journal = parts.journal;
    this.#writeback = parts.writeback;
    this.#unsynced = parts.unsynced;
    this.#superblock = parts.superblock;
    this.#fileEnd = parts.fileEnd;
    this.#dataEnd = parts.dataEnd;
    this.#location = parts.location;
    this.#windows = parts.windows;
  }

  /** Whether a checkpoint is running. */
  get isRunning(): boolean {
    return this.#chunks !== undefined;
  }

  /** Chunks that the running one still has to write. */
  get chunksLeft(): number {
    return this.#chunks?.length ?? 0;
  }

  /** Whether the next sync is long, because many pages of the running one wait for it. */
  get isSyncLong(): boolean {
    if (this.#chunks === undefined) return false;
    return this.#writeback.writes.pages - this.#pagesSynced >= LONG_SYNC_PAGES;
  }

  /**
   * Begins one, after a flush: the journal continues in its other area. The commits are confirmed
   * first, so that chunks behind the new end of the file may be emptied.
   *
   * @param to The chunk that the area which it frees moves to, or -1.
   */
  begin(meta: Meta, to: ChunkNumber): void {
    this.#journal.confirm(this.#journal.durableVersion);
    this.beginConfirmed(meta, to);
  }

  /** Begins one where everything written is confirmed (`Journal.isConfirmed`). */
  beginConfirmed(meta: Meta, to: ChunkNumber): void {
    assert(this.#chunks === undefined, "one checkpoint runs at a time");
    const { writtenVersion, writtenMeta } = this.#journal;
    // Commits that are pending belong to the area that follows the switch.
    this.#meta.assign(meta.version === writtenVersion ? meta : writtenMeta);
    // Each is behind the last page in use: `meta` may have moved there.
    const { pageCount } = this.#meta;
    this.#meta.pageCount = Math.min(pageCount, meta.pageCount, this.#dataEnd.page);
    this.#journal.switchArea(meta);
    this.#sequence = this.#journal.sequence;
    this.#step = "pages";
    this.#isSyncing = false;
    this.#pagesSynced = this.#writeback.writes.pages;
    this.#copied = -1;
    // The lowest last: slices take from the end.
    this.#chunks = this.#writeback.chunksToWrite();
    if (to >= 0) this.#location.beginMove(to);
    if (this.#chunks.length === 0) this.#location.leaveChunks();
  }

  /** Goes on with one that another session began: the journal continues in its new area. */
  resume({ meta, sequence }: BegunCheckpoint): void {
    assert(this.#chunks === undefined, "one checkpoint runs at a time");
    this.#meta.assign(meta);
    this.#sequence = sequence;
    this.#chunks = this.#writeback.chunksToWrite();
  }

  /**
   * Writes the next chunk, or a part of it, or ends the checkpoint; call between transactions.
   *
   * @param pagesMax The most pages to write; `CHUNK_PAGES` for a whole chunk.
   */
  slice(pagesMax: number): void {
    assert(this.#chunks !== undefined, "a checkpoint is running");
    const staged = this.#chunks.lastIndexOf(this.#writeback.staged.chunk);
    const index = staged < 0 ? this.#chunks.length - 1 : staged;
    const chunk = this.#chunks[index];
    if (chunk === undefined) return this.#end();
    if (!this.#writeSome(chunk, pagesMax)) return;
    this.#chunks.splice(index, 1);
    if (this.#chunks.length === 0) this.#location.leaveChunks();
  }

  /** Writes a chunk, or the next part of its copy; whether nothing of it is left. */
  #writeSome(chunk: ChunkNumber, pagesMax: number): boolean {
    const { dirtyChunks, staged } = this.#writeback;
    const version = dirtyChunks.get(chunk);
    if (version === undefined) {
      this.#writeback.replay(chunk);
      return true;
    }
    if (pagesMax >= CHUNK_PAGES || this.#writeback.pagesToWrite(chunk) <= pagesMax) {
      this.#clean(chunk);
      return true;
    }
    this.#disk.checkWritable();
    const isStaged = staged.chunk === chunk;
    this.#journal.confirm(isStaged ? staged.version : version);
    return isStaged ? this.#writeStaged(pagesMax) === chunk : this.#beginCopy(chunk, pagesMax);
  }

  /** Writes the next part of the copy that there is; returns its chunk after the last one. */
  #writeStaged(pagesMax: number): ChunkNumber {
    return this.#writeback.writeStaged(this.#journal.confirmedVersion, pagesMax);
  }

  /**
   * Copies a confirmed chunk and writes the first part, or all of it if an earlier copy was
   * dropped; whether nothing of it is left.
   */
  #beginCopy(chunk: ChunkNumber, pagesMax: number): boolean {
    if (this.#copied === chunk) {
      this.#clean(chunk);
      return true;
    }
    if (!this.#writeback.stage(chunk)) return false;
    this.#copied = chunk;
    return this.#writeStaged(pagesMax) === chunk;
  }

  /** Writes a chunk. A checkpoint must not end past a chunk that was not written. */
  #clean(chunk: ChunkNumber): void {
    this.#disk.checkWritable();
    const isClean = this.#writeback.clean(chunk);
    assert(isClean, "a slice is taken between transactions");
  }

  /** Runs it to its end. */
  finish(): void {
    while (this.#chunks !== undefined) this.slice(CHUNK_PAGES);
  }

  #end(): void {
    this.#isSyncing = false;
    while (this.#chunks !== undefined) {
      this.#disk.sync();
      this.#pagesSynced = this.#writeback.writes.pages;
      if (this.#step === "pages") this.#unsynced.clear();
      this.#nextStep();
    }
  }

  /** Prepares a flight: stages a chunk that is not confirmed yet. Between transactions only. */
  takeOff(): void {
    const chunk = this.#chunks?.at(-1);
    this.#isSyncing = this.#chunks?.length === 0;
    this.#pagesSynced = this.#writeback.writes.pages;
    if (chunk === undefined || this.#writeback.staged.chunk >= 0) return;
    const version = this.#writeback.dirtyChunks.get(chunk) ?? 0;
    if (version <= this.#journal.confirmedVersion) return;
    if (!this.#writeback.stage(chunk)) this.#writeback.prepareStage(chunk);
  }

  /**
   * After a flight, writes what is confirmed, or takes the next step of the end.
   *
   * @param pagesMax The most pages to write.
   */
  land(pagesMax: number): void {
    if (this.#chunks === undefined) return;
    if (this.#isSyncing) {
      this.#isSyncing = false;
      return this.#nextStep();
    }
    this.#writeNext(this.#chunks, pagesMax);
  }

  /**
   * Writes what is confirmed without a flight: the next sync is for all slices before it. Returns
   * whether it did; if not, a flight has to follow.
   *
   * @param pagesMax The most pages to write.
   */
  sliceConfirmed(pagesMax: number): boolean {
    if (this.#chunks === undefined || this.#chunks.length === 0 || this.isSyncLong) return false;
    const left = this.#chunks.length;
    const { pages } = this.#writeback.writes;
    this.#writeNext(this.#chunks, pagesMax);
    return this.#chunks.length < left || this.#writeback.writes.pages > pages;
  }

  /** Writes the next part of the staged chunk, and then confirmed chunks. */
  #writeNext(chunks: number[], pagesMax: number): void {
    const { pages } = this.#writeback.writes;
    const index = chunks.lastIndexOf(this.#writeStaged(pagesMax));
    if (index >= 0) chunks.splice(index, 1);
    this.#writeConfirmed(chunks, pagesMax, this.#writeback.writes.pages - pages);
    if (chunks.length === 0) this.#location.leaveChunks();
  }

  /**
   * Writes chunks whose pages are confirmed, and unlists them.
   *
   * @param written The pages written before, of `pagesMax`.
   */
  #writeConfirmed(chunks: number[], pagesMax: number, written: number): void {
    const { dirtyChunks, staged } = this.#writeback;
    const last = Math.max(0, chunks.length - LANDING_CHUNKS);
    let left = pagesMax - written;
    for (let i = chunks.length - 1; i >= last && left > 0; i--) {
      const chunk = chunks[i]!;
      const version = dirtyChunks.get(chunk);
      if (version !== undefined && version > this.#journal.confirmedVersion) continue;
      const pages = this.#writeback.pagesToWrite(chunk);
      if (pages > 0) {
        if (pages > left && left < pagesMax) return;
        // One copy at a time: another one waits for its version.
        if (pages > left && staged.chunk >= 0) continue;
        if (version === undefined) this.#writeback.replay(chunk);
        else if (pages <= left) this.#clean(chunk);
        else if (!this.#beginCopy(chunk, left)) return;
        left -= pages + CHUNK_WORK;
      }
      chunks.splice(i, 1);
    }
  }

  /** The steps of the end, each after a sync of the one before. */
  #nextStep(): void {
    if (this.#step === "pages") {
      assert((this.#writeback.deferred?.count ?? 0) === 0, "recovery has left no chunk");
      this.#windows?.settle();
      const { generation, syncCount } = this.#journal;
      this.#superblock.writeFirstCopy({
        ...this.#meta,
        ...this.#location.listMove(this.#meta),
        replayGeneration: generation,
        replaySequence: this.#sequence,
        syncCount,
      });
      this.#step = "first copy";
    } else if (this.#step === "first copy") {
      this.#superblock.writeSecondCopy();
      this.#step = "second copy";
    } else {
      this.#superblock.endSteps();
      this.#location.endMove();
      this.#location.moveEndBack();
      this.#fileEnd.leaveTail();
      this.#writeback.endStages();
      this.#chunks = undefined;
      this.completed++;
    }
  }
}
