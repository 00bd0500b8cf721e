/**
 * When a checkpoint begins, how far a call advances it, and what follows it.
 *
 * One is due when the journal is half full (`JournalFill`), when a caller asked for it, and after a
 * checkpoint that changed an area of the journal. It advances with commits in line (`advance`), by
 * the slice between them (`slice`), to its end (`writeAll`), or around the syncs of flights
 * (`takeOff`, `land`). After it the free tail of the file is cut off in pieces (`FileEnd`). The
 * areas of the journal become longer and shorter (`AreaGrowth`), and move to the end of the data
 * (`JournalMoves`).
 *
 * A running one that is ahead of the commits rests: a commit whose sync takes no page along is as
 * fast as beside no checkpoint.
 *
 * Callers first finish a move of the whole journal, so that none runs here.
 *
 * Invariants:
 * 1. A checkpoint begins where everything written to the journal is confirmed. Commits that are
 *    pending then go to the area that it continues with, and log each page whole (rule 2).
 * 2. While the areas change their length, no checkpoint begins and no tail is cut.
 * 3. One that rests goes on with the next `RESTS_MAX + 1` calls, and at once where others wait.
 *
 * It writes neither pages (`Checkpoint`) nor commits (`Flusher`).
 */

import type { PageSet } from "../cache/page_set.ts";
import type { Writeback } from "../cache/writeback.ts";
import { CHUNK_BYTES, CHUNK_PAGES } from "../format/format.ts";
import type { Meta } from "../format/meta.ts";
import type { ChunkNumber, Version } from "../format/units.ts";
import type { LiveSnapshots } from "../journal/commit_hooks.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import type { Journal } from "../journal/journal.ts";
import type { AreaGrowth } from "./area_growth.ts";
import { type Checkpoint, CHUNK_WORK } from "./checkpoint.ts";
import type { DiskRoom } from "./disk_room.ts";
import type { FileEnd } from "./file_end.ts";
import type { JournalFill } from "./journal_fill.ts";
import type { JournalLocation } from "./journal_location.ts";
import type { JournalMoves } from "./journal_moves.ts";

/** The pages that a slice, or a landing, writes at least, if there are as many: 256 KiB. */
export const SLICE_PAGES = 32;
/** The same where nothing is committed: 512 KiB. */
export const IDLE_PAGES = 64;
/** The calls in a row with which a running one may rest. */
export const RESTS_MAX = 15;
/** The part of the journal that is filled when one is due, and the one before has ended. */
const DUE_PART = 1 / 2;
/** The flights that may land before a checkpoint that is due begins in line. */
const LANDINGS_MAX = 8;

/**
 * It is calm if the journal has got no more bytes than this, 6 KiB each, when this many flushes or
 * landings followed the end of one.
 */
const CALM_CALLS = 64;
const CALM_BYTES = 384 * 1024;

/** What checkpoints depend on. */
export interface CheckpointerParts {
  /** The last commit. */
  meta: Meta;
  /** Whether the file is marked open. */
  superblock: CurrentSuperblock;
  /** Where commits are logged. */
  journal: Journal;
  /** The dirty pages. */
  writeback: Writeback;
  /** With `protect`, the pages logged whole since the last checkpoint began. */
  images: PageSet;
  /** Whether a page is logged whole with its first change after a checkpoint began. */
  protect: boolean;
  /** Those that keep the areas as they are. */
  snapshots: LiveSnapshots;
  /** The room on the disk. */
  room: DiskRoom;
  /** The free tail of the file. */
  fileEnd: FileEnd;
  /** The chunks of the journal. */
  location: JournalLocation;
  /** How full the journal is. */
  fill: JournalFill;
  /** The lengths of its areas. */
  growth: AreaGrowth;
  /** Where the areas move to. */
  moves: JournalMoves;
  /** The one that runs. */
  checkpoint: Checkpoint;
}

