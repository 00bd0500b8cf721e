/**
 * The options of a database and of a transaction, and their checks. The pager checks the options
 * that it takes; this file has the types, and checks the options of the store.
 */

import type { Durability } from "../pager/mod.ts";
import { ANY, checkOptions, type OptionTypes } from "./read/argument_checks.ts";

/** Options of `open`. An undefined option has its default. */
export interface OpenOptions {
  /**
   * The durability of a commit when its call returns or its promise resolves: `"sync"` = on the
   * medium, `"buffered"` = handed to the system, `"none"` = in memory. Default `"sync"`.
   */
  durability?: Durability | undefined;
  /**
   * Opens the file read-only. Many such handles can have a closed file open at once. A file that
   * was not closed is recovered in memory, and is locked exclusively meanwhile; others can `follow`
   * it. Default false.
   */
  readOnly?: boolean | undefined;
  /**
   * Follows a file that another process may have open for writing: it needs permission to read
   * alone, takes no lock, and writes nothing. It shows the commits that are on the medium, newer
   * ones in later turns of the event loop, and refuses changes. Snapshots and iterators keep their
   * version, or end with `SnapshotTooOldError` when the file has replaced its pages. By default a
   * handle follows only if it is read-only, finds a file that was not closed, and does not get its
   * lock exclusively; with false that is a `LockedError`.
   */
  follow?: boolean | undefined;
  /**
   * Shares the file with other processes and Workers, each of which opens it with this option. One
   * transaction runs at a time. See `docs/sharing.md`. Default false.
   */
  shared?: boolean | undefined;
  /** Creates a missing file, unless it is opened read-only. Default true. */
  create?: boolean | undefined;
  /**
   * The permissions of a created file, such as `0o600`; the umask of the process narrows them.
   * Ignored on Windows. Default `0o666`.
   */
  mode?: number | undefined;
  /**
   * The time to wait for another handle to close, in milliseconds; it blocks. Default 0. With
   * `follow`, about the time that a read waits for a page that another process is writing. Default
   * 100 then.
   */
  lockTimeoutMs?: number | undefined;
  /** The page cache limit in bytes, 8 MiB to 16 GiB, allocated as needed. Default 256 MiB. */
  cacheBytes?: number | undefined;
  /**
   * The memory limit in bytes of the pages that one transaction changes, with their old images; at
   * least 1 MiB. Saved words of small changes are extra, at most 2 KiB a page. New pages beyond
   * `cacheBytes` are written to the file and do not count. The changed bytes also have to fit an
   * area of the journal, of 1 GiB at most; larger transactions fail with `LimitError`. Default
   * 1 GiB.
   */
  maxTransactionBytes?: number | undefined;
  /**
   * The memory limit in bytes of old pages that snapshots keep; beyond it the oldest snapshot ends.
   * Default 256 MiB.
   */
  maxSnapshotBytes?: number | undefined;
  /**
   * The size limit in bytes of each of the two journal areas, 2 MiB to 512 MiB. Beyond it commits
   * wait for a checkpoint. In a small file the limit is half the size of its data, but at least
   * 2 MiB; in a shared one the size of the whole file, but at least 4 MiB. Default 32 MiB.
   */
  journalBytes?: number | undefined;
  /**
   * The assumed content of a sector after an interrupted write: `"whole"` = its old or its new
   * bytes; `"protect"` = anything, so pages are logged whole once per checkpoint. Default
   * `"whole"`.
   */
  tornSectors?: "whole" | "protect" | undefined;
  /**
   * How pages are read and written. `"buffered"`: through the system's cache. `"direct"`: past it,
   * so that no page is in memory twice; a page that is not in `cacheBytes` costs the medium each
   * time, and `prefetch` has no effect. `"direct"` needs Linux, and a file system that has
   * `O_DIRECT`. `"map"`: the file is mapped, and the system's cache is the cache, of any size;
   * `cacheBytes` bounds the memory for changes. It needs Linux and `--allow-ffi`. A disk that fails
   * to return a page ends the process with a signal (SIGBUS) instead of an error, and so do a full
   * tmpfs and another program that cuts the file. Views of `getView` are empty after `close`. It is
   * refused with `shared` and `follow`. Default `"buffered"`.
   */
  io?: "buffered" | "direct" | "map" | undefined;
  /**
   * The memory of the page cache. `"heap"`: the program's. `"huge"`: pages of the system of 2 MiB,
   * with which look-ups in a large cache are faster; needs Linux and `--allow-ffi`. Views of
   * `getView` are empty after `close`. Default `"heap"`.
   */
  memory?: "heap" | "huge" | undefined;
  /**
   * Overwrites views of `getView` and the bytes of `visit` when they expire, to reveal code that
   * still uses them. Default false.
   */
  debugViews?: boolean | undefined;
}

