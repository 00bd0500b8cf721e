/**
 * Shared pages: values too long for a leaf and at most half a page are stored in pages that up to
 * three of them share.
 *
 * A shared page has the layout of a leaf (`node.ts`), without prefix, level, flags and link. The
 * key of each of its entries is the number of the value in the page, one byte, and then the key of
 * the entry that refers to it, by which a walk checks that each value has one owner.
 *
 * 1. The values of a page belong to one tree. A page without values is released.
 * 2. The number of a value does not change while it is in the page. The number of a removed value
 *    is used again.
 * 3. A new value goes to a page of values near it in key order (`nearby_pages.ts`).
 */

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
import type { Allocator } from "../../alloc/mod.ts";
import {
  cellAt,
  cellBytes,
  copyKey,
  ENTRY_BYTES_MAX,
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
import { compareKeys } from "../node/key.ts";
import {
  clearNode,
  insertLeafEntry,
  makeRoom,
  removeLeafEntry,
  unlinkLeafEntry,
} from "../node/node_edit.ts";
import type { NearbyPages } from "./nearby_pages.ts";
import { encodeReference, type Reference } from "./reference.ts";

const { CHUNK_SHIFT, HEADER, KIND_SHARED, PAGE_BYTES, PAGE_SHIFT, SLOT_MASK } = format;
const { entriesOf, garbageOf, kindOf, setGarbage, treeOf } = header;

const cell = new LeafCell();
const numberedKey = new Uint8Array(KEY_BYTES_MAX);

/** Whether a value is stored in a shared page: one holds two entries of its size. */
export function fitsShared(keyLength: number, valueLength: number): boolean {
  return entryBytes(keyLength, valueLength) <= ENTRY_BYTES_MAX;
}

/** Stores a value in a page near it that has room, or in a new one. Writes the reference to it. */
export function writeShared(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  key: Uint8Array,
  length: number,
  value: Uint8Array,
  nearby: NearbyPages,
  into: Uint8Array,
): void {
  const bytes = entryBytes(length, value.length);
  let page = pageWithRoom(pager, tree, nearby, bytes);
  if (page === 0) page = createShared(pager, allocator, tree, nearby.near);
  const number = addTo(pager, page, key, length, value);
  encodeReference({ page, length: value.length, number, version: 0 }, into);
}

/** Adds a value to a page that has room. Returns its number. */
function addTo(
  pager: Pager,
  page: PageNumber,
  key: Uint8Array,
  length: number,
  value: Uint8Array,
): number {
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const index = firstFree(frame, slot);
  pager.touch(place);
  insertAt(frame, slot, index, index + 1, key, length, value);
  return index + 1;
}

/**
 * Moves a value to another page that has room. A page left without a value is
 * released.
 *
 * @returns The number of the value in that page.
 */
export function moveShared(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  reference: Reference,
  key: Uint8Array,
  length: number,
  to: PageNumber,
): number {
  const value = readShared(pager, tree, reference).slice();
  const number = addTo(pager, to, key, length, value);
  removeShared(pager, allocator, tree, reference, key, length);
  return number;
}

/** The free bytes that a value needs in a page. */
export function sharedBytes(keyLength: number, valueLength: number): number {
  return entryBytes(keyLength, valueLength);
}

/** The values of a shared page of a tree, and its free bytes, by its header alone. */
export function sharedShape(
  pager: Pager,
  tree: number,
  page: PageNumber,
): { values: number; free: number } | undefined {
  const frame = pager.peek(page);
  const slot = pager.peekedSlot;
  if (!isSharedOf(frame, slot, tree)) return undefined;
  return { values: entriesOf(frame, slot), free: freeBytesOf(frame, slot) };
}

/** Replaces a value where it is, if its page has room. Returns whether it has. */
export function replaceShared(
  pager: Pager,
  tree: number,
  reference: Reference,
  key: Uint8Array,
  length: number,
  value: Uint8Array,
): boolean {
  const place = pager.at(reference.page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const index = indexOf(frame, slot, tree, reference);
  checkKeyOf(frame, slot, index, reference, key, length);
  if (value.length === reference.length) {
    pager.overwrite(place, cell.valueAt - (slot << PAGE_SHIFT), value);
    return true;
  }
  const bytes = entryBytes(length, value.length);
  if (freeBytesOf(frame, slot) + entryBytes(length, reference.length) < bytes) return false;
  pager.touch(place);
  if (value.length < reference.length) {
    shorten(frame, slot, index, value);
  } else {
    removeLeafEntry(frame, slot, index);
    insertAt(frame, slot, index, reference.number, key, length, value);
  }
  return true;
}

/**
 * Replaces a value, whose cell is `cell`, by a shorter one, whose length also takes two bytes. No
 * other value moves.
 */
function shorten(frame: Frame, slot: Slot, index: number, value: Uint8Array): void {
  const rest = cell.tag - value.length;
  putLength(frame.u8, cellAt(frame, slot, index) + lengthBytes(cell.suffix), value.length);
  frame.u8.set(value, cell.valueAt);
  setGarbage(frame, slot, garbageOf(frame, slot) + rest);
}

/** Removes a value from its page, and releases a page that has no other. */
export function removeShared(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  reference: Reference,
  key: Uint8Array,
  length: number,
): void {
  if (isAlone(pager, tree, reference, length)) return allocator.release(reference.page, 1);
  const place = pager.at(reference.page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const index = indexOf(frame, slot, tree, reference);
  checkKeyOf(frame, slot, index, reference, key, length);
  // To zero thousands of bytes, the whole page would have to be saved and logged.
  pager.touchParts(place, 0, LEAF_WIDTH * entriesOf(frame, slot));
  unlinkLeafEntry(frame, slot, index);
}

/** Whether a value is the only one of its page, by the header alone: the page is not read. */
function isAlone(pager: Pager, tree: number, { page, length }: Reference, key: number): boolean {
  const frame = pager.peek(page);
  const slot = pager.peekedSlot;
  return isSharedOf(frame, slot, tree) && entriesOf(frame, slot) === 1 &&
    PAGE_BYTES - freeBytesOf(frame, slot) === entryBytes(key, length);
}

/** Reads a value: a view, valid until the next call that reads or changes a page. */
export function readShared(pager: PageReader, tree: number, reference: Reference): Uint8Array {
  const place = pager.at(reference.page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  indexOf(frame, place & SLOT_MASK, tree, reference);
  return frame.u8.subarray(cell.valueAt, cell.valueAt + reference.length);
}

/** The page of a value, verified to hold it. */
export function sharedPageOf(pager: PageReader, tree: number, reference: Reference): PageNumber {
  readShared(pager, tree, reference);
  return reference.page;
}

/**
 * Checks that a page has a value, and that its key there is that of the entry that refers to it.
 * Returns the number of values in the page.
 *
 * @throws {CorruptionError} It has not.
 */
export function checkOwner(
  pager: PageReader,
  tree: number,
  reference: Reference,
  key: Uint8Array,
  length: number,
): number {
  const place = pager.at(reference.page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  checkKeyOf(frame, slot, indexOf(frame, slot, tree, reference), reference, key, length);
  return entriesOf(frame, slot);
}

/** Checks that the key of a value is that of the entry that refers to it. */
function checkKeyOf(
  frame: Frame,
  slot: Slot,
  index: number,
  { page, number }: Reference,
  key: Uint8Array,
  length: number,
): void {
  const found = numberedKey.subarray(1, copyKey(frame, slot, index, numberedKey));
  if (compareKeys(found, found.length, key, length) !== 0) {
    corrupt(page, 0, `value ${number} belongs to another key`);
  }
}

/** The index of a value in its page, which is checked to hold it. `cell` is then its cell. */
function indexOf(frame: Frame, slot: Slot, tree: number, reference: Reference): number {
  const { page, number, length, version } = reference;
  if (!isSharedOf(frame, slot, tree)) {
    corruptHeader(page, HEADER.kind, `not a page of values of tree ${tree}`);
  }
  for (let index = 0; index < entriesOf(frame, slot); index++) {
    if (numberAt(frame, slot, index) !== number) continue;
    cell.read(frame.u8, cellAt(frame, slot, index));
    if (cell.tag === length && version === 0) return index;
    corrupt(page, 0, `value ${number} is not as its reference says`);
  }
  corrupt(page, 0, `the page has no value ${number}`);
}

/** The number of the value of an entry. */
function numberAt(frame: Frame, slot: Slot, index: number): number {
  return frame.u32[headIndex(slot, index)]! >>> NUMBER_SHIFT;
}

/** The index of the first unused number, which is one below that number. */
function firstFree(frame: Frame, slot: Slot): number {
  let index = 0;
  while (index < entriesOf(frame, slot) && numberAt(frame, slot, index) === index + 1) index++;
  return index;
}

/** The bytes of an entry in a shared page, outside its cell included. */
function entryBytes(keyLength: number, valueLength: number): number {
  return LEAF_WIDTH + cellBytes(1 + keyLength, payloadBytes(valueLength));
}

/** The first of the pages near a value that is of the tree and has room, or 0. */
function pageWithRoom(pager: Pager, tree: number, nearby: NearbyPages, bytes: number): PageNumber {
  for (let at = 0; at < nearby.count; at++) {
    const page = nearby.pages[at]!;
    // The header suffices, and may be the only part of the page in memory.
    const frame = pager.peek(page);
    const slot = pager.peekedSlot;
    if (isSharedOf(frame, slot, tree) && freeBytesOf(frame, slot) >= bytes) return page;
  }
  return 0;
}

/** Whether a page is shared by values of a tree. */
function isSharedOf(frame: Frame, slot: Slot, tree: number): boolean {
  return kindOf(frame, slot) === KIND_SHARED && treeOf(frame, slot) === tree;
}

function createShared(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  near: PageNumber,
): PageNumber {
  const page = allocator.acquire(KIND_SHARED, tree, near);
  const place = pager.at(page);
  clearNode(pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
  return page;
}

/** Adds a value to a page that has room. */
function insertAt(
  frame: Frame,
  slot: Slot,
  index: number,
  number: number,
  key: Uint8Array,
  length: number,
  value: Uint8Array,
): void {
  numberedKey[0] = number;
  numberedKey.set(length === key.length ? key : key.subarray(0, length), 1);
  makeRoom(frame, slot, entryBytes(length, value.length));
  insertLeafEntry(frame, slot, index, numberedKey, length + 1, value.length, value);
}
