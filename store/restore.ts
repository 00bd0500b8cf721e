/**
 * The public function for restores: from a backup and its increments, or from an archive.
 */

import { pathOf } from "../pager/mod.ts";
import { type ArchiveStore, checkStore } from "./archive/archive_store.ts";
import { namedStore } from "./archive/named_store.ts";
import { type ArchiveRestoreResult, restoreFromArchive } from "./archive/restore_archive.ts";
import type { ArchivePoint } from "./archive/segments/archive_index.ts";
import { restoreChain, type RestoreResult } from "./backup/restore.ts";
import { checkOptions, type OptionTypes, SIGNAL } from "./read/argument_checks.ts";

/** The archive that `restore` reads, and the state that it restores. */
export interface RestoreSource {
  /** The store that has the archive. */
  readonly from: ArchiveStore;
  /**
   * The state: that of a version, or that of the last commit at a time. Default: the last one in
   * the archive.
   */
  readonly at?: number | Date | undefined;
  /** Ends the restore when aborted: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const ACTION = "restore";
const SOURCE_TYPES: OptionTypes = { from: "object", at: "", signal: SIGNAL };

/**
 * Builds a new database from a copy that `Database.backup` made, and from the increments that
 * follow it. All of them are only read, and checked completely.
 *
 * The new database is written to `to` with `.unfinished` added, and renamed when it is complete and
 * on the medium; after an error nothing remains. Its permissions are no wider than those of the
 * base. It has the id and the version of its source. Continue to write in one of them only:
 * increments of one do not fit the other.
 *
 * ```ts
 * import { open, restore } from "../mod.ts";
 *
 * const dir = Deno.makeTempDirSync();
 * {
 *   using db = open(":memory:");
 *   await db.tree("a").set("key", new Uint8Array(1));
 *   const { version } = await db.backup(`${dir}/base.quire`);
 *   await db.tree("a").set("more", new Uint8Array(1));
 *   await db.backup(`${dir}/1.increment`, { since: version });
 * }
 * await restore(`${dir}/restored.quire`, `${dir}/base.quire`, `${dir}/1.increment`);
 * {
 *   using db = open(`${dir}/restored.quire`);
 *   console.assert(db.tree("a").has("more"));
 * }
 * Deno.removeSync(dir, { recursive: true });
 * ```
 *
 * @param to The path of the new database, or a `file:` URL.
 * @param base The path of a whole copy, or of any database that no handle has open for writing.
 * @param increments The paths of increments, in the order of their versions.
 * @throws {RangeError} The increments are of another database, in another order, or with a gap, or
 * the base has another history.
 * @throws {CorruptionError} The base or an increment is damaged or not complete.
 * @throws {IoError} A file exists at `to`, or the system refused.
 * @throws {LockedError} Another handle writes to the base.
 * @throws {TypeError} A path has the wrong type, or a URL is not a `file:` URL.
 */
export function restore(
  to: string | URL,
  base: string | URL,
  ...increments: readonly (string | URL)[]
): Promise<RestoreResult>;
/**
 * Builds a new database from an archive that `archive` wrote, with exactly the state of a commit.
 * Every object is checked, and the sums of every page.
 *
 * The file is written as above, and created as `open` does. It has the version of that commit and
 * an id of its own, so it is another database: archive it to another store.
 *
 * ```ts
 * import { archive, folderStore, open, restore } from "../mod.ts";
 *
 * const dir = Deno.makeTempDirSync();
 * const store = folderStore(`${dir}/archive`);
 * {
 *   using db = open(`${dir}/db.quire`);
 *   await using shipping = archive(db, store);
 *   await db.tree("a").set("key", new Uint8Array(1));
 *   await shipping.flush();
 *   db.dropTree("a");
 * }
 * await restore(`${dir}/before.quire`, { from: store, at: 1 });
 * {
 *   using db = open(`${dir}/before.quire`);
 *   console.assert(db.tree("a").has("key"));
 * }
 * Deno.removeSync(dir, { recursive: true });
 * ```
 *
 * @param to The path of the new database, or a `file:` URL.
 * @param source The archive, and the state.
 * @throws {RangeError} The archive does not have the state; the message says what it has. Or a
 * segment is missing, or the archive has two histories.
 * @throws {CorruptionError} An object is damaged or missing.
 * @throws {IoError} A file exists at `to`, or the system or the store refused.
 * @throws {TypeError} An argument has the wrong type.
 */
export function restore(to: string | URL, source: RestoreSource): Promise<ArchiveRestoreResult>;
export async function restore(
  to: string | URL,
  base: string | URL | RestoreSource,
  ...increments: readonly (string | URL)[]
): Promise<RestoreResult> {
  if (!isSource(base)) return await restoreChain(to, [base, ...increments]);
  const target = pathOf(ACTION, to);
  checkOptions(ACTION, base, SOURCE_TYPES);
  const { from, at, signal } = base;
  checkStore(ACTION, from);
  checkPoint(at);
  return await restoreFromArchive(target, namedStore(from, signal), at, signal);
}

/** Whether the second argument is an archive, with options right or wrong, rather than a path. */
function isSource(base: string | URL | Partial<RestoreSource>): base is RestoreSource {
  if (typeof base !== "object" || base === null || base instanceof URL) return false;
  const hasOptions = Object.getPrototypeOf(base) === Object.prototype &&
    Object.keys(base).length > 0;
  return hasOptions || base.from !== undefined;
}

function checkPoint(at: unknown): asserts at is ArchivePoint {
  if (at === undefined) return;
  if (at instanceof Date) {
    if (!Number.isNaN(at.getTime())) return;
    throw new RangeError(`Cannot ${ACTION}: at is an invalid date`);
  }
  if (typeof at !== "number") {
    throw new TypeError(`Cannot ${ACTION}: at is ${typeof at}, not a version or a Date`);
  }
  if (Number.isInteger(at) && at >= 0) return;
  throw new RangeError(`Cannot ${ACTION}: ${at} is not a version`);
}
