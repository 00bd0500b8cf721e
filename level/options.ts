/**
 * The options that QuireLevel adds to those of abstract-level, and the durability of a write.
 */

import type { OpenOptions, WriteOptions } from "../mod.ts";
import type {
  AbstractBatchOptions,
  AbstractChainedBatch,
  AbstractDatabaseOptions,
  AbstractDelOptions,
  AbstractOpenOptions,
  AbstractPutOptions,
} from "./abstract_level.ts";

/** Options of the engine. */
export interface QuireOptions {
  /**
   * Options of `open` in Quire. `createIfMissing` replaces `create`, and the default of
   * `durability` is `"buffered"`, as Level has it.
   */
  quire?: Omit<OpenOptions, "create"> | undefined;
}

/** Options of the constructor. */
export interface DatabaseOptions<K, V> extends AbstractDatabaseOptions<K, V>, QuireOptions {}

/** Options of `open`. */
export interface LevelOpenOptions extends AbstractOpenOptions, QuireOptions {}

/** The option of all writes. */
export interface SyncOption {
  /**
   * True: the promise resolves when the write is on the medium. False: when the system has it; a
   * power cut may then undo the last writes, never a part of one. Default: the durability of the
   * database, which is that of false unless an option of `quire` raises it.
   */
  sync?: boolean | undefined;
}

/** Options of `put`. */
export interface PutOptions<K, V> extends AbstractPutOptions<K, V>, SyncOption {}

/** Options of `del`. */
export interface DelOptions<K> extends AbstractDelOptions<K>, SyncOption {}

/** Options of `batch`. */
export interface BatchOptions<K, V> extends AbstractBatchOptions<K, V>, SyncOption {}

/** A chained batch, whose `write` takes the option `sync`. */
export interface ChainedBatch<D, K, V> extends AbstractChainedBatch<D, K, V> {
  /** Commits the queued operations, all or none. */
  write(options?: SyncOption): Promise<void>;
}

const BY_DATABASE: WriteOptions = {};
const SYNC: WriteOptions = { durability: "sync" };
const BUFFERED: WriteOptions = { durability: "buffered" };

/** The durability of a write. Null, which only untyped callers pass, means absent. */
export function durabilityOf(sync: boolean | null | undefined): WriteOptions {
  if (sync === undefined || sync === null) return BY_DATABASE;
  return sync ? SYNC : BUFFERED;
}
