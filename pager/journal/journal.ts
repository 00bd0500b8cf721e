/**
 * The journal: commits become durable by being written here, before their pages go anywhere.
 *
 * Two areas are used in turn; the generation tells which one a batch belongs to, and says of what
 * is found there whether it still counts. Records of commits gather in memory (`pending`) and are
 * written as one batch, or several that apply together. Each batch carries the sum of the one
 * before it, its sequence, and how far the journal was known to be on the medium, so that a tail
 * that was cut can be told from one that rotted. Of the last batch nothing tells that, so before
 * pages follow it to the file an empty batch does: it confirms the version.
 *
 * Invariants:
 * 1. confirmed <= durable <= written <= committed: each version reaches a level after those before
 * 2. Everything pending fits the current area, and an empty batch after it, and the bytes of both
 *    are in the file: `reserve` sees to it before a commit becomes visible. A commit that takes
 *    pages into use leaves some more (`KEPT_BYTES`) in either area, for those that only give back.
 * 3. An area is written from its beginning only after `switchArea`, which the checkpoint calls when
 *    the superblocks no longer need what stands there.
 *
 * It does not know what a record means.
 */

import { assert } from "../format/assert.ts";
import { BATCH_ALIGN, BATCH_HEADER_BYTES, batchBytes, encodeBatch } from "./batch.ts";
import { crc, seedOf } from "../format/checksum.ts";
import type { CurrentSuperblock } from "./current_superblock.ts";
import { type Disk, isFull } from "../file/disk.ts";
import { LimitError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  chunksOf,
  JOURNAL_CHUNKS_MAX,
  PAGE_BYTES,
} from "../format/format.ts";
import {
  AREA_CHUNK_BYTES,
  emptyHeaderPage,
  JournalArea,
  journalHeaderPage,
} from "./journal_area.ts";
import type { JournalState } from "./journal_state.ts";
import { LogBuffer } from "./log_record.ts";
import { Meta } from "../format/meta.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";

/** The most bytes of records in one batch; more are written as several. */
const PART_BYTES_MAX = 4 * 1024 * 1024;
/** What commits that take pages into use leave of each area for those that do not. */
const KEPT_BYTES = 64 * 1024;
/** What an area begins with at least: a batch of a few pages, and one that confirms it. */
export const AREA_BYTES_MIN: number = 8 * BATCH_ALIGN;

/** Commits on their way to the medium. */
export class Journal {
  /** Records of commits that are not written yet. */
  readonly pending: LogBuffer = new LogBuffer();
  /** The last version of which a later batch on the medium says that it is there. */
  confirmedVersion: number;
  /** The last version that is on the medium. */
  durableVersion: number;
  /** The last version that was handed to the system. */
  writtenVersion: number;
  /** The generation that is being written. */
  generation: number;
  /** The sequence of the last batch. */
  sequence: number;
  /** Syncs completed. */
  epoch: number;
  /** Bytes written so far, and batches. */
  readonly writes = { bytes: 0, batches: 0, syncs: 0 };

  readonly #disk: Disk;
  readonly #superblock: CurrentSuperblock;
  readonly #databaseId: Uint8Array;
  readonly #unsynced: UnsyncedChunks;
  #areas: [JournalArea, JournalArea];
  /** The meta of the last commit that is pending. */
  readonly #meta = new Meta();
  /** The most pages since the last sync: until the next one, a crash may bring them back. */
  #pageCountMax: number;
  #durableSequence: number;
  /** The last version written before the current area was begun. */
  #versionBefore: number;
  #offset = 0;
  /** Whether the disk had no room for what is to be kept of the current area. */
  #isShort = false;
  /** Whether places were claimed, in the journal or for pages, that are not on the medium yet. */
  #hasClaims = false;
  /** Bytes used of the other area when it was left. */
  #otherOffset = 0;
  #lastSum = 0;
  #batch = new Uint8Array(64 * 1024);

