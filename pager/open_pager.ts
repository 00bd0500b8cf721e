/**
 * Opens a pager by path: it finds the file, locks it, and closes it again if opening fails.
 *
 * Recovery and the checks of the superblocks are in the constructor of `Pager`.
 */

import { checkDoors } from "./door/doors.ts";
import { openDiskFile, openUnlockedDiskFile } from "./file/disk_file.ts";
import type { File } from "./file/file.ts";
import { MemoryFile } from "./file/memory_file.ts";
import { pathOf } from "./file/path.ts";
import { inFile } from "./format/errors.ts";
import { Pager } from "./pager.ts";
import { checkSizes, type PagerOptions } from "./recovery/options.ts";

/**
 * Opens the pager of a file, or of memory when the path is `":memory:"`.
 *
 * @param path A path, a `file:` URL, or `":memory:"`.
 * @throws {TypeError} The path has a wrong type, or is a URL of another scheme.
 * @throws {LockedError} Another handle has the file.
 * @throws {CorruptionError} The file is not a Quire database, or is damaged.
 * @throws {IoError} The system refused.
 */
export function openPager(path: string | URL, options: PagerOptions = {}): Pager {
  const place = pathOf("open", path);
  checkSizes(options); // before a file is created
  checkDoors(place, options);
  const inMemory = place === ":memory:";
  const file: File = inMemory ? new MemoryFile() : openFile(place, options);
  try {
    return new Pager(file, inMemory ? { ...options, journal: false } : options);
  } catch (error) {
    file.close();
    throw inFile(error, file.path);
  }
}

/** A follower takes no lock. */
function openFile(place: string, options: PagerOptions): File {
  return options.follow === true
    ? openUnlockedDiskFile(place, options.io)
    : openDiskFile(place, options);
}
