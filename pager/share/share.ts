/**
 * A handle's share in a file that several processes write: its locks, its place in the sidecar, and
 * how far it has read.
 *
 * The journal is the truth. `refresh` reads, without the lock, what the commit word names; `enter`
 * takes the write lock and reads on to the end of the journal, and only then a transaction begins;
 * `announce` names in the word what was written. What is read is taken over into the pages in
 * memory. A process that finds itself behind a superblock loads anew.
 *
 * Invariants:
 * 1. A word names a batch after it was written. A word or a note calls it durable only after its
 *    sync. A pin is never newer than what was taken over.
 * 2. Under the lock the position is the end of the journal, and the superblock the newest one. It
 *    still is when this handle takes the lock next, if no other had it, and nothing failed.
 */

import { BATCH_HEADER_BYTES } from "../batch/batch.ts";
import type { Disk } from "../file/disk.ts";
import { takeAll } from "../file/disk_file.ts";
import type { File } from "../file/file.ts";
import type { FileLock, SideBytes } from "../file/share_files.ts";
import type { BatchReader, Group, Position } from "../follow/batch_reader.ts";
import type { IndexedFile } from "../follow/indexed_file.ts";
import { NewerSuperblock } from "../follow/newer_superblock.ts";
import type { RecordIndex } from "../follow/record_index.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { CHUNK_PAGES, PAGE_BYTES } from "../format/format.ts";
import type { Superblock } from "../format/superblock.ts";
import type { Version } from "../format/units.ts";
import { examineSuperblocks, readSuperblock, repairSuperblocks } from "../journal/superblocks.ts";
import { type CommitWord, decodeWord, encodeWord, WORD_BYTES } from "../sidecar/commit_word.ts";
import type { Participant, Pins } from "../sidecar/pins.ts";
import type { PlacedNote } from "../sidecar/placed_note.ts";
import { decodeNote, encodeNote, NOTE_AT, NOTE_BYTES } from "../sidecar/sync_note.ts";
import type { WriteLock } from "../sidecar/write_lock.ts";
import { SharePosition, type Switch } from "./position.ts";

/** The longest wait for the write lock at the end, in milliseconds. */
const CLOSE_MS = 30_000;

/** What follows the position of a share: a pager. */
export interface ShareFollower {
  /** Takes over transactions that another process has committed after a version. */
  take(groups: readonly Group[], before: Version, position: Readonly<SharePosition>): void;
  /** Forgets all pages in memory, and takes over a state that was loaded anew. */
  beginAnew(groups: readonly Group[], position: Readonly<SharePosition>): void;
  /** The oldest version that a snapshot of this handle reads; Infinity without one. */
  readonly oldestSnapshot: Version;
  /** The superblock is another. */
  superblockChanged(position: Readonly<SharePosition>): void;
}

/** What the last process does that closes the file, while it has it for itself alone. */
export interface LastOwner {
  /** Writes everything in place, and marks the file clean. */
  finish(file: File): void;
}

/** What a share needs of the system. */
export interface ShareParts {
  readonly owner: LastOwner;
  /** The file itself, whose lock this handle shares. */
  readonly file: File;
  /** The same, with rules for its calls. */
  readonly disk: Disk;
  readonly presence: FileLock;
  readonly side: SideBytes;
  readonly lock: WriteLock;
  readonly pins: Pins;
  readonly placed: PlacedNote;
  readonly index: RecordIndex;
  /** The file with the records over it. */
  readonly indexed: IndexedFile;
  readonly reader: BatchReader;
  /** The superblock when the share began. */
  readonly superblock: Superblock;
  /** Opens the lock of the one that archives the database. */
  readonly openArchiveLock: () => FileLock;
}

/** The processes that share a file, and how far this one is behind. */
export interface SharingState {
  /** The processes, and the handle itself. */
  readonly participants: readonly Participant[];
  /** The bytes of the journal's records that this process keeps. */
  readonly indexBytes: number;
}

/** Gives everything up as a process does that dies: the file is left as it is. */
export function abandonShare(
  { pins, file, presence, lock, side }: Pick<
    ShareParts,
    "pins" | "file" | "presence" | "lock" | "side"
  >,
): void {
  takeAll([
    // Without the lock another process may be taking its place; it goes stale there.
    () => lock.isHeld && pins.release(),
    () => file.close(),
    () => presence.close(),
    () => lock.close(),
    () => side.close(),
  ]);
}

