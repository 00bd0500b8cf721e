/**
 * The files beside a database through which processes share it: lock files, and the sidecar,
 * through which they tell each other how far they are.
 *
 * `NAME-lock` is locked by the one process that writes, opens or closes; `NAME-here` by every
 * sharing process for as long as it has the database open; `NAME-shared`, the sidecar, by the first
 * process in the queue for the write lock; `NAME-archive` by the process that archives. The locks
 * are those of the operating system, on whole files: they conflict between handles of one
 * process too, and end with the process. A change of a lock from one kind to the other gives the
 * first up before it takes the second.
 */

import * as fs from "node:fs";
import { platform } from "node:os";
import { dirname, isAbsolute, resolve } from "node:path";
import { IoError } from "../format/errors.ts";
import { reason } from "./disk.ts";

/** The types of network file systems, as Linux numbers them. */
const NETWORKS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x517b, "SMB"],
  [0x01021997, "9p"],
  [0x00c36400, "Ceph"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x73757245, "Coda"],
  [0x564c, "NCP"],
  [0x786f4256, "VirtualBox"],
]);

/** The permissions that are taken over: reading and writing. */
const MODE_BITS = 0o666;
/** Those of the owner, and of one class of users. */
const MODE_OWNER = 0o600;
const CLASS_MASK = 0o7;
const GROUP_SHIFT = 3;

/**
 * Refuses a file that cannot be shared: on a network file system, as far as it can be told, neither
 * locks nor caches are those of one machine; on Windows a lock forbids others to read.
 *
 * @param path Its path, which may name no file yet.
 * @param typeOf Tells the type of the file system of a path, if it can.
 * @throws {IoError} It is in such a place.
 */
export function refuseUnshareable(path: string, typeOf = fileSystemOf): void {
  if (platform() === "win32") {
    throw new IoError(`Cannot open ${path}: a file cannot be shared on Windows`);
  }
  const type = typeOf(path) ?? typeOf(dirname(path));
  const name = type === undefined ? undefined : networkOf(type);
  if (name === undefined) return;
  throw new IoError(`Cannot open ${path}: it cannot be shared on a network file system, ${name}`);
}

/**
 * The path from the root, which still names the same file when the program has changed its current
 * folder. A program that may not know its folder gets the path as it is.
 */
export function fixedPath(path: string): string {
  if (isAbsolute(path)) return path;
  const { state } = Deno.permissions.querySync({ name: "read", path: "." });
  return state === "granted" ? resolve(path) : path;
}

/** The type of the file system of a path, if this process may look, and the system says so. */
function fileSystemOf(path: string): number | undefined {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
  try {
    return fs.statfsSync(path).type;
  } catch {
    return undefined;
  }
}

/**
 * Whether other handles share a file now, as far as this process may look: they hold the lock of
 * `NAME-here`.
 */
export function isShared(path: string): boolean {
  const here = `${path}-here`;
  if (Deno.permissions.querySync({ name: "read", path: here }).state !== "granted") return false;
  let file: Deno.FsFile;
  try {
    if (fs.statSync(here, { throwIfNoEntry: false })?.isFile() !== true) return false;
    file = Deno.openSync(here);
  } catch {
    return false;
  }
  using _ = file;
  return !file.tryLockSync(true);
}

/** The name of the network file system with a number of Linux; undefined if it is none. */
export function networkOf(type: number): string | undefined {
  return NETWORKS.get(type >>> 0);
}

/** Who may use a file: its permissions, and where it is to be another's, its owner and group. */
export interface Access {
  readonly mode: number;
  readonly uid?: number | null;
  readonly gid?: number | null;
}

/**
 * Who may use a file.
 *
 * @throws {IoError} The system refused to tell.
 */
export function accessOf(path: string): Access {
  try {
    const { mode, uid, gid } = fs.statSync(path);
    return { mode: mode & MODE_BITS, uid, gid };
  } catch (cause) {
    throw refused("look at", path, cause);
  }
}

/** How a lock file is locked by this handle. */
type Held = "not" | "shared" | "exclusive";

