/**
 * A database of [abstract-level](https://www.npmjs.com/package/abstract-level) in a Quire file, for
 * programs and packages that are written for Level.
 *
 * ```ts
 * import { QuireLevel } from "./mod.ts";
 *
 * await using db = new QuireLevel(":memory:");
 * await db.put("Lisboa", "545 000");
 * console.assert(await db.get("Lisboa") === "545 000");
 * ```
 *
 * @module
 */

export { AbstractLevel } from "./abstract_level.ts";
export type {
  AbstractBatchOperation,
  AbstractBatchOptions,
  AbstractChainedBatch,
  AbstractDatabaseOptions,
  AbstractDelOptions,
  AbstractLevelClass,
  AbstractOpenOptions,
  AbstractPutOptions,
} from "./abstract_level.ts";
export { LevelError } from "./errors.ts";
export { QuireLevel } from "./level.ts";
export type {
  BatchOptions,
  ChainedBatch,
  DatabaseOptions,
  DelOptions,
  LevelOpenOptions,
  PutOptions,
  QuireOptions,
  SyncOption,
} from "./options.ts";