  /**
   * The journal of a file.
   *
   * @param disk The file.
   * @param superblock Its superblock, which lists the chunks of both areas.
   * @param unsynced Collects the chunks whose header pages it writes.
   */
  constructor(disk: Disk, superblock: CurrentSuperblock, unsynced: UnsyncedChunks) {
    const start = superblock.fields;
    this.#disk = disk;
    this.#superblock = superblock;
    this.#unsynced = unsynced;
    this.#databaseId = start.databaseId;
    this.generation = start.replayGeneration;
    this.sequence = start.replaySequence;
    this.epoch = start.syncEpoch;
    this.#durableSequence = start.replaySequence;
    this.confirmedVersion = start.version;
    this.durableVersion = start.version;
    this.#versionBefore = start.version;
    this.writtenVersion = start.version;
    this.#meta.assign(start);
    this.#pageCountMax = start.pageCount;
    // Areas of an earlier session hold batches of older generations, so their bytes need no zeros;
    // but the file may end inside them.
    this.#areas = [
      new JournalArea(disk, start.journals[0], 0),
      new JournalArea(disk, start.journals[1], 0),
    ];
  }

  /** Whether the current area has too little left, and the disk no room for more. */
  get isShort(): boolean {
    return this.#isShort;
  }

  /** Hears that pages were claimed: they are on the medium before the next batch is. */
  noteClaims(): void {
    this.#hasClaims = true;
  }

  /** The chunks of both areas. */
  get chunks(): [number[], number[]] {
    return [[...this.#areas[0].chunks], [...this.#areas[1].chunks]];
  }

  /** How many chunks both areas have. */
  get chunkCount(): number {
    return this.#areas[0].chunks.length + this.#areas[1].chunks.length;
  }

  /** Bytes used of the current area; 0 while no commit is there. */
  get usedBytes(): number {
    return this.writtenVersion > this.#versionBefore ? this.#offset : 0;
  }

  get #area(): JournalArea {
    return this.#areas[this.generation & 1]!;
  }

  get #otherArea(): JournalArea {
    return this.#areas[(this.generation & 1) ^ 1]!;
  }

  /**
   * Gives each area its first chunk, at the end of the file, and some bytes of it.
   *
   * @throws {IoError} The disk is full. Then no area has a chunk.
   */
  prepare(meta: Meta): void {
    const { pageCount } = this.#meta;
    try {
      for (const area of this.#areas) if (area.chunks.length === 0) this.#addChunks(area, 1, meta);
      for (const area of this.#areas) area.zeroExactly(AREA_BYTES_MIN);
    } catch (error) {
      this.#areas = [new JournalArea(this.#disk, [], 0), new JournalArea(this.#disk, [], 0)];
      this.#meta.pageCount = this.#pageCountMax = pageCount;
      throw error;
    }
    for (const area of this.#areas) this.#tryMakeRoom(area, KEPT_BYTES, meta);
  }

  /** Gives up the areas, as a clean close does; returns the chunks they had. */
  giveBack(): number[] {
    const chunks = this.chunks.flat();
    for (const area of this.#areas) area.chunks.length = 0;
    this.#offset = 0;
    return chunks;
  }

  /**
   * Sees to it that all that is pending fits the current area, whose chunks may double for it, and
   * that either area can confirm it; called with the records of a commit that nobody has seen yet.
   *
   * @param grows Whether the commit takes pages into use, and so leaves what is kept.
   * @throws {IoError} The disk is full. Nothing has changed.
   * @throws {LimitError} The area cannot have so many chunks. Nothing has changed.
   */
  reserve(meta: Meta, grows: boolean): void {
    const end = this.#offset + this.#pendingBytes() + BATCH_ALIGN;
    const kept = grows ? KEPT_BYTES : 0;
    this.#makeRoom(this.#area, end + kept, meta);
    this.#makeRoom(this.#otherArea, BATCH_ALIGN + kept, meta);
    this.#isShort = !grows && !this.#tryMakeRoom(this.#area, end + KEPT_BYTES, meta);
    this.#meta.assign(meta);
    this.#pageCountMax = Math.max(this.#pageCountMax, meta.pageCount);
  }

  /** The bytes that batches of what is pending take. */
  #pendingBytes(): number {
    const { length } = this.pending;
    const whole = Math.floor(length / PART_BYTES_MAX);
    return whole * batchBytes(PART_BYTES_MAX) + batchBytes(length % PART_BYTES_MAX);
  }

  #makeRoom(area: JournalArea, end: number, meta: Meta): void {
    if (end <= area.zeroed) return;
    if (end > area.capacity) this.#grow(area, end, meta);
    area.zeroTo(end);
    this.#hasClaims = true;
  }

  /** Makes room unless the disk is full, or the area cannot have so many chunks; whether it did. */
  #tryMakeRoom(area: JournalArea, end: number, meta: Meta): boolean {
    try {
      this.#makeRoom(area, end, meta);
      return true;
    } catch (error) {
      if (isFull(error) || error instanceof LimitError) return false;
      throw error;
    }
  }

  #grow(area: JournalArea, end: number, meta: Meta): void {
    let count = area.chunks.length;
    while (count * AREA_CHUNK_BYTES < end) count = Math.max(1, count * 2);
    if (count > JOURNAL_CHUNKS_MAX) {
      throw new LimitError(`Cannot commit: its journal of ${end} bytes is too long`);
    }
    this.#addChunks(area, count - area.chunks.length, meta);
    this.publishAreas();
  }

  /** Lists the chunks of both areas in the superblocks, once they are on the medium. */
  publishAreas(): void {
    this.sync();
    this.#unsynced.clear();
    this.#superblock.publish({ open: true, journals: this.chunks });
  }

  /** Adds chunks at the end of the file to an area. They count from the next superblock on. */
  #addChunks(area: JournalArea, count: number, meta: Meta): void {
    const first = chunksOf(Math.max(meta.pageCount, this.#pageCountMax));
    // Chunks that only the open transaction has must be readable should it roll back, and so must
    // those that a checkpoint has cut off, or will at its end.
    for (let chunk = chunksOf(this.#meta.pageCount); chunk < first; chunk++) this.#empty(chunk);
    const seed = seedOf(this.#databaseId);
    for (let chunk = first; chunk < first + count; chunk++) {
      this.#claimHeaderPage(chunk, journalHeaderPage(chunk, seed));
    }
    meta.pageCount = (first + count) * CHUNK_PAGES;
    for (let chunk = first; chunk < first + count; chunk++) area.chunks.push(chunk);
    this.#meta.pageCount = meta.pageCount;
    this.#pageCountMax = meta.pageCount;
  }

  /**
   * Empties a chunk of which nothing counts. A crash may bring it back, and then replay frees what
   * was in use; but a header page that is empty already is left alone, as no record repairs it.
   */
  #empty(chunk: number): void {
    const empty = emptyHeaderPage();
    const found = new Uint8Array(PAGE_BYTES);
    this.#disk.read(found, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    if (found.every((byte, i) => byte === empty[i])) return;
    this.#claimHeaderPage(chunk, empty);
  }

  #claimHeaderPage(chunk: number, bytes: Uint8Array): void {
    this.#unsynced.add(chunk);
    this.#disk.claim(bytes, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
  }

  /** Writes all that is pending, and waits until it is on the medium if asked to. */
  flush(durable: boolean): void {
    const before = this.writtenVersion;
    if (this.pending.length > 0) {
      // What the batch names must be on the medium before the batch is.
      if (this.pending.publishes) this.sync();
      if (durable && this.durableVersion === before && this.#fitsOneBatch()) {
        // So must the places be that its commits will take.
        if (this.#hasClaims) this.sync();
        this.#writeBatch(0, this.pending.length, false, true);
        this.#clearPending();
        this.#markDurable();
        return;
      }
      this.#writeParts();
    }
    if (!durable || this.durableVersion === this.writtenVersion) return;
    this.sync();
    this.#markDurable();
  }

  /** Returns when everything written is on the medium: what is claimed, and what a batch names. */
  sync(): void {
    this.#disk.sync();
    this.#hasClaims = false;
  }

  /**
   * Makes sure that a version is on the medium, and that something after it says so: should it rot,
   * it is missed, and not taken for a commit that was cut.
   */
  confirm(version: number): void {
    if (version <= this.confirmedVersion) return;
    this.flush(true);
    this.#writeBatch(0, 0, false, true);
    this.#markDurable();
  }

  #fitsOneBatch(): boolean {
    return this.pending.length <= PART_BYTES_MAX;
  }

  #writeParts(): void {
    const { length } = this.pending;
    for (let from = 0; from < length; from += PART_BYTES_MAX) {
      const to = Math.min(from + PART_BYTES_MAX, length);
      this.#writeBatch(from, to, to < length, false);
    }
    this.#clearPending();
  }

  #clearPending(): void {
    this.pending.clear();
    this.writtenVersion = this.#meta.version;
  }

  #markDurable(): void {
    this.epoch++;
    this.writes.syncs++;
    this.#durableSequence = this.sequence;
    this.confirmedVersion = this.durableVersion;
    this.durableVersion = this.writtenVersion;
    this.#pageCountMax = this.#meta.pageCount;
  }

  #writeBatch(from: number, to: number, continues: boolean, through: boolean): void {
    const bytes = batchBytes(to - from);
    assert(this.#offset + bytes <= this.#area.capacity, "what is pending was given room");
    if (this.#batch.length < bytes) this.#batch = new Uint8Array(bytes);
    const payload = this.pending.bytes.subarray(from, to);
    this.#batch.set(payload, BATCH_HEADER_BYTES);
    this.#batch.fill(0, BATCH_HEADER_BYTES + payload.length, bytes);
    this.#encodeHeader(payload, continues);
    if (through) this.#area.writeThrough(this.#batch, bytes, this.#offset);
    else this.#area.write(this.#batch, bytes, this.#offset);
    this.#offset += bytes;
    this.writes.bytes += bytes;
    this.writes.batches++;
  }

  #encodeHeader(payload: Uint8Array, continues: boolean): void {
    const { version, pageCount, nextTreeId, catalogRoot, allocatorHint } = this.#meta;
    this.sequence++;
    this.#lastSum = encodeBatch(
      {
        generation: this.generation,
        sequence: this.sequence,
        epoch: this.epoch,
        durableSequence: this.#durableSequence,
        offset: this.#offset,
        version,
        payloadBytes: payload.length,
        payloadSum: crc(payload),
        previousSum: this.#lastSum,
        pageCount,
        nextTreeId,
        catalogRoot,
        allocatorHint,
        continues,
      },
      this.#databaseId,
      this.#batch,
    );
  }

  /** Goes on in the other area, from its beginning, with the meta that now holds. */
  switchArea(meta: Meta): void {
    assert(this.pending.length === 0, "an area is complete before the switch");
    assert(this.durableVersion === this.writtenVersion, "an area is durable before the switch");
    this.generation++;
    this.#otherOffset = this.#offset;
    this.#offset = 0;
    this.#isShort = false;
    this.#versionBefore = this.writtenVersion;
    this.#meta.assign(meta);
  }

  /**
   * Where it stands, for those who look.
   *
   * @param needsOther Whether a recovery would need what is in the other area.
   */
  state(needsOther: boolean): JournalState {
    const areas = this.#areas.map((area) => {
      const isCurrent = area === this.#area;
      const { chunks, capacity: capacityBytes } = area;
      const usedBytes = isCurrent ? this.usedBytes : needsOther ? this.#otherOffset : 0;
      return { chunks: [...chunks], usedBytes, capacityBytes, isCurrent };
    });
    const { generation, sequence, epoch, writtenVersion, durableVersion } = this;
    const pendingBytes = this.pending.length;
    return { areas, generation, sequence, epoch, pendingBytes, writtenVersion, durableVersion };
  }
}