/** Begins and advances checkpoints. */
export class Checkpointer {
  readonly #meta: Meta;
  readonly #superblock: CurrentSuperblock;
  readonly #journal: Journal;
  readonly #writeback: Writeback;
  readonly #images: PageSet;
  readonly #protect: boolean;
  readonly #snapshots: LiveSnapshots;
  readonly #room: DiskRoom;
  readonly #fileEnd: FileEnd;
  readonly #location: JournalLocation;
  readonly #fill: JournalFill;
  readonly #growth: AreaGrowth;
  readonly #moves: JournalMoves;
  readonly #checkpoint: Checkpoint;
  /** An area moves if the journal keeps this many free chunks from the end of the file. */
  readonly #tailChunks: number;
  /** The flights that landed while a checkpoint was due and could not begin. */
  #landings = 0;
  /** The last version that was written when `images` was emptied; -1 = it never was. */
  #imagesAfter: Version = -1;
  /** Whether the next flights take a checkpoint, however short the journal is. */
  #isRequested = false;
  /** Whether the running one must not rest, because others wait for its end. */
  #isHurried = false;
  /** The calls since the running one last wrote pages. */
  #restCount = 0;
  /** The part of the journal that was filled when the running one last wrote pages. */
  #partBefore = 0;
  /** The flushes and landings since the last one ended, and the bytes of the journal then. */
  #calls = 0;
  #filledAtEnd = 0;
  /** Whether it is calm, and spare chunks were not given back yet. */
  #isCalm = false;
  /** Whether the last checkpoint changed an area: the next may do the other, or cut the tail. */
  #hasChanged = false;
  /**
   * Whether a large transaction has filled the journal, until a checkpoint has ended and the area
   * is as long as others need it: what the next transaction adds would be put behind the area, and
   * be in the way when that is given back.
   */
  #isLarge = false;

  /**
   * The checkpoints of a file.
   *
   * @param tailBytes The free bytes that the journal may keep from the end of the file.
   */
  constructor(parts: CheckpointerParts, tailBytes: number) {
    this.#meta = parts.meta;
    this.#superblock = parts.superblock;
    this.#journal = parts.journal;
    this.#writeback = parts.writeback;
    this.#images = parts.images;
    this.#protect = parts.protect;
    this.#snapshots = parts.snapshots;
    this.#room = parts.room;
    this.#fileEnd = parts.fileEnd;
    this.#location = parts.location;
    this.#fill = parts.fill;
    this.#growth = parts.growth;
    this.#moves = parts.moves;
    this.#checkpoint = parts.checkpoint;
    this.#tailChunks = tailBytes / CHUNK_BYTES;
  }

