/**
 * The public face of the store, for `mod.ts`.
 *
 * @module
 */

export {
  Database,
  type DatabaseStats,
  open,
  type OpenOptions,
  type WriteOptions,
} from "./database.ts";
export type { Key } from "./key.ts";
export type { Range } from "./range.ts";
export { ReadTree } from "./read_tree.ts";
export { Snapshot } from "./snapshot.ts";
export { Transaction, TransactionTree } from "./transaction.ts";
export { Tree } from "./tree.ts";
