/**
 * What makes commits last: the journal, the checkpoint and the superblocks, in the order in which
 * they may touch the file.
 *
 * The first commit of a session gives the journal its areas and marks the file open. A commit
 * reserves its room, then counts; `flush` takes it to the level that was asked for. When the
 * journal is half full a checkpoint begins, and goes on a slice at a time; its end cuts what is
 * free at the end of the file. A clean close ends with a checkpoint, gives the areas back, and
 * marks the file clean.
 *
 * On a full disk commits that take pages into use are refused before anybody sees them, and those
 * that only give back go on in what is kept of the journal, each with a checkpoint. A close on such
 * a disk keeps some bytes where the next session's journal begins, so that the next session can
 * begin, whoever takes the rest. Where pages in use lie behind the journal, what it gives back is
 * no room for another: then the journal stays, empty, and the file stays marked open.
 *
 * Invariants:
 * 1. The superblocks in the file say what was true when the journal's oldest needed batch began.
 * 2. No page reaches the file before the journal has its version on the medium, and has confirmed
 *    it.
 */

import { assert } from "../format/assert.ts";
import { seedOf } from "../format/checksum.ts";
import { Checkpoint, type CheckpointValues } from "./checkpoint.ts";
import type { ClaimedPages } from "./claimed_pages.ts";
import { type Disk, isFull } from "../file/disk.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  CHUNK_SHIFT,
  chunksOf,
  PAGE_BYTES,
  SLOT_MASK,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { isInUse } from "../format/header.ts";
import { AREA_BYTES_MIN, Journal } from "./journal.ts";
import { emptyHeaderPage, journalHeaderPage } from "./journal_area.ts";
import type { CheckpointState, JournalState } from "./journal_state.ts";
import type { LogBuffer } from "./log_record.ts";
import type { Loader } from "../cache/loader.ts";
import type { Meta } from "../format/meta.ts";
import type { JournalFigures } from "./stats.ts";
import type { Superblock } from "../format/superblock.ts";
import { repairSuperblocks, writeSuperblock } from "./superblocks.ts";
import type { Writeback } from "../cache/writeback.ts";
import type { CommitLog } from "./commit_hooks.ts";

/**
 * How safe a commit is when it returns or resolves; a level reached is reached for all before it.
 */
export type Durability = "sync" | "buffered" | "none";

/** With durability `none`, no more than this waits in memory. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024;
/** How far past its bound the journal may get while those who write wait for the checkpoint. */
const WAITING_SHARE = 2;
/** As long as there is so much room, a close keeps nothing back. */
const PLENTY_BYTES = 1024 * 1024;
const NO_CHUNKS: ReadonlySet<number> = new Set();

/** What the durability of a file has to know of the rest of the pager. */
export interface DurableHooks {
  /** Hears of the beginning of each checkpoint. */
  checkpointBegins(): void;
  /** Whether snapshots live, which may see pages that are free. */
  hasSnapshots(): boolean;
}

/** What makes commits last. */
export class Durable implements CommitLog {
  readonly #disk: Disk;
  readonly #meta: Meta;
  readonly #journal: Journal;
  readonly #checkpoint: Checkpoint;
  readonly #writeback: Writeback;
  readonly #loader: Loader;
  readonly #frames: readonly Frame[];
  readonly #claimed: ClaimedPages;
  readonly #journalBytes: number;
  readonly #protect: boolean;
  readonly #hooks: DurableHooks;
  #superblock: Superblock;
  /** Whether a transaction was refused because the disk is full, and nobody has made room since. */
  #wasRefused = false;
  /** Whether the disk was found full in this session, or may have been in the one before it. */
  #mayBeFull: boolean;

