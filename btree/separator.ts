/**
 * The key between two siblings, which their parent has in the entry of the right one: giving that
 * entry another, when keys have moved from one sibling to the other.
 *
 * The parent is not split for it. Whoever moves keys asks first, and leaves it when the parent has
 * no room.
 */

import { format, header, type Pager } from "../pager/mod.ts";
import {
  BRANCH_WIDTH,
  cellBytes,
  childAt,
  comparePrefix,
  freeBytesOf,
  keyLengthAt,
} from "./node.ts";
import { insertBranchEntry, makeRoom, removeBranchEntry } from "./node_edit.ts";

const { CHUNK_SHIFT, SLOT_MASK } = format;
const { prefixLengthOf } = header;

/**
 * Gives an entry of a branch, not its first, another key; false, and nothing changed, when the
 * branch has no room for it or does not have its prefix.
 */
export function replaceSeparator(
  pager: Pager,
  page: number,
  index: number,
  key: Uint8Array,
  length: number,
): boolean {
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT];
  const slot = place & SLOT_MASK;
  if (comparePrefix(frame, slot, key, length) !== 0) return false;
  const prefix = prefixLengthOf(frame, slot);
  const freed = BRANCH_WIDTH + cellBytes(keyLengthAt(frame, slot, index) - prefix, 0);
  const bytes = BRANCH_WIDTH + cellBytes(length - prefix, 0);
  if (freeBytesOf(frame, slot) + freed < bytes) return false;
  pager.touch(place);
  const child = childAt(frame, slot, index);
  removeBranchEntry(frame, slot, index);
  makeRoom(frame, slot, bytes);
  insertBranchEntry(frame, slot, index, key, length, child);
  return true;
}
