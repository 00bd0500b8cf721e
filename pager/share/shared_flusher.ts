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
 *
 * It does not take over what others commit (`RemoteCommits`).
 */

import { setImmediate } from "node:timers";
import { BATCH_ALIGN } from "../batch/batch.ts";
import type { LogBuffer } from "../batch/log_record.ts";
import type { Writeback } from "../cache/writeback.ts";
import type { Disk } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import type { Durability } from "../flush/flusher.ts";
import type { PagerFlusher } from "../flush/pager_flusher.ts";
import { assert } from "../format/assert.ts";
import { IoError } from "../format/errors.ts";
import type { Meta } from "../format/meta.ts";
import type { ChunkNumber, Version } from "../format/units.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import type { Flight, Journal } from "../journal/journal.ts";
import type { CheckpointState, JournalFigures, JournalState } from "../journal/journal_state.ts";
import { HoldPolicy } from "../sidecar/hold_policy.ts";
import type { OpenTransaction } from "../transaction/open_transaction.ts";
import type { VersionStore } from "../transaction/version_store.ts";
import { RecordCopies } from "./record_copies.ts";
import type { Share } from "./share.ts";
import { SharedCheckpoint } from "./shared_checkpoint.ts";

/** The longest batch of which the records are copied rather than read again. */
const OWN_BYTES_MAX = 1024 * 1024;

/** The parts of a pager that a shared flusher drives. */
export interface SharedFlusherParts {
  readonly disk: Disk;
  readonly open: OpenTransaction;
  readonly meta: Meta;
  readonly superblock: CurrentSuperblock;
  readonly journal: Journal;
  readonly writeback: Writeback;
  readonly unsynced: UnsyncedChunks;
  readonly versions: VersionStore;
}

/** Takes commits to the medium in a file that several processes write. */
export class SharedFlusher implements PagerFlusher {
  readonly #share: Share;
  readonly #parts: SharedFlusherParts;
  readonly #flushed: () => void;
  readonly #hold: HoldPolicy;
  readonly #checkpoint: SharedCheckpoint;
  readonly #copies = new RecordCopies();
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
   * @param flushed Is called when commits are on the medium, and the lock is given up.
   */
  constructor(
    share: Share,
    parts: SharedFlusherParts,
    bounds: { readonly journalBytes: number },
    flushed: () => void,
  ) {
    this.#share = share;
    this.#parts = parts;
    this.#checkpoint = new SharedCheckpoint(share, parts, bounds.journalBytes);
    this.#flushed = flushed;
    this.#hold = new HoldPolicy(share.parts.lock);
    share.parts.lock.holder = this;
    parts.writeback.mayPlace = false;
  }

  /** The records of commits that are not written yet. */
  get pending(): LogBuffer {
    return this.#parts.journal.pending;
  }

  /** The last version that is on the medium. */
  get durableVersion(): Version {
    return this.#share.position.durableVersion;
  }

  /** Before a transaction: takes the write lock, and reads on to the end of the journal. */
  beforeTransaction(timeoutMs?: number): void {
    if (this.#goOnHolding()) return;
    this.#share.checkWritable();
    this.#share.enterToWrite(timeoutMs);
    this.#continue();
  }

  /** Does what `beforeTransaction` does, if the lock is free; whether this handle has it. */
  tryBeforeTransaction(): boolean {
    if (this.#goOnHolding()) return true;
    this.#share.checkWritable();
    if (!this.#share.tryEnterToWrite()) return false;
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
      if (isHeld) this.#flushed();
    }
  }

  /** Does what `flush` does, if a commit waits for it, and no transaction is open. */
  writePending(): void {
    if (this.pending.length > 0 && this.#parts.open.depth === 0) this.flush("sync");
  }

  /** Takes to the medium what this process has read or written, with or without the lock. */
  syncBehind(): void {
    this.#share.checkWritable();
    const begin = performance.now();
    this.#parts.journal.sync();
    this.#hold.noteSync(performance.now() - begin);
    this.#share.noteSynced();
  }

  /**
   * Confirms the last commit by an empty batch, if the lock is free and the journal has room:
   * followers show it then.
   */
  confirmLast(): void {
    const { lock } = this.#share.parts;
    if (lock.isWanted) return;
    if (!this.tryBeforeTransaction()) return lock.stopWaiting();
    try {
      if (!this.#share.position.isConfirmed) this.#confirm();
    } catch (error) {
      this.#share.distrust();
      throw error;
    } finally {
      this.#leave();
    }
  }

  #confirm(): void {
    const { journal } = this.#parts;
    if (journal.bytesLeft < BATCH_ALIGN) return;
    journal.confirm(this.#share.position.meta.version);
    this.#share.readOwn();
    this.#share.noteDurable();
    this.#share.announce();
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
      this.#share.checkWritable();
      this.#write(isForced || this.#hold.waits);
      this.#parts.writeback.forgetDirty();
      isWritten = true;
      if (this.#checkpoint.isStepDue) this.#write(true);
      this.#share.announce();
      if (this.#share.isDurable) this.#checkpoint.step(isForced);
    } catch (error) {
      this.#share.distrust();
      if (!isWritten) this.#loadAfterFailure();
      this.#leave();
      if (isWritten) this.#flushed();
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
      ? this.#copies.copy(this.pending.bytes, length)
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

  /** Commits of a shared file are flushed in line. */
  get isAhead(): boolean {
    return false;
  }

  /** Commits of a shared file are flushed in line. */
  get isBehind(): boolean {
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

  /** Does nothing: each write of a shared file follows the rules of a hold. */
  writeAhead(): boolean {
    return false;
  }

  /** Does nothing: a checkpoint goes on with the flushes of commits. */
  writeConfirmed(): boolean {
    return false;
  }

  /** Takes all commits to the medium, in line. */
  takeOff(): undefined {
    this.flush("sync");
    return undefined;
  }

  /** Does nothing: nothing flies. */
  endFlight(): void {}

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
