/**
 * The public face of the store, for `mod.ts`.
 *
 * @module
 */

export { Database, type DatabaseStats, open, type OpenOptions } from "./database.ts";
export type { Key } from "./key.ts";
export type { Range } from "./range.ts";
export { Tree } from "./tree.ts";
