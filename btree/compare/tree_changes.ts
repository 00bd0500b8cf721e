/**
 * The entries that differ between two versions of a tree: a merge of the entries of their leaves.
 *
 * An entry of a leaf that is the same in both versions is not among them, so each version may leave
 * such leaves out. Values that moved to other pages are compared by their bytes.
 */

import { Buffer } from "node:buffer";
import { compareKeys } from "../node/key.ts";
import { decodeReference } from "../value/reference.ts";
import { leafEntries, type LeafEntry, type TreeVersion, valueOf } from "./leaf_entries.ts";

/** A key whose value differs. */
export interface EntryChange {
  /** The key. */
  readonly key: Uint8Array;
  /** Its value in the newer version; undefined if it has no entry there. */
  readonly value: Uint8Array | undefined;
}

/**
 * The entries that differ, in key order. A step is one entry of either version, and yields its
 * change, or undefined if it is the same in both.
 *
 * @param older The older version of the tree; undefined if it did not exist.
 * @param newer The newer version; undefined if it does not exist.
 * @throws {CorruptionError} A page of either tree is damaged.
 */
export function* treeChanges(
  older: TreeVersion | undefined,
  newer: TreeVersion | undefined,
): Generator<EntryChange | undefined, void, undefined> {
  const before = older === undefined ? [].values() : leafEntries(older);
  const after = newer === undefined ? [].values() : leafEntries(newer);
  let a = nextOf(before);
  let b = nextOf(after);
  while (a !== undefined && b !== undefined) {
    const order = compareKeys(a.key, a.key.length, b.key, b.key.length);
    if (order < 0) yield removed(a);
    else if (order > 0) yield added(b);
    else yield isSame(a, b) ? undefined : added(b);
    if (order <= 0) a = nextOf(before);
    if (order >= 0) b = nextOf(after);
  }
  for (; a !== undefined; a = nextOf(before)) yield removed(a);
  for (; b !== undefined; b = nextOf(after)) yield added(b);
}

function removed({ key }: LeafEntry): EntryChange {
  return { key, value: undefined };
}

function added(entry: LeafEntry): EntryChange {
  return { key: entry.key, value: valueOf(entry) };
}

function nextOf(entries: Iterator<LeafEntry, void, undefined>): LeafEntry | undefined {
  return entries.next().value ?? undefined;
}

function isSame(a: LeafEntry, b: LeafEntry): boolean {
  const isKept = a.isReference === b.isReference && Buffer.compare(a.stored, b.stored) === 0;
  // The reference to runs names the version that wrote them.
  if (isKept && (!a.isReference || decodeReference(a.stored, 0).number === 0)) return true;
  if (lengthOf(a) !== lengthOf(b)) return false;
  return Buffer.compare(valueOf(a), valueOf(b)) === 0;
}

function lengthOf({ stored, isReference }: LeafEntry): number {
  return isReference ? decodeReference(stored, 0).length : stored.length;
}
