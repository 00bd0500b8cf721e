/**
 * The public class of a replica: a local copy of a database that follows its archive, or a stream.
 */

import { ClosedError, inFile, IoError, Pager, pathOf } from "../pager/mod.ts";
import { type ArchiveStore, checkStore } from "./archive/archive_store.ts";
import { namedStore } from "./archive/named_store.ts";
import { createReplica, ReplicaFile } from "./archive/replica_file.ts";
import { StoreCalls } from "./archive/store_calls.ts";
import { rest, untilAborted } from "./backup/waiting.ts";
import { Database } from "./database.ts";
import { checkOptions, type OptionTypes, SIGNAL } from "./read/argument_checks.ts";
import { positionText } from "./stream/position.ts";
import { positionOf, type StreamOpener, StreamSource } from "./stream/stream_source.ts";
import { Session } from "./write/session.ts";

/** Options of `openReplica`. */
export interface ReplicaOptions {
  /**
   * The store that has the archive; or a stream of `replicate`, or a function that opens one which
   * continues after a position, and is called again when a stream has ended.
   */
  readonly from: ArchiveStore | ReadableStream<Uint8Array> | StreamOpener;
  /** The time between two looks at the store, or two streams, in milliseconds. Default 5000. */
  readonly everyMs?: number | undefined;
  /** The memory for pages of each version that is read, in bytes; see `open`. */
  readonly cacheBytes?: number | undefined;
  /** Ends the creation of a new replica when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** The state of a replica. */
export interface ReplicaStats {
  /** The version that it has. */
  readonly version: number;
  /** The time of its last commit. */
  readonly time: Date;
  /** The memory that changes take which the file does not have yet, in bytes. */
  readonly layerBytes: number;
  /** Calls of the store, or streams, that failed. */
  readonly failures: number;
  /** The error that keeps it from following; undefined while it follows. */
  readonly failure: string | undefined;
}

const ACTION = "open the replica";
const WAIT = "wait for the replica";
const OPTION_TYPES: OptionTypes = {
  from: "",
  everyMs: "number",
  cacheBytes: "number",
  signal: SIGNAL,
};
const EVERY_MS = 5000;
const PAUSE_MS_MAX = 2 ** 31 - 1;
const CLOSED = "Cannot use the replica: it is closed";

/** A caller that waits for a version. */
interface Waiter extends PromiseWithResolvers<void> {
  readonly version: number;
}

/**
 * A local copy of a database that follows its archive, or a stream; `openReplica` opens one.
 *
 * ```ts
 * import { archive, folderStore, open, openReplica } from "../mod.ts";
 *
 * const dir = Deno.makeTempDirSync();
 * const store = folderStore(`${dir}/archive`);
 * {
 *   using db = open(`${dir}/db.quire`);
 *   await using shipping = archive(db, store);
 *   await db.tree("a").set("key", new Uint8Array(1));
 *   await shipping.flush();
 *   await using replica = await openReplica(`${dir}/replica`, { from: store, everyMs: 10 });
 *   await db.tree("a").set("more", new Uint8Array(1));
 *   await shipping.flush();
 *   await replica.reaches(db.version);
 *   console.assert(replica.db.tree("a").has("more"));
 * }
 * Deno.removeSync(dir, { recursive: true });
 * ```
 */
export class Replica {
  readonly #file: ReplicaFile;
  readonly #source: StoreCalls | StreamSource;
  readonly #options: ReplicaOptions;
  readonly #end: AbortController;
  readonly #waiters = new Set<Waiter>();
  /** The databases that may still be read. */
  readonly #views: Set<WeakRef<Database>>;
  #view: Database | undefined;
  #failure: unknown;
  readonly #ended: Promise<void>;
  /** The end, once it has begun. */
  #stopping: Promise<void> | undefined;

