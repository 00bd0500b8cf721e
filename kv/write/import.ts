/**
 * Adds entries of another database: with their versions, so that a client which holds a
 * versionstamp can go on, and with their expiry.
 */

import type { Transaction, TransactionTree } from "../../mod.ts";
import { NEVER } from "../format/record.ts";
import type { DatedId, KvTrees } from "../format/trees.ts";
import { versionOf } from "../format/versionstamp.ts";
import type { EncodedValue } from "../value/value.ts";

/** An entry of another database. */
export interface MovedEntry extends EncodedValue {
  /** The key. */
  readonly key: Uint8Array;
  /** The versionstamp. */
  readonly versionstamp: string;
  /** When it expires; `NEVER` if it does not, or if the other database does not show it. */
  readonly expiresAt: number;
}

/**
 * Adds entries whose keys are new. An entry with a versionstamp that no version has gets the next
 * version of this database.
 */
export function importEntries(
  tx: Transaction,
  trees: KvTrees,
  moved: readonly MovedEntry[],
): void {
  const [meta, entries, expiry] = [
    tx.tree(trees.meta),
    tx.tree(trees.entries),
    tx.tree(trees.expiry),
  ];
  const next = trees.versions.peek(meta);
  let last = 0;
  for (const { key, encoding, data, versionstamp, expiresAt } of moved) {
    const version = versionOf(versionstamp) ?? next;
    const ordinal = expiresAt === NEVER ? 0 : nextOrdinal(expiry, expiresAt, version);
    entries.set(key, { encoding, data, version, expiresAt, ordinal });
    if (expiresAt !== NEVER) expiry.set([expiresAt, version, ordinal], key);
    last = Math.max(last, version);
  }
  trees.versions.noteImported(meta, last);
}

/** A number that no entry of the index has with the date and the version. */
function nextOrdinal(
  expiry: TransactionTree<DatedId, Uint8Array>,
  date: number,
  version: number,
): number {
  const last = expiry.last({ gte: [date, version, 0], lt: [date, version + 1, 0] });
  return last === undefined ? 0 : last[0][2] + 1;
}
