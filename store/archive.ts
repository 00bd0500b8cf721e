/**
 * The public functions for archives: `archive` ships the commits of a database to a store.
 */

import { Archiver } from "./archive/archiver.ts";
import { type ArchiveStore, checkStore } from "./archive/archive_store.ts";
import { untilAborted } from "./backup/waiting.ts";
import { type Database, sessionOf } from "./database.ts";
import { checkOptions, type OptionTypes } from "./read/argument_checks.ts";
import type { Session } from "./write/session.ts";

/** Options of `archive`. */
export interface ArchiveOptions {
  /** The time between two shipments, in milliseconds. Default 1000. */
  everyMs?: number | undefined;
  /** The time between two bases, in milliseconds. Default a day. */
  baseEvery?: number | undefined;
  /**
   * How far back states can be restored, in milliseconds: when a base has been written, older
   * objects that no such restore needs are deleted. Default `Infinity`: nothing is deleted.
   */
  keep?: number | undefined;
}

/** Options of a wait for an archive. */
export interface ArchiveWaitOptions {
  /** Ends the wait when aborted: the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

const ACTION = "archive";
const OPTION_TYPES: OptionTypes = { everyMs: "number", baseEvery: "number", keep: "number" };
const EVERY_MS = 1000;
const BASE_EVERY_MS = 24 * 60 * 60 * 1000;

/**
 * An archive that is being written; `archive` begins it.
 *
 * ```ts
 * import { archive, type ArchiveStore, open } from "../mod.ts";
 *
 * const objects = new Map<string, Uint8Array>();
 * const store: ArchiveStore = {
 *   put: (name, bytes) => Promise.resolve(void objects.set(name, bytes)),
 *   get: (name) => Promise.resolve(objects.get(name)),
 *   list: () => Promise.resolve([...objects.keys()]),
 *   delete: (name) => Promise.resolve(void objects.delete(name)),
 * };
 * using db = open(":memory:");
 * await using shipping = archive(db, store);
 * await db.tree("a").set("key", new Uint8Array(1));
 * await shipping.flush();
 * console.assert(objects.size > 0);
 * ```
 */
export class Archive {
  readonly #archiver: Archiver;

  /** Created by `archive`. */
  constructor(archiver: Archiver) {
    this.#archiver = archiver;
  }

  /**
   * Resolves when everything committed so far is in the store.
   *
   * ```ts
   * import { archive, folderStore, open } from "../mod.ts";
   *
   * const dir = Deno.makeTempDirSync();
   * using db = open(":memory:");
   * await using shipping = archive(db, folderStore(dir));
   * await db.tree("a").set("key", new Uint8Array(1));
   * await shipping.flush({ signal: AbortSignal.timeout(10_000) });
   * console.assert(db.stats().archive?.version === db.version);
   * ```
   *
   * @throws {RangeError} Later, in the promise: the store has another archive.
   * @throws {ClosedError} The database was closed.
   */
  async flush({ signal }: ArchiveWaitOptions = {}): Promise<void> {
    await untilAborted(this.#archiver.flush(), signal);
  }

  /**
   * Ships everything committed so far, and ends. It does not wait for a store that fails. If the
   * signal aborts, it ends at once.
   *
   * ```ts
   * import { archive, folderStore, open } from "../mod.ts";
   *
   * const dir = Deno.makeTempDirSync();
   * using db = open(":memory:");
   * const shipping = archive(db, folderStore(dir));
   * await db.tree("a").set("key", new Uint8Array(1));
   * await shipping.close();
   * console.assert(db.stats().archive?.ended === true);
   * ```
   *
   * @throws {IoError} Later, in the promise: the store failed. What is missing follows when the
   * database is archived to the store again.
   */
  async close({ signal }: ArchiveWaitOptions = {}): Promise<void> {
    try {
      await untilAborted(this.#archiver.close(), signal);
    } finally {
      this.#archiver.end(new DOMException("The archive was closed", "AbortError"));
    }
  }

  /** Calls `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Ships the commits of a database to a store, so that any of its states can be restored: a base,
 * which is a copy of all pages, then each commit with its time, and now and then another base.
 *
 * Commits do not wait for the store, and at most 16 MiB of them wait in memory. If the store is
 * slower than that, or if the process was restarted meanwhile, what has changed is shipped as one:
 * then only the state at the end can be restored. A store that fails is called again, after up to
 * 30 seconds; `db.stats().archive` shows it. Only commits on the medium are shipped, and a commit
 * of a lower durability is put there for it.
 *
 * A store keeps the archive of one database. An archive ends with the database at the latest.
 *
 * ```ts
 * import { archive, folderStore, open, restore } from "../mod.ts";
 *
 * const dir = Deno.makeTempDirSync();
 * const store = folderStore(`${dir}/archive`);
 * {
 *   using db = open(`${dir}/db.quire`);
 *   await using shipping = archive(db, store, { everyMs: 100 });
 *   await db.tree("a").set("key", new Uint8Array([1]));
 *   await shipping.flush();
 *   await db.tree("a").set("key", new Uint8Array([2]));
 * }
 * await restore(`${dir}/first.quire`, { from: store, at: 1 }); // as of version 1
 * {
 *   using db = open(`${dir}/first.quire`);
 *   console.assert(db.tree("a").get("key")?.[0] === 1);
 * }
 * Deno.removeSync(dir, { recursive: true });
 * ```
 *
 * @throws {TypeError} A transaction is open, an archive of the database is being written, or an
 * argument has the wrong type.
 * @throws {RangeError} A time is not above 0.
 * @throws {ClosedError} The database is closed.
 */
export function archive(
  db: Database,
  store: ArchiveStore,
  options: ArchiveOptions = {},
): Archive {
  const session = sessionOf(db, ACTION);
  session.refuseFollowed(ACTION);
  checkStore(ACTION, store);
  checkOptions(ACTION, options, OPTION_TYPES);
  const { everyMs = EVERY_MS, baseEvery = BASE_EVERY_MS, keep = Infinity } = options;
  for (const [name, value] of Object.entries({ everyMs, baseEvery, keep })) {
    if (!(value > 0)) throw new RangeError(`Cannot ${ACTION}: ${name} ${value} is not above 0`);
  }
  refuseSecond(session);
  const archiver = new Archiver(session, store, { everyMs, baseEvery, keep });
  session.archive = archiver;
  return new Archive(archiver);
}

function refuseSecond(session: Session): void {
  if (session.archive?.stats().ended !== false) return;
  throw new TypeError(`Cannot ${ACTION}: an archive of the database is being written`);
}
