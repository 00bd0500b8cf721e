/**
 * The location of the journal in the file. Its areas grow at the end of the file, so pages are put
 * behind them, and the areas then keep their size, and the end of the file, while there is no need.
 *
 * So the journal is renewed when it is empty and enough chunks can be saved: both areas are given
 * back as at a clean close, the free tail is cut, and new, small areas are created behind the last
 * page in use. Between the two steps the file is clean, and has no journal.
 *
 * While commits go on without a pause, an area that was much larger than it needs to be, for one
 * large transaction, gives back its spare chunks.
 *
 * A journal that is never empty moves one area at a time, while commits go on: the superblock that
 * ends a checkpoint lists a chunk behind the data instead of the area that the checkpoint frees.
 * From the beginning of the checkpoint to its end no page takes that chunk, or a chunk of the area.
 * Until the superblocks list the chunk, its header page remains as it is; recovery writes the
 * header pages of all chunks that they list.
 *
 * Invariants:
 * 1. A chunk that is given back is free only once superblocks that do not list it are synced, and
 *    its empty header page before them.
 * 2. No checkpoint and no eviction writes to a chunk of the journal.
 * 3. The journal is renewed, or moved, only while no snapshot may see free pages, and never on a
 *    disk that is nearly full, where other users could take the room of the new areas.
 */

import { emptyHeaderPage, type JournalArea, journalHeaderPage } from "../batch/journal_area.ts";
import type { Loader } from "../cache/loader.ts";
import type { Writeback } from "../cache/writeback.ts";
import { type Disk, isFull } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { seedOf } from "../format/checksum.ts";
import { CHUNK_BYTES, CHUNK_PAGES, chunksOf, endOfChunks, PAGE_BYTES } from "../format/format.ts";
import type { Meta } from "../format/meta.ts";
import type { Superblock } from "../format/superblock.ts";
import type { ChunkNumber } from "../format/units.ts";
import type { ClaimedPages } from "../journal/claimed_pages.ts";
import type { TransactionListener } from "../journal/commit_hooks.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import type { Journal } from "../journal/journal.ts";
import { PAUSE, type Steps } from "../journal/synced_steps.ts";
import { type FileEnd, LOOKS_MAX } from "./file_end.ts";

/** The chunks of a new journal: one for each area. */
const NEW_CHUNKS = 2;

/** The location of the journal in the file. */
export class JournalLocation {
  readonly #disk: Disk;
  readonly #meta: Meta;
  readonly #superblock: CurrentSuperblock;
  readonly #journal: Journal;
  readonly #loader: Loader;
  readonly #writeback: Writeback;
  readonly #fileEnd: FileEnd;
  readonly #claimed: ClaimedPages;
  readonly #unsynced: UnsyncedChunks;
  readonly #listener: TransactionListener;
  /** The chunk that an area moves to, and the chunks that it leaves. */
  #move: { readonly to: ChunkNumber; readonly from: readonly ChunkNumber[] } | undefined;
  /** The chunks by which an area becomes longer or shorter. */
  #changing: readonly ChunkNumber[] = [];
  /** Whether chunks were given back since the end of the file was moved back. */
  #mayMoveEnd = false;
  /** The lowest chunk that the journal gave back since the last transaction began. */
  #lowestFreed = Infinity;
  /** Whether the chunks that it leaves have empty header pages in the file. */
  #hasLeft = false;

  /**
   * The location of the journal of an open file.
   *
   * @param parts The file, its meta, superblock, journal, header pages, dirty pages and end; the
   * pages that have their bytes in the file, and the chunks without a sync; and the listener that
   * learns which chunks the journal takes and gives back.
   */
  constructor(
    parts: {
      disk: Disk;
      meta: Meta;
      superblock: CurrentSuperblock;
      journal: Journal;
      loader: Loader;
      writeback: Writeback;
      fileEnd: FileEnd;
      claimed: ClaimedPages;
      unsynced: UnsyncedChunks;
      listener: TransactionListener;
    },
  ) {
    this.#disk = parts.disk;
    this.#meta = parts.meta;
    this.#superblock = parts.superblock;
    this.#journal = parts.journal;
    this.#loader = parts.loader;
    this.#writeback = parts.writeback;
    this.#fileEnd = parts.fileEnd;
    this.#claimed = parts.claimed;
    this.#unsynced = parts.unsynced;
    this.#listener = parts.listener;
  }

