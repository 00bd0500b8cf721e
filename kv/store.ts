/**
 * The KV data of one database: reads, commits, expiry and the queue. All handles on a database
 * share one store.
 */

import type { Database, ReadTree } from "../mod.ts";
import type { KvKey } from "./api/types.ts";
import type { KvRecord, NewRecord } from "./format/record.ts";
import {
  DATABASE_ID,
  KEY_BYTES_MAX,
  type KvTrees,
  storedEntriesOf,
  treesOf,
} from "./format/trees.ts";
import { versionOf } from "./format/versionstamp.ts";
import { type Batch, readBatch, type ReadEntries } from "./list_batch.ts";
import { Expiry } from "./schedule/expiry.ts";
import { type Queue, queueOf } from "./schedule/queue.ts";
import { applyWrite } from "./write/apply.ts";
import { type EncodedWrite, withOwnBytes } from "./write/encode.ts";
import { importEntries, type MovedEntry } from "./write/import.ts";

/** An error that ends a watch. */
export interface Failure {
  /** The error. */
  readonly error: unknown;
}

/** The KV data of one database. */
export class KvStore {
  /** The database. */
  readonly db: Database;
  /** The queue. */
  readonly queue: Queue;
  readonly #trees: KvTrees;
  readonly #expiry: Expiry;
  readonly #isShared: boolean;

  /**
   * Creates the store of a database.
   *
   * @throws {TypeError} A tree of its names has other codecs.
   */
  constructor(db: Database) {
    this.db = db;
    this.#trees = treesOf(db);
    this.#isShared = db.stats().sharing !== undefined;
    this.#expiry = new Expiry(db, this.#trees);
    this.queue = queueOf(db, this.#trees);
  }

  /** Begins to remove entries that expire. */
  start(): void {
    this.#expiry.start();
  }

  /** Ends all timers, once no handle is left. */
  stop(): void {
    this.#expiry.stop();
    this.queue.stop();
  }

  /** The record of a key, or undefined. */
  read(key: Uint8Array, hiddenUntil: number): KvRecord | undefined {
    if (!isStorable(key)) return undefined;
    return shown(this.#trees.entries.get(key), hiddenUntil);
  }

  /** The records of keys at one version, each as `read` returns it. */
  readMany(keys: readonly Uint8Array[], hiddenUntil: number): (KvRecord | undefined)[] {
    // The store has no longer ones.
    const records = this.#trees.entries.getMany(keys.filter(isStorable));
    let at = 0;
    return keys.map((key) => isStorable(key) ? shown(records[at++], hiddenUntil) : undefined);
  }

  /** The record of a key of the program, as `read` returns it. */
  readKey(key: KvKey, hiddenUntil: number): KvRecord | undefined {
    return shown(this.#trees.entries.get(key), hiddenUntil);
  }

  /**
   * The entries of a range, at one version.
   *
   * @param hiddenUntil Entries that expire by then are left out.
   */
  list(batch: Batch, hiddenUntil: number): ReadEntries {
    return readBatch(this.#trees.entries, batch, hiddenUntil);
  }

  /** Reads at one version, with keys and values as they are stored. */
  readStored<T>(read: (entries: ReadTree<Uint8Array, NewRecord>) => T): T {
    using snapshot = this.db.snapshot();
    return read(storedEntriesOf(snapshot));
  }

  /** The id of the database for clients of a server. The first call creates it. */
  async databaseId(): Promise<string> {
    return await this.db.write((tx) => {
      const meta = tx.tree(this.#trees.meta);
      const known = meta.get(DATABASE_ID);
      if (typeof known === "string") return known;
      const id = crypto.randomUUID();
      meta.set(DATABASE_ID, id);
      return id;
    });
  }

  /**
   * Commits. Resolves when the commit is durable.
   *
   * @returns The versionstamp, or null if a check failed.
   */
  async commit(write: EncodedWrite, hiddenUntil: number): Promise<string | null> {
    // In a shared database it may run later, when the caller's memory has changed.
    const kept = this.#isShared ? withOwnBytes(write) : write;
    const hasMessages = write.enqueues.length > 0;
    let version: number | undefined;
    const committed = this.db.write((tx) => {
      const versionstamp = applyWrite(tx, this.#trees, kept, hiddenUntil);
      if (versionstamp === undefined) return;
      if (hasMessages) version = versionOf(versionstamp);
      for (const { expiresAt } of kept.mutations) this.#expiry.note(expiresAt);
      return versionstamp;
    });
    if (version !== undefined) this.queue.hold(version);
    // The messages of a commit that has failed stay back: the next opening says whether it has.
    const versionstamp = await committed;
    if (version !== undefined) this.queue.release(version);
    return versionstamp ?? null;
  }

  /** Adds entries of another database, whose keys are new. Resolves when they are durable. */
  async import(moved: readonly MovedEntry[]): Promise<void> {
    await this.db.write((tx) => importEntries(tx, this.#trees, moved));
  }

  /** The number of messages in the queue. */
  countMessages(): number {
    return this.#trees.queue.count();
  }

  /**
   * Calls a function after each durable commit that changes a key, until the result is called.
   *
   * @param ended Called at the end, with the error if a record cannot be read.
   */
  watch(key: Uint8Array, changed: () => void, ended: (failure?: Failure) => void): () => void {
    const watcher = this.#trees.entries.watch(rangeOfKey(key), { maxPending: Infinity });
    const follow = async () => {
      for await (const _ of watcher) changed();
    };
    follow().then(() => ended(), (error) => ended({ error }));
    return () => void watcher.return();
  }
}

/** A record, unless it expires by a date. */
function shown(record: KvRecord | undefined, hiddenUntil: number): KvRecord | undefined {
  return record === undefined || record.expiresAt <= hiddenUntil ? undefined : record;
}

/** Whether an entry can have a key. */
function isStorable(key: Uint8Array): boolean {
  return key.length <= KEY_BYTES_MAX;
}

/** A key as a range of the engine, which is empty if the key is longer than any. */
function rangeOfKey(key: Uint8Array): Record<string, Uint8Array> {
  if (isStorable(key)) return { gte: key, lte: key };
  const longest = key.slice(0, KEY_BYTES_MAX);
  return { gt: longest, lte: longest };
}
