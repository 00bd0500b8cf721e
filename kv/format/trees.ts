/**
 * The trees that hold the data of a KV database, with their codecs. They are ordinary trees:
 *
 * ```text
 * kv          key -> record
 * kv.expiry   [expiry, version, number] -> key of an entry that expires
 * kv.queue    [due, version, number] -> message
 * kv.queue.aside   the same, of messages that cannot be read
 * kv.meta     "version" -> the version of the last commit; "id" -> the id, if it was ever served;
 *             "ahead" -> how far versions are ahead of the file's, if entries were imported
 * ```
 *
 * Every entry that expires has exactly one in `kv.expiry`, whose key its record has.
 */

import {
  type Database,
  json,
  type KeyCodec,
  type ReadTree,
  type Snapshot,
  string,
  type Transaction,
  type TransactionTree,
  type Tree,
  tuple,
  type ValueCodec,
} from "../../mod.ts";
import type { KvKey } from "../api/types.ts";
import { encodeKey, encodeKeyInto } from "./key.ts";
import { decodeKey } from "./key_reader.ts";
import { type KvMessage, kvMessage } from "./message.ts";
import { type KvRecord, kvRecord, type NewRecord, storedRecord } from "./record.ts";
import { Versions } from "./versionstamp.ts";

/** A key in parts, or encoded. */
export type KeyLike = KvKey | Uint8Array;

/** A date in milliseconds, a version, and a number within the commit of that version. */
export type DatedId = readonly [date: number, version: number, ordinal: number];

/**
 * The codec of the keys of the tree `kv`: arrays of parts, with the bytes and the order of Deno KV.
 * It accepts bytes as a key that is encoded already.
 *
 * ```ts
 * import { kvKey } from "../mod.ts";
 *
 * const bytes = kvKey.encode(["users", 1n]);
 * console.assert(kvKey.decode(bytes)[1] === 1n);
 * ```
 */
export const kvKey: KeyCodec<KvKey, KeyLike> = {
  name: "kv.key",
  ordered: true,
  keepsBytes: false,
  // The memory of the result is the caller's, who may give it away.
  encode: (key) => key instanceof Uint8Array ? key : encodeKey(key).slice(),
  encodeInto(key: KeyLike, into: Uint8Array): number {
    if (!(key instanceof Uint8Array)) return encodeKeyInto(key, into);
    if (key.length > into.length) return -1;
    into.set(key);
    return key.length;
  },
  decode: decodeKey,
};

const datedId = tuple.as<DatedId>();

/** The bytes of a message, not decoded. */
const encodedMessage: ValueCodec<Uint8Array> = {
  name: kvMessage.name,
  ordered: false,
  encode: (message: Uint8Array): Uint8Array => message,
  decode: (bytes: Uint8Array): Uint8Array => bytes,
};

/** The same bytes, not decoded. */
const encodedKey: KeyCodec<Uint8Array> = {
  name: "kv.key",
  encode: (key: Uint8Array): Uint8Array => key,
  decode: (bytes: Uint8Array): Uint8Array => bytes,
};

/** The longest key of the engine, which is that of Deno KV. */
export const KEY_BYTES_MAX = 2048;

/** The name under which `meta` has the id of the database for clients of a server, a UUID. */
export const DATABASE_ID = "id";

/** The trees of a database. */
export interface KvTrees {
  /** The entries by key. */
  readonly entries: Tree<KvKey, KvRecord, KeyLike, NewRecord>;
  /** The keys of the entries that expire, by expiry. */
  readonly expiry: Tree<DatedId, Uint8Array>;
  /** The messages by the time when they are due. */
  readonly queue: Tree<DatedId, KvMessage>;
  /** The bytes of messages that were taken out of the queue because they cannot be read. */
  readonly aside: Tree<DatedId, Uint8Array>;
  /** The version of the last commit, how far versions are ahead, and the id of the database. */
  readonly meta: Tree<string, number | string>;
  /** Gives commits their versions. */
  readonly versions: Versions;
}

/**
 * The trees of a database; the first commit creates them.
 *
 * @throws {TypeError} A tree of such a name has other codecs.
 */
export function treesOf(db: Database): KvTrees {
  return {
    entries: db.tree("kv", { key: kvKey, value: kvRecord }),
    expiry: db.tree("kv.expiry", { key: datedId, value: encodedKey }),
    queue: db.tree("kv.queue", { key: datedId, value: kvMessage }),
    aside: db.tree("kv.queue.aside", { key: datedId }),
    meta: db.tree("kv.meta", { key: string, value: json.as<number | string>() }),
    versions: new Versions(db),
  };
}

/** The entries of a snapshot as they are stored. */
export function storedEntriesOf(snapshot: Snapshot): ReadTree<Uint8Array, NewRecord> {
  return snapshot.tree("kv", { key: encodedKey, value: storedRecord });
}

/** The messages of the queue as they are stored. */
export function storedMessagesIn(tx: Transaction): TransactionTree<DatedId, Uint8Array> {
  return tx.tree("kv.queue", { key: datedId, value: encodedMessage });
}
