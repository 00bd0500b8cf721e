/**
 * A `File` on disk.
 *
 * Reads and writes are positional `node:fs` calls: each is one system call. The lock is the
 * operating system's advisory lock on a second descriptor of the same file; it conflicts between
 * handles of one process as well as between processes, and ends with the process.
 *
 * All descriptors are opened with the file: later changes of its path, the current directory or the
 * process's other descriptors do not affect it. A system reports a lost write once to each
 * descriptor, so the syncs of `startSync` have a descriptor of their own. It stays open until the
 * last of them ends. Only the descriptors of `BackgroundReads` are opened later; their bytes are
 * dropped.
 *
 * In the pager, only the files of this folder and `native/libc.ts` use `Deno` or `node:fs`.
 */

import * as fs from "node:fs";
import { IoError, LockedError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";
import { alignedBytes, isAligned } from "../native/aligned_bytes.ts";
import type { Io } from "../native/doors.ts";
import { openLibc } from "../native/libc.ts";
import { BackgroundReads } from "./background_reads.ts";
import { Disk, reason } from "./disk.ts";
import type { File } from "./file.ts";
import { syncFolderOf } from "./folder_sync.ts";
import { fixedPath, isShared } from "./share_files.ts";

/** Options for opening a file on disk. */
export interface DiskFileOptions {
  /** Open the file read-only. Default false. */
  readOnly?: boolean | undefined;
  /** Create the file if it is missing. Default true. */
  create?: boolean | undefined;
  /**
   * The permissions of a file that is created, as in `0o600`; the umask of the process narrows
   * them. Ignored on Windows. Default `0o666`.
   */
  mode?: number | undefined;
  /** The longest wait for another handle to close, in milliseconds. Default 0. */
  lockTimeoutMs?: number | undefined;
  /**
   * `"direct"`: reads and writes whole pages past the system's cache. `"map"`: can show its bytes
   * in memory. Default `"buffered"`.
   */
  io?: Io | undefined;
}

/** The unit of `blocks` in the status of a file, whatever its file system uses. */
const BLOCK_BYTES = 512;
const LOCK_POLL_MS = 5;
const MODE = 0o666;
const REFUSED = "its file system refuses direct reads of pages";

/** The flags that open a descriptor whose writes wait for the medium, if the system has them. */
const THROUGH_FLAGS = throughFlags(Deno.build.os);

/**
 * The flags that open a descriptor whose writes wait for the medium; undefined on systems where a
 * sync has to follow the write.
 *
 * On Linux a write with `O_DSYNC` flushes the drive's cache as `fdatasync` does, in one call. On
 * macOS it does not flush that cache; only `F_FULLFSYNC` does, which Deno's `fdatasync` uses there.
 * Nothing is assumed about other systems.
 */
export function throughFlags(os: string): number | undefined {
  const { O_DSYNC, O_RDWR } = fs.constants;
  return os === "linux" && O_DSYNC !== undefined ? O_RDWR | O_DSYNC : undefined;
}

/**
 * Opens and locks a file: exclusively, or shared with other readers if read-only.
 *
 * @throws {LockedError} Another handle has it locked.
 * @throws {IoError} The system refused, or the path is not a regular file.
 */
export function openDiskFile(path: string, options: DiskFileOptions = {}): File {
  const { readOnly = false, create = true, mode = MODE, lockTimeoutMs = 0 } = options;
  const { io } = options;
  const file = new DiskFile(path, { readOnly, create: create && !readOnly, mode, io });
  try {
    waitForLock(file, path, !readOnly, lockTimeoutMs);
    // The entry of a new file in its folder must be durable before its content is.
    if (!readOnly && new Disk(file).size() === 0) syncFolderOf(path);
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}

/**
 * Opens and locks an empty file under a name that does not matter: what gives it the final one
 * syncs the folder, so nothing waits for that here.
 *
 * @throws {LockedError} Another handle has it locked.
 * @throws {IoError} The system refused, or the path is not a regular file.
 */
export function openUnnamedDiskFile(path: string): File {
  const file = new DiskFile(path, { readOnly: false, create: false, mode: MODE, io: undefined });
  try {
    waitForLock(file, path, true, 0);
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}

/**
 * Opens a file that several processes write; the caller takes its lock.
 *
 * @throws {IoError} The system refused, or the path is not a regular file.
 */
export function openSharedDiskFile(path: string, options: DiskFileOptions = {}): File {
  const { create = true, mode = MODE, io } = options;
  const file = new DiskFile(path, { readOnly: false, create, mode, io });
  try {
    if (new Disk(file).size() === 0) syncFolderOf(path);
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}

/**
 * Opens a file for reading without a lock, even if another handle has it locked.
 *
 * @throws {IoError} The system refused, or the path is not a regular file.
 */
export function openUnlockedDiskFile(path: string, io: Io = "buffered"): File {
  return new DiskFile(path, { readOnly: true, create: false, mode: MODE, io });
}

function waitForLock(file: DiskFile, path: string, exclusive: boolean, timeoutMs: number): void {
  const deadline = performance.now() + timeoutMs;
  while (!file.lock(exclusive)) {
    if (performance.now() >= deadline) {
      throw new LockedError(path, file.isLockedHere(), isShared(path) ? "shared" : "open");
    }
    pauseThread(LOCK_POLL_MS);
  }
}

/** The number of handles of this thread that have a file locked, by device and inode. */
const lockedHere = new Map<string, number>();

/** How to open the file. */
interface Access {
  readonly readOnly: boolean;
  readonly create: boolean;
  readonly mode: number;
  readonly io: Io | undefined;
}

class DiskFile implements File {
  readonly path: string;
  /** Where the file is, also after the program has changed its folder. */
  readonly #place: string;
  /** Absent if reads are direct: they would not find the bytes in the system's cache. */
  readonly startRead?: (position: number, length: number) => Promise<void>;
  /** Present if the file was opened to be mapped. */
  readonly showAt?: (target: Uint8Array<ArrayBuffer>, position: number) => void;
  readonly #reads: BackgroundReads;
  #isLocked = false;
  readonly #lock: Deno.FsFile;
  readonly #descriptor: number;
  /** The descriptor whose writes wait for the medium; -1 if there is none. */
  readonly #through: number;
  /** The descriptor of direct reads and writes of whole pages; -1 if there is none. */
  readonly #direct: number;
  /** The descriptor of `startSync`; -1 if the file is read-only. */
  readonly #background: number;
  /** The number of syncs that have started and not ended. */
  #started = 0;
  #isClosed = false;

  constructor(path: string, { readOnly, create, mode, io }: Access) {
    const isDirect = io === "direct";
    this.path = path;
    this.#place = fixedPath(path);
    this.#lock = openForLock(path, readOnly, create, mode);
    const opened: number[] = [];
    const openOne = (flags: string | number) => {
      const descriptor = openForIo(path, flags, this.#lock);
      opened.push(descriptor);
      return descriptor;
    };
    try {
      this.#descriptor = openOne(readOnly ? "r" : "r+");
      this.#background = readOnly ? -1 : openOne("r+");
      this.#direct = isDirect ? openOne(directFlags(readOnly)) : -1;
      if (isDirect) checkDirect(path, this.#direct);
      this.#through = readOnly || THROUGH_FLAGS === undefined ? -1 : openOne(THROUGH_FLAGS);
      if (io === "map") {
        const libc = openLibc();
        this.showAt = (target, position) => libc.showFile(target, this.#descriptor, position);
      }
    } catch (error) {
      for (const descriptor of opened) fs.closeSync(descriptor);
      this.#lock.close();
      throw error;
    }
    this.#reads = new BackgroundReads(path, this.#descriptor);
    if (!isDirect) {
      this.startRead = (position, length) => this.#reads.read(position, length);
    }
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  allocated(): number {
    const { blocks, size } = fs.fstatSync(this.#descriptor);
    // Not every system counts blocks.
    return blocks > 0 ? blocks * BLOCK_BYTES : size;
  }

  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    const descriptor = this.#descriptorOf(target, start, length, position);
    return fs.readSync(descriptor, target, start, length, position);
  }

  /** Direct calls are of whole pages, at boundaries in memory and in the file. */
  #descriptorOf(bytes: Uint8Array, start: number, length: number, position: number): number {
    if (this.#direct < 0) return this.#descriptor;
    const isWhole = length % PAGE_BYTES === 0 && position % PAGE_BYTES === 0;
    return isWhole && isAligned(bytes, start) ? this.#direct : this.#descriptor;
  }

  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    const descriptor = this.#descriptorOf(source, start, length, position);
    return fs.writeSync(descriptor, source, start, length, position);
  }

  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    if (this.#through >= 0) return fs.writeSync(this.#through, source, start, length, position);
    const count = this.writeAt(source, start, length, position);
    this.sync();
    return count;
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.#descriptor, size);
  }

  sync(): void {
    fs.fdatasyncSync(this.#descriptor);
  }

  startSync(): Promise<void> {
    this.#started++;
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#background, (error) => {
        this.#started--;
        if (this.#isClosed) this.#closeBackground();
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Closes the descriptor of `startSync` once no sync uses it. */
  #closeBackground(): void {
    if (this.#background >= 0 && this.#started === 0) fs.closeSync(this.#background);
  }

  lock(exclusive: boolean): boolean {
    let isLocked: boolean;
    try {
      isLocked = this.#lock.tryLockSync(exclusive);
    } catch (cause) {
      throw new IoError(`Cannot lock ${this.path}: ${reason(cause)}`, { cause });
    }
    if (isLocked && !this.#isLocked) this.#count(1);
    this.#isLocked ||= isLocked;
    return isLocked;
  }

  /** Whether a handle of this thread has the file locked. */
  isLockedHere(): boolean {
    return lockedHere.has(this.#identity());
  }

  /** A path without a file does not count: a file can be moved while it is open. */
  isReplaced(): boolean {
    let found: fs.Stats | undefined;
    try {
      found = fs.statSync(this.#place, { throwIfNoEntry: false });
    } catch {
      return false; // The folder may have become unreadable.
    }
    if (found === undefined) return false;
    const { dev, ino } = fs.fstatSync(this.#descriptor);
    return found.ino !== ino || found.dev !== dev;
  }

  #identity(): string {
    const { dev, ino } = this.#lock.statSync();
    return `${dev} ${ino}`;
  }

  #count(change: number): void {
    const identity = this.#identity();
    const count = (lockedHere.get(identity) ?? 0) + change;
    if (count > 0) lockedHere.set(identity, count);
    else lockedHere.delete(identity);
  }

  close(): void {
    if (this.#isLocked) this.#count(-1);
    this.#isLocked = false;
    this.#isClosed = true;
    takeAll([
      () => this.#reads.close(),
      () => fs.closeSync(this.#descriptor),
      () => this.#closeBackground(),
      () => {
        if (this.#through >= 0) fs.closeSync(this.#through);
      },
      () => {
        if (this.#direct >= 0) fs.closeSync(this.#direct);
      },
      () => this.#lock.close(),
    ]);
  }
}

/** The flags of a descriptor past the system's cache. */
function directFlags(readOnly: boolean): number {
  const { O_DIRECT, O_RDONLY, O_RDWR } = fs.constants;
  return (readOnly ? O_RDONLY : O_RDWR) | O_DIRECT;
}

/** The memory of `checkDirect`. */
let triedPage: Uint8Array | undefined;

/**
 * Reads a page past the system's cache: some file systems refuse that only when it is tried.
 *
 * @throws {IoError} The file system refuses it.
 */
function checkDirect(path: string, descriptor: number): void {
  try {
    triedPage ??= alignedBytes(PAGE_BYTES);
    fs.readSync(descriptor, triedPage, 0, PAGE_BYTES, 0);
  } catch (cause) {
    throw new IoError(`Cannot open ${path}: ${REFUSED} (${reason(cause)})`, { cause });
  }
}

const bell = new Int32Array(new SharedArrayBuffer(4));

/** Holds the thread up for some milliseconds. */
export function pauseThread(ms: number): void {
  Atomics.wait(bell, 0, 0, ms);
}

/** Takes every step, and then throws the first error of one. */
export function takeAll(steps: readonly (() => void)[]): void {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

function openForLock(
  path: string,
  readOnly: boolean,
  create: boolean,
  mode: number,
): Deno.FsFile {
  // Opening a FIFO would wait for its other end, so the type is checked first.
  if (!isFileOrMissing(path)) throw new IoError(`Cannot open ${path}: it is not a regular file`);
  try {
    return Deno.openSync(path, { read: true, write: !readOnly, create, mode });
  } catch (cause) {
    throw new IoError(`Cannot open ${path}: ${reason(cause)}`, { cause });
  }
}

function isFileOrMissing(path: string): boolean {
  try {
    const found = fs.statSync(path, { throwIfNoEntry: false });
    return found === undefined || found.isFile();
  } catch (cause) {
    throw new IoError(`Cannot open ${path}: ${reason(cause)}`, { cause });
  }
}

function openForIo(path: string, flags: string | number, lock: Deno.FsFile): number {
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, flags);
  } catch (cause) {
    throw new IoError(`Cannot open ${path}: ${reason(cause)}`, { cause });
  }
  try {
    // If the path is a link, this prompts for permission to its target.
    if (fs.fstatSync(descriptor).ino === lock.statSync().ino) return descriptor;
  } catch (cause) {
    fs.closeSync(descriptor);
    throw new IoError(`Cannot open ${path}: ${reason(cause)}`, { cause });
  }
  fs.closeSync(descriptor);
  throw new IoError(`Cannot open ${path}: it was replaced while it was being opened`);
}
