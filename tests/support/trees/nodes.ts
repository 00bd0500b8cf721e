/**
 * Single nodes in memory, between neighbouring bytes that must not change.
 */

import { assertEquals } from "@std/assert";
import { EntryList } from "../../../btree/node/entry_list.ts";
import {
  cellAt,
  childAt,
  copyKey,
  LeafCell,
  REFERENCE_TAG,
  valueBytes,
  widthOf,
} from "../../../btree/node/node.ts";
import { registerNodes } from "../../../btree/node/node_check.ts";
import { clearNode } from "../../../btree/node/node_edit.ts";
import { format, Frame, header, type Pager, type Verifier } from "../../../pager/mod.ts";

const { KIND_BRANCH, KIND_LEAF, PAGE_BYTES, PAGE_SHIFT } = format;
const STRANGE = 0xa5;

/** The slot of a node between two pages of other bytes. */
export const SLOT = 2;
/** The slot of a node at the very end of its frame. */
export const LAST_SLOT = 3;
/** The number that the node's page pretends to have. */
export const PAGE = 77;

/** An entry of a leaf, its value's tag given where it is not its length. */
export interface LeafEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly isReference?: boolean;
}

/** An entry of a branch. */
export interface BranchEntry {
  readonly key: Uint8Array;
  readonly child: number;
}

const verifiers: Verifier[] = [];
const registry: Pick<Pager, "register"> = {
  register: (kind, verifier) => verifiers[kind] = verifier,
};
registerNodes(registry as Pager);

/** An empty node. */
export function newNode(leaf: boolean, slot = SLOT): Frame {
  const frame = new Frame(-1, -1, LAST_SLOT + 1);
  frame.u8.fill(STRANGE, PAGE_BYTES);
  header.formatHeader(frame, slot, leaf ? KIND_LEAF : KIND_BRANCH, leaf ? 0 : 1, 1);
  clearNode(frame, slot);
  return frame;
}

/** A leaf with entries, which are in order and fit. */
export function newLeaf(entries: readonly LeafEntry[], slot = SLOT): Frame {
  const frame = newNode(true, slot);
  const list = new EntryList();
  list.begin(true);
  for (const { key, value, isReference } of entries) {
    list.putLeafEntry(key, key.length, isReference ? REFERENCE_TAG : value.length, value);
  }
  list.build(frame, slot, 0, entries.length);
  return frame;
}

/** A branch with entries, which are in order and fit; the first one's key does not count. */
export function newBranch(entries: readonly BranchEntry[], slot = SLOT): Frame {
  const frame = newNode(false, slot);
  const list = new EntryList();
  list.begin(false);
  for (const { key, child } of entries) list.putBranchEntry(key, key.length, child);
  list.build(frame, slot, 0, entries.length);
  return frame;
}

/** Throws where the check of nodes does. */
export function verifyNode(frame: Frame, slot = SLOT): void {
  verifiers[header.kindOf(frame, slot)]!(frame, slot, PAGE);
}

/** The entries of a leaf. */
export function readLeaf(frame: Frame, slot = SLOT): LeafEntry[] {
  const cell = new LeafCell();
  return Array.from({ length: header.entriesOf(frame, slot) }, (_, index) => {
    const key = readKey(frame, slot, index);
    cell.read(frame.u8, cellAt(frame, slot, index));
    const value = frame.u8.slice(cell.valueAt, cell.valueAt + valueBytes(cell.tag));
    return cell.tag === REFERENCE_TAG ? { key, value, isReference: true } : { key, value };
  });
}

/** The entries of a branch. */
export function readBranch(frame: Frame, slot = SLOT): BranchEntry[] {
  return Array.from({ length: header.entriesOf(frame, slot) }, (_, index) => {
    return { key: readKey(frame, slot, index), child: childAt(frame, slot, index) };
  });
}

function readKey(frame: Frame, slot: number, index: number): Uint8Array {
  const key = new Uint8Array(PAGE_BYTES);
  return key.slice(0, copyKey(frame, slot, index, key));
}

/** The node passes its check, its free space is zero, and its neighbours are as they were. */
export function expectTidyNode(frame: Frame): void {
  verifyNode(frame);
  const start = SLOT << PAGE_SHIFT;
  const arrays = header.entriesOf(frame, SLOT) * widthOf(frame, SLOT);
  const cells = header.cellStartOf(frame, SLOT);
  const isZero = frame.u8.subarray(start + arrays, start + cells).every((byte) => byte === 0);
  assertEquals(isZero, true, "free space is zero");
  const isStrange = (slot: number) =>
    frame.u8.subarray(slot << PAGE_SHIFT, (slot + 1) << PAGE_SHIFT).every((byte) =>
      byte === STRANGE
    );
  assertEquals([isStrange(SLOT - 1), isStrange(SLOT + 1)], [true, true], "the pages beside");
}