/** Options of a transaction. */
export interface WriteOptions {
  /** The durability when the call returns or its promise resolves. Default: the database's. */
  durability?: Durability | undefined;
}

const OPTION_TYPES: OptionTypes = {
  cacheBytes: "number",
  create: "boolean",
  debugViews: "boolean",
  durability: "string",
  follow: "boolean",
  io: "string",
  journalBytes: "number",
  lockTimeoutMs: "number",
  maxSnapshotBytes: "number",
  maxTransactionBytes: "number",
  memory: "string",
  mode: "number",
  readOnly: "boolean",
  shared: "boolean",
  tornSectors: "string",
};

const DURABILITIES: readonly unknown[] = ["sync", "buffered", "none"];
const TORN_SECTORS: readonly unknown[] = ["whole", "protect"];
const IO: readonly unknown[] = ["buffered", "direct", "map"];
const MEMORY: readonly unknown[] = ["heap", "huge"];

/**
 * The durability that options of a transaction request.
 *
 * @throws {TypeError} They are malformed.
 */
export function durabilityOf(options: WriteOptions): Durability | undefined {
  checkOptions("write", options, { durability: ANY });
  const { durability } = options;
  if (durability === undefined || DURABILITIES.includes(durability)) return durability;
  throw new TypeError(`Cannot write: durability cannot be ${String(durability)}`);
}

/**
 * Refuses malformed options of a database.
 *
 * @throws {TypeError} An option is unknown or has the wrong type.
 * @throws {RangeError} An option is out of range.
 */
export function checkOpenOptions(options: OpenOptions): void {
  checkOptions("open", options, OPTION_TYPES);
  const { durability = "sync", tornSectors = "whole" } = options;
  if (!DURABILITIES.includes(durability)) {
    throw new TypeError(`Cannot open: durability cannot be ${durability}`);
  }
  if (!TORN_SECTORS.includes(tornSectors)) {
    throw new TypeError(`Cannot open: tornSectors cannot be ${tornSectors}`);
  }
  if (options.shared === true) checkShared(options);
  const { io = "buffered", memory = "heap", lockTimeoutMs = 0 } = options;
  if (!IO.includes(io)) throw new TypeError(`Cannot open: io cannot be ${io}`);
  if (!MEMORY.includes(memory)) throw new TypeError(`Cannot open: memory cannot be ${memory}`);
  if (io === "map") checkMapped(options);
  if (!(lockTimeoutMs >= 0)) {
    throw new RangeError(`Cannot open: lockTimeoutMs ${lockTimeoutMs} is not a time to wait`);
  }
}

/** Refuses options that a mapped file cannot have. */
function checkMapped({ shared, follow, memory }: OpenOptions): void {
  if (shared === true || follow === true) {
    throw new TypeError('Cannot open: io "map" is for a file that no other process writes');
  }
  if (memory === "huge") {
    throw new TypeError('Cannot open: io "map" and memory "huge" exclude each other');
  }
}

/** Refuses options that a shared database cannot have. */
function checkShared({ readOnly, follow, tornSectors }: OpenOptions): void {
  const refuse = (why: string): never => {
    throw new TypeError(`Cannot open: a shared database ${why}`);
  };
  if (readOnly === true) refuse("cannot be read-only; follow it");
  if (follow === true) refuse("cannot be followed too");
  if (tornSectors === "protect") refuse('cannot have tornSectors "protect"');
}
