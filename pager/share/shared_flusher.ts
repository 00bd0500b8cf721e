/**
 * Takes commits to the medium in a file that several processes write, in place of `Flusher`.
 *
 * The first transaction of a group takes the write lock and reads on to the end of the journal.
 * `flush` writes the group as one batch, waits for the medium, adds the batch to the records that
 * every process follows, names it in the commit word, and takes at most one step of a checkpoint.
 * Every level of durability is that of `sync`.
 *
 * The lock is kept until the end of the turn of the event loop, for more commits, while nobody
 * waits for it, and for a bounded time whoever waits (`HoldPolicy`). The last commit of a hold for
 * which others wait gives it up before the wait for the medium, so that the syncs of several
 * processes overlap, unless a step of a checkpoint is due.
 *
 * Areas grow, and neither move nor shrink; the file is not cut. The last process to close does
 * that.
 */

import { setImmediate } from "node:timers";
import { FREED, type LogBuffer, LogReader } from "../batch/log_record.ts";
import type { Cache } from "../cache/cache.ts";
import type { Loader } from "../cache/loader.ts";
import type { Writeback } from "../cache/writeback.ts";
import type { Disk } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import type { Durability } from "../flush/flusher.ts";
import type { PagerFlusher } from "../flush/pager_flusher.ts";
import type { Group } from "../follow/batch_reader.ts";
import type { ChangedPages } from "../follow/changed_pages.ts";
import { Takeover } from "../follow/takeover.ts";
import { assert } from "../format/assert.ts";
import { IoError } from "../format/errors.ts";
import { CHUNK_SHIFT, chunksOf } from "../format/format.ts";
import type { Meta } from "../format/meta.ts";
import type { ChunkNumber, Version } from "../format/units.ts";
import type { ClaimedPages } from "../journal/claimed_pages.ts";
import type { TapHolder, TransactionListener } from "../journal/commit_hooks.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import type { Flight, Journal } from "../journal/journal.ts";
import type { CheckpointState, JournalFigures, JournalState } from "../journal/journal_state.ts";
import { HoldPolicy } from "../sidecar/hold_policy.ts";
import type { OpenTransaction } from "../transaction/open_transaction.ts";
import type { VersionStore } from "../transaction/version_store.ts";
import type { Share, ShareFollower } from "./share.ts";
import { SharedCheckpoint } from "./shared_checkpoint.ts";

/** The longest batch of which the records are copied rather than read again. */
const OWN_BYTES_MAX = 1024 * 1024;

/** The parts of a pager that a shared flusher drives. */
export interface SharedFlusherParts {
  readonly disk: Disk;
  readonly open: OpenTransaction;
  readonly meta: Meta;
  readonly cache: Cache;
  readonly loader: Loader;
  readonly superblock: CurrentSuperblock;
  readonly journal: Journal;
  readonly writeback: Writeback;
  readonly claimed: ClaimedPages;
  readonly unsynced: UnsyncedChunks;
  readonly versions: VersionStore;
  readonly listener: TransactionListener;
  readonly taps: TapHolder;
}

/** What a shared flusher tells. */
export interface SharedFlusherEvents {
  /** The state may be another than before. */
  moved(): void;
  /** The commits of this handle are on the medium, and the lock is given up. */
  flushed(): void;
}

/** Takes commits to the medium in a file that several processes write. */
export class SharedFlusher implements PagerFlusher, ShareFollower {
  readonly #share: Share;
  readonly #parts: SharedFlusherParts;
  readonly #takeover: Takeover;
  readonly #reader = new LogReader();
  readonly #events: SharedFlusherEvents;
  readonly #hold: HoldPolicy;
  readonly #checkpoint: SharedCheckpoint;
  /** The chunks of the journal. */
  #chunks: number[] = [];
  #isClosed = false;
  /** Whether the lock is given up at the end of this turn. */
  #isKept = false;
  /** Whether it was kept, and no transaction has begun since. */
  #isBetweenGroups = false;

  /**
   * Creates the flusher.
   *
   * @param share The share in the file.
   * @param parts The parts of the pager.
   * @param bounds `journalBytes` = the bytes of an area from which on a checkpoint passes the pins.
   * @param events Is told what happens.
   */
  constructor(
    share: Share,
    parts: SharedFlusherParts,
    bounds: { readonly journalBytes: number },
    events: SharedFlusherEvents,
  ) {
    this.#share = share;
    this.#parts = parts;
    this.#takeover = new Takeover({ ...parts, index: share.parts.index });
    this.#checkpoint = new SharedCheckpoint(share, parts, bounds.journalBytes);
    this.#events = events;
    this.#hold = new HoldPolicy(share.parts.lock);
    parts.writeback.mayPlace = false;
    share.attach(this);
  }

