/**
 * Puts the entry of a file in its folder on the medium. If the entry is not there, a power failure
 * loses the file even if its data is.
 *
 * The folder is synced if the program may read it. This never prompts for a permission: if a
 * program has access only to the file itself, the system decides when the entry is durable. So it
 * does where a system does not sync folders. Any other failure, also a lack of descriptors, is an
 * error: the entry may be lost.
 */

import * as fs from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { IoError } from "../format/errors.ts";
import { reason } from "./disk.ts";

/** The error codes of systems that do not allow this folder to be synced. */
const REFUSALS: readonly unknown[] = [
  "EACCES",
  "EBADF",
  "EINVAL",
  "EISDIR",
  "ENOTSUP",
  "EOPNOTSUPP",
  "EPERM",
];

/**
 * Waits until the entry of a file in its folder is on the medium; false if it cannot wait for that.
 *
 * @param path The path of the file; of a link, the entry of the file that it leads to.
 * @param open Opens the folder.
 * @throws {IoError} The sync failed: the entry may be lost.
 */
export function syncFolderOf(path: string, open: typeof fs.openSync = fs.openSync): boolean {
  const descriptor = openFolderOf(path, open);
  if (descriptor < 0) return false;
  try {
    fs.fsyncSync(descriptor);
    return true;
  } catch (cause) {
    return isSynced(path, cause);
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Like `syncFolderOf`, but does not hold up the thread.
 *
 * @throws {IoError} Later, in the promise: the same.
 */
export async function startSyncOfFolder(
  path: string,
  open: typeof fs.openSync = fs.openSync,
): Promise<boolean> {
  const descriptor = openFolderOf(path, open);
  if (descriptor < 0) return false;
  try {
    await startSync(descriptor);
    return true;
  } catch (cause) {
    return isSynced(path, cause);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Puts a file on the medium, and does not hold up the thread. */
export function startSync(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fsync(descriptor, (error) => error ? reject(error) : resolve());
  });
}

/** After a sync that failed: false if the system does not sync this folder. */
function isSynced(path: string, cause: unknown): false {
  if (isRefusal(cause)) return false;
  throw new IoError(`Cannot sync the folder of ${path}: ${reason(cause)}`, { cause });
}

/** A descriptor of the folder of a file, or -1 if the program or the system refuses it. */
function openFolderOf(path: string, open: typeof fs.openSync): number {
  // Windows has no descriptors of folders.
  if (Deno.build.os === "windows") return -1;
  const folder = folderOf(path);
  if (folder === undefined) return -1;
  try {
    return open(folder, "r");
  } catch (cause) {
    if (isRefusal(cause)) return -1;
    throw new IoError(`Cannot open the folder ${folder}: ${reason(cause)}`, { cause });
  }
}

/** The folder of a file, with links resolved; undefined if it may not be read. */
function folderOf(path: string): string | undefined {
  const named = dirname(path);
  if (!mayRead(named)) return undefined;
  if (!isLink(path)) return named;
  // Resolving a relative path requires permission to read the current folder.
  if (!isAbsolute(path) && !mayRead(".")) return undefined;
  const folder = dirname(fs.realpathSync(path));
  return mayRead(folder) ? folder : undefined;
}

function isLink(path: string): boolean {
  try {
    return fs.lstatSync(path).isSymbolicLink();
  } catch (cause) {
    throw new IoError(`Cannot find ${path}: ${reason(cause)}`, { cause });
  }
}

function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

function isRefusal(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return cause.name === "NotCapable" || ("code" in cause && REFUSALS.includes(cause.code));
}
