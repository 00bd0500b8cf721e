/**
 * Separators: the key between two siblings, held by the parent's entry for the right one. Checks a
 * new separator, and replaces one when keys move between siblings.
 *
 * It does not split the parent. Code that moves keys asks first, and gives up if the parent has no
 * room.
 */

import { corrupt, type Frame, header, type Pager, type Slot } from "../../pager/mod.ts";
import { compareKeys } from "../node/key.ts";
import {
  BRANCH_WIDTH,
  cellBytes,
  childAt,
  comparePrefix,
  copyKey,
  freeBytesOf,
  KEY_BYTES_MAX,
  keyLengthAt,
} from "../node/node.ts";
import { insertBranchEntry, makeRoom, removeBranchEntry } from "../node/node_edit.ts";
import type { NodeView } from "../node/node_view.ts";

const { entriesOf, prefixLengthOf } = header;

const other = new Uint8Array(KEY_BYTES_MAX);

/** Throws unless a key is above one entry of a branch and, if it exists, below another. */
export function checkBetween(
  frame: Frame,
  slot: Slot,
  lower: number,
  upper: number,
  key: Uint8Array,
  length: number,
): void {
  const isAbove = compareKeys(other, copyKey(frame, slot, lower, other), key, length) < 0;
  const isBelow = upper === entriesOf(frame, slot) ||
    compareKeys(key, length, other, copyKey(frame, slot, upper, other)) < 0;
  if (isAbove && isBelow) return;
  corrupt(frame.pages[slot]!, 0, "a key between two children is not between those around it");
}

/**
 * Replaces the key of an entry of a branch, but not of the first. Returns false, with nothing
 * changed, if the branch has no room for the key or has another prefix.
 *
 * @throws {CorruptionError} The key is not between its neighbours: the children are out of order.
 */
export function replaceSeparator(
  pager: Pager,
  branch: NodeView,
  index: number,
  key: Uint8Array,
  length: number,
): boolean {
  const { frame, slot } = branch;
  if (comparePrefix(frame, slot, key, length) !== 0) return false;
  checkBetween(frame, slot, index - 1, index + 1, key, length);
  const prefix = prefixLengthOf(frame, slot);
  const freed = BRANCH_WIDTH + cellBytes(keyLengthAt(frame, slot, index) - prefix, 0);
  const bytes = BRANCH_WIDTH + cellBytes(length - prefix, 0);
  if (freeBytesOf(frame, slot) + freed < bytes) return false;
  pager.touch(branch.place);
  const child = childAt(frame, slot, index);
  removeBranchEntry(frame, slot, index);
  makeRoom(frame, slot, bytes);
  insertBranchEntry(frame, slot, index, key, length, child);
  return true;
}