  /** Created by `openReplica`. */
  constructor(path: string, options: ReplicaOptions, source: ArchiveStore | StreamSource) {
    const end = this.#end = new AbortController();
    const views = this.#views = new Set<WeakRef<Database>>();
    this.#options = options;
    this.#source = source instanceof StreamSource ? source : new StoreCalls(source, end.signal);
    this.#file = new ReplicaFile(path, () => {
      for (const view of views) view.deref()?.close();
      views.clear();
      this.#view = undefined;
    });
    this.#ended = this.#run();
  }

  /** The version that it has. */
  get version(): number {
    return this.#file.state.meta.version;
  }

  /** Its position, after which a stream of `replicate` can continue. */
  get position(): string {
    return positionText(positionOf(this.#file));
  }

  /**
   * The database at `version`, read-only. It goes on to show that version, and can be read until
   * the replica writes its file, after 64 MiB of changes, or closes; then it is closed. So get it
   * again for each request.
   *
   * @throws {ClosedError} The replica is closed.
   */
  get db(): Database {
    this.#checkOpen();
    if (this.#view?.version === this.version) return this.#view;
    const { cacheBytes } = this.#options;
    const memory = cacheBytes === undefined ? {} : { cacheBytes };
    const pager = new Pager(this.#file.view, { readOnly: true, create: false, ...memory });
    this.#view = new Database(new Session(pager));
    for (const view of this.#views) if (view.deref() === undefined) this.#views.delete(view);
    this.#views.add(new WeakRef(this.#view));
    return this.#view;
  }

  /**
   * Returns the state of the replica.
   *
   * ```ts
   * import { archive, folderStore, open, openReplica } from "../mod.ts";
   *
   * const dir = Deno.makeTempDirSync();
   * using db = open(":memory:");
   * await using shipping = archive(db, folderStore(`${dir}/archive`));
   * await shipping.flush();
   * await using replica = await openReplica(`${dir}/r`, { from: folderStore(`${dir}/archive`) });
   * console.assert(replica.stats().version === db.version);
   * ```
   */
  stats(): ReplicaStats {
    const { failures } = this.#source;
    const failure = this.#source instanceof StoreCalls ? this.#source.failure : undefined;
    const own = this.#failure instanceof Error ? this.#failure.message : undefined;
    return {
      version: this.version,
      time: new Date(this.#file.state.time),
      layerBytes: this.#file.view.bytes,
      failures,
      failure: failure ?? own,
    };
  }

  /**
   * Resolves when the replica has a version, or a later one.
   *
   * ```ts
   * import { archive, folderStore, open, openReplica } from "../mod.ts";
   *
   * const dir = Deno.makeTempDirSync();
   * using db = open(":memory:");
   * await using shipping = archive(db, folderStore(`${dir}/archive`));
   * await shipping.flush();
   * await using replica = await openReplica(`${dir}/r`, { from: folderStore(`${dir}/archive`) });
   * await replica.reaches(db.version, { signal: AbortSignal.timeout(10_000) });
   * ```
   *
   * @throws {ClosedError} The replica is closed, or was meanwhile.
   * @throws {RangeError} The version is not a whole number from 0 on.
   * @throws {TypeError} The options are malformed.
   * @throws {IoError} Its stream has ended, or the error of its stream, and no other follows.
   */
  async reaches(version: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#checkOpen();
    checkOptions(WAIT, options, { signal: SIGNAL });
    if (!Number.isInteger(version) || version < 0) {
      throw new RangeError(`Cannot ${WAIT}: ${String(version)} is not a version`);
    }
    if (this.version >= version) return;
    if (this.#isOver) throw this.#failure;
    const waiter = { version, ...Promise.withResolvers<void>() };
    waiter.promise.catch(() => {});
    this.#waiters.add(waiter);
    try {
      await untilAborted(waiter.promise, options.signal);
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /**
   * Makes the file a database with an id of its own, which `open` opens, and closes the replica.
   * It does not read the store: the database has `version`. No archive or increment of the source
   * can be applied to it, nor the reverse; archive it to a store of its own.
   *
   * A crash meanwhile leaves the replica, or the database.
   *
   * ```ts
   * import { archive, folderStore, open, openReplica } from "../mod.ts";
   *
   * const dir = Deno.makeTempDirSync();
   * {
   *   using db = open(":memory:");
   *   await using shipping = archive(db, folderStore(`${dir}/archive`));
   *   await db.tree("a").set("key", new Uint8Array(1));
   *   await shipping.flush();
   * }
   * const replica = await openReplica(`${dir}/r`, { from: folderStore(`${dir}/archive`) });
   * await replica.promote();
   * using promoted = open(`${dir}/r`);
   * await promoted.tree("a").set("more", new Uint8Array(1));
   * ```
   *
   * @throws {IoError} Later, in the promise: the system refused. The replica is closed, and its
   * file is as it was.
   */
  async promote(): Promise<void> {
    this.#checkOpen();
    await this.#stop(() => this.#file.promote());
  }

  /**
   * Writes what is in memory to the file, and closes it. Closing again waits for that.
   *
   * ```ts
   * import { archive, folderStore, open, openReplica } from "../mod.ts";
   *
   * const dir = Deno.makeTempDirSync();
   * using db = open(":memory:");
   * await using shipping = archive(db, folderStore(`${dir}/archive`));
   * await shipping.flush();
   * const replica = await openReplica(`${dir}/r`, { from: folderStore(`${dir}/archive`) });
   * await replica.close();
   * ```
   *
   * @throws {IoError} Later, in the promise: the system refused. The file is as it was.
   */
  async close(): Promise<void> {
    // The caller that began to stop receives the error.
    if (this.#stopping !== undefined) await this.#stopping.catch(() => {});
    else await this.#stop(() => this.#file.persist());
  }

  /** Calls `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #stop(work: () => Promise<void>): Promise<void> {
    return this.#stopping = this.#stopAfter(work);
  }

  /** Ends following, does the last work on the file, and closes it. */
  async #stopAfter(work: () => Promise<void>): Promise<void> {
    this.#end.abort(new ClosedError(CLOSED));
    for (const { reject } of this.#waiters) reject(this.#end.signal.reason);
    try {
      await this.#ended;
      await work();
    } finally {
      this.#file.close();
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    const { everyMs = EVERY_MS } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
        this.#failure = undefined;
      } catch (error) {
        this.#failure = error;
      }
      this.#settle();
      if (this.#isOver) {
        for (const { reject } of this.#waiters) reject(this.#failure);
        return;
      }
      await rest(Math.min(everyMs, PAUSE_MS_MAX), signal);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    if (this.#source instanceof StoreCalls) {
      await this.#file.follow(this.#source, signal);
    } else {
      await this.#source.follow(this.#file, signal, () => {
        this.#failure = undefined;
        this.#settle();
      });
    }
  }

  /** Whether nothing more can come. */
  get #isOver(): boolean {
    const isOfStream = this.#source instanceof StreamSource && this.#source.isOver;
    return isOfStream && this.#failure !== undefined;
  }

  #settle(): void {
    for (const waiter of this.#waiters) if (waiter.version <= this.version) waiter.resolve();
  }

  #checkOpen(): void {
    if (this.#end.signal.aborted) throw new ClosedError(CLOSED);
  }
}

/**
 * Opens a replica: a local copy of a database that follows its archive, and can be read meanwhile.
 * The first time, the copy is built from the archive, as `restore` builds one. Later it continues
 * with the version that its file has, even while the store cannot be reached.
 *
 * The file is no database: `open` refuses it until `promote` makes it one, so that its history and
 * that of the source never mix under one id.
 *
 * ```ts
 * import { archive, folderStore, open, openReplica } from "../mod.ts";
 *
 * const dir = Deno.makeTempDirSync();
 * using db = open(":memory:");
 * await using shipping = archive(db, folderStore(`${dir}/archive`));
 * await db.tree("a").set("key", new Uint8Array(1));
 * await shipping.flush();
 * await using replica = await openReplica(`${dir}/r`, { from: folderStore(`${dir}/archive`) });
 * console.assert(replica.db.tree("a").has("key"));
 * ```
 *
 * @param path The path of its file, or a `file:` URL.
 * @throws {RangeError} Later, in the promise: there is no file, and the archive has no base, or a
 * gap. No file is left.
 * @throws {CorruptionError} The file is not that of a replica, or is damaged, and is left as it
 * was. Or an object of the archive is damaged.
 * @throws {LockedError} Another handle has it open.
 * @throws {IoError} The system or the store refused.
 * @throws {TypeError} An argument has the wrong type.
 */
export async function openReplica(path: string | URL, options: ReplicaOptions): Promise<Replica> {
  const place = pathOf(ACTION, path);
  checkOptions(ACTION, options, OPTION_TYPES);
  const { everyMs = EVERY_MS, signal } = options;
  const source = sourceOf(options, place);
  if (!(everyMs > 0)) throw new RangeError(`Cannot ${ACTION}: everyMs ${everyMs} is not above 0`);
  signal?.throwIfAborted();
  try {
    return new Replica(place, options, source);
  } catch (error) {
    if (!isMissing(error)) throw inFile(error, place);
  }
  if (source instanceof StreamSource) await source.create(signal);
  else await createReplica(place, namedStore(source, signal), signal);
  return new Replica(place, options, source);
}

/** What a replica at a path follows. */
function sourceOf({ from }: ReplicaOptions, path: string): ArchiveStore | StreamSource {
  if (typeof from === "function" || from instanceof ReadableStream) {
    return new StreamSource(from, path);
  }
  checkStore(ACTION, from);
  return from;
}

function isMissing(error: unknown): boolean {
  const cause = error instanceof IoError ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}
