/**
 * A follower: reads a file that another process may write, and shows its committed states one after
 * the other. It takes no lock and writes nothing, so nobody waits for it, and nobody knows of it.
 *
 * It goes as far as is known to be on the medium: to what the superblock holds, and to what a later
 * batch of the journal names as being there. So it never shows a commit that a power cut could take
 * back, and shows the last one only once the writer has written something after it.
 *
 * To refresh is to read the superblock and the batches behind its position, and to take these over
 * into the pages in memory (`Takeover`). If the superblock has moved past its position, and the
 * batches between are overwritten, it begins anew with that superblock.
 *
 * A page that is not in memory is read from the file, whatever version is there, and the records
 * since the replay point are applied to it (`IndexedFile`). If it then does not match its header,
 * or is newer, another process has replaced it, or is writing it: the reader refreshes, and begins
 * anew. It is damaged only if nobody has the file open.
 *
 * Invariants:
 * 1. Versions never go back.
 * 2. The state that is shown changes only in `poll` and `refresh`.
 */

import type { Judge, Loader } from "../cache/loader.ts";
import { Disk } from "../file/disk.ts";
import { pauseThread } from "../file/disk_file.ts";
import type { File } from "../file/file.ts";
import { BusyError, type CorruptionError, IoError } from "../format/errors.ts";
import { endOfChunks } from "../format/format.ts";
import { Meta } from "../format/meta.ts";
import type { Superblock } from "../format/superblock.ts";
import type { PageNumber } from "../format/units.ts";
import { examineSuperblocks } from "../journal/superblocks.ts";
import { BatchReader, type Group, type Position } from "./batch_reader.ts";
import type { ChangedPages } from "./changed_pages.ts";
import { IndexedFile } from "./indexed_file.ts";
import { MovedError } from "./moved_error.ts";
import { NewerSuperblock } from "./newer_superblock.ts";
import { FollowedPages } from "./older_pages.ts";
import { RecordIndex } from "./record_index.ts";
import { type FollowedMemory, Takeover } from "./takeover.ts";

/** The tries to find a superblock, or a state that did not change meanwhile. */
const TRIES = 8;
/** The shortest time between two looks at more than the next batch, in milliseconds. */
const LOOK_MS = 2;
/** The shortest time between two looks at the path, in milliseconds. */
const PATH_MS = 1000;
/** About how long a read waits for a page by default, in milliseconds. */
const WAIT_MS = 100;
/** The longest pause between two tries, in milliseconds. */
const PAUSE_MS_MAX = 16;
/** Why a follower ends whose file has the bytes of another database. */
const OTHER_DATABASE = "another database has taken its place";

/** How the users of a pager let it follow its file. */
export interface Following {
  /** What was done so far; the object is live. */
  readonly figures: FollowFigures;
  /**
   * Moves on to the newest state that is on the medium, if the file seems to have one. That takes
   * one read of 128 bytes, and at most every 2 milliseconds two more. Returns whether it moved.
   *
   * @throws {IoError} The system refused, or another file has the path.
   */
  poll(): boolean;
  /**
   * Moves on to the newest state that is on the medium. Returns whether it moved; if the file
   * changes at each try, it stays.
   *
   * @throws {IoError} The system refused, or another file has the path.
   */
  refresh(): boolean;
  /**
   * After a `MovedError`: refreshes, so that the caller can begin its read anew. It waits for the
   * other process if that does not help, longer with each try.
   *
   * @param error What the read threw.
   * @param tries The tries before this one.
   * @throws {BusyError} They took too long.
   * @throws {unknown} The error, if it is another one.
   */
  restart(error: unknown, tries: number): void;
  /** Begins to collect the pages that change; undefined ends it. */
  collect(into: ChangedPages | undefined): void;
  /** The bytes of the journal's records that it keeps. */
  readonly indexBytes: number;
}

/** What a follower did. */
export interface FollowFigures {
  /** Times that it read more than it needs to see that nothing has changed. */
  readonly refreshes: number;
  /** Batches, or batches that apply together, that it took over. */
  readonly groups: number;
  /** Times that it began anew with a superblock. */
  readonly begunAnew: number;
  /** Reads that began anew. */
  readonly retries: number;
}

/** Reads a file that another process may write. */
export class Follower implements Judge, Following {
  /** The file with the records of its journal over it. */
  readonly file: IndexedFile;
  /** The records since the replay point. */
  readonly index: RecordIndex = new RecordIndex();
  /** What was done so far. */
  readonly figures = { refreshes: 0, groups: 0, begunAnew: 0, retries: 0 };

  readonly #base: File;
  readonly #disk: Disk;
  readonly #waitMs: number;
  readonly #newer: NewerSuperblock;
  #superblock: Superblock;
  #reader: BatchReader;
  #position: Position;
  /** Groups behind the position that are not known to be on the medium. */
  #waiting: readonly Group[] = [];
  /** The last sequence that is known to be on the medium. */
  #durable: number;
  #takeover: Takeover | undefined;
  #loader: Loader | undefined;
  #lookedAt = 0;
  #sawPathAt = 0;
  #ended: IoError | undefined;

