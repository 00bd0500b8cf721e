/**
 * Deno KV on Quire: `openKv` returns a handle with the interface of `Deno.Kv`.
 *
 * ```ts
 * import { openKv } from "./mod.ts";
 *
 * using kv = await openKv(":memory:");
 * await kv.set(["users", "ada"], { born: 1815 });
 * const { value } = await kv.get<{ born: number }>(["users", "ada"]);
 * console.assert(value?.born === 1815);
 * ```
 *
 * @module
 */

export type {
  AtomicCheck,
  KvCommitError,
  KvCommitResult,
  KvConsistencyLevel,
  KvEnqueueOptions,
  KvEntry,
  KvEntryMaybe,
  KvInteger,
  KvKey,
  KvKeyPart,
  KvListOptions,
  KvListSelector,
  KvMutation,
  KvOptions,
} from "./api/types.ts";
export { AtomicOperation } from "./atomic_operation.ts";
export { type KvMessage, kvMessage, messageOf } from "./format/message.ts";
export { kvRecord } from "./format/record.ts";
export type { KvRecord, NewRecord, RecordHeader } from "./format/record.ts";
export { type KeyLike, kvKey } from "./format/trees.ts";
export type { EncodedValue } from "./value/value.ts";
export { versionstampOf } from "./format/versionstamp.ts";
export { Kv } from "./kv.ts";
export { KvListIterator } from "./list_iterator.ts";
export { migrateKv, type MigrateOptions, type Migration } from "./migrate/migrate.ts";
export { openKv } from "./open.ts";
export { KvU64 } from "./api/u64.ts";
