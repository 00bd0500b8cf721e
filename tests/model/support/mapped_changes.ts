/**
 * The changes of the commits of `mapped_child.ts`.
 */

import { bytesOf } from "../../support/databases/database.ts";

const KEYS = 1500;
const KEYS_A_COMMIT = 12;
const VALUE_BYTES = 9000;

/** A value that a commit sets. */
export interface SetValue {
  readonly key: string;
  readonly value: Uint8Array;
}

/** What a commit changes. Commits of some hundreds change each key. */
export function changesOf(commit: number): SetValue[] {
  return Array.from({ length: KEYS_A_COMMIT }, (_, i) => {
    const number = (commit * KEYS_A_COMMIT + i) * 7 % KEYS;
    const bytes = i % 3 === 0 ? 100 : VALUE_BYTES;
    return { key: `key ${number}`, value: bytesOf(commit * KEYS_A_COMMIT + i, bytes) };
  });
}
