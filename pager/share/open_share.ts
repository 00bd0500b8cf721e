/**
 * Opens and closes a share in a file. Both happen under the write lock.
 *
 * The first process to open a file has it for itself alone: it recovers it, marks it open, and
 * makes the sidecar anew. Others join: they take the lock of the file shared, and read the journal.
 * The last one to close has the file for itself again, and leaves it clean.
 *
 * A change of a lock gives the first kind up before it takes the second. In between, other sharing
 * processes are kept out by the write lock, but an exclusive handle is not. So the superblock is
 * read again after a change: if its number is another, such a handle was there.
 */

import { JournalArea } from "../batch/journal_area.ts";
import { Disk } from "../file/disk.ts";
import { type DiskFileOptions, openSharedDiskFile, pauseThread } from "../file/disk_file.ts";
import type { File } from "../file/file.ts";
import {
  accessOf,
  type FileLock,
  fixedPath,
  LockFile,
  refuseUnshareable,
  type SideBytes,
  SideFile,
} from "../file/share_files.ts";
import { BatchReader } from "../follow/batch_reader.ts";
import { IndexedFile } from "../follow/indexed_file.ts";
import { RecordIndex } from "../follow/record_index.ts";
import { LimitError, LockedError } from "../format/errors.ts";
import { readSuperblock, repairSuperblocks } from "../journal/superblocks.ts";
import { decodeWord } from "../sidecar/commit_word.ts";
import { Pins, PINS_MAX } from "../sidecar/pins.ts";
import { PlacedNote } from "../sidecar/placed_note.ts";
import { decodeNote, NOTE_AT, NOTE_BYTES } from "../sidecar/sync_note.ts";
import { WriteLock } from "../sidecar/write_lock.ts";
import { abandonShare, type LastOwner, type ShareParts } from "./share.ts";
import { SharedFile } from "./shared_file.ts";

/** The longest wait for the write lock, in milliseconds, unless `lockTimeoutMs` is longer. */
const LOCK_MS = 30_000;
const POLL_MS = 5;
/** The times that an opening begins anew because an exclusive handle was there meanwhile. */
const TRIES = 8;

/** What a process does with the file while it has it for itself alone. */
export interface FileOwner extends LastOwner {
  /** Recovers the file if necessary, and marks it open. */
  prepare(file: File): void;
}

/** The files through which processes share a database. */
export interface ShareFiles {
  /** The database, not locked. */
  readonly base: File;
  /** The lock of the one that writes. */
  readonly lockFile: FileLock;
  /** The lock of the first of those who wait for that one. */
  readonly queue: FileLock;
  /** The lock of all that share. */
  readonly presence: FileLock;
  readonly side: SideBytes;
  /** Opens the lock of the one that archives the database. */
  readonly openArchiveLock: () => FileLock;
  /** The clock of the write lock, in milliseconds; by default the system's. */
  readonly now?: () => number;
}

/** Opens the files of a path, and creates those that are missing. */
export function openShareFiles(path: string, options: DiskFileOptions): ShareFiles {
  refuseUnshareable(path);
  // They are opened and looked for again later.
  const fixed = fixedPath(path);
  const opened: { close(): void }[] = [];
  const keep = <T extends { close(): void }>(file: T): T => {
    opened.push(file);
    return file;
  };
  try {
    // The file comes first: its path may name none, and then nothing is created.
    const base = keep(openSharedDiskFile(path, options));
    const access = accessOf(path);
    return {
      base,
      lockFile: keep(new LockFile(`${fixed}-lock`, access)),
      presence: keep(new LockFile(`${fixed}-here`, access)),
      side: keep(new SideFile(`${fixed}-shared`, access)),
      queue: keep(new LockFile(`${fixed}-shared`, access)),
      openArchiveLock: () => new LockFile(`${fixed}-archive`, access),
    };
  } catch (error) {
    for (const file of opened) closeAfter(file);
    throw error;
  }
}

/** Closes a file after an error that says more than one of this call. */
function closeAfter(file: { close(): void }): void {
  try {
    file.close();
  } catch {
    // The other files are still to be closed.
  }
}

/** How a share is opened. */
export interface ShareOptions {
  /** The longest wait for a handle that has the file for itself, in milliseconds. */
  readonly lockTimeoutMs?: number | undefined;
  /** The id of this process. */
  readonly process: number;
}

/** What a share needs, and the file that a pager reads and writes. */
export interface OpenedShare {
  readonly parts: ShareParts;
  readonly file: SharedFile;
}

/**
 * Opens a share in a file, and takes ownership of the files.
 *
 * @param path The path of the file, for errors.
 * @param owner Does what only a process that is alone may do.
 * @throws {LockedError} An exclusive or a read-only handle has the file.
 * @throws {IoError} The system refused.
 * @throws {LimitError} Too many processes share the file.
 */
export function openShare(
  files: ShareFiles,
  path: string,
  options: ShareOptions,
  owner: FileOwner,
): OpenedShare {
  const opening = new Opening(files, path, options, owner);
  try {
    return opening.open();
  } catch (error) {
    opening.abandon();
    throw error;
  }
}

