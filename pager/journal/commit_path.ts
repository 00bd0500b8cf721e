/**
 * The path of commits to the medium: the journal, the checkpoint and the superblocks, in the order
 * in which they may write the file.
 *
 * The first commit of a session creates the journal areas and marks the file open. A commit first
 * reserves its room, then becomes visible; `flush` takes it to the durability that the caller asked
 * for. A checkpoint begins when the journal is half full, and advances one slice at a time; its end
 * cuts the free tail of the file, and the journal may then move to the end of the data
 * (`JournalPlace`). A clean close ends with a checkpoint, gives the areas back, and marks the file
 * clean.
 *
 * `flush` waits for the medium in line. `takeOff` and `land` do the same work around a sync that
 * runs off the thread; a checkpoint then uses the syncs of these flights.
 *
 * On a full disk, commits that take pages into use fail before they become visible. Commits that
 * only give pages back go on in the room that the journal keeps for them, each followed by a
 * checkpoint. A close on a full disk claims the first bytes of the next session's journal, so that
 * other users of the disk cannot take them. Where pages in use follow the journal, its chunks are
 * no room for another one: the journal stays, empty, and the file stays marked open.
 *
 * Invariants:
 * 1. The superblocks in the file hold the values of the moment when the oldest batch that recovery
 *    needs began.
 * 2. No page reaches the file before its version is on the medium in the journal, and confirmed.
 */

import type { Loader } from "../cache/loader.ts";
import type { PageSet } from "../cache/page_set.ts";
import type { Writeback } from "../cache/writeback.ts";
import { type Disk, isFull } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { CHUNK_BYTES, chunksOf, PAGE_BYTES } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import type { Meta } from "../format/meta.ts";
import { Checkpoint } from "./checkpoint.ts";
import type { ClaimedPages } from "./claimed_pages.ts";
import type { CommitLog, LiveSnapshots, TransactionListener } from "./commit_hooks.ts";
import type { CurrentSuperblock } from "./current_superblock.ts";
import { FileEnd } from "./file_end.ts";
import type { Flight, Journal } from "./journal.ts";
import { JournalPlace } from "./journal_place.ts";
import type { CheckpointState, JournalFigures, JournalState } from "./journal_state.ts";
import { type Steps, SyncedSteps } from "./synced_steps.ts";
import type { LogBuffer } from "../batch/log_record.ts";

/**
 * How safe a commit is when its call returns or resolves. A level reached by one commit is reached
 * by all before it.
 */
export type Durability = "sync" | "buffered" | "none";

/** With durability `none`, at most this many bytes of records wait in memory. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024;
/** The multiple of its bound that the journal may reach while callers wait for the checkpoint. */
const WAITING_SHARE = 2;
/** The flights that may land before a checkpoint that is due begins in line. */
const LANDINGS_MAX = 8;
/** An area is bounded by the size of the data too, but by no less than this. */
const BYTES_MAX_MIN = 4 * 1024 * 1024;
/** The journal is renewed if that saves this many chunks, and this part of the data's chunks. */
const SAVED_CHUNKS_MIN = 2;
const SAVED_PART = 16;
/** Before a compaction a renewal need not save a chunk. */
const NOTHING_SAVED = 0;
/** Between commits an area gives back no fewer spare chunks than this: 8 MiB. */
const SPARE_CHUNKS_MIN = 4;
/** Between commits the journal is renewed if it keeps this many free chunks: 32 MiB. */
const TAIL_CHUNKS_MIN = 16;

