/**
 * The pager reads verified pages into frames, and takes changed pages back to the file.
 *
 * To read a page, call `at(page)`: it returns the place of the page, which it loads and verifies on
 * a miss. Header and bytes are in `frames[place >>> 8]`, slot `place & 255`. To change pages, call
 * `begin`, then `touch` or `allocate` before each change, then `commit`. Pages reach the file by a
 * checkpoint, or by eviction under pressure.
 *
 * Invariants:
 * 1. A page that `at` returns was verified after its load.
 * 2. A failed write or sync is final: nothing is written after it, and the file is not marked clean
 *    (`Disk`).
 * 3. Bytes at or past the page count are never read.
 *
 * It does not choose free pages, and does not know what a page means.
 */

import { type Cache, MISS } from "./cache/cache.ts";
import type { Loader } from "./cache/loader.ts";
import { Prefetches } from "./cache/prefetch.ts";
import { Flights } from "./commit_flights.ts";
import { Copies } from "./copy/copies.ts";
import type { Report, Scrub, ScrubOptions } from "./damage/scrub.ts";
import type { Disk } from "./file/disk.ts";
import type { File } from "./file/file.ts";
import { type Durability, Flusher } from "./flush/flusher.ts";
import type { PagerFlusher } from "./flush/pager_flusher.ts";
import type { Following } from "./follow/follower.ts";
import { assert } from "./format/assert.ts";
import { ClosedError, IoError } from "./format/errors.ts";
import { CHUNK_SHIFT, chunksOf, KIND_COUNT, SLOT_MASK } from "./format/format.ts";
import { Frame, POOL } from "./format/frame.ts";
import type { Meta } from "./format/meta.ts";
import type { Verifier } from "./format/page_check.ts";
import type { ChunkNumber, PageNumber, Place } from "./format/units.ts";
import { PagerInspection } from "./inspection.ts";
import { TransactionEnds, type TransactionListener } from "./journal/commit_hooks.ts";
import { Observers, type PageObserver } from "./observer.ts";
import { type Page, readPage } from "./page.ts";
import { makeParts, openState, type PagerParts } from "./pager_parts.ts";
import { checkSizes, JOURNAL_BYTES, type PagerOptions, TAIL_BYTES } from "./recovery/options.ts";
import type { RecoveryReport } from "./recovery/recovery.ts";
import { beginSharing, joinShare } from "./share/join_share.ts";
import type { ShareParts, SharingState } from "./share/share.ts";
import type { SharedFlusher } from "./share/shared_flusher.ts";
import type { Sharing } from "./share/sharing.ts";
import type { VersionPages } from "./share/version_pages.ts";
import { peekShare } from "./sidecar/peek.ts";
import type { PagerStats } from "./stats.ts";
import { Bypass } from "./transaction/bypass.ts";
import { Commit } from "./transaction/commit.ts";
import type { OpenTransaction } from "./transaction/open_transaction.ts";
import { Rollback } from "./transaction/rollback.ts";
import { type PageSnapshot, SnapshotOwner } from "./transaction/snapshot.ts";
import type { Kept } from "./transaction/snapshot_list.ts";
import { Writer } from "./transaction/writer.ts";

/** The verified pages of a file in frames, and the transactions that change them. */
export class Pager {
  /** All frames, by index: a place's frame is `frames[place >>> 8]`. */
  readonly frames: readonly Frame[];
  /** The facts about the whole file. Transactions change them, and a rollback restores them. */
  readonly meta: Meta;
  /** The prefetches of pages. */
  readonly prefetches: Prefetches;
  /** Whether the handle refuses transactions. */
  readonly readOnly: boolean;
  /** The path of the file; undefined for memory. */
  readonly path: string | undefined;
  /** The way of commits to the medium that does not block the thread. */
  readonly flights: Flights;
  /** The copies of the file that are being made. */
  readonly copies: Copies;
  /** Follows the file, if another process may write it and this one does not. */
  readonly follower: Following | undefined;
  /** Shares the file, if several processes may write it. */
  readonly sharing: Sharing | undefined;
  /** The report of the recovery that opened the file; undefined after a clean close. */
  readonly recovery: RecoveryReport | undefined;
  /** The slot of the header that the last `peek` returned. */
  peekedSlot = 0;
  /**
   * The count of rollbacks, and of moves to the state of another process. A cursor whose count
   * differs finds its path through pages again.
   */
  rollbacks = 0;

