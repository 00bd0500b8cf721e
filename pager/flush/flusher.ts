/**
 * Takes commits that are visible to the medium, in line or by flights. The order of the steps of a
 * commit is in `pager/transaction/commit.ts`.
 *
 * The first commit of a session creates the journal areas and marks the file open. A commit first
 * reserves its room, then becomes visible; `flush` takes it to the durability that the caller asked
 * for, and then lets checkpoints advance (`Checkpointer`). Between commits the whole journal may
 * move (`JournalMoves`). A clean close ends with a checkpoint, gives the areas back, and marks the
 * file clean (`leaveClean`).
 *
 * `flush` waits for the medium in line. `takeOff` and `land` do the same work around a sync that
 * runs off the thread.
 *
 * On a full disk, commits that take pages into use fail before they become visible. Commits that
 * only give pages back go on in the room that the journal keeps for them, each followed by a
 * checkpoint.
 *
 * Invariants:
 * 1. The superblocks in the file hold the values of the moment when the oldest batch that recovery
 *    needs began.
 * 2. No page reaches the file before its version is on the medium in the journal, and confirmed.
 */

import type { LogBuffer } from "../batch/log_record.ts";
import type { Loader } from "../cache/loader.ts";
import type { PageSet } from "../cache/page_set.ts";
import type { Windows } from "../cache/windows.ts";
import type { Writeback } from "../cache/writeback.ts";
import type { Disk } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import type { Meta } from "../format/meta.ts";
import type { ChunkNumber, PageNumber } from "../format/units.ts";
import type { ClaimedPages } from "../journal/claimed_pages.ts";
import type { CommitLog, LiveSnapshots, TransactionListener } from "../journal/commit_hooks.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import type { DataEnd } from "../journal/data_end.ts";
import type { Flight, Journal } from "../journal/journal.ts";
import type { CheckpointState, JournalFigures, JournalState } from "../journal/journal_state.ts";
import { type Steps, SyncedSteps } from "../journal/synced_steps.ts";
import { AreaGrowth } from "./area_growth.ts";
import { type BegunCheckpoint, Checkpoint } from "./checkpoint.ts";
import { Checkpointer } from "./checkpointer.ts";
import { leaveClean } from "./clean_close.ts";
import { DiskRoom } from "./disk_room.ts";
import { FileEnd } from "./file_end.ts";
import { JournalFill } from "./journal_fill.ts";
import { JournalLocation } from "./journal_location.ts";
import { JournalMoves } from "./journal_moves.ts";
import { JournalSavings } from "./journal_savings.ts";

/**
 * How safe a commit is when its call returns or resolves. A level reached by one commit is reached
 * by all before it.
 */
export type Durability = "sync" | "buffered" | "none";

/** With durability `none`, at most this many bytes of records wait in memory. */
const PENDING_BYTES_MAX = 1024 * 1024;
/** The multiple of its bound that the journal may reach while callers wait for the checkpoint. */
const WAITING_SHARE = 2;
/** A transaction with as many bytes of records is large, where they fill the journal. */
const LARGE_BYTES = 8 * 1024 * 1024;
/** Before a compaction a renewal need not save a chunk. */
const NOTHING_SAVED = 0;

/** Takes commits to the medium. */
export class Flusher implements CommitLog {
  readonly #disk: Disk;
  readonly #room: DiskRoom;
  readonly #superblock: CurrentSuperblock;
  readonly #journal: Journal;
  readonly #checkpoint: Checkpoint;
  readonly #checkpointer: Checkpointer;
  readonly #writeback: Writeback;
  readonly #location: JournalLocation;
  readonly #savings: JournalSavings;
  readonly #fileEnd: FileEnd;
  readonly #unsynced: UnsyncedChunks;
  readonly #growth: AreaGrowth;
  readonly #moves: JournalMoves;
  /** A move of the journal or a close that is under way. Other writers first finish it in line. */
  readonly #steps = new SyncedSteps();
  /** The flight that is in the air. */
  #flight: Flight | undefined;