/** One opening. */
class Opening {
  readonly #path: string;
  readonly #options: ShareOptions;
  readonly #owner: FileOwner;
  readonly #presence: FileLock;
  readonly #side: SideBytes;
  readonly #openArchiveLock: () => FileLock;
  readonly #lock: WriteLock;
  readonly #pins: Pins;
  readonly #placed: PlacedNote;
  readonly #base: File;

  constructor(files: ShareFiles, path: string, options: ShareOptions, owner: FileOwner) {
    this.#path = path;
    this.#options = options;
    this.#owner = owner;
    this.#base = files.base;
    this.#presence = files.presence;
    this.#side = files.side;
    this.#openArchiveLock = files.openArchiveLock;
    this.#placed = new PlacedNote(files.lockFile);
    this.#pins = new Pins(this.#side, options.process);
    this.#lock = new WriteLock(files.lockFile, files.queue, path, files.now);
    this.#lock.pins = this.#pins;
  }

  open(): OpenedShare {
    const { lockTimeoutMs = 0 } = this.#options;
    const deadline = performance.now() + lockTimeoutMs;
    for (let tries = 0;; tries++) {
      this.#lock.take(Math.max(LOCK_MS, lockTimeoutMs));
      try {
        if (this.#joins()) return this.#begin();
        if (tries >= TRIES) throw new LockedError(this.#path, false, "unshared");
      } catch (error) {
        const isOver = performance.now() >= deadline;
        if (!(error instanceof LockedError) || isOver) throw error;
      }
      this.#lock.release();
      pauseThread(POLL_MS);
    }
  }

  /** Takes the locks of the file; false if an exclusive handle was there meanwhile. */
  #joins(): boolean {
    this.#announcePresence();
    if (this.#base.lock(true)) return this.#joinsAlone();
    if (!this.#base.lock(false)) throw new LockedError(this.#path, false, "unshared");
    // With nobody else present, it is a read-only handle that relies on a file without changes, or
    // one that has its lock files by another name.
    if (this.#presence.tryLock(true)) throw new LockedError(this.#path, false, "elsewhere");
    if (!this.#presence.tryLock(false)) throw new LockedError(this.#path, false, "unshared");
    return true;
  }

  /** Takes the presence lock, which a handle that looks for others may have for a moment. */
  #announcePresence(): void {
    for (let tries = 0; !this.#presence.tryLock(false); tries++) {
      if (tries >= TRIES) throw new LockedError(this.#path, false, "unshared");
      pauseThread(1);
    }
  }

  #joinsAlone(): boolean {
    this.#side.write(new Uint8Array(NOTE_AT + NOTE_BYTES), 0);
    this.#pins.clear();
    this.#owner.prepare(this.#base);
    const { number, version } = readSuperblock(new Disk(this.#base));
    this.#placed.write(version);
    return this.#base.lock(false) && readSuperblock(new Disk(this.#base)).number === number;
  }

  #begin(): OpenedShare {
    const disk = new Disk(this.#base);
    const superblock = readSuperblock(disk);
    const index = new RecordIndex();
    const indexed = new IndexedFile(this.#base, index);
    const reader = new BatchReader(disk, superblock);
    const parts: ShareParts = {
      owner: this.#owner,
      file: this.#base,
      disk,
      presence: this.#presence,
      side: this.#side,
      lock: this.#lock,
      pins: this.#pins,
      placed: this.#placed,
      index,
      indexed,
      reader,
      superblock,
      openArchiveLock: this.#openArchiveLock,
    };
    this.#vouch(disk, parts);
    if (!this.#pins.take(superblock.version)) {
      throw new LimitError(
        `Cannot open ${this.#path}: it is shared by ${PINS_MAX} processes, the most possible, ` +
          "or was until lately, or its sidecar is damaged",
      );
    }
    return { parts, file: new SharedFile(this.#base, indexed) };
  }

  /**
   * Writes again what a sync of this process has to cover: it is not told of a writeback that
   * failed before it opened the file.
   */
  #vouch(disk: Disk, { superblock, reader }: ShareParts): void {
    const bytes = new Uint8Array(NOTE_AT + NOTE_BYTES);
    this.#side.read(bytes, 0);
    const { databaseId } = superblock;
    const word = decodeWord(bytes, databaseId);
    const known = decodeNote(bytes.subarray(NOTE_AT), databaseId, word?.durable ?? 0);
    if (word?.number !== superblock.number) repairSuperblocks(disk, superblock, false);
    const { replayGeneration: generation, replaySequence: sequence, journals } = superblock;
    let at = { generation, offset: 0, sequence, sum: undefined as number | undefined };
    for (let group = reader.next(at); group !== undefined; group = reader.next(at)) {
      const { end } = group;
      if (group.sequence > known) {
        const chunks = journals[end.generation & 1]!;
        const from = end.generation === at.generation ? at.offset : 0;
        rewrite(new JournalArea(disk, chunks, 0), from, end.offset);
      }
      at = { ...end, sum: end.sum };
    }
  }

  /** Closes what was opened. */
  abandon(): void {
    abandonShare({
      pins: this.#pins,
      file: this.#base,
      presence: this.#presence,
      lock: this.#lock,
      side: this.#side,
    });
  }
}

function rewrite(area: JournalArea, from: number, to: number): void {
  const part = new Uint8Array(to - from);
  // An area reads from offset `from` on into the beginning of the bytes.
  area.read(part, part.length, from);
  area.write(part, part.length, from);
}
