/**
 * The journal: the write-ahead log that makes commits durable before their pages reach the file.
 *
 * Two areas are used in turn. The generation of a batch names its area, and tells recovery whether
 * the batch still counts. Records of commits gather in memory (`pending`) and are written as one
 * batch, or as several that apply together. Each batch has the sum of the batch before it, its
 * sequence, and the last sequence known to be on the medium. By these, recovery tells a torn tail
 * from a rotten one. Nothing vouches for the last batch, so an empty batch confirms a version
 * before its pages go to the file.
 *
 * A flush waits for the medium in line. A flight (`takeOff`, `land`) writes the same batches, and
 * its sync runs off the thread. Records that name bypassed pages must not be written before these
 * pages are on the medium: a flight first syncs the pages, and `land` writes the records, which the
 * next flight syncs.
 *
 * Invariants:
 * 1. confirmed <= durable <= written <= committed: each version reaches a level after those before.
 * 2. The current area has room, with bytes in the file, for everything pending and an empty batch
 *    after it, unless the last batch is empty and nothing is pending: `reserve` provides it before
 *    a commit becomes visible. A commit that takes pages into use leaves `KEPT_BYTES` more in
 *    either area, for commits that only give pages back, and for an empty batch written before
 *    what is pending.
 * 3. An area is written from its beginning only after `switchArea`, which the checkpoint calls when
 *    the superblocks do not need its batches.
 *
 * It does not know what a record means.
 */

import { BATCH_ALIGN, batchBytes } from "../batch/batch.ts";
import { BatchWriter } from "../batch/batch_writer.ts";
import { AREA_CHUNK_BYTES, type JournalArea } from "../batch/journal_area.ts";
import { LogBuffer } from "../batch/log_record.ts";
import type { Disk } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { assert } from "../format/assert.ts";
import { PAGE_COUNT_MAX } from "../format/format.ts";
import { Meta, type MetaFields } from "../format/meta.ts";
import type { ChunkNumber, PageNumber, Version } from "../format/units.ts";
import type { CurrentSuperblock } from "./current_superblock.ts";
import type { DataEnd } from "./data_end.ts";
import { JournalAreas, KEPT_BYTES } from "./journal_areas.ts";
import type { JournalState } from "./journal_state.ts";

/** The most bytes of records in one batch; more are written as several batches. */
const PART_BYTES_MAX = 4 * 1024 * 1024;
const NOTHING = new Uint8Array(0);

/**
 * A sync that has started off the thread, and what is on the medium once it ends. One flight is in
 * the air at a time. Commits, checkpoint slices and syncs in line go on meanwhile.
 */
export interface Flight {
  /** The last version that was written when it took off. */
  readonly version: Version;
  /** The last version that a batch confirmed then. */
  readonly confirmed: Version;
  /** The sequence of the last batch that was written when it took off. */
  readonly sequence: number;
  /** The end of the data when it took off. */
  readonly pageCount: number;
  /** The number of claims made when it took off. */
  readonly claims: number;
  /** Resolves when everything written before it is on the medium. */
  readonly synced: Promise<void>;
}

/** The end of a journal that another writer appended to. */
export interface JournalEnd {
  /** The generation of the last batch, or the one that a superblock begins. */
  readonly generation: number;
  /** The byte of its area behind that batch. */
  readonly offset: number;
  /** The sequence of the last batch. */
  readonly sequence: number;
  /** The sum of the last batch; 0 if the next one may name any. */
  readonly sum: number;
  /** The last sequence that is known to be on the medium. */
  readonly durableSequence: number;
  /** The last version that is known to be there. */
  readonly durableVersion: Version;
  /** The facts about the file after the last batch. */
  readonly meta: MetaFields;
}