/** A share in a file. */
export class Share {
  /** What the handle has open. */
  readonly parts: ShareParts;
  readonly #position: SharePosition;
  /** The commit word and the note behind it, as they were read or written last. */
  readonly #head = new Uint8Array(NOTE_AT + NOTE_BYTES);
  readonly #word = this.#head.subarray(0, WORD_BYTES);
  readonly #note = this.#head.subarray(NOTE_AT);
  readonly #disk: Disk;
  readonly #newer: NewerSuperblock;
  readonly #follower: ShareFollower;
  /** Whether it had read to the end of the journal in its last hold, and nothing failed since. */
  #isCurrent = false;
  /** The number in the word that was read or written last. */
  #wordNumber = -1;
  #wordSequence = -1;
  #wordDurable = -1;

  /**
   * Begins a share. The caller has the write lock, and calls `load`.
   *
   * @param parts What the handle has open.
   * @param disk The file as the pager writes it.
   * @param follower Follows the position.
   */
  constructor(parts: ShareParts, disk: Disk, follower: ShareFollower) {
    this.parts = parts;
    this.#disk = disk;
    this.#follower = follower;
    this.#newer = new NewerSuperblock(parts.disk);
    this.#position = new SharePosition(parts.superblock);
  }

  /** How far it has read. */
  get position(): Readonly<SharePosition> {
    return this.#position;
  }

  /** The switch of areas since the replay point. */
  get switched(): Switch | undefined {
    return this.#position.switched;
  }

  /** Whether this handle has the write lock. */
  get isHeld(): boolean {
    return this.parts.lock.isHeld;
  }