  /**
   * The flusher of an open file.
   *
   * @param parts The parts of the pager that it drives. With `protect`, `images` holds the pages
   * logged whole since the last checkpoint began; the flusher empties it.
   * @param options `journalBytes` = the bytes of an area from which on a checkpoint has to end
   * first, fewer in a small file; `tailBytes` = the free bytes that the journal may keep from the
   * end of the file between commits; `mayBeFull` = whether the last session may have found the disk
   * full; `begun` = the checkpoint that it had begun, and that is to be ended.
   */
  constructor(
    parts: {
      disk: Disk;
      meta: Meta;
      dataEnd: DataEnd;
      superblock: CurrentSuperblock;
      journal: Journal;
      writeback: Writeback;
      loader: Loader;
      claimed: ClaimedPages;
      unsynced: UnsyncedChunks;
      images: PageSet;
      protect: boolean;
      snapshots: LiveSnapshots;
      listener: TransactionListener;
      windows?: Windows | undefined;
    },
    options: {
      journalBytes: number;
      tailBytes: number;
      mayBeFull: boolean;
      begun?: BegunCheckpoint | undefined;
    },
  ) {
    this.#disk = parts.disk;
    this.#superblock = parts.superblock;
    this.#journal = parts.journal;
    this.#writeback = parts.writeback;
    this.#unsynced = parts.unsynced;
    const { disk, meta, superblock, journal, writeback } = parts;
    const room = this.#room = new DiskRoom(disk, superblock, options.mayBeFull);
    const fileEnd = this.#fileEnd = new FileEnd(parts);
    const location = this.#location = new JournalLocation({ ...parts, fileEnd });
    const savings = this.#savings = new JournalSavings(meta, journal, location);
    const dirtyPagesMax = parts.windows?.dirtyPagesMax ?? Infinity;
    const { journalBytes, tailBytes } = options;
    const fill = new JournalFill(journal, writeback, savings, { journalBytes, dirtyPagesMax });
    const growth = this.#growth = new AreaGrowth({ disk, journal, location, room, savings, fill });
    const checkpoint = this.#checkpoint = new Checkpoint({ ...parts, fileEnd, location });
    const shape = { room, fileEnd, location, savings, growth, checkpoint };
    const moves = this.#moves = new JournalMoves({ ...parts, ...shape });
    this.#checkpointer = new Checkpointer({ ...parts, ...shape, fill, moves }, tailBytes);
    if (options.begun !== undefined) checkpoint.resume(options.begun);
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
      journalBytesWritten: bytes,
      journalBatches: batches,
      journalSyncs: syncs,
      journalUsedBytes: this.#journal.usedBytes,
      checkpoints: this.#checkpoint.completed,
    };
  }

  /** The state of the journal, for inspection. */
  journalState(): JournalState {
    return this.#journal.state(this.#checkpoint.isRunning);
  }

  /** Whether the journal is taking a chunk or giving it back. */
  isMoving(chunk: ChunkNumber): boolean {
    return this.#location.isMoving(chunk);
  }

  /** The state of the checkpoint, for inspection. */
  checkpointState(): CheckpointState {
    const { isRunning, chunksLeft, completed } = this.#checkpoint;
    return { isRunning, chunksLeft, dirtyChunks: this.#writeback.chunkCount, completed };
  }

  /** Gives pending records room in the journal; see `CommitLog.reserve`. */
  reserve(meta: Meta, grows: boolean): void {
    // More records than the areas have chunks for do not wait for the growth.
    if (this.#growth.isRunning && !this.#journal.hasChunks) this.#growth.finish(this.#sync);
    const before = this.#journal.chunkCount;
    try {
      this.#journal.reserve(meta, grows);
    } finally {
      if (this.#journal.chunkCount !== before) this.#location.show();
    }
  }

  /** Notes that pages were claimed: the next durable batch follows a sync of them. */
  claimed(): void {
    this.#journal.noteClaims();
  }

  /** Notes why a transaction failed: after a full disk the next one makes room first. */
  noteFailure(error: unknown): void {
    if (this.#room.noteFull(error)) this.#room.wasRefused = true;
  }

  /** Whether the disk may have no room for pages that are not in the file. */
  get mayBeFull(): boolean {
    return this.#room.mayBeFull;
  }

  /** Before a transaction. After a refusal, frees the room that a checkpoint can free. */
  beforeTransaction(): void {
    this.#finishSteps();
    this.#location.noteBegin();
    if (!this.#room.wasRefused) return;
    this.#room.wasRefused = false;
    this.#checkpointer.writeAll();
  }

  /** Puts the release of free pages on the medium, before they are overwritten. */
  beforeBypass(meta: Meta, end: PageNumber): void {
    this.begin(meta);
    this.#journal.confirmReleases(end);
  }

  /** Whether `beforeBypass` would wait for the medium although a flight is in the air. */
  isBypassSlow(end: PageNumber): boolean {
    return this.#journal.areReleasesInFlight(end);
  }

  /**
   * Before the session's first write: makes both superblocks whole, creates the journal, and marks
   * the file open.
   */
  begin(meta: Meta): void {
    if (this.#superblock.isOpen) return;
    this.#superblock.repair();
    this.#runInLine(this.#location.create(meta));
  }

  #runInLine(steps: Steps): void {
    this.#steps.begin(steps);
    this.#steps.finish(this.#sync, false);
  }

  #finishSteps(): void {
    this.#steps.finish(this.#sync, true);
  }

  readonly #sync = (): void => this.#journal.sync();

  /** Adds to a restored meta the chunks that the journal took or gave back meanwhile. */
  afterRollback(meta: Meta): void {
    this.#location.adjustRestored(meta);
  }

  /**
   * Takes all commits to a level, and advances the checkpoint when one is due.
   *
   * @param waits Whether the caller waits while `isOverdue`; if not, an overdue checkpoint ends
   * here.
   */
  flush(level: Durability, waits: boolean): void {
    this.#finishSteps();
    if (level === "sync") this.#writeJournal(true);
    else this.write(level);
    this.#checkpointer.advance(waits ? WAITING_SHARE : 1);
    // Of others, some that wait may follow.
    if (level === "sync" && !waits) this.#checkpointer.endLarge();
  }

  /** Takes all commits to a level that needs no sync. */
  write(level: "buffered" | "none"): void {
    if (level === "buffered" || this.pending.length > PENDING_BYTES_MAX) this.#writeJournal(false);
  }

  #writeJournal(durable: boolean): void {
    const { length } = this.pending;
    this.#journal.flush(durable);
    this.#noteWritten(length);
  }

  #noteWritten(bytes: number): void {
    if (bytes >= LARGE_BYTES) this.#checkpointer.noteLarge();
  }

  /**
   * Writes all commits, unless that would wait for a sync, or would keep a checkpoint from
   * beginning when the flight in the air lands; whether it did.
   */
  writeAhead(): boolean {
    if (this.#journal.waitsForPages || this.#confirmsAll) return false;
    this.#journal.flush(false);
    return true;
  }

  /** Whether the flight in the air confirms everything written, for a checkpoint that is due. */
  get #confirmsAll(): boolean {
    return this.#flight?.confirmed === this.#journal.writtenVersion && this.#checkpointer.isDue;
  }

  /** Whether a flight would advance a checkpoint, or a change of the journal's areas. */
  get needsFlight(): boolean {
    return this.#steps.isRunning || this.#checkpointer.needsFlight;
  }

  /** Whether a checkpoint is ahead of the commits: the next flight would not advance it. */
  get isAhead(): boolean {
    return !this.#steps.isRunning && this.#checkpointer.isAhead;
  }

  /** Whether a checkpoint does not keep up with commits. */
  get isBehind(): boolean {
    return this.#checkpointer.isBehind;
  }

  /** Whether the next sync is long, because many pages of a checkpoint wait for it. */
  get isSyncLong(): boolean {
    return this.#checkpoint.isSyncLong;
  }

  /** Lets the next flights take a checkpoint, unless one has nothing to do. */
  requestCheckpoint(): void {
    this.#checkpointer.request();
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
    const { length } = this.pending;
    // A checkpoint can begin only where everything written is confirmed.
    this.#flight = this.#journal.takeOff(this.needsFlight, this.#checkpointer.isDue);
    this.#noteWritten(length);
    this.#checkpointer.takeOff();
    return this.#flight;
  }

  /** Starts a sync of the last step; nothing has been committed since. */
  #takeOffWithSteps(): Flight {
    this.#unsynced.beginSync();
    return this.#flight = this.#journal.takeOff(false, false);
  }

  /** Notes that the sync of a flight has ended, and advances the checkpoint. */
  land(flight: Flight): void {
    if (flight !== this.#flight) return;
    this.#unsynced.endSync();
    this.#flight = undefined;
    this.#journal.land(flight);
    // The flight in the air is the one of the step: steps begin while there is none.
    if (this.#steps.isRunning) return this.#steps.next();
    this.#checkpointer.land();
  }

  /** Takes everything to the medium in line; a flight that is in the air does not land. */
  endFlight(): void {
    if (this.#flight === undefined) return;
    this.#journal.flush(true);
    this.#journal.endFlight();
    this.#flight = undefined;
  }

  /** Whether a tail of the file is left to `cutTail`. */
  get hasTail(): boolean {
    return this.#fileEnd.hasTail;
  }

  /** Cuts off a piece of the tail that a checkpoint, or a move of the journal, has left. */
  cutTail(): void {
    if (!this.#steps.isRunning) this.#checkpointer.cutTail();
  }

  /** Whether the journal is full before a checkpoint has begun, or before the running one ended. */
  get isOverdue(): boolean {
    return this.#checkpointer.isOverdue;
  }

  /**
   * Advances the checkpoint by one slice, and begins one if none is running; after the last slice
   * cuts the tail off, and renews the journal. Returns whether work may remain.
   */
  checkpointSlice(): boolean {
    if (this.#steps.isRunning) return this.#moveOn();
    if (this.#checkpointer.slice()) return true;
    return this.beginMove(false) && this.#moveOn();
  }

  /**
   * Writes a slice of a checkpoint for which no flight is needed; the next one is for all of them.
   * Returns whether it did.
   */
  writeConfirmed(): boolean {
    return !this.#steps.isRunning && this.#checkpointer.sliceConfirmed();
  }

  /** Moves the journal on in line, up to a pause. Returns whether work may remain. */
  #moveOn(): boolean {
    if (this.#steps.isRunning) this.#steps.nextPart(this.#sync);
    return !this.#room.mayBeFull;
  }

  /** Moves everything committed to the pages of the file, and cuts the free tail, in one call. */
  checkpoint(): void {
    this.#finishSteps();
    this.#checkpointer.writeAll();
    while (this.#renewJournal());
    this.#checkpointer.cutWholeTail();
  }

  /**
   * Moves everything committed to the pages of the file, and the journal behind them; whether the
   * journal is there now. It does not move while a snapshot is open, or on a full disk.
   */
  moveJournalToEnd(): boolean {
    this.#finishSteps();
    this.#checkpointer.writeAll();
    return this.#moves.canRenew &&
      (this.#savings.isBehindData || this.#renewJournal(NOTHING_SAVED));
  }

  /**
   * Begins to move the journal behind the data with the next flights, or slices, once everything
   * committed is in the pages of the file. A commit meanwhile ends the move in line.
   *
   * @param isRequested Whether it moves even if that saves nothing.
   * @returns Whether it began.
   */
  beginMove(isRequested: boolean): boolean {
    if (this.#steps.isRunning || (isRequested && this.#savings.isBehindData)) return false;
    if (!this.#isRenewalDue(isRequested ? NOTHING_SAVED : this.#savings.worth)) return false;
    this.#steps.begin(this.#moves.renewal());
    return true;
  }

  /**
   * Creates the journal anew behind the data, if that saves enough chunks of the file. Returns
   * whether it did.
   */
  #renewJournal(enough = this.#savings.worth): boolean {
    if (!this.#isRenewalDue(enough)) return false;
    this.#runInLine(this.#moves.renewal());
    return !this.#room.mayBeFull;
  }

  #isRenewalDue(enough: number): boolean {
    return this.#flight === undefined && this.#moves.isRenewalDue(enough);
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
    this.#checkpointer.writeAll();
    yield* leaveClean({
      journal: this.#journal,
      location: this.#location,
      fileEnd: this.#fileEnd,
      room: this.#room,
    });
  }
}