/** The path of commits to the medium. */
export class CommitPath implements CommitLog {
  readonly #disk: Disk;
  readonly #meta: Meta;
  readonly #superblock: CurrentSuperblock;
  readonly #journal: Journal;
  readonly #checkpoint: Checkpoint;
  readonly #writeback: Writeback;
  readonly #place: JournalPlace;
  readonly #fileEnd: FileEnd;
  readonly #unsynced: UnsyncedChunks;
  readonly #images: PageSet;
  readonly #snapshots: LiveSnapshots;
  readonly #journalBytes: number;
  /** A move of the journal or a close that is under way. Other writers first finish it in line. */
  readonly #steps = new SyncedSteps();
  /** Whether a flight is in the air. */
  #isFlying = false;
  /** The flights that landed while a checkpoint was due and could not begin. */
  #landings = 0;
  /** Whether the next flights take a checkpoint, however short the journal is. */
  #isRequested = false;
  /** Whether the disk refused a transaction, and no checkpoint has made room since. */
  #wasRefused = false;
  /** Whether the disk was full in this session, or may have been in the session before. */
  #mayBeFull: boolean;
  /** Whether the file was longer than its page count, as a close on a full disk leaves it. */
  readonly #wasLonger: boolean;

  /**
   * The commit path of an open file.
   *
   * @param parts The parts of the pager that it drives. `images` holds the pages logged whole since
   * the last checkpoint began; the path clears it when one begins.
   * @param options `journalBytes` = the bytes of an area from which on a checkpoint has to end
   * first, fewer in a small file; `mayBeFull` = whether the last session may have found the disk
   * full.
   */
  constructor(
    parts: {
      disk: Disk;
      meta: Meta;
      superblock: CurrentSuperblock;
      journal: Journal;
      writeback: Writeback;
      loader: Loader;
      frames: readonly Frame[];
      claimed: ClaimedPages;
      unsynced: UnsyncedChunks;
      images: PageSet;
      snapshots: LiveSnapshots;
      listener: TransactionListener;
    },
    options: { journalBytes: number; mayBeFull: boolean },
  ) {
    this.#disk = parts.disk;
    this.#meta = parts.meta;
    this.#superblock = parts.superblock;
    this.#journal = parts.journal;
    this.#writeback = parts.writeback;
    this.#unsynced = parts.unsynced;
    this.#images = parts.images;
    this.#snapshots = parts.snapshots;
    this.#journalBytes = options.journalBytes;
    this.#fileEnd = new FileEnd(parts);
    this.#place = new JournalPlace({ ...parts, fileEnd: this.#fileEnd });
    this.#checkpoint = new Checkpoint({ ...parts, fileEnd: this.#fileEnd });
    this.#wasLonger = parts.disk.size() > parts.superblock.fields.pageCount * PAGE_BYTES;
    // A process that was killed leaves such a file too, on any disk.
    const wasClosed = !parts.superblock.isOpen;
    this.#mayBeFull = (this.#wasLonger && wasClosed) || options.mayBeFull;
  }

  /** The records of commits that are not written yet. */
  get pending(): LogBuffer {
    return this.#journal.pending;
  }

  /** The last version that is on the medium. */
  get durableVersion(): number {
    return this.#journal.durableVersion;
  }

  /** The work of the journal and the checkpoint so far. */
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

  /** The state of the journal, for inspection. */
  journalState(): JournalState {
    return this.#journal.state(this.#checkpoint.isRunning);
  }