  readonly #parts: PagerParts;
  readonly #disk: Disk;
  readonly #cache: Cache;
  readonly #loader: Loader;
  readonly #snapshots: SnapshotOwner;
  readonly #open: OpenTransaction;
  readonly #writer: Writer;
  readonly #bypass: Bypass;
  readonly #commit: Commit;
  readonly #rollback: Rollback;
  readonly #ends = new TransactionEnds();
  readonly #peeked = new Frame(-1, POOL, 1);
  readonly #flusher: PagerFlusher | undefined;
  readonly #sharedFlusher: SharedFlusher | undefined;
  readonly #versionPages: VersionPages | undefined;
  readonly #observers = new Observers();
  /** The same object, or undefined while it has no observer. */
  #observer: PageObserver | undefined;
  #closed = false;
  /** Whether a close has begun that has not ended. */
  #isClosing = false;

  /**
   * Opens a pager on a locked file, and takes ownership of the file.
   *
   * @throws {CorruptionError} The file is not a Quire database, or is damaged.
   */
  constructor(file: File, options: PagerOptions = {}, share?: ShareParts) {
    const { journalBytes = JOURNAL_BYTES, tailBytes = TAIL_BYTES } = options;
    checkSizes(options);
    this.readOnly = options.readOnly === true || options.follow === true;
    this.path = file.path;
    const state = openState(file, options, share);
    const parts = makeParts(state, options, this.#ends);
    const { journal } = parts;
    this.#parts = parts;
    this.meta = parts.meta;
    this.frames = parts.frames;
    this.recovery = state.report;
    this.#disk = parts.disk;
    this.#cache = parts.cache;
    this.#loader = parts.loader;
    this.#open = parts.open;
    this.prefetches = new Prefetches(parts);
    // After a close on a full disk, recovery finds a journal without batches.
    const mayBeFull = state.report?.batches === 0;
    const bounds = { journalBytes, tailBytes, mayBeFull, begun: state.continued?.begun };
    const events = { moved: () => this.#moved(), flushed: () => this.sharing?.onFlushed?.() };
    const joined = share && joinShare(share, parts, bounds, events);
    this.#sharedFlusher = joined?.flusher;
    this.#flusher = this.#sharedFlusher ?? (journal && new Flusher({ ...parts, journal }, bounds));
    this.flights = new Flights(this, this.#disk, this.#flusher);
    const logged = { ...parts, log: this.#flusher };
    this.#writer = new Writer(parts);
    this.#bypass = new Bypass(logged);
    this.#commit = new Commit({ ...logged, bypass: this.#bypass });
    this.#rollback = new Rollback(parts);
    this.#snapshots = new SnapshotOwner(this, parts);
    this.#versionPages = joined?.versionPages;
    const owned = { ...parts, snapshots: this.#snapshots, versionPages: this.#versionPages };
    this.copies = new Copies(owned);
    state.follower?.attach(owned);
    this.follower = state.follower;
    const changing = { ...owned, writer: this.#writer, bypass: this.#bypass };
    this.sharing = joined && beginSharing(joined, changing);
  }

  /** Who shares the file; undefined if nobody does, or this handle cannot tell. */
  sharingState(): SharingState | undefined {
    if (this.sharing !== undefined) return this.sharing.state();
    if (this.follower === undefined || this.path === undefined) return undefined;
    const participants = peekShare(this.path);
    return participants && { participants, indexBytes: this.follower.indexBytes };
  }

  /** Another process has moved the file to another state. */
  #moved(): void {
    this.rollbacks++;
    this.copies.makeRoom();
    this.sharing?.onMoved?.();
  }

  /**
   * Marks the file open, and creates its journal, for the processes that will share it. The pager
   * is of no use from the call on, and does not close its file.
   */
  handOver(): void {
    this.#flusher?.begin(this.meta);
    this.#closed = true;
    this.#cache.close();
  }

  /** Registers the check of the structure of pages of a kind, which runs once per load. */
  register(kind: number, verifier: Verifier): void {
    assert(kind > 0 && kind < KIND_COUNT, "a verifier is for a kind of the format");
    this.#loader.verifiers[kind] = verifier;
  }

  /** Registers the listener that follows commits, rollbacks and snapshots. */
  listen(listener: TransactionListener): void {
    assert(this.#ends.listener === undefined, "one listener follows transactions");
    this.#ends.listener = listener;
  }

  /**
   * The place of a page. It stays valid for the next 64 misses, or until the end of the transaction
   * that touches it.
   *
   * @throws {CorruptionError} The page is not in use, or does not match its header.
   * @throws {IoError} The page cannot be read.
   */
  at(page: PageNumber): Place {
    // A header page may be in memory, but is not a page of data; `load` throws.
    const place = (page & SLOT_MASK) === 0 ? MISS : this.#cache.lookup(page);
    if (this.#observer !== undefined) this.#observer.asked(page, place >= 0);
    return place >= 0 ? place : this.#loader.load(page);
  }

  /**
   * The frame with the header of a page, in slot `peekedSlot`; the page itself is not loaded. Valid
   * until the next call.
   */
  peek(page: PageNumber): Frame {
    const place = this.#loader.peek(page, this.#peeked);
    this.peekedSlot = place < 0 ? 0 : place & SLOT_MASK;
    return place < 0 ? this.#peeked : this.frames[place >>> CHUNK_SHIFT]!;
  }

  /**
   * A page and its header as one unit; for a run, all its pages.
   *
   * The bytes are a view of the frame when they are side by side in it, valid as long as the place
   * from `at`, and a copy otherwise. Change them only after `touch`.
   *
   * @throws {RangeError} The page is inside a run, after its first page.
   */
  getPage(page: PageNumber): Page {
    this.#checkUsable();
    return readPage(this, page);
  }

  /**
   * Begins a transaction, or a savepoint in the open one.
   *
   * @throws {IoError} An earlier write failed.
   */
  begin(): void {
    this.#checkUsable();
    if (this.follower !== undefined) {
      throw new TypeError("Cannot write: the database was opened to follow it");
    }
    if (this.readOnly) throw new TypeError("Cannot write: the database was opened read-only");
    this.#disk.checkWritable();
    if (this.depth === 0) {
      this.copies.makeRoom();
      this.#flusher?.beforeTransaction();
    }
    this.#open.begin();
  }

  /**
   * Ends the innermost savepoint, or the transaction, and keeps its changes.
   *
   * @throws {IoError} The disk is full, or a write failed. The transaction is open: roll it back.
   */
  commit(): void {
    try {
      this.#commit.run();
    } catch (error) {
      this.#flusher?.noteFailure(error);
      throw error;
    }
    this.#shrinkCache();
    this.#cache.reserve(chunksOf(this.meta.pageCount));
    this.#snapshots.endClosed();
    this.#snapshots.register();
  }

  /** Ends the innermost savepoint, or the transaction, and undoes its changes. */
  rollback(): void {
    this.rollbacks++;
    this.#rollback.run();
    this.#shrinkCache();
    this.#flusher?.afterRollback(this.meta);
    this.#snapshots.endClosed();
    if (this.depth === 0) this.#sharedFlusher?.endUnusedHold();
  }

  /** Releases the memory that only the transaction needed. */
  #shrinkCache(): void {
    if (this.depth > 0) return;
    try {
      this.#cache.trim();
    } catch (error) {
      // The commit is complete. The disk has latched, and the next writer gets the error.
      if (!(error instanceof IoError)) throw error;
    }
  }

  /** The write or sync that failed, or undefined. After one, nothing is written. */
  get failure(): IoError | undefined {
    return this.#disk.failure;
  }

  /** Whether the pager is closed. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether the disk may have no room for pages that are not in the file. For the allocator. */
  get mayBeFull(): boolean {
    return this.#flusher?.mayBeFull ?? false;
  }

  /** Whether the bytes of a free page are in the file, as far as is known. For the allocator. */
  isClaimed(page: PageNumber): boolean {
    return this.#parts.claimed.has(page);
  }

  /** The count of open savepoints, including the transaction. */
  get depth(): number {
    return this.#open.depth;
  }

  /** The number of changes of the open transaction; a rollback restores it. For the allocator. */
  get changes(): number {
    return this.#open.undo.length;
  }

  /** Must be called before a page or its header changes. */
  touch(place: Place): void {
    this.#writer.touch(place);
  }

  /**
   * Must be called, instead of `touch`, before the bytes of one or two parts of a page, and fields
   * of its header, change; see `Writer.touchParts`. It costs less than `touch` when the transaction
   * changes nothing else of the page.
   */
  touchParts(
    place: Place,
    start: number,
    end: number,
    secondStart?: number,
    secondEnd?: number,
  ): void {
    this.#writer.touchParts(place, start, end, secondStart, secondEnd);
  }

  /** Writes bytes over part of a page, from an offset on; the page needs no touch before. */
  overwrite(place: Place, offset: number, bytes: Uint8Array): void {
    this.#writer.overwrite(place, offset, bytes);
  }

  /**
   * Writes new pages of an open transaction that needs memory, if they are many. Places become
   * invalid, and the caller touches a page again before it changes the page again.
   *
   * @throws {IoError} The system refused. Roll back.
   */
  relieve(): void {
    try {
      this.#bypass.relieve();
    } catch (error) {
      this.#flusher?.noteFailure(error);
      throw error;
    }
  }

  /**
   * Writes the new pages of an open transaction that fills a tree, if they are many, and drops them
   * from memory. Places become invalid, as by `relieve`.
   *
   * @throws {IoError} The system refused. Roll back.
   */
  stream(): void {
    try {
      this.#bypass.stream();
    } catch (error) {
      this.#flusher?.noteFailure(error);
      throw error;
    }
  }

  /**
   * Writes the new pages of an open transaction past the journal, however few, unless that would
   * wait for a flight. Places become invalid, as by `relieve`.
   *
   * @throws {IoError} The system refused. Roll back.
   */
  writeNewPages(): void {
    try {
      this.#bypass.writeNow();
    } catch (error) {
      this.#flusher?.noteFailure(error);
      throw error;
    }
  }

  /** Takes free pages into use; see `Writer.allocate`. For the allocator. */
  allocate(page: PageNumber, span: number, kind: number, tree: number): number {
    return this.#writer.allocate(page, span, kind, tree);
  }

  /** Releases pages in use; see `Writer.release`. For the allocator. */
  release(page: PageNumber, span: number): void {
    this.#writer.release(page, span);
  }

  /** The place of a chunk's header page, checked whole. For the allocator. */
  headerPage(chunk: ChunkNumber): Place {
    return this.#loader.headerPage(chunk);
  }

  /**
   * The place of a chunk's header page if it is in memory and checked, else -1. It reads no file.
   * For the allocator.
   */
  lookupHeaderPage(chunk: ChunkNumber): number {
    return this.#cache.lookup(chunk << CHUNK_SHIFT >>> 0);
  }

  /**
   * Copies a chunk's header page to slot 0 of a frame, without loading its pages.
   *
   * @throws {CorruptionError} A header of the chunk breaks a rule.
   */
  copyHeaderPage(chunk: ChunkNumber, into: Frame): void {
    this.#checkUsable();
    this.#loader.copyHeaderPage(chunk, into);
  }

  /** Reads the whole file a chunk at a time, and reports each broken rule; see `Scrub`. */
  scrub(report: Report, options?: ScrubOptions): Scrub {
    this.#checkUsable();
    return this.inspection().scrub(report, options);
  }

  /**
   * Takes all commits to a level of durability, and advances a checkpoint that is due. Between
   * transactions only.
   *
   * @param waits Whether the caller takes slices of the checkpoint while `isOverdue`, before the
   * next transaction begins; if not, an overdue checkpoint ends here.
   * @throws {IoError} The system refused. Whether the commits last is unknown, and the handle
   * latches.
   */
  flush(level: Durability, waits = false): void {
    this.#checkBetween();
    this.#flusher?.flush(level, waits);
  }

  /** The bytes of records of commits that wait in memory for a flush. */
  get pendingBytes(): number {
    return this.#flusher?.pending.length ?? 0;
  }

  /** Whether the journal is full before a checkpoint has begun, or before the running one ended. */
  get isOverdue(): boolean {
    return !this.#closed && this.failure === undefined && (this.#flusher?.isOverdue ?? false);
  }

  /** A snapshot of the last commit; the caller closes it. Between transactions only. */
  snapshot(): PageSnapshot {
    this.#checkUsable();
    assert(this.depth === 0, "a snapshot is taken between transactions");
    // The records of a batch have one version, so a snapshot is never of one inside it.
    if (this.pendingBytes > 0) this.#sharedFlusher?.endHold();
    return this.#snapshots.take();
  }

  /**
   * Keeps an item that the last commit replaced while a live snapshot sees it; see
   * `SnapshotList.keep`. For the allocator.
   */
  keepWhileSeen(kept: Kept): boolean {
    // Other processes use a page that was given back, whatever this one keeps: it has copied it.
    return this.#sharedFlusher === undefined && this.#parts.snapshots.keep(kept);
  }

  /** The last version that is on the medium. */
  get durableVersion(): number {
    return this.#flusher?.durableVersion ?? this.meta.version;
  }

  /**
   * Moves everything committed to the pages of the file, so that the journal can be used again.
   *
   * @throws {IoError} The system refused, and the handle latches.
   */
  checkpoint(): void {
    this.#checkBetween();
    this.#flusher?.checkpoint();
  }

  /**
   * Takes a checkpoint, and creates the journal anew behind the last page in use, so that the
   * chunks before that can be used; whether it did. Not while a snapshot is open, nor on a full
   * disk.
   *
   * @throws {IoError} The system refused, and the handle latches.
   */
  moveJournalToEnd(): boolean {
    this.#checkBetween();
    return this.#flusher?.moveJournalToEnd() ?? false;
  }

  /**
   * Advances the checkpoint by one slice, and begins one if none is running; whether work remains.
   *
   * @throws {IoError} The system refused, and the handle latches.
   */
  checkpointSlice(): boolean {
    this.#checkBetween();
    return this.#flusher?.checkpointSlice() ?? false;
  }

  /** Whether a tail of the file, behind its last page, is left to `cutTail`. */
  get hasTail(): boolean {
    return this.#flusher?.hasTail ?? false;
  }

  /**
   * Cuts off a piece of the tail that a checkpoint, or a move of the journal, has left. Flushes and
   * landings do so too.
   *
   * @throws {IoError} The system refused, and the handle latches.
   */
  cutTail(): void {
    this.#checkBetween();
    this.#flusher?.cutTail();
  }

  /**
   * Writes everything, marks the file clean and closes it. An open transaction rolls back. After a
   * failed write the file closes as it is, and recovers at the next opening.
   *
   * @throws {IoError} The system refused.
   */
  close(): void {
    if (this.#closed && !this.#isClosing) return;
    this.#beginClose();
    try {
      // A share gives its locks up, also after a failure.
      if (this.#sharedFlusher === undefined) this.#disk.checkWritable();
      if (!this.readOnly) this.#flusher?.close();
    } finally {
      this.#endClose();
    }
  }

  /**
   * Closes as `close` does, by syncs off the thread. The pager is of no use from the call on;
   * `close` meanwhile ends it in line.
   *
   * @throws {IoError} Later, in the promise: the system refused.
   */
  async closeLater(): Promise<void> {
    if (this.#closed) return;
    this.#beginClose();
    try {
      if (this.#sharedFlusher === undefined) this.#disk.checkWritable();
      if (!this.readOnly) await this.#flusher?.closeLater();
    } finally {
      if (this.#isClosing) this.#endClose();
    }
  }

  #beginClose(): void {
    this.#closed = this.#isClosing = true;
    while (this.depth > 0) this.rollback();
    this.#parts.versions.close();
  }

  #endClose(): void {
    this.#isClosing = false;
    try {
      this.#disk.close();
    } finally {
      this.#cache.close();
    }
  }

  /** Reports each page that `at` looks up to an observer; returns a function that ends this. */
  observe(observer: PageObserver): () => void {
    const turn = (on: boolean) => {
      if (on) this.#observers.add(observer);
      else this.#observers.delete(observer);
      this.#observer = this.#observers.isEmpty ? undefined : this.#observers;
    };
    turn(true);
    return () => turn(false);
  }

  /** An inspection of the pager, which changes nothing. */
  inspection(): PagerInspection {
    return new PagerInspection(this.#parts, this.#flusher, this.#versionPages);
  }

  /** Whether recovery has left pages in the journal, which a checkpoint or their use replays. */
  get hasDeferred(): boolean {
    return (this.#parts.writeback.deferred?.count ?? 0) > 0;
  }

  /** The size of the file on disk, in bytes. */
  fileBytes(): number {
    return this.#disk.size();
  }

  /** The figures of the pager. */
  stats(): PagerStats {
    return this.inspection().stats();
  }

  #checkBetween(): void {
    this.#checkUsable();
    assert(this.depth === 0, "commits go to the medium between transactions");
    this.#disk.checkWritable();
  }

  #checkUsable(): void {
    if (this.#closed) throw new ClosedError("Cannot use the database: it is closed");
  }
}