  /**
   * The durability of an open file.
   *
   * @param parts What it works with.
   * @param superblock The file's current one.
   * @param options How long a journal area may become before a checkpoint has to end first,
   * whether a sector whose write was cut may hold anything, and whether the last session may have
   * found the disk full.
   * @param hooks What it has to know of the rest of the pager.
   */
  constructor(
    parts: {
      disk: Disk;
      meta: Meta;
      writeback: Writeback;
      loader: Loader;
      frames: readonly Frame[];
      claimed: ClaimedPages;
    },
    superblock: Superblock,
    options: { journalBytes: number; protect: boolean; mayBeFull: boolean },
    hooks: DurableHooks,
  ) {
    this.#disk = parts.disk;
    this.#meta = parts.meta;
    this.#writeback = parts.writeback;
    this.#loader = parts.loader;
    this.#frames = parts.frames;
    this.#claimed = parts.claimed;
    this.#superblock = superblock;
    this.#journalBytes = options.journalBytes;
    this.#protect = options.protect;
    this.#hooks = hooks;
    const isLonger = parts.disk.size() > superblock.pageCount * PAGE_BYTES;
    this.#mayBeFull = isLonger || options.mayBeFull;
    const start = {
      databaseId: superblock.databaseId,
      seed: seedOf(superblock.databaseId),
      generation: superblock.replayGeneration,
      sequence: superblock.replaySequence,
      epoch: superblock.syncEpoch,
      meta: parts.meta,
      chunks: superblock.journals,
    };
    const { unsyncedChunks } = parts.writeback;
    this.#journal = new Journal(parts.disk, start, unsyncedChunks, () => this.#publishJournals());
    this.#checkpoint = new Checkpoint(parts.disk, this.#journal, parts.writeback, (values) => {
      this.#publishCheckpoint(values);
    });
  }

  /** Takes the records of a commit. */
  get pending(): LogBuffer {
    return this.#journal.pending;
  }

  /** The last version that is on the medium. */
  get durableVersion(): number {
    return this.#journal.durableVersion;
  }

  /** What the journal and the checkpoint have done. */
  figures(): JournalFigures {
    const { bytes, batches, syncs } = this.#journal.writes;
    return {
      journalWrites: bytes,
      journalBatches: batches,
      journalSyncs: syncs,
      journalBytes: this.#journal.usedBytes,
      checkpoints: this.#checkpoint.completed,
    };
  }

  /** Where the journal stands, for those who look. */
  journalState(): JournalState {
    return this.#journal.state(this.#checkpoint.isRunning);
  }

  /** Where the checkpoint stands, for those who look. */
  checkpointState(): CheckpointState {
    const { isRunning, chunksLeft, completed } = this.#checkpoint;
    return { isRunning, chunksLeft, dirtyChunks: this.#writeback.dirtyChunks.size, completed };
  }

  /** Makes sure that what is pending has a place on disk. */
  reserve(meta: Meta, grows: boolean): void {
    const before = this.#journal.chunkCount;
    try {
      this.#journal.reserve(meta, grows);
    } finally {
      if (this.#journal.chunkCount !== before) this.#showChunks();
    }
  }

  /** Hears that pages were claimed: they are on the medium before the next commit is. */
  claimed(): void {
    this.#journal.noteClaims();
  }

  /** Hears why a transaction failed: on a full disk the next one makes what room it can. */
  noteFailure(error: unknown): void {
    if (!isFull(error)) return;
    this.#wasRefused = true;
    this.#mayBeFull = true;
  }

  /** After a refusal, makes what room a checkpoint can make; call between transactions. */
  makeRoom(): void {
    if (!this.#wasRefused) return;
    this.#wasRefused = false;
    this.checkpoint();
  }

  /** Makes sure that free pages may be overwritten: that they are free is on the medium. */
  beforeBypass(meta: Meta): void {
    this.begin(meta);
    this.beforeWrite(meta.version);
  }

  /** Before the first write of a session the superblocks say that the file is open. */
  begin(meta: Meta): void {
    if (this.#superblock.open) return;
    // What was read at the opening may stand only in the system's cache.
    repairSuperblocks(this.#disk, this.#superblock, this.#protect);
    try {
      this.#journal.prepare(meta);
    } catch (error) {
      // Nothing lists what was claimed, and others may use it.
      if (isFull(error)) this.#cutTail(this.#superblock.pageCount);
      throw error;
    }
    try {
      this.#publishJournals();
    } finally {
      this.#showChunks();
    }
  }

  /** A rollback, or a cut of the tail, may have left other header pages of new chunks in memory. */
  #showChunks(): void {
    const seed = seedOf(this.#superblock.databaseId);
    for (const chunk of this.#journal.chunks.flat()) {
      this.#loader.replaceHeaderPage(chunk, journalHeaderPage(chunk, seed));
    }
  }

  /** Makes sure that a version may reach the file. */
  beforeWrite(version: number): void {
    this.#journal.confirm(version);
  }

  /** The lowest page count that leaves both areas inside the file. */
  get pageCountMin(): number {
    const chunks = this.#journal.chunks.flat();
    return chunks.length === 0 ? 0 : (Math.max(...chunks) + 1) * CHUNK_PAGES;
  }

  /**
   * Takes all commits to a level, and the checkpoint a step further when one is due.
   *
   * @param waits Whether the caller waits while `isOverdue`; if not, the checkpoint is ended here.
   */
  flush(level: Durability, waits: boolean): void {
    if (level === "sync") this.#journal.flush(true);
    else if (level === "buffered" || this.pending.length > PENDING_BYTES_MAX) {
      this.#journal.flush(false);
    }
    this.#advanceCheckpoint(this.#journalBytes * (waits ? WAITING_SHARE : 1));
  }

  #advanceCheckpoint(bytesMax: number): void {
    // On a full disk what is kept of an area is there again for the next transaction.
    if (this.#journal.isShort) return this.checkpoint();
    const used = this.#journal.usedBytes;
    if (!this.#checkpoint.isRunning) {
      if (used > this.#journalBytes / 2) this.beginCheckpoint();
    } else if (used > bytesMax) {
      this.#checkpoint.finish();
    } else {
      this.#checkpoint.slice();
    }
  }

  /** Whether the journal is full before the checkpoint has ended. */
  get isOverdue(): boolean {
    return this.#checkpoint.isRunning && this.#journal.usedBytes > this.#journalBytes;
  }

  /** Begins a checkpoint, unless one is running, or there is nothing for it to do. */
  beginCheckpoint(): void {
    if (this.#checkpoint.isRunning || !this.#superblock.open) return;
    if (this.#writeback.dirtyChunks.size === 0 && this.#journal.usedBytes === 0) return;
    this.#hooks.checkpointBegins();
    if (!this.#hooks.hasSnapshots()) this.#endAtLastPageInUse();
    this.#checkpoint.begin(this.#meta);
  }

  /** Lets the file end at its last page in use. Nothing is cut before the checkpoint has ended. */
  #endAtLastPageInUse(): void {
    try {
      this.#meta.pageCount = this.#pagesInUse(NO_CHUNKS);
    } catch (error) {
      // What is damaged, or cannot be read, is for whoever reads it.
      if (!(error instanceof CorruptionError) && !(error instanceof IoError)) throw error;
    }
  }

  /** Takes the running checkpoint one slice further; whether there is more to do. */
  checkpointSlice(): boolean {
    if (this.#checkpoint.isRunning) this.#checkpoint.slice();
    return this.#checkpoint.isRunning;
  }

  /** Takes all that is committed to the file's pages, in one go. */
  checkpoint(): void {
    if (!this.#superblock.open) return;
    this.#checkpoint.finish();
    this.beginCheckpoint();
    this.#checkpoint.finish();
  }

  /** Leaves the file clean: everything in its pages, no journal, no tail. */
  close(): void {
    if (!this.#superblock.open) return;
    this.checkpoint();
    const isTight = this.#mayBeFull && !this.#hasPlenty();
    if (isTight && this.#pagesInUse(new Set(this.#journal.chunks.flat())) > this.pageCountMin) {
      return;
    }
    this.#giveBackJournal();
    if (isTight) this.#keepBack();
  }

  #giveBackJournal(): void {
    const chunks = new Set(this.#journal.giveBack());
    const empty = emptyHeaderPage();
    for (const chunk of chunks) this.#disk.write(empty, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    this.#meta.pageCount = this.#pagesInUse(chunks);
    this.#meta.allocatorHint = Math.min(this.#meta.allocatorHint, ...chunks);
    const bytes = this.#meta.pageCount * PAGE_BYTES;
    // The last pages may have been taken and given back without ever being written.
    if (this.#disk.size() < bytes) this.#disk.truncate(bytes);
    this.#disk.sync();
    this.#publish({
      ...this.#metaFields(this.#meta),
      open: false,
      journals: [[], []],
      // What confirmed the last checkpoint is no batch of the next session.
      replaySequence: this.#journal.sequence,
    });
    this.#cutTail(this.#meta.pageCount);
  }

  /** Whether the disk has room for much more than a journal. */
  #hasPlenty(): boolean {
    const { pageCount } = this.#meta;
    const has = this.#tryClaim(pageCount * PAGE_BYTES, PLENTY_BYTES);
    this.#cutTail(pageCount);
    return has;
  }

  /** Claims what the first commits of the next session need where its journal will be. */
  #keepBack(): void {
    const first = chunksOf(this.#meta.pageCount);
    for (const chunk of [first, first + 1]) {
      this.#tryClaim(chunk * CHUNK_BYTES, PAGE_BYTES + AREA_BYTES_MIN);
    }
    this.#disk.sync();
  }

  #tryClaim(position: number, bytes: number): boolean {
    try {
      this.#disk.claim(new Uint8Array(bytes), 0, bytes, position);
      return true;
    } catch (error) {
      if (isFull(error)) return false;
      throw error;
    }
  }

  #cutTail(pageCount: number): void {
    const bytes = pageCount * PAGE_BYTES;
    if (this.#disk.size() <= bytes) return;
    this.#disk.truncate(bytes);
    this.#claimed.cutAt(pageCount);
  }

  /** The page count that ends the file at its last page in use. */
  #pagesInUse(journals: ReadonlySet<number>): number {
    for (let chunk = chunksOf(this.#meta.pageCount) - 1;; chunk--) {
      if (journals.has(chunk)) continue;
      const place = this.#loader.headerPage(chunk);
      const frame = this.#frames[place >>> CHUNK_SHIFT]!;
      for (let slot = SLOT_MASK; slot > 0; slot--) {
        if (isInUse(frame, place & SLOT_MASK, slot)) return chunk * CHUNK_PAGES + slot + 1;
      }
      assert(chunk > 0, "the superblocks are in use");
    }
  }

  /**
   * No superblock lists a chunk that is not on the medium: a file that ends before was cut short.
   */
  #publishJournals(): void {
    this.#journal.sync();
    this.#writeback.unsyncedChunks.clear();
    this.#publish({ open: true, journals: this.#journal.chunks });
  }

  #publishCheckpoint({ meta, generation, sequence }: CheckpointValues): void {
    this.#publish({
      ...this.#metaFields(meta),
      replayGeneration: generation,
      replaySequence: sequence,
      syncEpoch: this.#journal.epoch,
    });
    this.#cutTail(this.#meta.pageCount);
  }

  #metaFields(meta: Meta): Partial<Superblock> {
    const { version, pageCount, catalogRoot, nextTreeId, allocatorHint } = meta;
    return { version, pageCount, catalogRoot, nextTreeId, allocatorHint };
  }

  #publish(changes: Partial<Superblock>): void {
    const next = { ...this.#superblock, ...changes, number: this.#superblock.number + 1 };
    writeSuperblock(this.#disk, next);
    this.#superblock = next;
  }
}