  /** The state of the checkpoint, for inspection. */
  checkpointState(): CheckpointState {
    const { isRunning, chunksLeft, completed } = this.#checkpoint;
    return { isRunning, chunksLeft, dirtyChunks: this.#writeback.dirtyChunks.size, completed };
  }

  /** Gives pending records room in the journal; see `CommitLog.reserve`. */
  reserve(meta: Meta, grows: boolean): void {
    const before = this.#journal.chunkCount;
    try {
      this.#journal.reserve(meta, grows);
    } finally {
      if (this.#journal.chunkCount !== before) this.#place.show();
    }
  }

  /** Notes that pages were claimed: the next durable batch follows a sync of them. */
  claimed(): void {
    this.#journal.noteClaims();
  }

  /** Notes why a transaction failed: after a full disk the next one makes room first. */
  noteFailure(error: unknown): void {
    if (!isFull(error)) return;
    this.#wasRefused = true;
    this.#mayBeFull = true;
  }

  /** Before a transaction: after a refusal, frees the room that a checkpoint can free. */
  makeRoom(): void {
    this.#finishSteps();
    if (!this.#wasRefused) return;
    this.#wasRefused = false;
    this.#writeAll();
  }

  /** Puts the release of free pages on the medium, before they are overwritten. */
  beforeBypass(meta: Meta): void {
    this.begin(meta);
    this.#journal.confirm(meta.version);
  }

  /** Marks the file open in the superblocks, before the session's first write. */
  begin(meta: Meta): void {
    if (this.#superblock.isOpen) return;
    this.#superblock.repair();
    this.#runInLine(this.#place.create(meta));
  }

  #runInLine(steps: Steps): void {
    this.#steps.begin(steps);
    this.#finishSteps();
  }

  #finishSteps(): void {
    if (this.#steps.isRunning) this.#steps.finish(this.#sync);
  }

  readonly #sync = (): void => this.#journal.sync();

  /** The lowest page count that leaves both areas inside the file. */
  get pageCountMin(): number {
    return this.#place.pageCountMin;
  }

  /**
   * Takes all commits to a level, and advances the checkpoint when one is due.
   *
   * @param waits Whether the caller waits while `isOverdue`; if not, an overdue checkpoint ends
   * here.
   */
  flush(level: Durability, waits: boolean): void {
    this.#finishSteps();
    if (level === "sync") this.#journal.flush(true);
    else this.write(level);
    this.#advanceCheckpoint(this.#bytesMax * (waits ? WAITING_SHARE : 1));
  }

  /** Takes all commits to a level that needs no sync. */
  write(level: "buffered" | "none"): void {
    if (level === "buffered" || this.pending.length > PENDING_BYTES_MAX) this.#journal.flush(false);
  }

  /** Whether a flight would advance a checkpoint, or a move of the journal. */
  get needsFlight(): boolean {
    return this.#steps.isRunning || this.#checkpoint.isRunning || this.#isCheckpointDue;
  }

  get #isCheckpointDue(): boolean {
    if (this.#checkpoint.isRunning) return false;
    return this.#isRequested || this.#journal.usedBytes > this.#bytesMax / 2;
  }

  /** Lets the next flights take a checkpoint, unless one has nothing to do. */
  requestCheckpoint(): void {
    this.#isRequested = this.#hasWork && !this.#checkpoint.isRunning;
  }

  /** Whether a checkpoint has something to do. */
  get #hasWork(): boolean {
    if (!this.#superblock.isOpen) return false;
    return this.#writeback.dirtyChunks.size > 0 || this.#journal.usedBytes > 0;
  }

  /** Writes all commits, and starts a sync off the thread; `land` follows it. */
  takeOff(): Flight | undefined {
    if (this.#steps.isRunning) return this.#takeOffWithSteps();
    // On a full disk a checkpoint frees the kept room of the area for the next transaction.
    if (this.#journal.isShort) {
      this.flush("sync", false);
      return undefined;
    }
    this.#unsynced.beginSync();
    this.#isFlying = true;
    // A checkpoint can begin only where everything written is confirmed.
    const flight = this.#journal.takeOff(this.needsFlight, this.#isCheckpointDue);
    this.#checkpoint.takeOff();
    return flight;
  }

  /** Starts a sync of the last step; nothing has been committed since. */
  #takeOffWithSteps(): Flight {
    this.#unsynced.beginSync();
    this.#isFlying = true;
    return this.#journal.takeOff(false, false);
  }

  /** Notes that the sync of a flight has ended, and advances the checkpoint. */
  land(flight: Flight): void {
    this.#unsynced.endSync();
    this.#isFlying = false;
    this.#journal.land(flight);
    // The flight in the air is the one of the step: steps begin while there is none.
    if (this.#steps.isRunning) return this.#steps.next();
    if (!this.#checkpoint.isRunning) {
      if (this.#isCheckpointDue) this.#beginCheckpointInFlight();
    } else {
      this.#checkpoint.land();
      if (!this.#checkpoint.isRunning) this.#giveBackSpace();
    }
  }

  /** Begins a checkpoint without a sync of its own, or in line after many landings. */
  #beginCheckpointInFlight(): void {
    if (!this.#journal.canSwitch(this.#meta)) {
      if (++this.#landings >= LANDINGS_MAX) this.beginCheckpoint();
      return;
    }
    this.#prepareCheckpoint();
    this.#checkpoint.beginConfirmed(this.#meta);
  }

  #advanceCheckpoint(bytesMax: number): void {
    // On a full disk a checkpoint frees the kept room of the area for the next transaction.
    if (this.#journal.isShort) return this.#writeAll();
    const used = this.#journal.usedBytes;
    if (this.#isCheckpointDue) {
      this.beginCheckpoint();
    } else if (!this.#checkpoint.isRunning) {
      return;
    } else if (used > bytesMax) {
      this.#checkpoint.finish();
      this.#giveBackSpare();
    } else {
      this.#checkpoint.slice();
      if (!this.#checkpoint.isRunning) this.#giveBackSpace();
    }
  }

  /** After a checkpoint without a pause in commits: gives back what the journal does not need. */
  #giveBackSpace(): void {
    this.#giveBackSpare();
    this.#cutLargeTail();
  }

  /** Gives back the spare chunks of an area, if they are most of it. */
  #giveBackSpare(): void {
    if (this.#mayBeFull || this.#snapshots.snapshotCount > 0) return;
    const { spareChunks, chunksFilled } = this.#journal;
    if (spareChunks < Math.max(SPARE_CHUNKS_MIN, chunksFilled)) return;
    this.#steps.begin(this.#place.giveBackSpare());
    this.#finishSteps();
  }

  /**
   * After a checkpoint without a pause in commits: where the journal keeps much of the file that is
   * free, a second checkpoint, of what was committed meanwhile, lets it move.
   */
  #cutLargeTail(): void {
    if (!this.#superblock.isOpen || this.#mayBeFull || this.#snapshots.snapshotCount > 0) return;
    const enough = this.#journal.chunkCount + Math.max(TAIL_CHUNKS_MIN, this.#chunksWorthSaving);
    if (this.#chunksSaved() < enough) return;
    this.#writeAll();
    this.#renewJournal(enough);
  }

  /** Whether the journal is full before a checkpoint has begun, or before the running one ended. */
  get isOverdue(): boolean {
    return this.#journal.usedBytes > this.#bytesMax;
  }

  /** The bytes of an area from which on a checkpoint has to end first. */
  get #bytesMax(): number {
    return Math.min(this.#journalBytes, Math.max(BYTES_MAX_MIN, this.#dataChunks * CHUNK_BYTES));
  }

  /** Begins a checkpoint, unless one is running or has nothing to do. */
  beginCheckpoint(): void {
    this.#finishSteps();
    if (this.#checkpoint.isRunning || !this.#hasWork) return;
    this.#journal.flush(true);
    this.#prepareCheckpoint();
    this.#checkpoint.begin(this.#meta);
  }

  #prepareCheckpoint(): void {
    this.#landings = 0;
    this.#isRequested = false;
    this.#images.clear();
    // Commits that are pending may have freed the last pages of the state of the switch.
    const isWritten = this.pending.length === 0;
    if (isWritten && this.#snapshots.snapshotCount === 0) this.#fileEnd.moveToLastPageInUse();
  }

  /**
   * Advances the running checkpoint by one slice, or renews the journal after the last one; whether
   * work may remain.
   */
  checkpointSlice(): boolean {
    if (this.#checkpoint.isRunning) {
      this.#checkpoint.slice();
      return true;
    }
    this.#finishSteps();
    return this.#renewJournal();
  }

  /** Moves everything committed to the pages of the file, and cuts the free tail, in one call. */
  checkpoint(): void {
    this.#writeAll();
    while (this.#renewJournal());
  }

  /**
   * Moves everything committed to the pages of the file, and the journal behind them; whether the
   * journal is there now. It does not move while a snapshot is open, or on a full disk.
   */
  moveJournalToEnd(): boolean {
    this.#writeAll();
    return this.#canRenewJournal() && (this.#isBehindData || this.#renewJournal(NOTHING_SAVED));
  }

  /**
   * Begins to move the journal behind the data with the next flights, once everything committed is
   * in the pages of the file. A commit meanwhile ends the move in line.
   *
   * @param isRequested Whether it moves even if that saves nothing.
   * @returns Whether it began.
   */
  beginMove(isRequested: boolean): boolean {
    if (this.#steps.isRunning || (isRequested && this.#isBehindData)) return false;
    if (!this.#isRenewalDue(isRequested ? NOTHING_SAVED : this.#chunksWorthSaving)) return false;
    this.#steps.begin(this.#renewal());
    return true;
  }

  get #isBehindData(): boolean {
    return this.#fromHeaders(() => this.#place.isBehindData(), false);
  }

  #writeAll(): void {
    this.#finishSteps();
    if (!this.#superblock.isOpen) return;
    this.#checkpoint.finish();
    this.beginCheckpoint();
    this.#checkpoint.finish();
  }

  /**
   * Creates the journal anew behind the data, if that saves enough chunks of the file. Returns
   * whether it did.
   */
  #renewJournal(enough = this.#chunksWorthSaving): boolean {
    if (!this.#isRenewalDue(enough)) return false;
    this.#runInLine(this.#renewal());
    return !this.#mayBeFull;
  }

  #isRenewalDue(enough: number): boolean {
    if (this.#isFlying || !this.#canRenewJournal()) return false;
    return this.#chunksSaved() >= enough && this.#fileEnd.hasPlenty();
  }

  *#renewal(): Steps {
    try {
      yield* this.#place.renew();
    } catch (error) {
      this.#disk.checkWritable();
      if (!isFull(error)) throw error;
      // The next commit tries again to create the journal.
      this.#mayBeFull = true;
    }
  }

  /** The chunks that a renewal saves at most; none behind a damaged or unreadable header page. */
  #chunksSaved(): number {
    return this.#fromHeaders(() => this.#place.savedByRenewal(), -Infinity);
  }

  /** What header pages say, or what holds where one is damaged or unreadable. */
  #fromHeaders<T>(read: () => T, otherwise: T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof CorruptionError || error instanceof IoError) return otherwise;
      throw error;
    }
  }

  get #chunksWorthSaving(): number {
    return Math.max(SAVED_CHUNKS_MIN, this.#dataChunks / SAVED_PART);
  }

  get #dataChunks(): number {
    return chunksOf(this.#meta.pageCount) - this.#journal.chunkCount;
  }

  #canRenewJournal(): boolean {
    if (!this.#superblock.isOpen || this.#mayBeFull) return false;
    if (this.#checkpoint.isRunning || this.#snapshots.snapshotCount > 0) return false;
    return this.#writeback.dirtyChunks.size === 0 && this.#journal.isEmpty;
  }

  /** Leaves the file clean: everything in its pages, no journal, no tail. */
  close(): void {
    this.#finishSteps();
    this.#runInLine(this.#closing());
  }

  /** Closes by syncs off the thread; `close` meanwhile takes the steps that remain. */
  async closeLater(): Promise<void> {
    this.#finishSteps();
    this.#steps.begin(this.#closing());
    while (this.#steps.isRunning) {
      await this.#disk.startSync();
      this.#steps.next();
    }
  }

  *#closing(): Steps {
    if (!this.#superblock.isOpen) return;
    this.#writeAll();
    const isTight = (this.#mayBeFull || this.#wasLonger) && !this.#fileEnd.hasPlenty();
    const journal = new Set(this.#journal.chunks.flat());
    if (isTight && this.#fileEnd.pageCountWithout(journal, Infinity) > this.pageCountMin) return;
    yield* this.#place.giveBack(Infinity);
    if (!isTight) return;
    this.#fileEnd.claimNextJournal();
    yield;
  }
}