  /** Collects the pages that others change from now on, or none any more. */
  collect(into: ChangedPages | undefined): void {
    this.#takeover.collector = into;
  }

  /** The records of commits that are not written yet. */
  get pending(): LogBuffer {
    return this.#parts.journal.pending;
  }

  /** The last version that is on the medium. */
  get durableVersion(): Version {
    return this.#share.position.durableVersion;
  }

  /** The oldest version that a snapshot of this handle reads; Infinity without one. */
  get oldestSnapshot(): Version {
    return this.#parts.versions.snapshots.oldest?.version ?? Infinity;
  }

  /** Takes over transactions that another process has committed after a version. */
  take(groups: readonly Group[], before: Version): void {
    const { tap } = this.#parts.taps;
    let version = before;
    for (const group of groups) {
      this.#takeover.take(group);
      tap?.takenOver(version, group.meta, group.bytes);
      version = group.meta.version;
    }
    this.#takeover.end();
    this.#follow(groups);
  }

  /** Forgets all pages in memory, and takes over a state that was loaded anew. */
  beginAnew(groups: readonly Group[]): void {
    const { index } = this.#share.parts;
    const { writeback, versions } = this.#parts;
    this.#parts.taps.tap?.missed();
    writeback.forgetDirty();
    for (const group of groups) index.add(group, () => {});
    versions.snapshots.endBefore(Infinity);
    this.#takeover.beginAnew(this.#share.position.meta);
    this.#follow(groups);
  }

  /** The superblock is another: its areas may have more chunks. */
  superblockChanged(): void {
    const { superblock, journal, loader, listener } = this.#parts;
    const { position } = this.#share;
    const before = new Set(this.#chunks);
    if (superblock.fields !== position.superblock) superblock.adopt(position.superblock);
    journal.areas.adopt();
    this.#coverAreas();
    this.#chunks = journal.chunks.flat();
    for (const chunk of this.#chunks) {
      if (before.has(chunk)) continue;
      // Memory may have the header page of a transaction that rolled back.
      loader.forgetHeaderPage(chunk);
      listener.chunkChanged(chunk);
    }
  }

  /** A writer that died may have made an area longer, and written no batch with its page count. */
  #coverAreas(): void {
    const { meta, claimed, cache } = this.#parts;
    meta.pageCount = Math.max(meta.pageCount, this.#share.position.pageCountMin);
    claimed.cover(meta.pageCount);
    cache.reserve(chunksOf(meta.pageCount));
  }

  /** Continues behind what was taken over. */
  #follow(groups: readonly Group[]): void {
    const { listener } = this.#parts;
    this.#coverAreas();
    for (const chunk of this.#changedChunks(groups)) listener.chunkChanged(chunk);
    this.#events.moved();
  }

  /** The chunks with records; notes the pages that were given back. */
  #changedChunks(groups: readonly Group[]): Set<ChunkNumber> {
    const chunks = new Set<ChunkNumber>();
    const reader = this.#reader;
    for (const { bytes } of groups) {
      for (let at = 0; at < bytes.length;) {
        at = reader.read(bytes, at, bytes.length);
        chunks.add(reader.page >>> CHUNK_SHIFT);
        // It had its bytes in the file: it was in use.
        if (reader.type === FREED) this.#parts.claimed.add(reader.page);
      }
    }
    return chunks;
  }

