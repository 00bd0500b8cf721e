/**
 * Takes commits that are visible to the medium: it drives the journal, the checkpoint and the
 * superblocks in the order in which they may write the file. The order of the steps of a commit is
 * in `pager/transaction/commit.ts`.
 *
 * The first commit of a session creates the journal areas and marks the file open. A commit first
 * reserves its room, then becomes visible; `flush` takes it to the durability that the caller asked
 * for. A checkpoint begins when the journal is half full (`JournalFill`), and advances one slice at
 * a time; after it the free tail of the file is cut off in pieces. The areas become longer and
 * shorter (`AreaGrowth`), and move to the end of the data (`JournalMoves`). A clean close ends with
 * a checkpoint, gives the areas back, and marks the file clean (`leaveClean`).
 *
 * `flush` waits for the medium in line. `takeOff` and `land` do the same work around a sync that
 * runs off the thread; a checkpoint then uses the syncs of these flights.
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
import { CHUNK_BYTES } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import type { Meta } from "../format/meta.ts";
import type { ChunkNumber, PageNumber, Version } from "../format/units.ts";
import type { ClaimedPages } from "../journal/claimed_pages.ts";
import type { CommitLog, LiveSnapshots, TransactionListener } from "../journal/commit_hooks.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import type { DataEnd } from "../journal/data_end.ts";
import type { Flight, Journal } from "../journal/journal.ts";
import type { CheckpointState, JournalFigures, JournalState } from "../journal/journal_state.ts";
import { type Steps, SyncedSteps } from "../journal/synced_steps.ts";
import { AreaGrowth } from "./area_growth.ts";
import { CALM_PAGES, Checkpoint, LANDING_PAGES } from "./checkpoint.ts";
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
/** The part of the journal that may be filled while a checkpoint takes its time. */
const CALM_PART = 1 / 4;
/** The flights that may land before a checkpoint that is due begins in line. */
const LANDINGS_MAX = 8;
/** Before a compaction a renewal need not save a chunk. */
const NOTHING_SAVED = 0;

/** Takes commits to the medium. */
export class Flusher implements CommitLog {
  readonly #disk: Disk;
  readonly #room: DiskRoom;
  readonly #meta: Meta;
  readonly #superblock: CurrentSuperblock;
  readonly #journal: Journal;
  readonly #checkpoint: Checkpoint;
  readonly #writeback: Writeback;
  readonly #location: JournalLocation;
  readonly #savings: JournalSavings;
  readonly #fileEnd: FileEnd;
  readonly #unsynced: UnsyncedChunks;
  readonly #images: PageSet;
  readonly #protect: boolean;
  readonly #snapshots: LiveSnapshots;
  readonly #growth: AreaGrowth;
  readonly #moves: JournalMoves;
  readonly #fill: JournalFill;
  /** Between commits the areas move if the journal keeps this many free chunks. */
  readonly #tailChunks: number;
  /** A move of the journal or a close that is under way. Other writers first finish it in line. */
  readonly #steps = new SyncedSteps();
  /** The flight that is in the air. */
  #flight: Flight | undefined;
  /** The flights that landed while a checkpoint was due and could not begin. */
  #landings = 0;
  /** The last version that was written when `images` was emptied; -1 = it never was. */
  #imagesAfter: Version = -1;
  /** Whether the next flights take a checkpoint, however short the journal is. */
  #isRequested = false;
  /** Whether the last checkpoint changed an area: the next may do the other, or cut the tail. */
  #hasChanged = false;