/** A file that exists for its lock, or what stands for it in a test. */
export interface FileLock {
  /** Which file this is, of all those of the system. */
  readonly identity: string;
  /** Takes the lock, if no other handle has it; a lock of the other kind is given up. */
  tryLock(exclusive: boolean): boolean;
  /** Takes the exclusive lock once no other handle has it; false if the file was closed first. */
  lock(): Promise<boolean>;
  /** Gives the lock up. */
  unlock(): void;
  /** Whether the path still names this file. */
  isAtPath(): boolean;
  /** Opens the file that the path names now. */
  reopen(): void;
  /** Reads bytes; those past the end are zero. */
  readNote(into: Uint8Array, position: number): void;
  /** Writes bytes. */
  writeNote(bytes: Uint8Array, position: number): void;
  /** Gives the lock up, and closes the file. */
  close(): void;
}

/** Bytes at fixed places, each read and written by one call. */
export interface SideBytes {
  /** Reads bytes; those past the end are zero. */
  read(into: Uint8Array, position: number): void;
  /** Writes bytes. */
  write(bytes: Uint8Array, position: number): void;
  /** Closes the file. */
  close(): void;
}

/** A file that exists for its lock. */
export class LockFile implements FileLock {
  readonly #path: string;
  readonly #access: Access;
  #file: Deno.FsFile;
  #found: Deno.FileInfo;
  #held: Held = "not";
  /** Whether `lock` waits; the system serves no other call for the file then. */
  #isWaiting = false;
  #isClosed = false;

  /**
   * Opens a lock file, and creates it if it is missing.
   *
   * @param path Its path.
   * @param access Who may use a file that is created.
   * @throws {IoError} The system refused.
   */
  constructor(path: string, access: Access) {
    this.#path = path;
    this.#access = access;
    this.#file = openFile(path, access);
    this.#found = this.#file.statSync();
  }

  /** Which file this is, of all those of the system. */
  get identity(): string {
    const { dev, ino } = this.#found;
    return `${dev} ${ino}`;
  }