  /**
   * Begins to follow a file, and takes ownership of it.
   *
   * @param file The file.
   * @param waitMs About how long a read waits for a page; see `restart`.
   * @throws {CorruptionError} It is not a Quire database.
   * @throws {BusyError} Its state changed at each try.
   */
  constructor(file: File, waitMs = WAIT_MS) {
    this.#base = file;
    this.#disk = new Disk(file);
    this.#newer = new NewerSuperblock(this.#disk);
    this.#waitMs = waitMs;
    this.file = new IndexedFile(file, this.index);
    const found = this.#firstSuperblock();
    this.#superblock = found;
    this.#reader = new BatchReader(this.#disk, found);
    this.#position = startOf(found);
    this.#durable = found.replaySequence;
    this.meta.assign(found);
    for (let tries = 0; !this.#beginAnew(this.#firstSuperblock()); tries++) {
      if (tries >= TRIES) throw this.#busy();
      pause(1 << tries);
    }
  }

  /** The facts about the file that a new pager begins with. */
  readonly meta: Meta = new Meta();

  #firstSuperblock(): Superblock {
    for (let tries = 0;; tries++) {
      const { current, damage } = examineSuperblocks(this.#disk);
      if (current !== undefined) return current;
      if (tries >= TRIES) throw damage[0]!;
      // A file that is no database says so at once.
      if (damage.every(({ rule }) => rule === "not a Quire database")) throw damage[0]!;
      pause(1);
    }
  }

  /**
   * Begins to take over what it reads into the memory of a pager, and to judge the pages that it
   * reads, those of older versions too.
   */
  attach(memory: FollowedMemory): void {
    const { loader, snapshots } = memory;
    this.#takeover = new Takeover({ ...memory, index: this.index });
    this.#loader = loader;
    loader.judge = this;
    snapshots.older = new FollowedPages({ ...memory, index: this.index, file: this.file });
  }

  /** The bytes of the journal's records that it keeps. */
  get indexBytes(): number {
    return this.index.bytes;
  }

  /** Collects the pages that change from now on; see `Following`. */
  collect(into: ChangedPages | undefined): void {
    if (this.#takeover !== undefined) this.#takeover.collector = into;
  }

  /** The superblock that it knows. */
  get superblock(): Superblock {
    return this.#superblock;
  }

  /** Moves on, if the file seems to have a newer state; see `Following`. */
  poll(): boolean {
    this.#checkEnded();
    if (this.#reader.hasNext(this.#end)) return this.refresh();
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_MS) return false;
    this.#lookedAt = now;
    this.#checkPath(now);
    const isOther = this.#newer.mayBeAfter(this.#superblock.number) ||
      this.#reader.hasSwitched(this.#end);
    return isOther && this.refresh();
  }

  /** The lowest page count that leaves the journal inside the file. */
  get #journalEnd(): PageNumber {
    return endOfChunks(this.#superblock.journals.flat());
  }

  /** The position behind everything that was read. */
  get #end(): Position {
    return this.#waiting.at(-1)?.end ?? this.#position;
  }

