/**
 * Records in memory, as the database is to hold them: what the demo loads, and what it compares the
 * reopened file with.
 */

import { Buffer } from "node:buffer";

/** A key and its value. */
export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** Records to load. */
export interface Records {
  /** The tree they go to. */
  readonly tree: string;
  /** Where they come from, for the user. */
  readonly source: string;
  /** All of them, in the order of their keys, which is what a bulk load needs. */
  readonly entries: readonly Entry[];
  /** Bytes of their keys and values. */
  readonly dataBytes: number;
}

/** Puts records in order, and sums up their bytes. */
export function makeRecords(
  about: Pick<Records, "tree" | "source">,
  entries: Entry[],
): Records {
  entries.sort(([a], [b]) => Buffer.compare(a, b));
  const dataBytes = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return { ...about, entries, dataBytes };
}

/** Whether bytes are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