/** The write-ahead log of a file. */
export class Journal {
  /** Records of commits that are not written yet. */
  pending: LogBuffer = new LogBuffer();
  /** The last version that a later batch on the medium confirms. */
  confirmedVersion: number;
  /** The last version that is on the medium. */
  durableVersion: number;
  /** The last version handed to the system. */
  writtenVersion: number;
  /** The generation of the next batch; its parity selects the area. */
  generation: number;
  /** Syncs completed. */
  syncCount: number;
  /** The last version that may have freed a page. */
  #freedVersion: number;
  /** The first page that a version freed which is not confirmed. */
  #freedStart: PageNumber = PAGE_COUNT_MAX;
  /** Whether a flight is in the air. */
  #isFlying = false;
  /** Whether the next flight confirms, because pages wait for that. */
  #isConfirmationWanted = false;
  /** Bytes and batches written so far, and syncs of batches. */
  readonly writes = { bytes: 0, batches: 0, syncs: 0 };

  readonly #disk: Disk;
  readonly #areas: JournalAreas;
  readonly #dataEnd: DataEnd;
  /** The meta of the last commit that is pending. */
  readonly #meta = new Meta();
  /** The meta of the last commit that is written. */
  readonly #writtenMeta = new Meta();
  /** Records that wait for their bypassed pages, which the flight in the air syncs. */
  #waiting = new LogBuffer();
  /** The meta of the last commit of these. */
  readonly #waitingMeta = new Meta();
  #durableSequence: number;
  /** The version that is confirmed once all batches are on the medium. */
  #nextConfirmed: number;
  /** The last version written before the first batch of the current area. */
  #versionBefore: number;
  #offset = 0;
  /** Whether the disk had no room for the kept bytes of the current area. */
  #isShort = false;
  /** Bytes used of the other area at the last switch. */
  #otherOffset = 0;
  readonly #batches: BatchWriter;

  /**
   * The journal of a file.
   *
   * @param disk The file.
   * @param superblock Its superblock, which lists the chunks of both areas.
   * @param unsynced Collects the chunks whose header pages it writes.
   * @param dataEnd The end of the data, which batches have as their page count.
   * @param journalBytes The bytes of an area from which on a checkpoint has to end first.
   */
  constructor(
    disk: Disk,
    superblock: CurrentSuperblock,
    unsynced: UnsyncedChunks,
    dataEnd: DataEnd,
    journalBytes: number,
  ) {
    const start = superblock.fields;
    this.#disk = disk;
    this.#dataEnd = dataEnd;
    this.generation = start.replayGeneration;
    this.#batches = new BatchWriter(start.databaseId, start.replaySequence);
    this.syncCount = start.syncCount;
    this.#durableSequence = start.replaySequence;
    this.confirmedVersion = start.version;
    this.#nextConfirmed = start.version;
    this.durableVersion = start.version;
    this.#versionBefore = start.version;
    this.#freedVersion = start.version;
    this.writtenVersion = start.version;
    this.#meta.assign(start);
    this.#writtenMeta.assign(start);
    this.#areas = new JournalAreas(disk, superblock, unsynced, this.#meta, journalBytes);
  }

  /** Continues behind batches that another writer appended, where nothing is pending. */
  continueAt(end: JournalEnd): void {
    assert(this.pending.length === 0, "another writer appends only between commits");
    this.generation = end.generation;
    this.#batches.continueAfter(end.sequence, end.sum);
    this.#offset = end.offset;
    this.#isShort = false;
    this.#durableSequence = end.durableSequence;
    this.durableVersion = end.durableVersion;
    this.writtenVersion = end.meta.version;
    this.#meta.assign(end.meta);
    this.#writtenMeta.assign(end.meta);
    this.#areas.noteCommit(end.meta.pageCount);
    this.#area.noteWritten(end.offset);
  }

  /**
   * Continues behind the batches of another session, all of which are on the medium and confirmed.
   *
   * @param otherEnd The bytes of the other area that recovery needs.
   */
  resume(end: JournalEnd, otherEnd: number, syncCount: number): void {
    this.continueAt(end);
    this.confirmedVersion = this.#nextConfirmed = this.#freedVersion = end.durableVersion;
    this.syncCount = syncCount;
    this.otherArea.noteWritten(otherEnd);
    this.#otherOffset = otherEnd;
  }

