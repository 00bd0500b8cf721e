/**
 * Makes the directory entry of a new file durable. If the entry is not on the medium, a power
 * failure loses the file even if its data is.
 *
 * The directory is synced if the program may read it. This never prompts for a permission: if a
 * program has access only to the file itself, the system decides when the entry is durable.
 */

import * as fs from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { IoError } from "../format/errors.ts";
import { reason } from "./disk.ts";

/** The error codes of systems that do not allow this directory to be synced. */
const REFUSALS: readonly unknown[] = ["EACCES", "EBADF", "EINVAL", "EISDIR", "ENOTSUP", "EPERM"];

/**
 * Waits until the directory entry of a file is on the medium; false if it cannot wait for that.
 *
 * @throws {IoError} The sync failed: the entry may be lost.
 */
export function syncDirectoryOf(path: string): boolean {
  // Windows has no descriptors of directories.
  if (Deno.build.os === "windows") return false;
  const directory = directoryOf(path);
  const descriptor = directory === undefined ? -1 : openDirectory(directory);
  if (descriptor < 0) return false;
  try {
    fs.fsyncSync(descriptor);
    return true;
  } catch (cause) {
    if (isRefusal(cause)) return false;
    throw new IoError(`Cannot sync the directory of ${path}: ${reason(cause)}`, { cause });
  } finally {
    fs.closeSync(descriptor);
  }
}

/** The directory of a file, with symbolic links resolved; undefined if it may not be read. */
function directoryOf(path: string): string | undefined {
  const named = dirname(path);
  // Resolving a relative path requires permission to read the current directory.
  if (!mayRead(named) || (!isAbsolute(path) && !mayRead("."))) return undefined;
  const directory = dirname(realPath(path));
  return mayRead(directory) ? directory : undefined;
}

function realPath(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch (cause) {
    throw new IoError(`Cannot find ${path}: ${reason(cause)}`, { cause });
  }
}

function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** A descriptor of a directory, or -1 if the system refuses it. */
function openDirectory(path: string): number {
  try {
    return fs.openSync(path, "r");
  } catch (cause) {
    if (isRefusal(cause)) return -1;
    throw new IoError(`Cannot open the directory ${path}: ${reason(cause)}`, { cause });
  }
}

function isRefusal(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return cause.name === "NotCapable" || ("code" in cause && REFUSALS.includes(cause.code));
}
