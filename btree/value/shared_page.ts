/**
 * Shared pages: pages that fragments of several values share (`fragments.ts`).
 *
 * A shared page has the layout of a leaf (`node.ts`), without prefix, level, flags and link. The
 * key of each of its entries is the number of the fragment in the page, one byte, and then the key
 * of the entry that refers to it, by which a walk checks that each fragment has one owner.
 *
 * 1. The fragments of a page belong to one tree, no two of them to one value. A page without
 *    fragments is released.
 * 2. The number of a fragment does not change while it is in the page. The number of a removed one
 *    is used again. It says whether the fragment is the first or the second of its value.
 */

import type { Allocator } from "../../alloc/mod.ts";
import {
  corrupt,
  corruptHeader,
  format,
  type Frame,
  header,
  type PageNumber,
  type Pager,
  type PageReader,
  type Slot,
} from "../../pager/mod.ts";
import { compareKeys } from "../node/key.ts";
import {
  cellAt,
  cellBytes,
  copyKey,
  freeBytesOf,
  headIndex,
  KEY_BYTES_MAX,
  LEAF_WIDTH,
  LeafCell,
  lengthBytes,
  NUMBER_SHIFT,
  payloadBytes,
  putLength,
} from "../node/node.ts";
import {
  clearNode,
  insertLeafEntry,
  makeRoom,
  removeLeafEntry,
  unlinkLeafEntry,
} from "../node/node_edit.ts";

const { CHUNK_SHIFT, HEADER, KIND_SHARED, PAGE_BYTES, PAGE_SHIFT, SLOT_MASK } = format;
const { entriesOf, garbageOf, kindOf, setGarbage, treeOf } = header;

/** The most fragments of a page. */
const FRAGMENTS_MAX = 127;
/** The numbers of second fragments are above this, those of first ones are not; all are a byte. */
const FIRST_NUMBER_MAX = 127;

const cell = new LeafCell();
const numberedKey = new Uint8Array(KEY_BYTES_MAX);

/** The free bytes that a fragment needs in a page. */
export function fragmentBytes(keyLength: number, bytes: number): number {
  return LEAF_WIDTH + cellBytes(1 + keyLength, payloadBytes(bytes));
}

/** The free bytes of a shared page of a tree, by its header alone; 0 if it takes no fragment. */
export function roomOf(pager: Pager, tree: number, page: PageNumber): number {
  // The header may be the only part of the page in memory.
  const frame = pager.peek(page);
  const slot = pager.peekedSlot;
  if (!isSharedOf(frame, slot, tree) || entriesOf(frame, slot) >= FRAGMENTS_MAX) return 0;
  return freeBytesOf(frame, slot);
}

