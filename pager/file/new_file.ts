/**
 * A new file for a user: it is written under a temporary name in the same folder, and renamed when
 * it is complete.
 *
 * 1. The final name does not exist until the file is complete and on the medium. The option
 *    `canBeInPlace` allows an exception, for content that itself shows when it is unfinished.
 * 2. Nothing is overwritten, unless the caller replaces a file of its own. If a file appears under
 *    the final name meanwhile, it stays, and the new file is refused. The final name is a hard
 *    link, which fails if the name exists; on a file system without links it is an empty file,
 *    which a rename then replaces.
 * 3. A copy has no wider permissions than its source: no class of users gets a permission that it
 *    lacks on the source. The umask of the process narrows them further.
 * 4. Only a file that this object created is removed, and only while the path still leads to it.
 *
 * A killed process leaves the unfinished file under its temporary name. The name is not reused: the
 * next attempt takes a name with a number.
 */

import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { assert } from "../format/assert.ts";
import { IoError } from "../format/errors.ts";
import { reason } from "./disk.ts";
import { startSync, startSyncOfFolder, syncFolderOf } from "./folder_sync.ts";

/** Options for creating a file for a user. */
export interface NewFileOptions {
  /** The path or descriptor of the file that it is a copy of. Default: it is not a copy. */
  copyOf?: string | number | undefined;
  /**
   * Write under the final name if this program has no permission for the temporary name. Only for
   * content that cannot be mistaken for complete before it is. Default false: fail instead.
   */
  canBeInPlace?: boolean;
  /** Let `finishLater` replace a file of the final name; `finish` never does. Default false. */
  replaces?: boolean;
}

const SUFFIX = ".unfinished";
const NAMES_MAX = 100;
const NAME_BYTES_MAX = 255;
/** A new file is not executable. */
const MODE_NEW = 0o666;
const MODE_PRIVATE = 0o600;
const MODE_OWNER = 0o700;
const GROUP_SHIFT = 3;
const CLASS_MASK = 0o7;
/** The error codes of a file system without hard links. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

const encoder = new TextEncoder();

/** A file that gets its final name when it is complete. */
export class NewFile {
  /** The path under which it is written. */
  readonly path: string;
  /** A descriptor for reading and writing, open until the file is finished or abandoned. */
  readonly descriptor: number;
  readonly #target: string;
  readonly #replaces: boolean;
  #isOpen = true;

  /**
   * Creates an empty file under a temporary name.
   *
   * @param target The final path, which must not exist.
   * @param options How to create the file.
   * @throws {IoError} `target` exists, or the system refused.
   */
  constructor(target: string, options: NewFileOptions = {}) {
    const { copyOf, canBeInPlace = false, replaces = false } = options;
    this.#target = target;
    this.#replaces = replaces;
    try {
      if (!replaces) refuseTaken(target);
      [this.path, this.descriptor] = create(target, sourceOf(copyOf), canBeInPlace);
    } catch (cause) {
      throw cannotMake(target, cause);
    }
  }