  /** Whether one should begin. */
  get isDue(): boolean {
    if (this.#checkpoint.isRunning) return false;
    return this.#isRequested || this.#hasChanged || this.#fill.part > DUE_PART;
  }

  /**
   * Whether the journal is full before one has begun, or before the running one ended, or that of a
   * large transaction has not ended.
   */
  get isOverdue(): boolean {
    return this.#isLarge || this.#fill.waitPart > 1;
  }

  /** Whether so much was committed that one should have ended, or should begin. */
  get isBehind(): boolean {
    return this.#fill.part > DUE_PART;
  }

  /** Whether a flight would advance one, or a change of the journal's areas. */
  get needsFlight(): boolean {
    return this.#growth.isRunning || this.#checkpoint.isRunning || this.isDue;
  }

  /** Whether one runs and rests with the next call: a flight for it alone would do nothing. */
  get isAhead(): boolean {
    if (this.#growth.isRunning || !this.#checkpoint.isRunning) return false;
    return this.#mayRest(this.#partOfFlights);
  }

  /** Lets the next flights take one to its end, unless it has nothing to do. */
  request(): void {
    if (this.#checkpoint.isRunning) this.#isHurried = true;
    else this.#isRequested = this.#hasWork;
  }

  /** Whether one has something to do. */
  get #hasWork(): boolean {
    if (!this.#superblock.isOpen) return false;
    return this.#writeback.dirtyChunks.size > 0 || this.#journal.usedBytes > 0;
  }

  /**
   * After a flush, begins one that is due, or advances the running one by a slice.
   *
   * @param fillMax The part of the journal from which on the running one ends here.
   */
  advance(fillMax: number): void {
    // On a full disk a checkpoint frees the kept room of the area for the next transaction.
    if (this.#journal.isShort) return this.writeAll();
    if (this.isDue) this.#begin();
    else if (!this.#checkpoint.isRunning) return this.#advanceIdle();
    else this.#advanceRunning(this.#fill.waitPart > fillMax);
  }

  /** After the flush of a large transaction: none begins before its checkpoint has ended. */
  noteLarge(): void {
    if (this.#fill.waitPart > 1) this.#isLarge = true;
  }

  /** Ends the one of a large transaction. */
  endLarge(): void {
    if (this.#isLarge) this.#advanceRunning(true);
  }

  /** Advances the running one by a slice, or ends it. */
  #advanceRunning(ends: boolean): void {
    if (ends) this.#checkpoint.finish();
    else if (this.#rests(this.#partUntilDue)) return;
    else this.#checkpoint.slice(this.#pagesDue(this.#partUntilDue));
    this.#afterAdvance();
    this.finishGrowth();
  }

  /**
   * Begins one unless one is running, or advances that by a slice; where nothing is left to write,
   * cuts a piece of the tail off. Returns whether it did anything.
   */
  slice(): boolean {
    this.#begin();
    if (this.#checkpoint.isRunning) {
      this.#checkpoint.slice(this.#isLarge ? CHUNK_PAGES : IDLE_PAGES);
      if (this.#isLarge && !this.#checkpoint.isRunning) this.#afterEnd();
      return true;
    }
    this.finishGrowth();
    if (!this.#fileEnd.hasTail) return false;
    this.cutTail();
    return true;
  }

  /**
   * Writes a slice of what is confirmed, without a flight; several slices share the next one.
   * Returns whether it did; if not, a flight advances the checkpoint.
   */
  sliceConfirmed(): boolean {
    return !this.#growth.isRunning && this.#checkpoint.sliceConfirmed(IDLE_PAGES);
  }

  /** Moves everything committed to the pages of the file. */
  writeAll(): void {
    this.finishGrowth();
    if (!this.#superblock.isOpen) return;
    this.#checkpoint.finish();
    this.#begin();
    this.#checkpoint.finish();
    if (this.#room.mayBeFull) this.cutWholeTail();
  }

  /** Prepares the running one, or one that the next landing may begin, for a flight. */
  takeOff(): void {
    if (this.isDue) this.#emptyImages();
    this.#checkpoint.takeOff();
  }

  /** After a flight, advances the running one or the growth of the areas, or begins one. */
  land(): void {
    if (this.#growth.isRunning) this.#growth.next();
    else if (this.#checkpoint.isRunning) this.#landRunning();
    else this.#landIdle();
    this.#moveEndBack();
  }

  #landRunning(): void {
    if (this.#rests(this.#partOfFlights)) return;
    this.#checkpoint.land(this.#pagesDue(this.#partOfFlights));
    this.#afterAdvance();
  }

  /** The part of the journal that is left until the next one is due. */
  get #partUntilDue(): number {
    return DUE_PART - this.#fill.part;
  }

  /** The same for flights, which let an area grow while none runs. */
  get #partOfFlights(): number {
    return Math.min(this.#partUntilDue, this.#fill.partUntilGrowth);
  }

  /**
   * Whether the running one leaves this call out.
   *
   * @param partLeft The part of the journal until it has to end.
   */
  #rests(partLeft: number): boolean {
    if (!this.#mayRest(partLeft)) return false;
    this.#restCount++;
    return true;
  }

  /** Whether it may leave the next call out: less than a slice keeps pace with the commits. */
  #mayRest(partLeft: number): boolean {
    if (this.#isHurried || this.#restCount >= RESTS_MAX) return false;
    return this.#pagesWanted(partLeft) < SLICE_PAGES;
  }

  /** The pages that the running one writes now. */
  #pagesDue(partLeft: number): number {
    const pages = this.#pagesWanted(partLeft);
    this.#restCount = 0;
    this.#partBefore = this.#fill.part;
    return Math.min(CHUNK_PAGES, Math.max(SLICE_PAGES, pages));
  }

  /**
   * The pages that keep pace: in proportion to what was committed since it last wrote some, so that
   * it ends in time.
   */
  #pagesWanted(partLeft: number): number {
    if (partLeft <= 0 || this.#isLarge) return CHUNK_PAGES;
    const { dirtyPages, dirtyChunks, deferred } = this.#writeback;
    const work = dirtyPages + CHUNK_WORK * dirtyChunks.size + CHUNK_PAGES * (deferred?.count ?? 0);
    return Math.ceil(work * (this.#fill.part - this.#partBefore) / partLeft);
  }

  #landIdle(): void {
    if (this.isDue) this.#beginInFlight();
    else this.#growth.growAhead();
    this.#advanceIdle();
  }

  /** While none runs, cuts the tail, and once it is calm shortens areas that are too long. */
  #advanceIdle(): void {
    this.cutTail();
    if (++this.#calls === CALM_CALLS) {
      this.#isCalm = this.#journal.filledBytes - this.#filledAtEnd <= CALM_BYTES;
    }
    // A snapshot puts it off.
    if (!this.#isCalm || this.#snapshots.snapshotCount > 0) return;
    this.#isCalm = false;
    if (!this.#checkpoint.isRunning && !this.#growth.isRunning) this.#giveBackSpare(true);
  }

  /** Takes the remaining steps of a growth of the areas in line. */
  finishGrowth(): void {
    this.#growth.finish(this.#sync);
    this.#moveEndBack();
  }

  readonly #sync = (): void => this.#journal.sync();

  /** Moves the end of the file back, where the journal gave chunks back that it was behind. */
  #moveEndBack(): void {
    if (this.#growth.isRunning || this.#checkpoint.isRunning) return;
    if (this.#fill.waitPart <= 1) this.#isLarge = false;
    if (this.#location.moveEndBack()) this.#fileEnd.leaveTail();
  }

  /** Cuts off a piece of the tail that a checkpoint, or a move of the journal, has left. */
  cutTail(): void {
    if (this.#checkpoint.isRunning || this.#growth.isRunning) return;
    if (this.#room.mayBeFull) this.cutWholeTail();
    else this.#fileEnd.cutPiece();
  }

  /** Cuts the whole tail off. */
  cutWholeTail(): void {
    if (this.#fileEnd.hasTail) this.#fileEnd.cut();
  }

  /** Begins one in line, unless one is running or has nothing to do. */
  #begin(): void {
    this.finishGrowth();
    if (this.#checkpoint.isRunning) return;
    if (!this.#hasWork) {
      this.#hasChanged = false;
      return;
    }
    this.#journal.flush(true);
    this.#checkpoint.begin(this.#meta, this.#prepare());
    this.#hasChanged = this.#location.hasMove;
  }

  /**
   * Begins one without a sync of its own, or in line after many landings. Where the other area
   * lacks chunks for what is pending, it first gets them with the next flights.
   */
  #beginInFlight(): void {
    const canSwitch = this.#journal.isConfirmed && this.#isPendingWhole;
    if (canSwitch && this.#journal.makeRoomToSwitch(this.#meta)) {
      this.#checkpoint.beginConfirmed(this.#meta, this.#prepare());
      this.#hasChanged = this.#location.hasMove;
      return;
    }
    if (++this.#landings >= LANDINGS_MAX) return this.#begin();
    if (!canSwitch) return;
    this.#growth.begin(this.#journal.otherArea, this.#journal.chunksToSwitch);
  }

  /** Prepares for one; returns the chunk that the area which it frees moves to, or -1. */
  #prepare(): ChunkNumber {
    this.#landings = 0;
    this.#restCount = 0;
    this.#partBefore = 0;
    // What changed an area before others wait for.
    this.#isHurried = this.#isRequested || this.#hasChanged;
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

  /** While the checkpoint runs, cuts on at the tail of the one before. */
  #afterAdvance(): void {
    if (this.#checkpoint.isRunning) this.#fileEnd.cutPiece();
    else this.#afterEnd();
  }

  /**
   * After the end of one without a pause in commits: begins to give back the spare chunks of an
   * area, if they are most of it. On a full disk others wait for the room of the tail.
   */
  #afterEnd(): void {
    this.#calls = 0;
    this.#isCalm = false;
    this.#filledAtEnd = this.#journal.filledBytes;
    if (this.#room.mayBeFull) this.cutWholeTail();
    this.#giveBackSpare(false);
  }

  #giveBackSpare(isCalm: boolean): void {
    if (this.#snapshots.snapshotCount > 0 || this.#hasChanged) return;
    this.#hasChanged = this.#growth.giveBackSpare(isCalm);
  }
}