  /** The lowest page count that leaves both areas inside the file. */
  get pageCountMin(): number {
    return endOfChunks(this.#journal.chunks.flat());
  }

  /**
   * Creates both areas at the end of the file, and lists them in the superblocks.
   *
   * @throws {IoError} The disk is full: the file has no journal.
   */
  *create(meta: Meta): Steps {
    try {
      this.#journal.prepare(meta);
    } catch (error) {
      // No superblock lists the claimed chunks; their room goes back to the disk.
      if (isFull(error)) this.#fileEnd.cutAt(this.#superblock.fields.pageCount);
      throw error;
    }
    this.show();
    yield;
    yield* this.#replaceSuperblock({ open: true, journals: this.#journal.chunks });
  }

  /** Replaces fields of the superblock in both copies, once all before is on the medium. */
  *#replaceSuperblock(changes: Partial<Superblock>): Steps {
    this.#unsynced.clear();
    this.#superblock.writeFirstCopy(changes);
    yield;
    this.#superblock.writeSecondCopy();
    yield;
    this.#superblock.endSteps();
  }

  /** A rollback or a cut of the tail may have left other header pages of new chunks in memory. */
  show(): void {
    const seed = seedOf(this.#superblock.fields.databaseId);
    for (const chunk of this.#journal.chunks.flat()) {
      this.#replaceHeaderPage(chunk, journalHeaderPage(chunk, seed));
    }
  }

  /**
   * The chunks that the file saves at most when its journal is renewed: those behind the new areas,
   * and those before them, which pages can use.
   *
   * @throws {CorruptionError} A header page breaks a rule.
   */
  savedByRenewal(): number {
    const { inside, dataChunks } = this.#layout();
    return chunksOf(this.#meta.pageCount) + inside - dataChunks - NEW_CHUNKS;
  }

  /**
   * Whether the areas are as a renewal would create them.
   *
   * @throws {CorruptionError} A header page breaks a rule.
   */
  isBehindData(): boolean {
    const { inside, dataChunks } = this.#layout();
    return inside === 0 && chunksOf(this.#meta.pageCount) === dataChunks + NEW_CHUNKS;
  }

  /**
   * Gives an area more chunks, while commits go on. Nothing is written to the new chunks until
   * superblocks list them; recovery writes the header pages of all chunks that they list. If pages
   * take the chunks before their header pages are on the medium, the area stays as it is. A step
   * looks at few chunks that it leaves before them.
   *
   * @param chunksMin The chunks that the area has then, at least.
   */
  *grow(area: JournalArea, chunksMin: number): Steps {
    const { areas } = this.#journal;
    if (areas.chunksToGrow(area, chunksMin) === 0) return;
    for (let chunk = 0; (chunk = areas.emptyBehindEnd(chunk, this.#meta)) >= 0;) yield PAUSE;
    const added = areas.claimGrowth(areas.chunksToGrow(area, chunksMin), this.#meta);
    yield;
    if (!areas.takeGrowth(added, this.#meta)) return;
    this.#changing = added;
    for (const chunk of added) this.#listener.chunkReserved(chunk);
    const journals = areas.listGrowth(area, added);
    this.#superblock.writeFirstCopy({ open: true, journals });
    yield;
    this.#superblock.writeSecondCopy();
    yield;
    this.#superblock.endSteps();
    area.chunks.push(...added);
    this.#changing = [];
    const seed = seedOf(this.#superblock.fields.databaseId);
    for (const chunk of added) {
      this.#writeHeaderPage(chunk, journalHeaderPage(chunk, seed));
      this.#replaceHeaderPage(chunk, journalHeaderPage(chunk, seed));
    }
  }

  /** Whether an area is moving. */
  get hasMove(): boolean {
    return this.#move !== undefined;
  }

  /** Whether a chunk is being taken or given back. */
  isMoving(chunk: ChunkNumber): boolean {
    if (this.#changing.includes(chunk) || this.#move?.to === chunk) return true;
    return this.#move?.from.includes(chunk) ?? false;
  }

  /**
   * Prepares to move the area that the checkpoint which begins will free. Everything written is
   * confirmed: no state that a crash brings back has a page in the chunk that it moves to.
   *
   * @param to What `firstFreeChunk` returned when the checkpoint was prepared.
   */
  beginMove(to: ChunkNumber): void {
    const area = this.#journal.otherArea;
    if (!this.#journal.areas.beginMove(area, to)) return;
    this.#move = { to, from: [...area.chunks] };
    this.#hasLeft = false;
    for (const chunk of [to, ...area.chunks]) this.#listener.chunkReserved(chunk);
  }

  /**
   * The first chunk behind the data, and behind the pages that pending commits have freed, that the
   * journal does not have; or -1.
   *
   * @throws {CorruptionError} A header page breaks a rule.
   */
  firstFreeChunk(): number {
    const journal = new Set(this.#journal.chunks.flat());
    const end = chunksOf(this.#meta.pageCount);
    const freedEnd = this.#journal.pending.freedEnd / CHUNK_PAGES;
    const first = Math.max(this.#layout().dataChunks, Math.ceil(freedEnd));
    for (let chunk = first; chunk < end; chunk++) {
      if (!journal.has(chunk)) return chunk;
    }
    return -1;
  }

  /** Empties the header pages of the chunks that the area leaves; a sync has to follow. */
  leaveChunks(): void {
    if (this.#move === undefined || this.#hasLeft) return;
    this.#hasLeft = true;
    for (const chunk of this.#move.from) this.#writeHeaderPage(chunk, emptyHeaderPage());
  }

  /** The fields of the superblock that ends the checkpoint. */
  listMove(meta: Meta): Partial<Superblock> {
    if (this.#move === undefined) return {};
    const allocatorHint = Math.min(meta.allocatorHint, ...this.#move.from);
    return { allocatorHint, journals: this.#journal.areas.listMove() };
  }

  /** Ends a move, once both superblocks list the chunk. */
  endMove(): void {
    if (this.#move === undefined) return;
    const { to, from } = this.#move;
    this.#move = undefined;
    this.#journal.areas.endMove();
    const header = journalHeaderPage(to, seedOf(this.#superblock.fields.databaseId));
    this.#writeHeaderPage(to, header);
    this.#replaceHeaderPage(to, header);
    this.#lowerHint(from);
    for (const chunk of from) this.#freeChunk(chunk);
    this.#mayMoveEnd = true;
  }

  /**
   * Moves the page count back past chunks that were given back, between transactions, while none is
   * taken or given back; whether it moved. Batches since the last checkpoint began do not count
   * these chunks.
   */
  moveEndBack(): boolean {
    if (!this.#mayMoveEnd) return false;
    this.#mayMoveEnd = false;
    const least = Math.max(this.pageCountMin, this.#superblock.fields.pageCount);
    if (!this.#fileEnd.moveBack(least)) return false;
    this.#journal.moveEndBack(this.#meta.pageCount);
    return true;
  }

  /** Notes that a transaction begins, whose rollback restores the meta of now. */
  noteBegin(): void {
    this.#lowestFreed = Infinity;
  }

  /** Adds to a meta that a rollback restored the chunks that were taken or given back since. */
  adjustRestored(meta: Meta): void {
    meta.pageCount = Math.max(meta.pageCount, this.pageCountMin);
    meta.allocatorHint = Math.min(meta.allocatorHint, this.#lowestFreed);
  }

  /** The chunks up to the last page in use outside the journal, and its own among them. */
  #layout(): { inside: number; dataChunks: number } {
    const journal = new Set(this.#journal.chunks.flat());
    const dataChunks = chunksOf(this.#fileEnd.pageCountWithout(journal, LOOKS_MAX));
    return { inside: [...journal].filter((chunk) => chunk < dataChunks).length, dataChunks };
  }

  /**
   * Creates the journal anew: its areas are given back, and others created behind the data. Before
   * that the tail is cut off, so that the file ends with the first bytes of the new areas; where a
   * caller waits, what is left of it stays.
   *
   * @throws {IoError} The disk is full: the file is clean, and has no journal.
   */
  *renew(): Steps {
    yield* this.giveBack(LOOKS_MAX);
    this.#fileEnd.leaveTail();
    while (this.#fileEnd.hasTail && !(yield PAUSE)) this.#fileEnd.cutPiece();
    const { pageCount } = this.#meta;
    try {
      yield* this.create(this.#meta);
    } catch (error) {
      this.#meta.pageCount = pageCount;
      throw error;
    }
  }

  /**
   * Gives both areas back, and marks the file clean; the caller cuts the free tail off. The journal
   * is empty.
   *
   * @param looksMax The most chunks at the end of the file to look at.
   * @throws {CorruptionError} A header page breaks a rule, and nothing has changed.
   */
  *giveBack(looksMax: number): Steps {
    const chunks = this.#journal.chunks.flat();
    this.#fileEnd.moveTo(this.#fileEnd.pageCountWithout(new Set(chunks), looksMax));
    this.#meta.allocatorHint = Math.min(this.#meta.allocatorHint, ...chunks);
    this.#journal.giveBack(this.#meta);
    for (const chunk of chunks) this.#empty(chunk);
    this.#fileEnd.extend();
    yield;
    yield* this.#replaceSuperblock({
      ...this.#meta,
      open: false,
      journals: [[], []],
      // The batch that confirmed the last checkpoint is not a batch of the next journal.
      replaySequence: this.#journal.sequence,
    });
  }

  /**
   * Gives back the last chunks of the area that is not current, while commits go on. No checkpoint
   * runs, so no recovery needs it. No page takes a chunk while a superblock lists it.
   *
   * @param kept The chunks that the area keeps.
   */
  *giveBackSpare(kept: number): Steps {
    const chunks = this.#journal.otherArea.cutTo(kept);
    const allocatorHint = Math.min(this.#meta.allocatorHint, ...chunks);
    this.#changing = chunks;
    for (const chunk of chunks) {
      this.#listener.chunkReserved(chunk);
      this.#writeHeaderPage(chunk, emptyHeaderPage());
    }
    yield;
    this.#superblock.writeFirstCopy({ journals: this.#journal.chunks, allocatorHint });
    yield;
    this.#superblock.writeSecondCopy();
    yield;
    this.#superblock.endSteps();
    this.#changing = [];
    this.#lowerHint(chunks);
    for (const chunk of chunks) this.#freeChunk(chunk);
    this.#mayMoveEnd = true;
  }

  /**
   * Lowers the hint to chunks that were given back, also that of the commits that are written: a
   * checkpoint may begin at one of them, and cut those chunks off.
   */
  #lowerHint(chunks: readonly ChunkNumber[]): void {
    this.#meta.allocatorHint = Math.min(this.#meta.allocatorHint, ...chunks);
    this.#journal.lowerHint(this.#meta.allocatorHint);
  }

  #empty(chunk: ChunkNumber): void {
    this.#writeHeaderPage(chunk, emptyHeaderPage());
    this.#freeChunk(chunk);
  }

  #writeHeaderPage(chunk: ChunkNumber, bytes: Uint8Array): void {
    this.#unsynced.add(chunk);
    this.#disk.write(bytes, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
  }

  /** Lets pages take a chunk whose header page in the file is empty. */
  #freeChunk(chunk: ChunkNumber): void {
    this.#replaceHeaderPage(chunk, emptyHeaderPage());
    this.#lowestFreed = Math.min(this.#lowestFreed, chunk);
    // Its first page in use must not have it written again before the journal can repair it.
    this.#claimed.add(chunk * CHUNK_PAGES);
  }

  #replaceHeaderPage(chunk: ChunkNumber, bytes: Uint8Array): void {
    // No page takes a chunk that the area leaves before the end of its move.
    if (this.isMoving(chunk)) return;
    this.#loader.replaceHeaderPage(chunk, bytes);
    this.#writeback.forget(chunk);
    this.#listener.chunkChanged(chunk);
  }
}