  /** Before a transaction: takes the write lock, and reads on to the end of the journal. */
  beforeTransaction(timeoutMs?: number): void {
    if (this.#goOnHolding()) return;
    this.#checkWritable();
    this.#share.enter(timeoutMs);
    this.#continue();
  }

  /** Does what `beforeTransaction` does, if the lock is free; whether this handle has it. */
  tryBeforeTransaction(): boolean {
    if (this.#goOnHolding()) return true;
    this.#checkWritable();
    if (!this.#share.tryEnter()) return false;
    this.#continue();
    return true;
  }

  /** Goes on with a group of commits or a kept lock; false if this process has no lock. */
  #goOnHolding(): boolean {
    if (!this.#share.isHeld) return false;
    if (this.#isBetweenGroups) {
      this.#hold.noteGap();
      this.#continue();
    }
    return true;
  }

  /** Lets the journal continue behind what was read. */
  #continue(): void {
    this.#isBetweenGroups = false;
    const { at, meta, durable, durableVersion, ends } = this.#share.position;
    const { journal } = this.#parts;
    const { generation, offset, sequence, sum = 0 } = at;
    const end = { generation, offset, sequence, sum, durableSequence: durable, durableVersion };
    journal.continueAt({ ...end, meta: { ...meta, pageCount: this.#parts.meta.pageCount } });
    ends.forEach((written, area) => journal.areas.of(area).noteWritten(written));
  }

  /** Between transactions: gives the lock up, unless commits wait for their flush. */
  endUnusedHold(): void {
    if (this.#share.isHeld && this.pending.length === 0) this.#leave();
  }

  /** Ends the hold of the lock, if no transaction is open; whether it did. */
  endHold(): boolean {
    if (this.#parts.open.depth > 0) return false;
    this.flush("sync");
    this.#leave();
    return true;
  }

  /** Whether a write or sync has failed, so that this process writes nothing more. */
  get isLatched(): boolean {
    return this.#parts.disk.failure !== undefined || this.#share.parts.disk.failure !== undefined;
  }

  /** Does nothing: the file was marked open when the first process opened it. */
  begin(): void {}

  /** Notes that pages were claimed: the next durable batch follows a sync of them. */
  claimed(): void {
    this.#parts.journal.noteClaims();
  }

  /** No page goes past the journal here. */
  beforeBypass(): void {
    assert(false, "pages of a shared file go through the journal");
  }

  /** Whether pages had better go through the journal. */
  isBypassSlow(): boolean {
    return true;
  }

  /** Gives pending records room in the journal; see `CommitLog.reserve`. */
  reserve(meta: Meta, grows: boolean): void {
    const { journal, superblock } = this.#parts;
    journal.reserve(meta, grows);
    const { position } = this.#share;
    if (superblock.fields !== position.superblock) this.#share.noteSuperblock(superblock.fields);
  }

  /** Takes all commits to the medium, and gives the lock up, or keeps it for this turn. */
  flush(_level: Durability): void {
    const { isHeld } = this.#share;
    if (isHeld) {
      this.#flushHeld(false);
      this.#leaveOrKeep();
    }
    try {
      if (!this.#share.isAnnounced) this.#announceAgain();
      // The lock is given up: others go on meanwhile.
      if (!this.#share.isDurable) this.syncBehind();
    } finally {
      if (isHeld) this.#events.flushed();
    }
  }

  /** Takes to the medium what this process has read or written, with or without the lock. */
  syncBehind(): void {
    this.#checkWritable();
    const begin = performance.now();
    this.#parts.journal.sync();
    this.#hold.noteSync(performance.now() - begin);
    this.#share.noteDurable();
  }

  /** The commit word could not be written: nobody else sees what it should name. */
  #announceAgain(): void {
    this.beforeTransaction();
    this.endUnusedHold();
  }

  /** Writes the group; after a failure gives the lock up. `isForced` checkpoints as well. */
  #flushHeld(isForced: boolean): void {
    let isWritten = false;
    try {
      this.#checkWritable();
      this.#write(isForced || this.#hold.waits);
      this.#parts.writeback.forgetDirty();
      isWritten = true;
      if (this.#checkpoint.isStepDue) this.#write(true);
      this.#share.announce();
      if (this.#share.isDurable) this.#checkpoint.step(isForced);
    } catch (error) {
      if (!isWritten) this.#loadAfterFailure();
      this.#leave();
      if (isWritten) this.#events.flushed();
      throw error;
    }
  }

  /** Writes what is pending, if anything is; with `through` all is on the medium then. */
  #write(through: boolean): void {
    const { journal } = this.#parts;
    const { length } = this.pending;
    const before = this.#share.end;
    const durableSequence = this.#share.position.durable;
    const bytes = length > 0 && length <= OWN_BYTES_MAX
      ? this.pending.bytes.slice(0, length)
      : null;
    const begin = performance.now();
    journal.flush(through);
    if (through && length > 0) this.#hold.noteSync(performance.now() - begin);
    if (bytes !== null && journal.sequence === before.sequence + 1) {
      const { end, writtenMeta } = journal;
      const { generation, sequence } = end;
      const meta = { ...writtenMeta };
      this.#share.noteOwn({ bytes, meta, generation, sequence, durableSequence, end });
    } else if (journal.sequence !== before.sequence) {
      this.#share.readOwn();
    }
    assert(this.#share.end.sequence === journal.sequence, "own batches are known");
    if (through) this.#share.noteDurable();
  }

  /** Gives the lock up if somebody waits, or keeps it until the end of the turn. */
  #leaveOrKeep(): void {
    const mayKeep = this.#hold.noteCommit() && this.#share.isDurable;
    if (!mayKeep) return this.#leave();
    if (!this.#share.keepOrYield()) return;
    this.#isBetweenGroups = true;
    this.#hold.noteKept();
    if (!this.#isKept) setImmediate(this.#endKept);
    this.#isKept = true;
  }

  /** At the end of the turn. */
  readonly #endKept = (): void => {
    this.#isKept = false;
    if (this.#isClosed) return;
    if (this.#share.isHeld) this.#hold.noteGap();
    try {
      this.endUnusedHold();
    } catch (error) {
      // Whoever uses the sidecar next meets it too.
      if (!(error instanceof IoError)) throw error;
    }
  };

  /** What was not written is no state of the file: the next read sees what the journal has. */
  #loadAfterFailure(): void {
    this.pending.clear();
    try {
      this.#share.load();
    } catch {
      // The error that led here is the one that counts; the next refresh tries again.
    }
  }

  #checkWritable(): void {
    this.#parts.disk.checkWritable();
    this.#share.parts.disk.checkWritable();
  }

  #leave(): void {
    this.#share.leave();
  }

  /** Moves what is committed to the pages of the file, as far as no process needs older pages. */
  checkpoint(): void {
    this.beforeTransaction();
    this.#flushHeld(true);
    this.#leave();
  }

  /** Does nothing: the next flush takes a step of a checkpoint if the area is short of room. */
  noteFailure(): void {}

  /** Adds to a restored meta the chunks that the journal took meanwhile. */
  afterRollback(meta: Meta): void {
    meta.pageCount = Math.max(meta.pageCount, this.#share.position.pageCountMin);
  }

  /** Never: it takes no note of refusals. */
  get mayBeFull(): boolean {
    return false;
  }

  /** Never: the flush that fills the journal takes the step of the checkpoint itself. */
  get isOverdue(): boolean {
    return false;
  }

  /**
   * Nothing: a checkpoint goes on with the flushes of commits, and the idle process need not write
   * what any other may.
   */
  checkpointSlice(): boolean {
    return false;
  }

  /** Never: the file is not cut. */
  get hasTail(): boolean {
    return false;
  }

  /** Does nothing. */
  cutTail(): void {}

  /** The journal of a shared file stays where it is. */
  moveJournalToEnd(): boolean {
    return false;
  }

  /** The journal of a shared file stays where it is. */
  beginMove(): boolean {
    return false;
  }

  /** Commits of a shared file are flushed in line. */
  get needsFlight(): boolean {
    return false;
  }

  /** They never fly. */
  get isSyncLong(): boolean {
    return false;
  }

  /** Does nothing. */
  requestCheckpoint(): void {}

  /** Takes all commits to the medium. */
  write(level: "buffered" | "none"): void {
    this.flush(level);
  }

  /** Takes all commits to the medium, in line. */
  takeOff(): undefined {
    this.flush("sync");
    return undefined;
  }

  /** Is never called: nothing flies. */
  land(_flight: Flight): void {
    assert(false, "commits of a shared file do not fly");
  }

  /** Whether the journal is taking a chunk or giving it back: it does neither while shared. */
  isMoving(_chunk: ChunkNumber): boolean {
    return false;
  }

  /** The state of the journal, for inspection. */
  journalState(): JournalState {
    return this.#parts.journal.state(this.#share.switched !== undefined);
  }

  /** The state of the checkpoint, for inspection. */
  checkpointState(): CheckpointState {
    const isRunning = this.#share.switched !== undefined;
    return { isRunning, chunksLeft: 0, dirtyChunks: 0, completed: this.#checkpoint.completed };
  }

  /** The work of the journal and the checkpoint so far. */
  figures(): JournalFigures {
    const { bytes, batches, syncs } = this.#parts.journal.writes;
    return {
      journalBytesWritten: bytes,
      journalBatches: batches,
      journalSyncs: syncs,
      journalUsedBytes: this.#share.position.at.offset,
      checkpoints: this.#checkpoint.completed,
    };
  }

  /** Ends the hold, and closes the share. */
  close(): void {
    if (this.#isClosed) return;
    try {
      if (this.#share.isHeld) this.flush("sync");
    } finally {
      this.#isClosed = true;
      this.#share.close();
    }
  }

  /** Closes as `close` does. */
  closeLater(): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
