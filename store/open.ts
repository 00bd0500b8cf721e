/**
 * Opens a database: checks the arguments, opens a pager, and creates a session on it.
 */

import { openPager, type Pager, pathOf } from "../pager/mod.ts";
import { Database } from "./database.ts";
import { FollowingSession } from "./follow/following_session.ts";
import { SharingSession } from "./follow/sharing_session.ts";
import { checkOpenOptions, type OpenOptions } from "./options.ts";
import { Session } from "./write/session.ts";

/**
 * Opens a database and locks it. A missing file is created.
 *
 * It needs permission to read and write that one path. A commit is on the medium when its call
 * returns or its promise resolves, unless a lower `durability` is requested.
 *
 * ```ts
 * import { open } from "../mod.ts";
 *
 * using db = open(":memory:");
 * const cities = db.tree("cities");
 * await cities.set("Lisboa", new Uint8Array([1]));
 * console.assert(cities.has("Lisboa"));
 * ```
 *
 * A file that is in use, damaged or not a database is left unchanged:
 *
 * ```ts
 * import { CorruptionError, IoError, LockedError, open } from "../mod.ts";
 *
 * try {
 *   using db = open("no such folder/cities.quire", { lockTimeoutMs: 1000 });
 *   console.log(db.version);
 * } catch (error) {
 *   if (error instanceof LockedError) console.log("Another handle has it open.");
 *   else if (error instanceof CorruptionError) console.log(`Damaged: ${error.rule}`);
 *   else console.assert(error instanceof IoError);
 * }
 * ```
 *
 * @param path The file, as a path or a `file:` URL, or `":memory:"`.
 * @throws {LockedError} Another handle has it open.
 * @throws {CorruptionError} It is damaged, or not a Quire database. It is left unchanged.
 * @throws {IoError} The system refused.
 * @throws {TypeError} The path or an option has the wrong type, or the URL is not a `file:` URL.
 * @throws {RangeError} An option is out of range.
 */
export function open(path: string | URL, options: OpenOptions = {}): Database {
  const place = pathOf("open", path);
  checkOpenOptions(options);
  if (place === ":memory:" && options.readOnly === true) {
    throw new TypeError("Cannot open: a database in memory that is read-only holds nothing");
  }
  if (place === ":memory:" && options.follow === true) {
    throw new TypeError("Cannot open: a database in memory has no file to follow");
  }
  if (place === ":memory:" && options.shared === true) {
    throw new TypeError("Cannot open: a database in memory cannot be shared");
  }
  const { io = "buffered" } = options;
  if (place === ":memory:" && io !== "buffered") {
    throw new TypeError(
      `Cannot open: io "${io}" is for files, and this is a database in memory`,
    );
  }
  const { durability, debugViews, ...pagerOptions } = options;
  const pager = openPager(place, pagerOptions);
  return new Database(new (sessionOf(pager))(pager, durability, debugViews));
}

/** The class of the session of a pager. */
function sessionOf(pager: Pager): typeof Session {
  if (pager.sharing !== undefined) return SharingSession;
  return pager.follower === undefined ? Session : FollowingSession;
}
