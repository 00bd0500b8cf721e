/**
 * The two areas of the journal: their chunks, their growth at the end of the file, and room for the
 * batches to come.
 *
 * Invariants:
 * 1. A chunk is listed in a superblock once its header page is on the medium, and before a batch is
 *    written to it.
 * 2. New chunks lie past every page that a crash may bring back.
 * 3. Bytes claimed here or noted by `noteClaims` are on the medium after the next `sync`.
 *
 * It does not know which area is current, and writes no batch.
 */

import { BATCH_ALIGN } from "../batch/batch.ts";
import {
  AREA_CHUNK_BYTES,
  emptyHeaderPage,
  JournalArea,
  journalHeaderPage,
} from "../batch/journal_area.ts";
import { type Disk, isFull } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { assert } from "../format/assert.ts";
import { seedOf } from "../format/checksum.ts";
import { LimitError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  chunksOf,
  JOURNAL_CHUNKS_MAX,
  PAGE_BYTES,
} from "../format/format.ts";
import type { Meta } from "../format/meta.ts";
import type { ChunkNumber } from "../format/units.ts";
import type { CurrentSuperblock } from "./current_superblock.ts";

/** Bytes of each area that only commits that take no page into use may fill. */
export const KEPT_BYTES = 64 * 1024;
/** The first bytes of an area: a batch of a few pages, and a batch that confirms it. */
export const AREA_BYTES_MIN: number = 8 * BATCH_ALIGN;
/**
 * Up to these bytes, at most those of the option, an area that grows doubles, as each growth waits
 * for syncs; and callers wait for no checkpoint.
 */
export const SMALL_AREA_BYTES: number = 8 * 1024 * 1024;
/** A longer one gets this part more chunks at least. */
const GROWTH_SHIFT = 3;
/** The chunks that a step of a growth looks at. */
export const GROWTH_LOOKS = 64;
/** The bytes of the header page of a chunk without pages in use. */
const EMPTY = new Uint32Array(emptyHeaderPage().buffer);

/** Both areas of a journal. */
export class JournalAreas {
  readonly #disk: Disk;
  readonly #superblock: CurrentSuperblock;
  readonly #unsynced: UnsyncedChunks;
  readonly #seed: number;
  /** The meta of the last commit, which gets the page count with new chunks. */
  readonly #committed: Meta;
  /** The chunks up to which an area doubles. */
  readonly #smallChunks: number;
  #areas: readonly [JournalArea, JournalArea];
  /** The area that takes the place of another at the end of a checkpoint, and that other one. */
  #move: { readonly from: JournalArea; readonly to: JournalArea } | undefined;
  /** Whether the superblock lists it. */
  #isMoveListed = false;
  /** The largest page count since the last sync: a crash may bring that many pages back. */
  #pageCountMax: number;
  /** How often bytes were claimed, in the areas or for pages. */
  #claims = 0;
  /** How many of these claims are on the medium. */
  #syncedClaims = 0;
  /** A header page that is compared with an empty one. */
  readonly #found = new Uint32Array(PAGE_BYTES / 4);

  /**
   * The areas that the superblock of a file lists.
   *
   * @param disk The file.
   * @param superblock Its superblock, which lists the chunks of both areas.
   * @param unsynced Collects the chunks whose header pages are written here.
   * @param committed The meta of the last commit, which gets the page count with new chunks.
   * @param journalBytes The bytes of an area from which on a checkpoint has to end first.
   */
  constructor(
    disk: Disk,
    superblock: CurrentSuperblock,
    unsynced: UnsyncedChunks,
    committed: Meta,
    journalBytes: number,
  ) {
    const { databaseId, journals, pageCount } = superblock.fields;
    this.#disk = disk;
    this.#superblock = superblock;
    this.#unsynced = unsynced;
    this.#seed = seedOf(databaseId);
    this.#committed = committed;
    const smallBytes = Math.min(journalBytes, SMALL_AREA_BYTES);
    this.#smallChunks = Math.floor(smallBytes / AREA_CHUNK_BYTES);
    this.#pageCountMax = pageCount;
    // Areas of an earlier session hold batches of older generations, so their bytes need no zeros;
    // but the file may end inside them.
    this.#areas = [new JournalArea(disk, journals[0], 0), new JournalArea(disk, journals[1], 0)];
  }

