/**
 * A file that is made for a user: written beside its place under another name, and given its own
 * name when it is whole.
 *
 * 1. Under the final name is nothing until the file is whole and on the medium. The one exception
 *    is asked for by `canBeInPlace`, for content that shows by itself that it is unfinished.
 * 2. Nothing is ever overwritten. What appears under the final name meanwhile stays, and the new
 *    file is refused. The name is given by a hard link, which fails where something is; a file
 *    system without links gets an empty file of the final name, which the rename then replaces.
 * 3. A copy is not more open than its source: no class of users gets a permission that it does not
 *    have on the source. The umask of the process narrows that further.
 * 4. Only what this object has made is removed, and only while it still is that file.
 *
 * A process that is killed leaves the unfinished file under its temporary name. It is never reused:
 * the next attempt takes a name with a number.
 */

import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { assert } from "../format/assert.ts";
import { reason } from "./disk.ts";
import { IoError } from "../format/errors.ts";

/** How to make a file for a user. */
export interface NewFileOptions {
  /** The path or descriptor of what it is a copy of. Default: it is no copy. */
  copyOf?: string | number | undefined;
  /**
   * Write under the final name where this program has no permission for a name beside it. Only for
   * content that nobody takes for whole before it is. Default false: that is an error.
   */
  canBeInPlace?: boolean;
}

const SUFFIX = ".unfinished";
const NAMES_MAX = 100;
const NAME_BYTES_MAX = 255;
/** A new file has no right to be executed. */
const MODE_NEW = 0o666;
const MODE_PRIVATE = 0o600;
const MODE_OWNER = 0o700;
const GROUP_SHIFT = 3;
const CLASS_MASK = 0o7;
/** What a system says of a file system without hard links. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];
/** What a system says that cannot sync a folder. */
const NO_FOLDER_SYNC = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "EBADF", "EPERM", "EISDIR"];

const encoder = new TextEncoder();

/** A file that has no name of its own until it is whole. */
export class NewFile {
  /** Where it is written. */
  readonly path: string;
  /** A descriptor that reads and writes it, open until it is published or abandoned. */
  readonly descriptor: number;
  readonly #target: string;
  #isOpen = true;

  /**
   * Makes an empty file beside its place.
   *
   * @param target Where it will be. Nothing may be there.
   * @param options How to make it.
   * @throws {IoError} There is something, or the system refused.
   */
  constructor(target: string, options: NewFileOptions = {}) {
    const { copyOf, canBeInPlace = false } = options;
    this.#target = target;
    try {
      refuseTaken(target);
      [this.path, this.descriptor] = create(target, sourceOf(copyOf), canBeInPlace);
    } catch (cause) {
      throw cannotMake(target, cause);
    }
  }