  /**
   * The flusher of an open file.
   *
   * @param parts The parts of the pager that it drives. With `protect`, `images` holds the pages
   * logged whole since the last checkpoint began; the flusher empties it.
   * @param options `journalBytes` = the bytes of an area from which on a checkpoint has to end
   * first, fewer in a small file; `tailBytes` = the free bytes that the journal may keep from the
   * end of the file between commits; `mayBeFull` = whether the last session may have found the disk
   * full.
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
      frames: readonly Frame[];
      claimed: ClaimedPages;
      unsynced: UnsyncedChunks;
      images: PageSet;
      protect: boolean;
      snapshots: LiveSnapshots;
      listener: TransactionListener;
      windows?: Windows | undefined;
    },
    options: { journalBytes: number; tailBytes: number; mayBeFull: boolean },
  ) {
    this.#disk = parts.disk;
    this.#meta = parts.meta;
    this.#superblock = parts.superblock;
    this.#journal = parts.journal;
    this.#writeback = parts.writeback;
    this.#unsynced = parts.unsynced;
    this.#images = parts.images;
    this.#protect = parts.protect;
    this.#snapshots = parts.snapshots;
    this.#tailChunks = options.tailBytes / CHUNK_BYTES;
    const { disk, meta, superblock, journal, writeback } = parts;
    const room = this.#room = new DiskRoom(disk, superblock, options.mayBeFull);
    const fileEnd = this.#fileEnd = new FileEnd(parts);
    const location = this.#location = new JournalLocation({ ...parts, fileEnd });
    const savings = this.#savings = new JournalSavings(meta, journal, location);
    const dirtyPagesMax = parts.windows?.dirtyPagesMax ?? Infinity;
    const { journalBytes } = options;
    const fill = new JournalFill(journal, writeback, savings, { journalBytes, dirtyPagesMax });
    this.#fill = fill;
    const growth = this.#growth = new AreaGrowth({ journal, location, room, savings, fill });
    const checkpoint = this.#checkpoint = new Checkpoint({ ...parts, fileEnd, location });
    const shape = { room, fileEnd, location, savings, growth, checkpoint };
    this.#moves = new JournalMoves({ ...parts, ...shape });
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
    return { isRunning, chunksLeft, dirtyChunks: this.#writeback.dirtyChunks.size, completed };
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
    this.#location.lowestFreed = Infinity;
    if (!this.#room.wasRefused) return;
    this.#room.wasRefused = false;
    this.#writeAll();
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

  /** Finishes a move, or the growth of the areas. */
  #finishAll(): void {
    this.#finishSteps();
    this.#growth.finish(this.#sync);
    this.#moveEndBack();
  }

  /** Moves the end of the file back, where the journal gave chunks back that it was behind. */
  #moveEndBack(): void {
    if (this.#growth.isRunning || this.#checkpoint.isRunning) return;
    if (this.#location.moveEndBack()) this.#fileEnd.leaveTail();
  }

  readonly #sync = (): void => this.#journal.sync();

  /** Adds to a restored meta the chunks that the journal took or gave back meanwhile. */
  afterRollback(meta: Meta): void {
    meta.pageCount = Math.max(meta.pageCount, this.#location.pageCountMin);
    meta.allocatorHint = Math.min(meta.allocatorHint, this.#location.lowestFreed);
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
    this.#advanceCheckpoint(waits ? WAITING_SHARE : 1);
  }

  /** Takes all commits to a level that needs no sync. */
  write(level: "buffered" | "none"): void {
    if (level === "buffered" || this.pending.length > PENDING_BYTES_MAX) this.#journal.flush(false);
  }

  /** Whether a flight would advance a checkpoint, or a change of the journal's areas. */
  get needsFlight(): boolean {
    if (this.#steps.isRunning || this.#growth.isRunning) return true;
    return this.#checkpoint.isRunning || this.#isCheckpointDue;
  }

  /** Whether the next sync is long, because many pages of a checkpoint wait for it. */
  get isSyncLong(): boolean {
    return this.#checkpoint.isSyncLong;
  }

  get #isCheckpointDue(): boolean {
    if (this.#checkpoint.isRunning) return false;
    if (this.#isRequested || this.#hasChanged) return true;
    return this.#fill.part > 1 / 2;
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
    // A checkpoint can begin only where everything written is confirmed.
    this.#flight = this.#journal.takeOff(this.needsFlight, this.#isCheckpointDue);
    if (this.#isCheckpointDue) this.#emptyImages();
    this.#checkpoint.takeOff();
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
    if (this.#growth.isRunning) this.#growth.next();
    else this.#landCheckpoint();
    this.#moveEndBack();
  }

  /** Takes everything to the medium in line; a flight that is in the air does not land. */
  endFlight(): void {
    if (this.#flight === undefined) return;
    this.#journal.flush(true);
    this.#journal.endFlight();
    this.#flight = undefined;
  }

  /** Advances the checkpoint after a flight, or begins one if one is due. */
  #landCheckpoint(): void {
    if (!this.#checkpoint.isRunning) {
      if (this.#isCheckpointDue) this.#beginCheckpointInFlight();
      else this.#growth.growAhead();
      this.cutTail();
    } else {
      this.#checkpoint.land(this.#fill.part < CALM_PART ? CALM_PAGES : LANDING_PAGES);
      if (this.#checkpoint.isRunning) this.#fileEnd.cutPiece();
      else this.#afterCheckpoint();
    }
  }

  /** Whether a tail of the file is left to `cutTail`. */
  get hasTail(): boolean {
    return this.#fileEnd.hasTail;
  }

  /** Cuts off a piece of the tail that a checkpoint, or a move of the journal, has left. */
  cutTail(): void {
    if (this.#checkpoint.isRunning || this.#steps.isRunning || this.#growth.isRunning) return;
    if (this.#room.mayBeFull) this.#cutWholeTail();
    else this.#fileEnd.cutPiece();
  }

  #cutWholeTail(): void {
    if (this.#fileEnd.hasTail) this.#fileEnd.cut();
  }

  /**
   * Begins a checkpoint without a sync of its own, or in line after many landings. Where the other
   * area lacks chunks for what is pending, it first gets them with the next flights.
   */
  #beginCheckpointInFlight(): void {
    const canSwitch = this.#journal.isConfirmed && this.#isPendingWhole;
    if (canSwitch && this.#journal.makeRoomToSwitch(this.#meta)) {
      this.#checkpoint.beginConfirmed(this.#meta, this.#prepareCheckpoint());
      this.#hasChanged = this.#location.hasMove;
      return;
    }
    if (++this.#landings >= LANDINGS_MAX) return this.#beginCheckpoint();
    if (!canSwitch) return;
    this.#growth.begin(this.#journal.otherArea, this.#journal.chunksToSwitch);
  }

  #advanceCheckpoint(fillMax: number): void {
    // On a full disk a checkpoint frees the kept room of the area for the next transaction.
    if (this.#journal.isShort) return this.#writeAll();
    const fill = this.#fill.part;
    if (this.#isCheckpointDue) {
      this.#beginCheckpoint();
    } else if (!this.#checkpoint.isRunning) {
      this.cutTail();
    } else if (fill > fillMax) {
      this.#checkpoint.finish();
      this.#afterCheckpoint();
      this.#finishAll();
    } else {
      this.#checkpoint.slice();
      if (this.#checkpoint.isRunning) this.#fileEnd.cutPiece();
      else this.#afterCheckpoint();
      this.#finishAll();
    }
  }

  /**
   * After a checkpoint without a pause in commits: begins to give back the spare chunks of an area,
   * if they are most of it. On a full disk others wait for the room of the tail.
   */
  #afterCheckpoint(): void {
    if (this.#room.mayBeFull) this.#cutWholeTail();
    if (this.#snapshots.snapshotCount > 0 || this.#hasChanged) return;
    this.#hasChanged = this.#growth.giveBackSpare();
  }

  /** Whether the journal is full before a checkpoint has begun, or before the running one ended. */
  get isOverdue(): boolean {
    return this.#fill.part > 1;
  }

  /** Begins a checkpoint, unless one is running or has nothing to do. */
  #beginCheckpoint(): void {
    this.#finishAll();
    if (this.#checkpoint.isRunning) return;
    if (!this.#hasWork) {
      this.#hasChanged = false;
      return;
    }
    this.#journal.flush(true);
    this.#checkpoint.begin(this.#meta, this.#prepareCheckpoint());
    this.#hasChanged = this.#location.hasMove;
  }

  /** Prepares for a checkpoint; returns the chunk that the area which it frees moves to, or -1. */
  #prepareCheckpoint(): ChunkNumber {
    this.#landings = 0;
    this.#isRequested = false;
    this.#emptyImages();
    return this.#moves.chunkForCheckpoint(this.#tailChunks);
  }

  /**
   * Lets the next change of each page be logged whole, in the area that a checkpoint begins with
   * (rule 2). Pending records will be there too, so the pages that they have whole remain.
   */
  #emptyImages(): void {
    if (this.#journal.hasUnwritten) return;
    this.#images.clear();
    this.#imagesAfter = this.#journal.writtenVersion;
  }

  /** Whether pending records have each page whole that they change, where that is needed. */
  get #isPendingWhole(): boolean {
    if (!this.#protect || !this.#journal.hasUnwritten) return true;
    return this.#imagesAfter === this.#journal.writtenVersion;
  }

  /**
   * Advances the checkpoint by one slice, and begins one if none is running; after the last slice
   * cuts the tail off, and renews the journal. Returns whether work may remain.
   */
  checkpointSlice(): boolean {
    if (this.#steps.isRunning) return this.#moveOn();
    this.#beginCheckpoint();
    if (this.#checkpoint.isRunning) {
      this.#checkpoint.slice();
      return true;
    }
    this.#finishAll();
    if (this.#fileEnd.hasTail) {
      this.cutTail();
      return true;
    }
    return this.beginMove(false) && this.#moveOn();
  }

  /** Moves the journal on in line, up to a pause. Returns whether work may remain. */
  #moveOn(): boolean {
    if (this.#steps.isRunning) this.#steps.nextPart(this.#sync);
    return !this.#room.mayBeFull;
  }

  /** Moves everything committed to the pages of the file, and cuts the free tail, in one call. */
  checkpoint(): void {
    this.#writeAll();
    while (this.#renewJournal());
    this.#cutWholeTail();
  }

  /**
   * Moves everything committed to the pages of the file, and the journal behind them; whether the
   * journal is there now. It does not move while a snapshot is open, or on a full disk.
   */
  moveJournalToEnd(): boolean {
    this.#writeAll();
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

  #writeAll(): void {
    this.#finishAll();
    if (!this.#superblock.isOpen) return;
    this.#checkpoint.finish();
    this.#beginCheckpoint();
    this.#checkpoint.finish();
    if (this.#room.mayBeFull) this.#cutWholeTail();
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
    this.#writeAll();
    yield* leaveClean({
      journal: this.#journal,
      location: this.#location,
      fileEnd: this.#fileEnd,
      room: this.#room,
    });
  }
}
