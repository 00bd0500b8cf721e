/**
 * Writes entries in one transaction: it gives the commit its version, and keeps the index by expiry
 * in step with the entries.
 */

import type { Transaction, TransactionTree } from "../../mod.ts";
import type { KvKey } from "../api/types.ts";
import {
  HEADER_BYTES_MAX,
  headerIn,
  type KvRecord,
  NEVER,
  type NewRecord,
  type RecordHeader,
} from "../format/record.ts";
import type { DatedId, KeyLike, KvTrees } from "../format/trees.ts";
import type { EncodedValue } from "../value/value.ts";

/** The entries inside a transaction. */
type Entries = TransactionTree<KvKey, KvRecord, KeyLike, NewRecord>;

/** The header of the record of a key, or undefined if there is none. */
export function headerOf(entries: Entries, key: Uint8Array): RecordHeader | undefined {
  const bytes = entries.getRange(key, 0, HEADER_BYTES_MAX);
  return bytes === undefined ? undefined : headerIn(bytes);
}

/** Writes entries in one transaction. */
export class EntryWriter {
  /** The version of the commit. */
  readonly version: number;
  readonly #entries: Entries;
  readonly #expiry: TransactionTree<DatedId, Uint8Array>;
  #expiring = 0;

  /** Creates the writer of a transaction, and gives it the next version. */
  constructor(tx: Transaction, trees: KvTrees) {
    this.version = trees.versions.next(tx.tree(trees.meta));
    this.#entries = tx.tree(trees.entries);
    this.#expiry = tx.tree(trees.expiry);
  }

  /** Sets the value of a key. */
  set(key: Uint8Array, { encoding, data }: EncodedValue, expiresAt = NEVER): void {
    const { version } = this;
    this.#forgetExpiry(headerOf(this.#entries, key));
    const ordinal = expiresAt === NEVER ? 0 : this.#expiring++;
    this.#entries.set(key, { encoding, data, version, expiresAt, ordinal });
    if (expiresAt !== NEVER) this.#expiry.set([expiresAt, version, ordinal], key);
  }

  /** Removes the entry of a key, if there is one. */
  delete(key: Uint8Array): void {
    const stored = headerOf(this.#entries, key);
    if (stored === undefined) return;
    this.#forgetExpiry(stored);
    this.#entries.delete(key);
  }

  /**
   * Removes an id from the index by expiry, and the entry of its key if that has the id.
   *
   * @throws {RangeError} The index has the id elsewhere, and would have it for ever.
   */
  expire(id: DatedId, key: Uint8Array): void {
    if (!this.#expiry.delete(id)) throw new RangeError(`date ${id.join()} is not in its place`);
    const stored = headerOf(this.#entries, key);
    if (stored === undefined) return;
    const { expiresAt, version, ordinal } = stored;
    if (expiresAt === id[0] && version === id[1] && ordinal === id[2]) this.#entries.delete(key);
  }

  #forgetExpiry(header: RecordHeader | undefined): void {
    if (header === undefined || header.expiresAt === NEVER) return;
    this.#expiry.delete([header.expiresAt, header.version, header.ordinal]);
  }
}