  /**
   * Gives the file its final name, durably if this program may read the folder. After an error it
   * must be abandoned.
   *
   * @throws {IoError} The final name now exists, or the system refused.
   */
  finish(): void {
    assert(this.#isOpen, "a file is finished once");
    try {
      fs.fsyncSync(this.descriptor);
      if (!this.#isThere()) throw new Error(`${this.path} was replaced meanwhile`);
      if (this.path === this.#target) syncFolderOf(this.#target);
      else giveName(this.path, this.#target);
    } catch (cause) {
      throw cannotMake(this.#target, cause);
    }
    this.#close();
  }

  /**
   * Like `finish`, but no sync holds up the thread, except on file systems without links.
   *
   * @throws {IoError} Later, in the promise: as `finish`.
   */
  async finishLater(): Promise<void> {
    assert(this.#isOpen, "a file is finished once");
    try {
      await startSync(this.descriptor);
      if (!this.#isThere()) throw new Error(`${this.path} was replaced meanwhile`);
      if (this.path === this.#target) await startSyncOfFolder(this.#target);
      else if (this.#replaces) await replaceLater(this.path, this.#target);
      else await giveNameLater(this.path, this.#target);
    } catch (cause) {
      throw cannotMake(this.#target, cause);
    }
    this.#close();
  }

  /** Removes the file unless it is finished, if the system allows it. Call it at any time. */
  abandon(): void {
    if (!this.#isOpen) return;
    let isThere = false;
    try {
      isThere = this.#isThere();
    } catch {
      // The caller abandons the file because of an error that says more.
    }
    this.#close();
    try {
      if (isThere) fs.unlinkSync(this.path);
    } catch {
      // As above.
    }
  }

  /** Whether the path still leads to this file. */
  #isThere(): boolean {
    const found = fs.lstatSync(this.path, { throwIfNoEntry: false });
    return found?.ino === fs.fstatSync(this.descriptor).ino;
  }

  #close(): void {
    this.#isOpen = false;
    closeQuietly(this.descriptor);
  }
}

/**
 * Moves a complete file to its final name, unless that exists.
 *
 * @param from The temporary path.
 * @param to The final path, in the same folder.
 * @param link Creates a hard link.
 */
export function giveName(from: string, to: string, link: typeof fs.linkSync = fs.linkSync): void {
  try {
    link(from, to);
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    return renameToNew(from, to);
  }
  try {
    // Sync before the other name is removed, so that a power failure leaves at least one of them.
    syncFolderOf(to);
    fs.unlinkSync(from);
  } catch (error) {
    fs.unlinkSync(to);
    throw error;
  }
}

/** Like `giveName`, but no sync holds up the thread, except on file systems without links. */
async function giveNameLater(from: string, to: string): Promise<void> {
  try {
    fs.linkSync(from, to);
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    return renameToNew(from, to);
  }
  try {
    await startSyncOfFolder(to);
    fs.unlinkSync(from);
  } catch (error) {
    fs.unlinkSync(to);
    throw error;
  }
}

/** Moves a complete file over one of its final name; a power failure leaves one of them. */
async function replaceLater(from: string, to: string): Promise<void> {
  fs.renameSync(from, to);
  await startSyncOfFolder(to);
}

/** Like `giveName`, without links. A process that is killed in between leaves an empty file. */
function renameToNew(from: string, to: string): void {
  fs.closeSync(fs.openSync(to, "wx", MODE_PRIVATE));
  try {
    fs.renameSync(from, to);
  } catch (error) {
    fs.unlinkSync(to);
    throw error;
  }
  syncFolderOf(to);
}

function refuseTaken(target: string): void {
  if (basename(target) === "" || /\/$/.test(target)) throw new Error("the path has no file name");
  if (fs.lstatSync(target, { throwIfNoEntry: false }) === undefined) return;
  throw new Error("it already exists");
}

/** Creates the file under the first free name; returns its path and its descriptor. */
function create(target: string, source: Source | undefined, canBeInPlace: boolean): Created {
  for (let number = 1; number <= NAMES_MAX; number++) {
    const path = nameBeside(target, number);
    const isAllowed = isGranted("write", path) && isGranted("read", path);
    if (canBeInPlace && !isAllowed) return createWithMode(target, source);
    try {
      return createWithMode(path, source);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
  }
  throw new Error(`it has ${NAMES_MAX} unfinished files; remove those that are not being written`);
}

/** A temporary name in the same folder, shortened to the longest that a name can be. */
function nameBeside(target: string, number: number): string {
  const suffix = number === 1 ? SUFFIX : `${SUFFIX}-${number}`;
  let name = basename(target);
  while (encoder.encode(name).length + suffix.length > NAME_BYTES_MAX) name = name.slice(0, -1);
  return join(dirname(target), name + suffix);
}

type Created = [path: string, descriptor: number];

/** The source of a copy. */
interface Source {
  /** The permissions that a copy in the same group may have. */
  readonly mode: number;
  readonly group: number | undefined;
}

/** The source, or undefined if the new file is not a copy of a file. */
function sourceOf(copyOf: string | number | undefined): Source | undefined {
  if (copyOf === undefined) return undefined;
  try {
    const { mode, gid, isFile } = statOf(copyOf);
    return isFile ? { mode: mode & MODE_NEW, group: gid } : undefined;
  } catch {
    // The permissions of the source are unknown, so only this user gets any.
    return { mode: MODE_PRIVATE, group: undefined };
  }
}

function statOf(of: string | number): { mode: number; gid: number; isFile: boolean } {
  const found = typeof of === "string" ? fs.statSync(of) : fs.fstatSync(of);
  return { mode: found.mode, gid: found.gid, isFile: found.isFile() };
}

/**
 * Creates a file with the permissions of its source. Until it is known that both have the same
 * group, the group and others get only the permissions that both classes have.
 */
function createWithMode(path: string, source: Source | undefined): Created {
  if (source === undefined) return [path, fs.openSync(path, "wx+", MODE_NEW)];
  const { mode, group } = source;
  const both = (mode >>> GROUP_SHIFT) & mode & CLASS_MASK;
  const narrow = (mode & MODE_OWNER) | (both << GROUP_SHIFT) | both;
  const descriptor = fs.openSync(path, "wx+", narrow);
  if (narrow === mode || !isOfGroup(path, descriptor, group)) return [path, descriptor];
  // Create it again rather than widen its permissions, which would bypass the umask.
  removeEmpty(path, descriptor);
  return [path, fs.openSync(path, "wx+", mode)];
}

/** Whether a file that was just created is of a group; it is removed if that is not known. */
function isOfGroup(path: string, descriptor: number, group: number | undefined): boolean {
  try {
    return fs.fstatSync(descriptor).gid === group;
  } catch (error) {
    removeEmpty(path, descriptor);
    throw error;
  }
}

/** Removes a file that was just created. That is tried twice, as nothing else removes it. */
function removeEmpty(path: string, descriptor: number): void {
  closeQuietly(descriptor);
  try {
    fs.unlinkSync(path);
  } catch {
    fs.unlinkSync(path);
  }
}

/**
 * Closes a descriptor. What a close says does not matter: the descriptor is closed, and a file that
 * counts was synced before.
 */
function closeQuietly(descriptor: number): void {
  try {
    fs.closeSync(descriptor);
  } catch {
    // As above.
  }
}

/** Whether this program has a permission, without a prompt. */
function isGranted(name: "read" | "write", path: string): boolean {
  return Deno.permissions.querySync({ name, path }).state === "granted";
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function cannotMake(target: string, cause: unknown): IoError {
  if (cause instanceof IoError) return cause;
  const why = codeOf(cause) === "EEXIST" ? "it already exists" : reason(cause);
  return new IoError(`Cannot create ${target}: ${why}`, { cause });
}