  /**
   * Takes the lock, if no other handle has it; a lock of the other kind is given up in any case.
   *
   * @throws {IoError} The system refused.
   */
  tryLock(exclusive: boolean): boolean {
    if (this.#isWaiting) return false;
    try {
      const isTaken = this.#file.tryLockSync(exclusive);
      this.#held = isTaken ? (exclusive ? "exclusive" : "shared") : "not";
      return isTaken;
    } catch (cause) {
      throw refused("lock", this.#path, cause);
    }
  }

  /**
   * Takes the exclusive lock once no other handle has it. The call blocks a thread of the system's,
   * which wakes when the lock is given up.
   *
   * @throws {IoError} The system refused.
   */
  async lock(): Promise<boolean> {
    this.#isWaiting = true;
    try {
      await this.#file.lock(true);
      if (!this.#isClosed) this.#held = "exclusive";
    } catch (cause) {
      if (!this.#isClosed) throw refused("lock", this.#path, cause);
    } finally {
      this.#isWaiting = false;
    }
    return !this.#isClosed;
  }

  /** Gives the lock up. */
  unlock(): void {
    if (this.#held === "not") return;
    this.#held = "not";
    this.#file.unlockSync();
  }

  /** Whether the path still names this file. */
  isAtPath(): boolean {
    const { dev, ino } = this.#found;
    try {
      // The `statSync` of `node:fs` takes five times as long.
      const found = Deno.statSync(this.#path);
      return found.ino === ino && found.dev === dev;
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return false;
      throw refused("find", this.#path, cause);
    }
  }

  /** Opens the file that the path names now, after something has deleted this one. */
  reopen(): void {
    const file = openFile(this.#path, this.#access);
    this.#file.close();
    this.#file = file;
    this.#found = file.statSync();
    this.#held = "not";
  }

  /**
   * Reads bytes; those past the end are zero.
   *
   * @throws {IoError} The system refused.
   */
  readNote(into: Uint8Array, position: number): void {
    try {
      this.#file.seekSync(position, Deno.SeekMode.Start);
      into.fill(0, this.#file.readSync(into) ?? 0);
    } catch (cause) {
      throw refused("read", this.#path, cause);
    }
  }

  /**
   * Writes bytes.
   *
   * @throws {IoError} The system refused.
   */
  writeNote(bytes: Uint8Array, position: number): void {
    let done: number;
    try {
      this.#file.seekSync(position, Deno.SeekMode.Start);
      done = this.#file.writeSync(bytes);
    } catch (cause) {
      throw refused("write", this.#path, cause);
    }
    if (done !== bytes.length) throw new IoError(`Cannot write ${this.#path}: the disk is full`);
  }

  /** Gives the lock up, and closes the file. */
  close(): void {
    this.#held = "not";
    this.#isClosed = true;
    this.#file.close();
  }
}

/** The sidecar: bytes at fixed places, each read and written by one call. */
export class SideFile implements SideBytes {
  readonly #path: string;
  readonly #file: number;

  /**
   * Opens a sidecar, and creates it if it is missing.
   *
   * @param path Its path.
   * @param access Who may use a file that is created; without this it is only read.
   * @throws {IoError} The system refused, or it is not a regular file.
   */
  constructor(path: string, access?: Access) {
    this.#path = path;
    this.#file = descriptorOf(path, access);
  }

  /** Reads bytes; those past the end of the file are zero. */
  read(into: Uint8Array, position: number): void {
    try {
      const done = fs.readSync(this.#file, into, 0, into.length, position);
      into.fill(0, done);
    } catch (cause) {
      throw refused("read", this.#path, cause);
    }
  }

  /** Writes bytes. */
  write(bytes: Uint8Array, position: number): void {
    try {
      const done = fs.writeSync(this.#file, bytes, 0, bytes.length, position);
      if (done === bytes.length) return;
    } catch (cause) {
      throw refused("write", this.#path, cause);
    }
    throw new IoError(`Cannot write ${this.#path}: the disk is full`);
  }

  /** Closes the file. */
  close(): void {
    fs.closeSync(this.#file);
  }
}

/** Opens a sidecar to read it; undefined if there is none, or the system refuses. */
export function readSideFile(path: string): SideBytes | undefined {
  try {
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
    if (fs.statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
    return new SideFile(path);
  } catch {
    return undefined;
  }
}

function openFile(path: string, access: Access): Deno.FsFile {
  if (checkRegular(path)) create(path, access);
  try {
    // Something may have deleted it again.
    return Deno.openSync(path, { read: true, write: true, create: true, mode: access.mode });
  } catch (cause) {
    throw refused("open", path, cause);
  }
}

function descriptorOf(path: string, access: Access | undefined): number {
  if (checkRegular(path) && access !== undefined) create(path, access);
  const { O_CREAT, O_RDWR } = fs.constants;
  try {
    return access === undefined
      ? fs.openSync(path, "r")
      : fs.openSync(path, O_RDWR | O_CREAT, access.mode);
  } catch (cause) {
    throw refused("open", path, cause);
  }
}

/**
 * Creates a file for those who may use the database, whatever the umask of this process, and
 * whoever runs it: they have to lock and write the file as well. Until it has that owner and group,
 * only this user may use it.
 */
function create(path: string, { mode, uid = null, gid = null }: Access): void {
  let file: number;
  try {
    file = fs.openSync(path, "wx+", MODE_OWNER);
  } catch (cause) {
    // Another process has created it.
    if ((cause as { code?: unknown }).code === "EEXIST") return;
    throw refused("open", path, cause);
  }
  try {
    const own = fs.fstatSync(file);
    const isOfGroup = gid === null || own.gid === gid || isChanged(file, own.uid, gid);
    if (uid !== null && own.uid !== uid) isChanged(file, uid, gid ?? own.gid);
    // What both the group and others may, where the file is of another group.
    const both = (mode >>> GROUP_SHIFT) & mode & CLASS_MASK;
    fs.fchmodSync(file, isOfGroup ? mode : (mode & MODE_OWNER) | (both << GROUP_SHIFT) | both);
  } catch (cause) {
    throw refused("open", path, cause);
  } finally {
    fs.closeSync(file);
  }
}

/** Gives a file to a user and a group, if the system lets this process; whether it did. */
function isChanged(file: number, uid: number, gid: number): boolean {
  try {
    fs.fchownSync(file, uid, gid);
    return true;
  } catch {
    return false;
  }
}

/**
 * Opening a FIFO would wait for its other end, so the type is checked first. Returns whether there
 * is no file.
 */
function checkRegular(path: string): boolean {
  let found: fs.Stats | undefined;
  try {
    found = fs.statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw refused("open", path, cause);
  }
  if (found === undefined || found.isFile()) return found === undefined;
  throw new IoError(`Cannot open ${path}: it is not a regular file`);
}

function refused(action: string, path: string, cause: unknown): IoError {
  return new IoError(`Cannot ${action} ${path}: ${reason(cause)}`, { cause });
}
