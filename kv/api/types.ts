/**
 * The types of the interface of Deno KV. They have the structure of those in the `Deno` namespace,
 * so that a program can use either, and so that its types need no flag.
 */

/** A key: parts, of which the first is the most significant. */
export type KvKey = readonly KvKeyPart[];

/**
 * A part of a key. Parts sort by type, `Uint8Array` < `string` < `bigint` < `number` < `boolean`,
 * and then by value. A symbol is only what `Kv.commitVersionstamp` returns.
 */
export type KvKeyPart = Uint8Array | string | number | bigint | boolean | symbol;

/** The consistency of a read. Both are strong here: a read shows the last commit. */
export type KvConsistencyLevel = "strong" | "eventual";

/**
 * The keys of a list: all below a prefix, or from `start`, inclusive, to `end`, exclusive. A prefix
 * does not select itself.
 */
export type KvListSelector =
  | { prefix: KvKey }
  | { prefix: KvKey; start: KvKey }
  | { prefix: KvKey; end: KvKey }
  | { start: KvKey; end: KvKey };

/** What a `KvU64` has, Deno's or this package's. */
export interface KvInteger {
  /** The integer. */
  readonly value: bigint;
}

/** A change in an atomic operation. */
export type KvMutation =
  & {
    /** The key that changes. */
    key: KvKey;
  }
  & (
    | { type: "set"; value: unknown; expireIn?: number }
    | { type: "delete" }
    | { type: "sum"; value: KvInteger }
    | { type: "max"; value: KvInteger }
    | { type: "min"; value: KvInteger }
  );

/** An entry. */
export interface KvEntry<T> {
  /** The key. */
  key: KvKey;
  /** The value. */
  value: T;
  /** The commit that set it, as 20 hexadecimal digits. Text order is commit order. */
  versionstamp: string;
}

/** An entry, or the key of one that does not exist. */
export type KvEntryMaybe<T> = KvEntry<T> | {
  key: KvKey;
  value: null;
  versionstamp: null;
};

/** Options of a list. */
export interface KvListOptions {
  /** The most entries to return, a positive integer. Default all. */
  limit?: number;
  /** The cursor of an earlier iterator, to continue behind its last entry. */
  cursor?: string;
  /** Descending key order. Default false. */
  reverse?: boolean;
  /** The consistency of each batch. Default strong. */
  consistency?: KvConsistencyLevel;
  /** The entries read at a time, each batch at one version. Default `limit` or 100, at most 500. */
  batchSize?: number;
}

/** The result of a commit. */
export interface KvCommitResult {
  /** The commit is durable. */
  ok: true;
  /** Its versionstamp, which its entries have. */
  versionstamp: string;
}

/** The result of an atomic operation with a check that failed. */
export interface KvCommitError {
  /** Nothing has changed. */
  ok: false;
}

/** A condition of an atomic operation. */
export interface AtomicCheck {
  /** The key. */
  key: KvKey;
  /** The versionstamp that its entry must have; null = it must not exist. */
  versionstamp: string | null;
}

/** Options of a message. */
export interface KvEnqueueOptions {
  /** The time until delivery in milliseconds, at most 30 days. Default 0. */
  delay?: number;
  /** Keys that are set to the message if no delivery succeeds. */
  keysIfUndelivered?: KvKey[];
  /**
   * The waits before the deliveries that follow a failed one, in milliseconds: at most 5, each of
   * at most an hour. Default 100, 1 000, 5 000, 30 000 and 60 000.
   */
  backoffSchedule?: number[];
}

/** Options of `openKv`. */
export interface KvOptions {
  /**
   * `"deno"` refuses what Deno KV refuses: values above 64 KiB, commits above 800 KiB, more than 10
   * watched keys, and so on. `"none"` has the limits of Quire: keys of 2048 bytes, values of 2 GiB.
   * Default `"none"`.
   */
  limits?: "none" | "deno" | undefined;
  /**
   * Whether entries that are due, but not removed yet, are visible, as in Deno KV, or hidden.
   * Default `"visible"`.
   */
  expired?: "visible" | "hidden" | undefined;
}