  /** Moves on to the newest state that is on the medium; see `Following`. */
  refresh(): boolean {
    this.#checkEnded();
    this.figures.refreshes++;
    const { sequence } = this.#position;
    const { number } = this.#superblock;
    this.#readOn(0);
    for (let tries = 0; tries < TRIES && this.#newer.mayBeAfter(this.#superblock.number); tries++) {
      const found = examineSuperblocks(this.#disk).current;
      if (found === undefined) continue;
      this.#checkIdentity(found);
      if (this.#moveTo(found)) break;
    }
    return this.#position.sequence !== sequence || this.#superblock.number !== number;
  }

  /** Moves on to a superblock, and reads on; false if the file changed meanwhile. */
  #moveTo(found: Superblock): boolean {
    if (found.number === this.#superblock.number) return true;
    this.#readOn(found.replaySequence);
    if (this.#position.sequence < found.replaySequence) return this.#beginAnew(found);
    this.#adopt(found);
    this.#readOn(found.replaySequence);
    return true;
  }

  /**
   * Takes over the groups behind the position that are known to be on the medium.
   *
   * @param bound A sequence that is known to be there.
   */
  #readOn(bound: number): void {
    this.#durable = Math.max(this.#durable, bound);
    const groups = [...this.#waiting, ...this.#read(this.#end)];
    const later = groups.findIndex(({ sequence }) => sequence > this.#durable);
    const count = later < 0 ? groups.length : later;
    if (count > 0) this.#take(groups.slice(0, count));
    this.#waiting = groups.slice(count);
  }

  /** Reads the groups behind a position, and what they name as being on the medium. */
  #read(from: Position): Group[] {
    const groups: Group[] = [];
    let group = this.#reader.next(from);
    for (; group !== undefined; group = this.#reader.next(group.end)) {
      groups.push(group);
      this.#durable = Math.max(this.#durable, group.durableSequence);
    }
    return groups;
  }

  #take(groups: readonly Group[]): void {
    this.figures.groups += groups.length;
    for (const group of groups) {
      this.#takeover?.take(group);
      this.#position = group.end;
    }
    this.#takeover?.end();
    this.#takeover?.cover(this.#journalEnd);
  }

  /** Continues with a newer superblock, whose state is not ahead of the position. */
  #adopt(found: Superblock): void {
    this.index.dropBefore(found.replayGeneration);
    this.#superblock = found;
    this.#reader.adopt(found);
    // What was not on the medium may have been discarded, and others may have its place.
    this.#waiting = [];
    const { sequence, generation } = this.#position;
    if (sequence === found.replaySequence) this.#takeover?.restate(found);
    this.#takeover?.cover(this.#journalEnd);
    if (generation < found.replayGeneration) this.#position = { ...startOf(found), sequence };
  }

  /** Begins with the state of a superblock; false if it is older than the one that is shown. */
  #beginAnew(found: Superblock): boolean {
    const reader = new BatchReader(this.#disk, found);
    const before = this.#reader;
    this.#reader = reader;
    this.#waiting = [];
    this.#durable = Math.max(this.#durable, found.replaySequence);
    const groups = this.#read(startOf(found));
    const later = groups.findIndex(({ sequence }) => sequence > this.#durable);
    const taken = later < 0 ? groups : groups.slice(0, later);
    const end = taken.at(-1)?.end ?? startOf(found);
    const again = examineSuperblocks(this.#disk).current;
    if (again?.number !== found.number || end.sequence < this.#position.sequence) {
      this.#reader = before;
      return false;
    }
    try {
      this.index.replace(taken);
    } catch (error) {
      this.#reader = before;
      throw error;
    }
    this.figures.begunAnew++;
    this.#superblock = found;
    this.#position = end;
    this.#waiting = groups.slice(taken.length);
    this.meta.assign(taken.at(-1)?.meta ?? found);
    this.meta.pageCount = Math.max(this.meta.pageCount, this.#journalEnd);
    this.#takeover?.beginAnew(this.meta);
    return true;
  }

  /**
   * Judges a page that cannot be used. It is damaged if nobody has the file open, and the state
   * that is shown is the one of the closed file.
   *
   * @throws {IoError} The file is another database now.
   */
  refused(page: PageNumber, error: CorruptionError): Error {
    this.#loader?.forgetUnverified(page);
    const { current } = examineSuperblocks(this.#disk);
    if (current !== undefined) this.#checkDatabase(current);
    const isClosed = current !== undefined && !current.open &&
      current.number === this.#superblock.number;
    if (isClosed) return error;
    const of = this.#base.path === undefined ? "" : ` of ${this.#base.path}`;
    const message = `Cannot read page ${page}${of}: another process has replaced it`;
    return new MovedError(message, { cause: error });
  }

  /** Lets a read begin anew; see `Following`. */
  restart(error: unknown, tries: number): void {
    if (!(error instanceof MovedError)) throw error;
    this.figures.retries++;
    if (this.refresh() && tries < TRIES) return;
    if (tries * PAUSE_MS_MAX > this.#waitMs) throw this.#busy(error.cause);
    pause(Math.min(2 ** tries - 1, PAUSE_MS_MAX));
  }

  #busy(cause?: unknown): BusyError {
    const of = this.#base.path ?? "the file";
    const message = `Cannot read ${of}: another process is writing it, or it is damaged`;
    return new BusyError(message, { cause });
  }

  #checkEnded(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** Ends the follower if the superblock is of another database, or of an older state. */
  #checkIdentity(found: Superblock): void {
    this.#checkDatabase(found);
    if (found.number < this.#superblock.number) this.#fail(OTHER_DATABASE);
  }

  /** Ends the follower if the superblock is of another database, whatever its number. */
  #checkDatabase(found: Superblock): void {
    const { databaseId } = this.#superblock;
    if (!databaseId.every((byte, i) => found.databaseId[i] === byte)) this.#fail(OTHER_DATABASE);
  }

  /** Ends the follower if another file has the path. */
  #checkPath(now: number): void {
    if (now - this.#sawPathAt < PATH_MS) return;
    this.#sawPathAt = now;
    if (this.#base.isReplaced?.() === true) this.#fail("another file has its path");
  }

  #fail(why: string): never {
    throw this.#ended = new IoError(`Cannot follow ${this.#base.path ?? "the file"}: ${why}`);
  }
}

/** The position of the first batch after a superblock. */
function startOf({ replayGeneration, replaySequence }: Superblock): Position {
  return { generation: replayGeneration, offset: 0, sequence: replaySequence, sum: undefined };
}

/** Blocks the thread for a time. */
function pause(ms: number): void {
  if (ms > 0) pauseThread(ms);
}