  /**
   * Continues in the other area with an empty batch, which confirms everything before it.
   * Everything is written, and on the medium when the call returns.
   */
  switchWithBatch(meta: Meta): void {
    this.switchArea(meta);
    this.#areas.makeRoom(this.#area, BATCH_ALIGN, meta);
    this.#nextConfirmed = this.durableVersion;
    this.#writeBatch(NOTHING, this.#meta, false, true);
    this.#markDurable();
  }

  /** The sequence of the last batch. */
  get sequence(): number {
    return this.#batches.sequence;
  }

  /** The end of the last batch, where the next one goes. */
  get end(): { generation: number; offset: number; sequence: number; sum: number } {
    const { generation, sequence } = this;
    return { generation, offset: this.#offset, sequence, sum: this.#batches.lastSum };
  }

  /** Whether the current area lacks its kept bytes, and the disk has no room for them. */
  get isShort(): boolean {
    return this.#isShort;
  }

  /** Both areas. */
  get areas(): JournalAreas {
    return this.#areas;
  }

  /** The area that is not written now. */
  get otherArea(): JournalArea {
    return this.#areas.of(this.generation + 1);
  }

  /** Notes that pages were claimed: the next durable batch follows a sync of them. */
  noteClaims(): void {
    this.#areas.noteClaims();
  }

  /** The chunks of both areas. */
  get chunks(): [number[], number[]] {
    return this.#areas.chunks;
  }

  /** The count of chunks in both areas. */
  get chunkCount(): number {
    return this.#areas.chunkCount;
  }

  /** Bytes used of the current area; 0 while it has no commit. */
  get usedBytes(): number {
    return this.writtenVersion > this.#versionBefore ? this.#offset : 0;
  }

  /** Whether the current area has no commit, and none is pending. */
  get isEmpty(): boolean {
    if (this.pending.length > 0 || this.#waiting.length > 0) return false;
    return this.usedBytes === 0;
  }

  get #area(): JournalArea {
    return this.#areas.of(this.generation);
  }

  /**
   * Gives each area its first chunk, at the end of the file, and its first bytes.
   *
   * @throws {IoError} The disk is full, and no area has a chunk.
   */
  prepare(meta: Meta): void {
    this.#areas.prepare(meta);
  }

  /**
   * Gives both areas back: everything committed is in the pages of the file. `prepare` creates
   * others.
   *
   * @param meta The meta of the file without the areas.
   */
  giveBack(meta: Meta): void {
    assert(this.isEmpty, "an area is given back when its commits are in the pages of the file");
    this.#areas.clear(meta.pageCount);
    this.#offset = 0;
    this.#otherOffset = 0;
    this.#meta.assign(meta);
    this.#writtenMeta.assign(meta);
  }

  /** The bytes of the current area that have batches, or are for what is pending. */
  get filledBytes(): number {
    return this.#offset + this.#pendingBytes();
  }

  /**
   * Gives pending records room in the current area, which may get more chunks, and each area room
   * for the batch that confirms them. The commit of the records is not visible yet.
   *
   * @param grows Whether the commit takes pages into use, and so leaves the kept bytes.
   * @throws {IoError} The disk is full, and the pending commits before this one keep their room.
   * @throws {LimitError} The area would need more chunks than it can have. So do they then.
   */
  reserve(meta: Meta, grows: boolean): void {
    const end = this.filledBytes + BATCH_ALIGN;
    const kept = grows ? KEPT_BYTES : 0;
    this.#areas.makeRoom(this.#area, end + kept, meta);
    this.#areas.makeRoom(this.otherArea, BATCH_ALIGN + kept, meta);
    this.#isShort = !grows && !this.#areas.tryMakeRoom(this.#area, end + KEPT_BYTES, meta);
    this.#meta.assign(meta);
    if (this.pending.freedEnd > 0) this.#noteFreed(meta.version);
    this.#areas.noteCommit(meta.pageCount);
  }

  #noteFreed(version: Version): void {
    if (this.#freedVersion <= this.confirmedVersion) this.#freedStart = PAGE_COUNT_MAX;
    this.#freedStart = Math.min(this.#freedStart, this.pending.freedStart);
    this.#freedVersion = version;
  }

  /** Whether the current area has chunks for pending records that are not reserved yet. */
  get hasChunks(): boolean {
    return this.bytesLeft >= BATCH_ALIGN + KEPT_BYTES;
  }

  /** The bytes of the current area behind its batches and what is pending. */
  get bytesLeft(): number {
    return this.#area.capacity - this.filledBytes;
  }

  /** The area that is written now. */
  get area(): JournalArea {
    return this.#area;
  }

  /** The bytes of the batches that the pending records become. */
  #pendingBytes(): number {
    return partsBytes(this.#waiting.length) + partsBytes(this.pending.length);
  }

  /** Writes everything pending; with `durable` it is on the medium when the call returns. */
  flush(durable: boolean): void {
    if (this.#waiting.length > 0) {
      this.sync();
      this.#writeWaiting();
    }
    if (this.pending.length > 0) {
      // Bypassed pages must be on the medium before the batch that names them.
      if (this.pending.hasBypassed) this.sync();
      if (durable && this.#isDurable && this.pending.length <= PART_BYTES_MAX) {
        return this.#writePendingThrough();
      }
      this.#writePending();
    }
    if (!durable || this.#isDurable) return;
    this.sync();
    this.#markDurable();
  }

  /** Whether a write of everything pending waits for a sync of bypassed pages. */
  get waitsForPages(): boolean {
    return this.#waiting.length > 0 || this.pending.hasBypassed;
  }

  /** Whether every batch is on the medium. */
  get #isDurable(): boolean {
    return this.#durableSequence === this.sequence;
  }

  /** Writes everything pending as one batch, by a write through: it is on the medium then. */
  #writePendingThrough(): void {
    // The claimed bytes of the pages that its commits take into use must be there before it.
    if (!this.#areas.areClaimsSynced) this.sync();
    this.#nextConfirmed = this.durableVersion;
    this.#writeBatch(this.pending.bytes.subarray(0, this.pending.length), this.#meta, false, true);
    this.#clearPending();
    this.#markDurable();
  }

  /** Syncs the file, and with it claimed bytes and bypassed pages. */
  sync(): void {
    this.#areas.sync();
  }

  /**
   * Writes everything pending, and starts a sync off the thread. If pending records name bypassed
   * pages, the sync is for these pages, and `land` writes the records.
   *
   * @param confirms Whether the flight also confirms what is on the medium when it takes off.
   * @param mayWait Whether it may confirm alone, while pending records wait for the next flight.
   */
  takeOff(confirms: boolean, mayWait: boolean): Flight {
    assert(this.#waiting.length === 0, "one flight is in the air at a time");
    const waits = mayWait && this.#isDurable && this.#nextConfirmed < this.durableVersion;
    if (!waits) {
      if (this.pending.hasBypassed) this.#setPendingAside();
      else if (this.pending.length > 0) this.#writePending();
    }
    const isWanted = this.#isConfirmationWanted || this.#freedVersion > this.#nextConfirmed;
    this.#isConfirmationWanted = false;
    if ((confirms || isWanted) && this.#nextConfirmed < this.durableVersion) {
      this.#writeConfirmation(false);
    }
    this.#isFlying = true;
    return {
      version: this.writtenVersion,
      confirmed: this.#nextConfirmed,
      sequence: this.sequence,
      pageCount: Math.min(this.#meta.pageCount, this.#dataEnd.page),
      claims: this.#areas.claims,
      synced: this.#disk.startSync(),
    };
  }

  /** Notes that a flight has ended, and writes the records that waited for bypassed pages. */
  land(flight: Flight): void {
    this.#isFlying = false;
    this.syncCount++;
    this.writes.syncs++;
    this.#areas.noteSyncedClaims(flight.claims);
    this.#durableSequence = Math.max(this.#durableSequence, flight.sequence);
    this.durableVersion = Math.max(this.durableVersion, flight.version);
    this.confirmedVersion = Math.max(this.confirmedVersion, flight.confirmed);
    if (flight.version === this.#meta.version) this.#areas.noteDurable(flight.pageCount);
    if (this.#waiting.length > 0) this.#writeWaiting();
  }

  /** Notes that a flight does not land, after a flush that has done what it was to do. */
  endFlight(): void {
    assert(this.#isDurable && !this.hasUnwritten, "everything is on the medium");
    this.#isFlying = false;
  }

  /** Sets pending records aside until their bypassed pages are on the medium. */
  #setPendingAside(): void {
    const { pending } = this;
    this.pending = this.#waiting;
    this.#waiting = pending;
    this.#waitingMeta.assign(this.#meta);
  }

  #writeWaiting(): void {
    this.#writeParts(this.#waiting, this.#waitingMeta);
    this.#waiting.clear();
  }

  /**
   * Puts a version on the medium, and an empty batch after it that confirms it. If the batch of the
   * version rots, recovery then reports it missing, and does not take it for a torn commit.
   */
  confirm(version: Version): void {
    if (version <= this.confirmedVersion) return;
    this.flush(true);
    if (version <= this.confirmedVersion) return;
    this.#writeConfirmation(true);
    this.#markDurable();
  }

  /**
   * Confirms the releases of pages before these are overwritten.
   *
   * @param end The page after the last one that is overwritten.
   */
  confirmReleases(end: PageNumber): void {
    if (end > this.#freedStart) this.confirm(this.#freedVersion);
  }

  /** Whether `confirmReleases` would wait, and a flight is in the air: the next one may do it. */
  areReleasesInFlight(end: PageNumber): boolean {
    return this.#isFlying && end > this.#freedStart && this.#freedVersion > this.confirmedVersion;
  }

  /** Whether a version is not confirmed, and a flight is in the air: asks the next one for it. */
  isInFlight(version: Version): boolean {
    if (version <= this.confirmedVersion || !this.#isFlying) return false;
    this.#isConfirmationWanted = true;
    return true;
  }

  /** Writes an empty batch, which confirms everything on the medium. */
  #writeConfirmation(through: boolean): void {
    this.#nextConfirmed = this.durableVersion;
    const isWritten = this.#meta.version === this.writtenVersion;
    this.#writeBatch(NOTHING, isWritten ? this.#meta : this.#writtenMeta, false, through);
  }

  #writePending(): void {
    this.#writeParts(this.pending, this.#meta);
    this.#clearPending();
  }

  /** Writes records, which are those up to a commit with a meta. */
  #writeParts({ bytes, length }: LogBuffer, meta: Meta): void {
    this.#nextConfirmed = this.durableVersion;
    for (let from = 0; from < length; from += PART_BYTES_MAX) {
      const to = Math.min(from + PART_BYTES_MAX, length);
      this.#writeBatch(bytes.subarray(from, to), meta, to < length, false);
    }
    this.#noteWritten(meta);
  }

  #clearPending(): void {
    this.pending.clear();
    this.#noteWritten(this.#meta);
  }

  #noteWritten(meta: Meta): void {
    this.writtenVersion = meta.version;
    this.#writtenMeta.assign(meta);
  }

  #markDurable(): void {
    this.syncCount++;
    this.writes.syncs++;
    this.#durableSequence = this.sequence;
    this.confirmedVersion = this.#nextConfirmed;
    this.durableVersion = this.writtenVersion;
    this.#areas.noteDurable(this.#meta.pageCount);
  }

