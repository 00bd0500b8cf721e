/**
 * Archives in a bucket of Amazon S3, or of any service with the same interface.
 *
 * ```ts
 * import { s3Store } from "./mod.ts";
 *
 * const store = s3Store({
 *   bucket: "https://s3.eu-west-1.amazonaws.com/my-backups",
 *   prefix: "cities/",
 *   region: "eu-west-1",
 *   accessKeyId: "...",
 *   secretAccessKey: "...",
 * });
 * console.assert(typeof store.put === "function"); // for archive() and restore()
 * ```
 *
 * @module
 */

export { type S3Options, s3Store } from "./s3_store.ts";
