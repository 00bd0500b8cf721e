/**
 * Records in memory: the demo loads them, and compares them with the reopened file.
 */

import { Buffer } from "node:buffer";

/** A key and its value. */
export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** Records to load. */
export interface Records {
  /** The tree to load them into. */
  readonly tree: string;
  /** Their source, for output. */
  readonly source: string;
  /** All records in key order, as a bulk load requires. */
  readonly entries: readonly Entry[];
  /** The bytes of their keys and values. */
  readonly dataBytes: number;
}

/** Sorts records, and adds up their bytes. */
export function makeRecords(
  about: Pick<Records, "tree" | "source">,
  entries: Entry[],
): Records {
  entries.sort(([a], [b]) => Buffer.compare(a, b));
  const dataBytes = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return { ...about, entries, dataBytes };
}

/** Whether two byte strings are equal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
