/**
 * A side of a migration: a database that entries are read from, or added to, in key order.
 */

import type { MovedEntry } from "../write/import.ts";
import type { Limits } from "../write/limits.ts";

/** A side of a migration. */
export interface Side {
  /** Its path or URL. */
  readonly name: string;
  /** The limits of entries that are added. */
  readonly limits: Limits;
  /** Whether it shows when entries expire, and keeps the versions of those that are added. */
  readonly showsAll: boolean;
  /** The number of messages in its queue, which are not migrated; 0 if it does not show them. */
  readonly messages: number;
  /** Some entries behind a key, or the first ones, in key order; none at the end. */
  read(after: Uint8Array | undefined): Promise<MovedEntry[]>;
  /** The last key, or undefined if it is empty. */
  lastKey(): Promise<Uint8Array | undefined>;
  /** Adds entries behind the last key, in one commit. */
  add(entries: readonly MovedEntry[]): Promise<void>;
  /** Closes it. */
  close(): void;
}

/** All entries of a side, behind a key. */
export async function* entriesOf(
  side: Side,
  after?: Uint8Array,
): AsyncGenerator<MovedEntry, undefined> {
  for (;;) {
    const entries = await side.read(after);
    const last = entries.at(-1);
    if (last === undefined) return undefined;
    yield* entries;
    after = last.key;
  }
}
