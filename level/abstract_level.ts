/**
 * The parts of abstract-level that QuireLevel uses, at the one version for whose private interface
 * and test suite it is written. No other source names the package.
 *
 * The types to which the public interface of QuireLevel refers have aliases here. The documentation
 * leaves them out, as it would otherwise include the package.
 */

// deno-lint-ignore no-import-prefix -- an import by URL has no import map
import * as abstract from "npm:abstract-level@3.1.1";

export { AbstractIterator, AbstractSnapshot } from "npm:abstract-level@3.1.1";
export type { AbstractIteratorOptions } from "npm:abstract-level@3.1.1";

/** @ignore The base class of all databases of Level. */
export const AbstractLevel: AbstractLevelClass = abstract.AbstractLevel;

/** @ignore The type of the base class. */
export type AbstractLevelClass = typeof abstract.AbstractLevel;

/** @ignore Options of the constructor of every database. */
export type AbstractDatabaseOptions<K, V> = abstract.AbstractDatabaseOptions<K, V>;

/** @ignore Options of `open` of every database. */
export type AbstractOpenOptions = abstract.AbstractOpenOptions;

/** @ignore Options of `put` of every database. */
export type AbstractPutOptions<K, V> = abstract.AbstractPutOptions<K, V>;

/** @ignore Options of `del` of every database. */
export type AbstractDelOptions<K> = abstract.AbstractDelOptions<K>;

/** @ignore Options of `batch` of every database. */
export type AbstractBatchOptions<K, V> = abstract.AbstractBatchOptions<K, V>;

/** @ignore An operation of a batch: a put or a del. */
export type AbstractBatchOperation<D, K, V> = abstract.AbstractBatchOperation<D, K, V>;

/** @ignore A chained batch of every database. */
export type AbstractChainedBatch<D, K, V> = abstract.AbstractChainedBatch<D, K, V>;
