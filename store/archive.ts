/**
 * The public functions that ship the commits of a database: `archive` to a store, and `replicate`
 * to a stream.
 */

import type { ArchivePosition } from "./archive/archive_position.ts";
import { ArchiveRole } from "./archive/archive_role.ts";
import { type ArchiveStore, checkStore } from "./archive/archive_store.ts";
import { Archiver } from "./archive/archiver.ts";
import { untilAborted } from "./backup/waiting.ts";
import { type Database, sessionOf } from "./database.ts";
import { checkOptions, type OptionTypes, SIGNAL } from "./read/argument_checks.ts";
import { parsePosition } from "./stream/position.ts";
import { SentObjects } from "./stream/sent_objects.ts";
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
  /**
   * The length of a period, in milliseconds. The commits of each period become one object, of at
   * most 4 MiB, once it is as long ago. Default an hour; `Infinity`: each shipment is an object.
   */
  mergeAfter?: number | undefined;
}

/** Options of a wait for an archive. */
export interface ArchiveWaitOptions {
  /** Ends the wait when aborted: the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of `replicate`. */
export interface ReplicateOptions {
  /**
   * The position of the replica, `Replica.position`, after which the stream continues. Default: the
   * stream begins with all pages.
   */
  after?: string | undefined;
  /** The time between two shipments, in milliseconds. Default 100. */
  everyMs?: number | undefined;
}

const ACTION = "archive";
const FLUSH = "flush the archive";
const CLOSE = "close the archive";
const WAIT_TYPES: OptionTypes = { signal: SIGNAL };
const REPLICATE = "replicate";
const REPLICATE_TYPES: OptionTypes = { after: "string", everyMs: "number" };
const REPLICATE_EVERY_MS = 100;
const OPTION_TYPES: OptionTypes = {
  everyMs: "number",
  baseEvery: "number",
  keep: "number",
  mergeAfter: "number",
};
const EVERY_MS = 1000;
const BASE_EVERY_MS = 24 * 60 * 60 * 1000;
const MERGE_AFTER_MS = 60 * 60 * 1000;

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
   * @throws {TypeError} The options are malformed.
   */
  async flush(options: ArchiveWaitOptions = {}): Promise<void> {
    checkOptions(FLUSH, options, WAIT_TYPES);
    await untilAborted(this.#archiver.flush(), options.signal);
  }

  /**
   * Ships everything committed so far, and ends. One that stands by waits until the process that
   * archives the database has shipped it. It does not wait for a store that fails, or that does not
   * answer for five minutes. If the signal aborts, it ends at once.
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
   * @throws {TypeError} The options are malformed. The archive goes on.
   */
  async close(options: ArchiveWaitOptions = {}): Promise<void> {
    checkOptions(CLOSE, options, WAIT_TYPES);
    try {
      await untilAborted(this.#archiver.close(), options.signal);
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
 * Of the processes and Workers that share a database each may call it, with the same store: one
 * archives the commits of all, and the others stand by; `db.stats().archive.standsBy` says so. When
 * that one ends, or is killed, another one continues. The commits that another process took to the
 * medium together can only be restored together.
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
 * @throws {IoError} The system refused, for instance the file beside a shared database whose lock
 * says who archives it.
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
  const { everyMs = EVERY_MS, baseEvery = BASE_EVERY_MS } = options;
  const { keep = Infinity, mergeAfter = MERGE_AFTER_MS } = options;
  const times = { everyMs, baseEvery, keep, mergeAfter };
  for (const [name, value] of Object.entries(times)) {
    if (!(value > 0)) throw new RangeError(`Cannot ${ACTION}: ${name} ${value} is not above 0`);
  }
  refuseSecond(session);
  const { openArchiveLock } = session;
  const role = openArchiveLock && new ArchiveRole(openArchiveLock);
  const archiver = new Archiver(session, store, times, { role });
  session.archive = archiver;
  return new Archive(archiver);
}

function refuseSecond(session: Session): void {
  if (session.archive?.stats().ended !== false) return;
  throw new TypeError(`Cannot ${ACTION}: an archive of the database is being written`);
}

/**
 * Sends the commits of a database as a stream of bytes, from which `openReplica` keeps a copy in
 * another process or on another machine: all pages, or what changed after a position, then each
 * commit. The bytes have sums, and what carries them is up to the caller: a response of a server, a
 * socket, a file.
 *
 * Commits do not wait for the reader of the stream. At most 16 MiB of them wait in memory; if it is
 * slower than that, what has changed is sent as one. Only commits on the medium are sent, and a
 * commit of a lower durability is put there for it. There may be any number of streams, beside an
 * archive. A stream ends when its reader cancels it, or the database is closed.
 *
 * ```ts
 * import { open, openReplica, replicate } from "../mod.ts";
 *
 * const dir = Deno.makeTempDirSync();
 * const db = open(`${dir}/db.quire`);
 * const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
 *   const after = new URL(url).searchParams.get("after") ?? undefined;
 *   return new Response(replicate(db, { after }));
 * });
 *
 * const { port } = server.addr;
 * const replica = await openReplica(`${dir}/replica`, {
 *   from: async (after) => {
 *     const query = after === undefined ? "" : `?after=${after}`;
 *     return (await fetch(`http://127.0.0.1:${port}/${query}`)).body!;
 *   },
 * });
 * await db.tree("a").set("key", new Uint8Array(1));
 * await replica.reaches(db.version);
 * console.assert(replica.db.tree("a").has("key"));
 * await replica.close();
 * db.close();
 * await server.shutdown();
 * Deno.removeSync(dir, { recursive: true });
 * ```
 *
 * @throws {RangeError} The position is of another database, or later than this one, or no position;
 * or a time is not above 0.
 * @throws {TypeError} A transaction is open, the database was opened to follow it, or an argument
 * has the wrong type.
 * @throws {ClosedError} The database is closed.
 */
export function replicate(
  db: Database,
  options: ReplicateOptions = {},
): ReadableStream<Uint8Array> {
  const session = sessionOf(db, REPLICATE);
  session.refuseFollowed(REPLICATE);
  checkOptions(REPLICATE, options, REPLICATE_TYPES);
  const { everyMs = REPLICATE_EVERY_MS } = options;
  if (!(everyMs > 0)) {
    throw new RangeError(`Cannot ${REPLICATE}: everyMs ${everyMs} is not above 0`);
  }
  const after = options.after === undefined ? undefined : positionIn(session, options.after);
  const sent = new SentObjects((reason) => archiver.end(reason));
  const times = { everyMs, baseEvery: Infinity, keep: Infinity, mergeAfter: Infinity };
  const archiver = new Archiver(session, sent, times, { after });
  session.streams.add(archiver);
  void archiver.over().then((failure) => {
    session.streams.delete(archiver);
    sent.end(failure);
  });
  return sent.stream;
}

function positionIn(session: Session, text: string): ArchivePosition {
  const { copies } = session.pager;
  const position = parsePosition(text);
  if (position === undefined) {
    throw new RangeError(`Cannot ${REPLICATE}: ${text} is not a position`);
  }
  if (position.databaseId.some((byte, i) => byte !== copies.databaseId[i])) {
    throw new RangeError(`Cannot ${REPLICATE}: the replica is of another database`);
  }
  const version = session.versionFrom(position.version);
  if (position.version <= version) return position;
  const state = `the replica has version ${position.version}, and the database ${version}`;
  throw new RangeError(`Cannot ${REPLICATE}: ${state}`);
}