  /** The chunks of both areas. */
  get chunks(): [number[], number[]] {
    return [[...this.#areas[0].chunks], [...this.#areas[1].chunks]];
  }

  /** The chunks of both areas as superblocks list them. */
  get #listed(): [number[], number[]] {
    const chunksOf = (area: JournalArea) => {
      return [...(this.#isMoveListed && area === this.#move?.from ? this.#move.to : area).chunks];
    };
    return [chunksOf(this.#areas[0]), chunksOf(this.#areas[1])];
  }

  /**
   * Prepares a chunk without pages in use to take the place of an area, and claims its first bytes;
   * whether the disk had room for them.
   */
  beginMove(from: JournalArea, chunk: ChunkNumber): boolean {
    const to = new JournalArea(this.#disk, [chunk], 0);
    if (!this.tryMakeRoom(to, BATCH_ALIGN + KEPT_BYTES, this.#committed)) return false;
    this.#move = { from, to };
    this.#isMoveListed = false;
    return true;
  }

  /** The chunks that the superblock of the move lists; it is about to be written. */
  listMove(): [number[], number[]] {
    this.#isMoveListed = true;
    return this.#listed;
  }

  /** Continues with the area that was prepared, once superblocks list it. */
  endMove(): void {
    assert(this.#move !== undefined, "a move was prepared");
    const { from, to } = this.#move;
    this.#areas = this.#areas[0] === from ? [to, this.#areas[1]] : [this.#areas[0], to];
    this.#move = undefined;
  }

  /**
   * Follows the superblock, which another writer has replaced: an area may have more chunks, or
   * others.
   */
  adopt(): void {
    const { journals, pageCount } = this.#superblock.fields;
    const adopted = this.#areas.map((area, i) => {
      const chunks = journals[i]!;
      const isLonger = area.chunks.every((chunk, at) => chunks[at] === chunk);
      return new JournalArea(this.#disk, chunks, isLonger ? area.zeroed : 0);
    });
    this.#areas = [adopted[0]!, adopted[1]!];
    this.noteCommit(pageCount);
  }

  /** The count of chunks in both areas. */
  get chunkCount(): number {
    return this.#areas[0].chunks.length + this.#areas[1].chunks.length;
  }

  /** The area of the batches of a generation. */
  of(generation: number): JournalArea {
    return this.#areas[generation & 1]!;
  }

  /** The number of claims so far, of which a sync that begins now takes all to the medium. */
  get claims(): number {
    return this.#claims;
  }

  /** Whether all claimed bytes are on the medium. */
  get areClaimsSynced(): boolean {
    return this.#claims === this.#syncedClaims;
  }

  /** Notes that pages were claimed. */
  noteClaims(): void {
    this.#claims++;
  }

  /** Notes that the first claims, that many, are on the medium. */
  noteSyncedClaims(claims: number): void {
    this.#syncedClaims = Math.max(this.#syncedClaims, claims);
  }

  /** Notes the page count of a commit. */
  noteCommit(pageCount: number): void {
    this.#pageCountMax = Math.max(this.#pageCountMax, pageCount);
  }

  /** Notes that a crash brings back at most this many pages, or those of the last commit. */
  noteDurable(pageCount: number): void {
    this.#pageCountMax = Math.max(pageCount, this.#committed.pageCount);
  }

  /** Syncs the file, and with it claimed bytes and bypassed pages. */
  sync(): void {
    const claims = this.#claims;
    this.#disk.sync();
    this.#syncedClaims = claims;
  }

  /**
   * Gives each area its first chunk, at the end of the file, and its first bytes.
   *
   * @throws {IoError} The disk is full, and no area has a chunk.
   */
  prepare(meta: Meta): void {
    const { pageCount } = this.#committed;
    try {
      for (const area of this.#areas) if (area.chunks.length === 0) this.#addChunks(area, 1, meta);
      for (const area of this.#areas) area.zeroExactly(AREA_BYTES_MIN);
    } catch (error) {
      this.clear(pageCount);
      this.#committed.pageCount = pageCount;
      throw error;
    }
    for (const area of this.#areas) this.tryMakeRoom(area, KEPT_BYTES, meta);
  }

  /** Leaves both areas without a chunk, in a file of that many pages. */
  clear(pageCount: number): void {
    this.#areas = [new JournalArea(this.#disk, [], 0), new JournalArea(this.#disk, [], 0)];
    this.#pageCountMax = pageCount;
  }

  /**
   * Makes room in an area up to an offset. The area gets more chunks if necessary, and the
   * superblocks list them.
   *
   * @throws {IoError} The disk is full.
   * @throws {LimitError} The area would need more chunks than it can have.
   */
  makeRoom(area: JournalArea, end: number, meta: Meta): void {
    if (end <= area.zeroed) return;
    if (end > area.capacity) this.#grow(area, end, meta);
    area.zeroTo(end);
    this.noteClaims();
  }

  /** Makes room, unless the disk is full or the area has too many chunks; whether it did. */
  tryMakeRoom(area: JournalArea, end: number, meta: Meta): boolean {
    try {
      this.makeRoom(area, end, meta);
      return true;
    } catch (error) {
      if (isFull(error) || error instanceof LimitError) return false;
      throw error;
    }
  }

  #grow(area: JournalArea, end: number, meta: Meta): void {
    const { length } = area.chunks;
    const grown = Math.max(
      length + (length >>> GROWTH_SHIFT),
      Math.min(2 * length, this.#smallChunks),
    );
    const count = Math.max(Math.ceil(end / AREA_CHUNK_BYTES), grown);
    if (count > JOURNAL_CHUNKS_MAX) {
      throw new LimitError(
        `Cannot commit: its records need an area of ${end} bytes, which is too long`,
      );
    }
    this.#addChunks(area, count - area.chunks.length, meta);
    this.#listChunks();
  }

  /**
   * Lists the chunks of both areas in the superblocks, once they are on the medium. Batches in new
   * chunks are durable with the next sync, as is the second copy.
   */
  #listChunks(): void {
    this.sync();
    this.#unsynced.clear();
    this.#superblock.extend({ open: true, journals: this.#listed });
  }

  /** The chunks that an area lacks to be that many chunks long, or as long as it can be. */
  chunksToGrow({ chunks }: JournalArea, chunksMin: number): number {
    return Math.max(0, Math.min(chunksMin, JOURNAL_CHUNKS_MAX) - chunks.length);
  }

  /**
   * Empties the next chunks behind the page count that a growth leaves inside the file, from one
   * on, of which there may be any number.
   *
   * @returns The chunk to go on with; -1 if none is left.
   * @throws {IoError} The disk is full.
   */
  emptyBehindEnd(from: ChunkNumber, meta: Meta): ChunkNumber {
    const end = this.#firstNew(meta);
    let chunk = Math.max(from, chunksOf(this.#committed.pageCount));
    const stop = Math.min(end, chunk + GROWTH_LOOKS);
    for (; chunk < stop; chunk++) this.#empty(chunk);
    return chunk < end ? chunk : -1;
  }

  /**
   * Claims empty header pages behind the end of the file, for a number of chunks, after the last
   * call of `emptyBehindEnd`. The page count does not cover them before `takeGrowth`.
   *
   * @returns The chunks.
   * @throws {IoError} The disk is full.
   */
  claimGrowth(count: number, meta: Meta): number[] {
    const first = this.#firstNew(meta);
    const added = Array.from({ length: count }, (_, i) => first + i);
    for (const chunk of added) this.#claimHeaderPage(chunk, emptyHeaderPage());
    return added;
  }

  /** The first chunk past every page that a crash may bring back. */
  #firstNew(meta: Meta): ChunkNumber {
    return chunksOf(Math.max(meta.pageCount, this.#pageCountMax));
  }

  /**
   * Lets the page count cover claimed chunks, once their header pages are on the medium. Returns
   * false if pages have taken them meanwhile.
   */
  takeGrowth(chunks: readonly number[], meta: Meta): boolean {
    const { pageCount } = this.#committed;
    if (chunksOf(Math.max(meta.pageCount, pageCount)) > Math.min(...chunks)) return false;
    meta.pageCount = (Math.max(...chunks) + 1) * CHUNK_PAGES;
    this.#committed.pageCount = this.#pageCountMax = meta.pageCount;
    return true;
  }

  /** The chunks of both areas once one of them has some more. */
  listGrowth(area: JournalArea, added: readonly number[]): [number[], number[]] {
    const [a, b] = this.chunks;
    return area === this.#areas[0] ? [[...a, ...added], b] : [a, [...b, ...added]];
  }

  /** Adds chunks at the end of the file to an area. The next superblock lists them. */
  #addChunks(area: JournalArea, count: number, meta: Meta): void {
    const first = this.#firstNew(meta);
    // Chunks of the open transaction must be readable after a rollback, and so must chunks that a
    // checkpoint has cut off or will cut off at its end.
    const end = chunksOf(this.#committed.pageCount);
    for (let chunk = end; chunk < first; chunk++) this.#empty(chunk);
    for (let chunk = first; chunk < first + count; chunk++) {
      this.#claimHeaderPage(chunk, journalHeaderPage(chunk, this.#seed));
    }
    meta.pageCount = (first + count) * CHUNK_PAGES;
    for (let chunk = first; chunk < first + count; chunk++) area.chunks.push(chunk);
    this.#committed.pageCount = meta.pageCount;
    this.#pageCountMax = meta.pageCount;
  }

  /**
   * Empties a chunk without pages in use. After a crash its old header page may be back, and replay
   * frees its pages. A header page that is empty already is not written, as no record repairs it.
   */
  #empty(chunk: ChunkNumber): void {
    const found = this.#found;
    this.#disk.read(new Uint8Array(found.buffer), 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    let at = 0;
    while (at < found.length && found[at] === EMPTY[at]) at++;
    if (at < found.length) this.#claimHeaderPage(chunk, emptyHeaderPage());
  }

  #claimHeaderPage(chunk: ChunkNumber, bytes: Uint8Array): void {
    this.#unsynced.add(chunk);
    this.#disk.claim(bytes, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
  }
}
