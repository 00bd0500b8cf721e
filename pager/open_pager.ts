/**
 * Opens a pager by path: it finds the file, locks it, and closes it again if opening fails.
 *
 * Recovery and the checks of the superblocks are in the constructor of `Pager`.
 */

import { pid } from "node:process";
import { Disk } from "./file/disk.ts";
import { type DiskFileOptions, openDiskFile, openUnlockedDiskFile } from "./file/disk_file.ts";
import type { File } from "./file/file.ts";
import { MemoryFile } from "./file/memory_file.ts";
import { pathOf } from "./file/path.ts";
import { inFile, LockedError } from "./format/errors.ts";
import { examineSuperblocks } from "./journal/superblocks.ts";
import { checkDoors } from "./native/doors.ts";
import { Pager } from "./pager.ts";
import { checkSizes, type PagerOptions } from "./recovery/options.ts";
import { openShare, openShareFiles, type ShareFiles } from "./share/open_share.ts";
import { abandonShare } from "./share/share.ts";
import { LentFile } from "./share/shared_file.ts";

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
  if (options.shared === true) return openShared(place, options);
  if (place === ":memory:") return pagerOn(new MemoryFile(), { ...options, journal: false });
  if (options.follow === true) return pagerOn(openUnlockedDiskFile(place, options.io), options);
  const file = openDiskFile(place, options);
  if (options.readOnly !== true || holdsStill(file)) return pagerOn(file, options);
  file.close();
  // A window must not show what another process writes.
  if (options.follow === false || options.io === "map") {
    throw new LockedError(place, false, "shared");
  }
  return pagerOn(openUnlockedDiskFile(place, options.io), { ...options, follow: true });
}

/**
 * Opens and locks a file to read all of it, while nobody writes it.
 *
 * @throws {LockedError} Another handle may write it.
 * @throws {IoError} The system refused, or the path is not a regular file.
 */
export function openStillFile(path: string, options: DiskFileOptions = {}): File {
  const file = openDiskFile(path, { ...options, readOnly: true });
  if (holdsStill(file)) return file;
  file.close();
  throw new LockedError(path, false, "shared");
}

function pagerOn(file: File, options: PagerOptions): Pager {
  try {
    return new Pager(file, options);
  } catch (error) {
    file.close();
    throw inFile(error, file.path);
  }
}

/**
 * Whether nobody writes a file that is locked for reading. If its superblock says that it is open,
 * the lock must be exclusive: other processes that share the file hold it too, and write. A process
 * that was killed leaves the same superblock.
 */
function holdsStill(file: File): boolean {
  try {
    if (examineSuperblocks(new Disk(file)).current?.open !== true) return true;
    if (!file.lock(true)) return false;
    // A change of the lock is two: another handle may have closed the file in between.
    return examineSuperblocks(new Disk(file)).current?.open === true || file.lock(false);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Opens the pager of a file that several processes write. */
function openShared(place: string, options: PagerOptions): Pager {
  const { shared: _, ...own } = options;
  return openOnShare(openShareFiles(place, own), place, own);
}

/**
 * Opens a pager that shares a file, and takes ownership of the files.
 *
 * @throws {LockedError} An exclusive or a read-only handle has the file.
 * @throws {CorruptionError} The file is not a Quire database, or is damaged.
 * @throws {IoError} The system refused.
 */
export function openOnShare(files: ShareFiles, place: string, options: PagerOptions): Pager {
  // Those who share the file begin at the replay point of its superblocks.
  const all = { ...options, replayRecords: Infinity };
  const alone = (file: File) => new Pager(new LentFile(file), all);
  const owner = {
    prepare: (file: File) => alone(file).handOver(),
    finish: (file: File) => alone(file).close(),
  };
  try {
    const { parts, file } = openShare(files, place, { ...options, process: pid }, owner);
    try {
      return new Pager(file, options, parts);
    } catch (error) {
      abandonShare(parts);
      throw error;
    }
  } catch (error) {
    throw inFile(error, place);
  }
}