/** Takes a page into use that fragments of a tree will share. */
export function createShared(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  near: PageNumber,
): PageNumber {
  const page = allocator.allocate(KIND_SHARED, tree, near);
  const place = pager.at(page);
  clearNode(pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
  return page;
}

/** Whether the number of a fragment is that of the second one of its value. */
export function isSecond(number: number): boolean {
  return number > FIRST_NUMBER_MAX;
}

/** Adds the first or the second fragment of a value to a page that has room. Returns its number. */
export function addFragment(
  pager: Pager,
  page: PageNumber,
  key: Uint8Array,
  length: number,
  bytes: Uint8Array,
  second: boolean,
): number {
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const entries = entriesOf(frame, slot);
  let number = second ? FIRST_NUMBER_MAX + 1 : 1;
  let index = 0;
  for (; index < entries && numberAt(frame, slot, index) <= number; index++) {
    if (numberAt(frame, slot, index) === number) number++;
  }
  pager.touch(place);
  insertAt(frame, slot, index, number, key, length, bytes);
  return number;
}

/** Reads a fragment: a view, valid until the next call that reads or changes a page. */
export function readFragment(
  pager: PageReader,
  tree: number,
  page: PageNumber,
  number: number,
): Uint8Array {
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  indexOf(frame, place & SLOT_MASK, tree, page, number);
  return frame.u8.subarray(cell.valueAt, cell.end);
}

/** Writes over bytes of a fragment, from its first one on, or over all of it. */
export function overwriteFragment(
  pager: Pager,
  tree: number,
  page: PageNumber,
  number: number,
  key: Uint8Array,
  length: number,
  bytes: Uint8Array,
): void {
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  findOwned(frame, slot, tree, page, number, key, length);
  pager.overwrite(place, cell.valueAt - (slot << PAGE_SHIFT), bytes);
}

/** Replaces a fragment where it is, if its page has room. Returns whether it has. */
export function replaceFragment(
  pager: Pager,
  tree: number,
  page: PageNumber,
  number: number,
  key: Uint8Array,
  length: number,
  bytes: Uint8Array,
): boolean {
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const index = findOwned(frame, slot, tree, page, number, key, length);
  const room = freeBytesOf(frame, slot) + fragmentBytes(length, cell.tag);
  if (room < fragmentBytes(length, bytes.length)) return false;
  pager.touch(place);
  if (bytes.length < cell.tag && lengthBytes(bytes.length) === lengthBytes(cell.tag)) {
    shorten(frame, slot, index, bytes);
  } else {
    removeLeafEntry(frame, slot, index);
    insertAt(frame, slot, index, number, key, length, bytes);
  }
  return true;
}

/**
 * Replaces a fragment, whose cell is `cell`, by a shorter one, whose length takes as many bytes. No
 * other fragment moves.
 */
function shorten(frame: Frame, slot: Slot, index: number, bytes: Uint8Array): void {
  const rest = cell.tag - bytes.length;
  putLength(frame.u8, cellAt(frame, slot, index) + lengthBytes(cell.suffix), bytes.length);
  frame.u8.set(bytes, cell.valueAt);
  setGarbage(frame, slot, garbageOf(frame, slot) + rest);
}

/**
 * Removes a fragment from its page, and releases a page that has no other.
 *
 * @param bytes The bytes of the fragment, by which a page that has no other is released unread; -1
 *   if they are not known.
 */
export function removeFragment(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  page: PageNumber,
  number: number,
  key: Uint8Array,
  length: number,
  bytes: number,
): void {
  if (bytes >= 0 && isAlone(pager, tree, page, fragmentBytes(length, bytes))) {
    return allocator.release(page, 1);
  }
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const index = findOwned(frame, slot, tree, page, number, key, length);
  if (bytes >= 0 && cell.tag !== bytes) corruptLength(page, number);
  const entries = entriesOf(frame, slot);
  if (entries === 1) return allocator.release(page, 1);
  // To zero thousands of bytes, the whole page would have to be saved and logged.
  pager.touchParts(place, 0, LEAF_WIDTH * entries);
  unlinkLeafEntry(frame, slot, index);
}

/** Whether a page has a single fragment, of a size, by the header alone: the page is not read. */
function isAlone(pager: Pager, tree: number, page: PageNumber, bytes: number): boolean {
  const frame = pager.peek(page);
  const slot = pager.peekedSlot;
  return isSharedOf(frame, slot, tree) && entriesOf(frame, slot) === 1 &&
    PAGE_BYTES - freeBytesOf(frame, slot) === bytes;
}

/** The number of fragments in a page, by its header alone. */
export function fragmentsIn(pager: Pager, tree: number, page: PageNumber): number {
  const frame = pager.peek(page);
  const slot = pager.peekedSlot;
  if (!isSharedOf(frame, slot, tree)) corruptKind(page, tree);
  return entriesOf(frame, slot);
}

/**
 * Checks that a page has a fragment, and that its key there is that of the entry that refers to it.
 * Returns the number of fragments in the page.
 *
 * @throws {CorruptionError} It has not.
 */
export function checkOwner(
  pager: PageReader,
  tree: number,
  page: PageNumber,
  number: number,
  key: Uint8Array,
  length: number,
): number {
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  findOwned(frame, slot, tree, page, number, key, length);
  return entriesOf(frame, slot);
}

/** Reports that the fragments of a value do not have the length that its reference says. */
export function corruptLength(page: PageNumber, number: number): never {
  corrupt(page, 0, `fragment ${number} is not as its reference says`);
}

function corruptKind(page: PageNumber, tree: number): never {
  corruptHeader(page, HEADER.kind, `not a page of values of tree ${tree}`);
}

/** Like `indexOf`; the key of the fragment must be that of the entry that refers to it. */
function findOwned(
  frame: Frame,
  slot: Slot,
  tree: number,
  page: PageNumber,
  number: number,
  key: Uint8Array,
  length: number,
): number {
  const index = indexOf(frame, slot, tree, page, number);
  const found = numberedKey.subarray(1, copyKey(frame, slot, index, numberedKey));
  if (compareKeys(found, found.length, key, length) !== 0) {
    corrupt(page, 0, `fragment ${number} belongs to another key`);
  }
  return index;
}

/** The index of a fragment in its page, which is checked to hold it. `cell` is then its cell. */
function indexOf(
  frame: Frame,
  slot: Slot,
  tree: number,
  page: PageNumber,
  number: number,
): number {
  if (!isSharedOf(frame, slot, tree)) corruptKind(page, tree);
  for (let index = 0; index < entriesOf(frame, slot); index++) {
    if (numberAt(frame, slot, index) !== number) continue;
    cell.read(frame.u8, cellAt(frame, slot, index));
    return index;
  }
  corrupt(page, 0, `the page has no value ${number}`);
}

/** The number of the fragment of an entry. */
function numberAt(frame: Frame, slot: Slot, index: number): number {
  return frame.u32[headIndex(slot, index)]! >>> NUMBER_SHIFT;
}

/** Whether a page is shared by values of a tree. */
function isSharedOf(frame: Frame, slot: Slot, tree: number): boolean {
  return kindOf(frame, slot) === KIND_SHARED && treeOf(frame, slot) === tree;
}

/** Adds a fragment to a page that has room. */
function insertAt(
  frame: Frame,
  slot: Slot,
  index: number,
  number: number,
  key: Uint8Array,
  length: number,
  bytes: Uint8Array,
): void {
  numberedKey[0] = number;
  numberedKey.set(length === key.length ? key : key.subarray(0, length), 1);
  makeRoom(frame, slot, fragmentBytes(length, bytes.length));
  insertLeafEntry(frame, slot, index, numberedKey, length + 1, bytes.length, bytes);
}