  /** The version up to which pages may be in place. Under the lock. */
  placedVersion(): Version {
    const { placed } = this.parts;
    const noted = placed.read();
    if (noted !== undefined) return Math.max(noted, this.#position.superblock.version);
    // Something has deleted the lock file. What is in place was committed before.
    const { version } = this.#position.meta;
    placed.write(version);
    return version;
  }

  /** Says that pages up to a version will be written in place, before the first of them is. */
  notePlacing(version: Version): void {
    this.parts.placed.write(Math.max(version, this.placedVersion()));
  }

  /** Takes the write lock, and reads on to the end of the journal. */
  enter(timeoutMs?: number): void {
    const { lock } = this.parts;
    if (lock.isHeld) return;
    lock.take(timeoutMs);
    this.#readToEnd(false);
  }

  /** Does what `enter` does; it reads nothing if nobody else has had the lock since. */
  enterToWrite(timeoutMs?: number): void {
    const { lock } = this.parts;
    if (lock.isHeld) return;
    lock.take(timeoutMs);
    this.#readToEnd(lock.isUndisturbed && this.#isCurrent);
  }

  /** Does what `enterToWrite` does, if the lock is free; whether this handle has it. */
  tryEnterToWrite(): boolean {
    const { lock } = this.parts;
    if (lock.isHeld) return true;
    if (!lock.tryTake()) return false;
    this.#readToEnd(lock.isUndisturbed && this.#isCurrent);
    return true;
  }

  #readToEnd(isThere: boolean): void {
    try {
      if (!isThere) this.#refreshLocked();
      else if (!this.#isLatched) this.announce();
    } catch (error) {
      this.parts.lock.release();
      throw error;
    }
  }

  /** Gives the write lock up. */
  leave(): void {
    if (!this.isHeld) return;
    takeAll([() => this.#movePin(), () => this.parts.lock.release()]);
  }

  /** Gives the write lock up if somebody waits for it; whether nobody does, so that it is held. */
  keepOrYield(): boolean {
    const isKept = this.parts.lock.keepOrYield();
    // Nobody has placed anything since.
    if (!isKept) this.#movePin();
    return isKept;
  }

  /** Reads what others have committed, unless this handle has the lock. */
  refresh(): void {
    if (this.isHeld) return;
    const word = this.#readWord() ?? this.#readWord();
    if (word !== undefined && this.#catchUp(word)) return this.#movePin();
    this.enter();
    this.leave();
  }

  /** Goes to the sequence of a word without the lock; whether it got there. */
  #catchUp(word: CommitWord): boolean {
    const position = this.#position;
    if (word.sequence < position.at.sequence) {
      // The word is older than the position only if something has replaced the sidecar.
      return word.number === position.superblock.number;
    }
    this.#take(word.sequence, word);
    if (word.number > position.superblock.number) {
      const { current } = examineSuperblocks(this.parts.disk);
      if (current?.number !== word.number || !this.#adopt(current)) return false;
      this.#take(word.sequence);
    }
    if (position.at.sequence < word.sequence) return false;
    this.#heed(word);
    this.#noteWord(word);
    return true;
  }

  /** Takes over transactions up to a sequence; a word helps to read them at once. */
  #take(limit: number, word?: CommitWord): void {
    const position = this.#position;
    // With the place of the next batch, which is looked at under the lock.
    const end = word?.generation === position.at.generation ? word.offset + BATCH_HEADER_BYTES : 0;
    const groups = position.readOn(this.parts.reader, limit, end);
    if (groups.length === 0) return;
    const before = position.meta.version;
    for (const group of groups) position.note(group);
    this.#follower.take(groups, before, position);
  }

  /** Follows a superblock; false if this process is behind it. */
  #adopt(found: Superblock): boolean {
    if (!this.#position.adopt(found)) return false;
    this.parts.reader.adopt(found);
    this.parts.index.dropBefore(found.replayGeneration);
    this.#follower.superblockChanged(this.#position);
    return true;
  }

  #refreshLocked(): void {
    this.#isCurrent = false;
    this.#catchUpLocked();
    this.#isCurrent = true;
  }

  #catchUpLocked(): void {
    const position = this.#position;
    const word = this.#readWord();
    this.#take(Infinity, word);
    if (this.#newer.mayBeAfter(position.superblock.number)) this.#followSuperblock();
    if (word !== undefined && position.at.sequence < word.sequence) this.load();
    this.#heed(word);
    if (this.#isLatched) return;
    const isAhead = word === undefined || position.superblock.number > word.number;
    // Its writer has died before it announced it, perhaps before it was on the medium.
    if (isAhead) repairSuperblocks(this.parts.disk, position.superblock, false);
    if (word === undefined) this.#wordNumber = -1;
    else this.#noteWord(word);
    this.announce();
  }

  #followSuperblock(): void {
    const found = readSuperblock(this.parts.disk);
    if (found.number <= this.#position.superblock.number) return;
    if (this.#adopt(found)) this.#take(Infinity);
    else this.load();
  }

  /** After a failure: the next hold reads on to the end of the journal, whoever had the lock. */
  distrust(): void {
    this.#isCurrent = false;
  }

  /** Reads the file anew: the superblock, and the journal from its replay point. */
  load(): void {
    const { disk, reader, index } = this.parts;
    const position = this.#position;
    const found = readSuperblock(disk);
    position.begin(found);
    reader.adopt(found);
    index.clear();
    const groups = position.readOn(reader, Infinity);
    for (const group of groups) position.note(group);
    this.#checkReached();
    this.#follower.superblockChanged(position);
    this.#follower.beginAnew(groups, position);
  }

  /** Reads the file as one that joins: what the word calls durable is on the medium. */
  join(): void {
    this.load();
    const word = this.#readWord();
    this.#heed(word);
    this.announce();
  }

  /** Refuses a journal that ends before the batch that the commit word names. */
  #checkReached(): void {
    const { at, superblock } = this.#position;
    const word = this.#readWord();
    if (word === undefined || word.sequence <= at.sequence) return;
    const [chunk = 0] = superblock.journals[at.generation & 1]!;
    const page = chunk * CHUNK_PAGES + 1;
    const rule = `batch ${at.sequence + 1} was written, and is not there any more`;
    throw new CorruptionError(page, page * PAGE_BYTES, rule);
  }

  /** Reads the transactions that this handle has written. */
  readOwn(): void {
    for (const group of this.#position.readOn(this.parts.reader, Infinity)) this.noteOwn(group);
  }

  /** Notes a transaction that this handle has written. */
  noteOwn(group: Group): void {
    this.#position.note(group);
    this.parts.index.add(group, () => {});
  }

  /** Where the journal goes on. */
  get end(): Position {
    return this.#position.at;
  }

  /** Notes that everything up to the position is on the medium. */
  noteDurable(): void {
    this.#position.noteDurable(this.#position.at.sequence);
  }

  /** Does what `noteDurable` does after a sync without the lock, and tells the others. */
  noteSynced(): void {
    this.noteDurable();
    const { durable, superblock } = this.#position;
    encodeNote(durable, superblock.databaseId, this.#note);
    try {
      this.parts.side.write(this.#note, NOTE_AT);
    } catch (error) {
      // The commits are on the medium, whether others know it or not.
      if (!(error instanceof IoError)) throw error;
    }
  }

  /** Learns from a word, and from the note that was read with it, what is on the medium. */
  #heed(word: CommitWord | undefined): void {
    const position = this.#position;
    if (word !== undefined) position.noteDurable(word.durable);
    const { durable, superblock } = position;
    position.noteDurable(decodeNote(this.#note, superblock.databaseId, durable));
  }

  /** Whether everything up to the position is known to be on the medium. */
  get isDurable(): boolean {
    return this.#position.durable >= this.#position.at.sequence;
  }

  /** Follows a superblock that this handle has written. */
  noteSuperblock(written: Superblock): void {
    this.#adopt(written);
  }

  /** Whether the commit word names all that was written, or names it no more. */
  get isAnnounced(): boolean {
    return this.#wordSequence >= this.#position.at.sequence;
  }

  /** Names the end of the journal in the commit word, if it does not. */
  announce(): void {
    const { at, meta, durable, superblock } = this.#position;
    const isNamed = this.#wordNumber === superblock.number && this.#wordSequence === at.sequence &&
      this.#wordDurable === durable;
    if (isNamed) return;
    const { generation, offset, sequence, sum = 0 } = at;
    const word: CommitWord = {
      generation,
      offset,
      sequence,
      version: meta.version,
      durable,
      number: superblock.number,
      pageCount: meta.pageCount,
      sum,
    };
    encodeWord(word, superblock.databaseId, this.#word);
    this.parts.side.write(this.#word, 0);
    this.#noteWord(word);
  }

  #noteWord(word: CommitWord): void {
    this.#wordNumber = word.number;
    this.#wordSequence = word.sequence;
    this.#wordDurable = word.durable;
  }

  /**
   * Pins what this process reads, the version that it has taken over, or that of a snapshot, where
   * a checkpoint waits for that.
   */
  #movePin(): void {
    const { pins } = this.parts;
    const isBehindSwitch = pins.version < (this.switched?.meta.version ?? 0);
    if (isBehindSwitch || pins.isBehind) pins.moveTo(this.#pinnedVersion);
  }

  get #pinnedVersion(): Version {
    return Math.min(this.#position.meta.version, this.#follower.oldestSnapshot);
  }

  /**
   * Renews the pin, which would count as that of a dead process otherwise, and frees the pins of
   * those that have died.
   */
  renew(): void {
    const { pins } = this.parts;
    const { isLost } = pins;
    if (!isLost) pins.set(this.#pinnedVersion);
    if (!isLost && !pins.hasStale) return;
    this.enter();
    try {
      pins.freeStale();
      if (isLost) pins.secure(this.#pinnedVersion);
    } finally {
      this.leave();
    }
  }

  #readWord(): CommitWord | undefined {
    this.parts.side.read(this.#head, 0);
    return decodeWord(this.#word, this.#position.superblock.databaseId);
  }

  /** Whether a write or sync has failed, so that this process writes nothing more. */
  get #isLatched(): boolean {
    return this.#disk.failure !== undefined || this.parts.disk.failure !== undefined;
  }

  /**
   * Checks that no write or sync has failed.
   *
   * @throws {IoError} One has.
   */
  checkWritable(): void {
    this.#disk.checkWritable();
    this.parts.disk.checkWritable();
  }

  /**
   * Closes the share; the last process to close leaves the file clean.
   *
   * @throws {IoError} The system refused to.
   */
  close(): void {
    const { file, lock, owner } = this.parts;
    try {
      lock.take(CLOSE_MS);
      if (!this.#isLatched) {
        this.#refreshLocked();
        if (file.lock(true) && this.#isUntouched()) owner.finish(file);
      }
    } finally {
      abandonShare(this.parts);
    }
  }

  /** Whether no exclusive handle opened the file while the lock changed. */
  #isUntouched(): boolean {
    return readSuperblock(this.parts.disk).number === this.#position.superblock.number;
  }

  /** The processes that share the file. */
  state(): SharingState {
    const { pins, index } = this.parts;
    return { participants: pins.participants(), indexBytes: index.bytes };
  }
}