  /**
   * Gives it its name, which is on the medium too where this program may read the folder. After an
   * error it has to be abandoned.
   *
   * @throws {IoError} Something has that name meanwhile, or the system refused.
   */
  publish(): void {
    assert(this.#isOpen, "a file is published once");
    try {
      fs.fsyncSync(this.descriptor);
      if (!this.#isThere()) throw new Error(`${this.path} was replaced meanwhile`);
      if (this.path === this.#target) syncFolder(this.#target);
      else giveName(this.path, this.#target);
    } catch (cause) {
      throw cannotMake(this.#target, cause);
    }
    this.#close();
  }

  /** Removes what is not published, as far as the system lets it. May be called at any time. */
  abandon(): void {
    if (!this.#isOpen) return;
    try {
      const isThere = this.#isThere();
      this.#close();
      if (isThere) fs.unlinkSync(this.path);
    } catch {
      // Whoever abandons a file has an error that tells more.
    }
  }

  /** Whether its path still leads to it. */
  #isThere(): boolean {
    const found = fs.lstatSync(this.path, { throwIfNoEntry: false });
    return found?.ino === fs.fstatSync(this.descriptor).ino;
  }

  #close(): void {
    this.#isOpen = false;
    fs.closeSync(this.descriptor);
  }
}

/**
 * Moves a whole file to its final name, unless something is there.
 *
 * @param from Its name so far.
 * @param to Its final name, in the same folder.
 * @param link Makes a hard link.
 */
export function giveName(from: string, to: string, link: typeof fs.linkSync = fs.linkSync): void {
  try {
    link(from, to);
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    return renameToNew(from, to);
  }
  try {
    // Before the other name goes: a power cut leaves at least one of the two.
    syncFolder(to);
    fs.unlinkSync(from);
  } catch (error) {
    fs.unlinkSync(to);
    throw error;
  }
}

/** As `giveName`, where there are no links. A process killed in between leaves an empty file. */
function renameToNew(from: string, to: string): void {
  fs.closeSync(fs.openSync(to, "wx", MODE_PRIVATE));
  try {
    fs.renameSync(from, to);
  } catch (error) {
    fs.unlinkSync(to);
    throw error;
  }
  syncFolder(to);
}

/** Takes the names in the folder of a path to the medium, where the folder can be synced. */
function syncFolder(path: string): void {
  const folder = dirname(path);
  if (!isGranted("read", folder)) return;
  let descriptor: number;
  try {
    descriptor = fs.openSync(folder, "r");
  } catch {
    // The user may write into it and not read it, or the system opens no folders.
    return;
  }
  try {
    fs.fsyncSync(descriptor);
  } catch (error) {
    if (!NO_FOLDER_SYNC.includes(codeOf(error))) throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

function refuseTaken(target: string): void {
  if (basename(target) === "" || /\/$/.test(target)) throw new Error("the path names no file");
  if (fs.lstatSync(target, { throwIfNoEntry: false }) === undefined) return;
  throw new Error("there is something already");
}

/** Makes the file under the first name that is free; its path and its descriptor. */
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
  throw new Error(`${NAMES_MAX} unfinished files are beside it; remove those that nobody writes`);
}

/** A name in the same folder, cut where it would be longer than names can be. */
function nameBeside(target: string, number: number): string {
  const suffix = number === 1 ? SUFFIX : `${SUFFIX}-${number}`;
  let name = basename(target);
  while (encoder.encode(name).length + suffix.length > NAME_BYTES_MAX) name = name.slice(0, -1);
  return join(dirname(target), name + suffix);
}

type Created = [path: string, descriptor: number];

/** What a new file is a copy of. */
interface Source {
  /** The permissions that a copy in the same group may have. */
  readonly mode: number;
  readonly group: number | undefined;
}

/** Undefined where it is no copy of a file. */
function sourceOf(copyOf: string | number | undefined): Source | undefined {
  if (copyOf === undefined) return undefined;
  try {
    const { mode, gid, isFile } = statOf(copyOf);
    return isFile ? { mode: mode & MODE_NEW, group: gid } : undefined;
  } catch {
    // Of what nobody can look at, nobody else may get a copy.
    return { mode: MODE_PRIVATE, group: undefined };
  }
}

function statOf(of: string | number): { mode: number; gid: number; isFile: boolean } {
  const found = typeof of === "string" ? fs.statSync(of) : fs.fstatSync(of);
  return { mode: found.mode, gid: found.gid, isFile: found.isFile() };
}

/**
 * Makes a file with the permissions of its source. Until it is known that the group is the same,
 * members of the group and others get no more than both have.
 */
function createWithMode(path: string, source: Source | undefined): Created {
  if (source === undefined) return [path, fs.openSync(path, "wx+", MODE_NEW)];
  const { mode, group } = source;
  const both = (mode >>> GROUP_SHIFT) & mode & CLASS_MASK;
  const narrow = (mode & MODE_OWNER) | (both << GROUP_SHIFT) | both;
  const descriptor = fs.openSync(path, "wx+", narrow);
  if (narrow === mode || fs.fstatSync(descriptor).gid !== group) return [path, descriptor];
  // Made anew rather than widened, which would pass over the umask.
  fs.closeSync(descriptor);
  fs.unlinkSync(path);
  return [path, fs.openSync(path, "wx+", mode)];
}

/** Whether this program has a permission, without asking the user for it. */
function isGranted(name: "read" | "write", path: string): boolean {
  return Deno.permissions.querySync({ name, path }).state === "granted";
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function cannotMake(target: string, cause: unknown): IoError {
  const why = codeOf(cause) === "EEXIST" ? "there is something already" : reason(cause);
  return new IoError(`Cannot make ${target}: ${why}`, { cause });
}
