/**
 * Makes the entry of a new file last: a file whose data is on the medium is lost with the power as
 * long as the directory that names it is not.
 *
 * The directory is synced where the program may read it. It never asks for a permission: a program
 * may be allowed the one path and nothing else, and then when the entry lasts is up to the system.
 */

import * as fs from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { IoError } from "../format/errors.ts";
import { reason } from "./disk.ts";

/** What a system says when it does not let anybody sync this directory. */
const REFUSALS: readonly unknown[] = ["EACCES", "EBADF", "EINVAL", "EISDIR", "ENOTSUP", "EPERM"];

/**
 * Waits until the entry of a file is on the medium; false where that cannot be waited for.
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

/** The directory that names a file, behind symbolic links, if it may be read. */
function directoryOf(path: string): string | undefined {
  const named = dirname(path);
  // What a relative path means can be told by those alone who may read the current directory.
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

/** A descriptor of a directory, or -1 where the system refuses one. */
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