  #writeBatch(payload: Uint8Array, meta: Meta, continues: boolean, through: boolean): void {
    const area = this.#area;
    const end = this.#offset + batchBytes(payload.length);
    assert(end <= area.capacity, "pending records have room");
    this.writes.bytes += this.#batches.write(payload, meta, {
      area,
      offset: this.#offset,
      generation: this.generation,
      pageCountMax: this.#dataEnd.page,
      syncCount: this.syncCount,
      durableSequence: this.#durableSequence,
      continues,
      through,
    });
    this.#offset = end;
    this.writes.batches++;
  }

  /** Whether everything written is confirmed, so that an area can end here. */
  get isConfirmed(): boolean {
    if (this.#waiting.length > 0 || !this.#isDurable) return false;
    return this.confirmedVersion >= this.writtenVersion;
  }

  /** Whether records are not in the file yet. */
  get hasUnwritten(): boolean {
    return this.pending.length > 0 || this.#waiting.length > 0;
  }

  /** The chunks that the other area needs for what is pending. */
  get chunksToSwitch(): number {
    return Math.ceil((this.#pendingBytes() + BATCH_ALIGN) / AREA_CHUNK_BYTES);
  }

  /** Gives the other area bytes for what is pending; whether it has the chunks and the disk too. */
  makeRoomToSwitch(meta: Meta): boolean {
    if (this.chunksToSwitch > this.otherArea.chunks.length) return false;
    return this.#areas.tryMakeRoom(this.otherArea, this.#pendingBytes() + BATCH_ALIGN, meta);
  }

  /** Lowers the hint of the commits at which a checkpoint may begin: a chunk became free. */
  lowerHint(hint: ChunkNumber): void {
    for (const meta of [this.#meta, this.#writtenMeta, this.#waitingMeta]) {
      meta.allocatorHint = Math.min(meta.allocatorHint, hint);
    }
  }

  /** Moves the page count back, where commits have a higher one: free pages are cut off. */
  moveEndBack(pageCount: number): void {
    for (const meta of [this.#meta, this.#writtenMeta, this.#waitingMeta]) {
      meta.pageCount = Math.min(meta.pageCount, pageCount);
    }
    this.#areas.noteDurable(pageCount);
  }

  /** The meta of the last commit that is written. */
  get writtenMeta(): Meta {
    return this.#writtenMeta;
  }

  /**
   * Continues at the beginning of the other area, with a new meta. What is pending is written
   * there.
   */
  switchArea(meta: Meta): void {
    assert(this.#isDurable && this.#waiting.length === 0, "an area is complete at the switch");
    this.generation++;
    this.#otherOffset = this.#offset;
    this.#offset = 0;
    this.#isShort = false;
    this.#versionBefore = this.writtenVersion;
    this.#meta.assign(meta);
    if (meta.version === this.writtenVersion) this.#writtenMeta.assign(meta);
  }

  /**
   * The state of the journal, for inspection.
   *
   * @param needsOther Whether a recovery needs the batches of the other area.
   */
  state(needsOther: boolean): JournalState {
    const areas = [this.#areas.of(0), this.#areas.of(1)].map((area) => {
      const isCurrent = area === this.#area;
      const { chunks, capacity: capacityBytes } = area;
      const usedBytes = isCurrent ? this.usedBytes : needsOther ? this.#otherOffset : 0;
      return { chunks: [...chunks], usedBytes, capacityBytes, isCurrent };
    });
    const { generation, sequence, syncCount, writtenVersion, durableVersion } = this;
    const pendingBytes = this.#waiting.length + this.pending.length;
    return { areas, generation, sequence, syncCount, pendingBytes, writtenVersion, durableVersion };
  }
}

/** The bytes of the batches that records become. */
function partsBytes(length: number): number {
  if (length < PART_BYTES_MAX) return batchBytes(length);
  const whole = Math.floor(length / PART_BYTES_MAX);
  return whole * batchBytes(PART_BYTES_MAX) + batchBytes(length % PART_BYTES_MAX);
}
