/**
 * Fragments: how a value too long for a leaf is stored where runs would leave too much of their
 * last page empty. What exceeds its whole pages is one fragment in a shared page
 * (`shared_page.ts`), or two in two of them; the whole pages, its body, are in runs (`body.ts`).
 *
 * 1. A value is in runs if less than an eighth of its bytes would be empty in them, else in
 *    fragments.
 * 2. The fragments go to pages of values near it in key order (`nearby_pages.ts`): into one that
 *    has room for all of them, else a first one into the emptiest page, the second into the fullest
 *    that has room, or into a new page. A fragment that is not the only one is not short.
 * 3. A new value stays where the old one was if it has the same length, or if the page of the last
 *    fragment has room; the first of two keeps its length.
 */

import type { Allocator } from "../../alloc/mod.ts";
import { corrupt, format, type PageNumber, type Pager, type PageReader } from "../../pager/mod.ts";
import { KEY_BYTES_MAX } from "../node/node.ts";
import { bodyBytes, bodyOf, fragmentedBytes, POINTER_BYTES, putPointer } from "./body.ts";
import type { NearbyPages } from "./nearby_pages.ts";
import { encodeReference, type Reference } from "./reference.ts";
import {
  appendRuns,
  checkLength,
  copyRuns,
  releaseRuns,
  type RunSource,
  versionAt,
} from "./runs.ts";
import {
  addFragment,
  corruptLength,
  createShared,
  fragmentBytes,
  isSecond,
  overwriteFragment,
  readFragment,
  removeFragment,
  replaceFragment,
  roomOf,
} from "./shared_page.ts";

const { PAGE_BYTES } = format;

/** In runs, the bytes of a value divided by this may be empty, besides what fragments cost. */
const RUNS_PART = 8;
/** The least bytes of each of two fragments, beside those of the key. */
const FRAGMENT_MIN = 512;

const stored = new Uint8Array(PAGE_BYTES);

/** Whether a value that is not inline is stored in fragments. */
export function fitsFragments(keyLength: number, valueLength: number): boolean {
  // In a shared page a key is longer by the number of the fragment.
  if (keyLength >= KEY_BYTES_MAX) return false;
  const empty = Math.ceil(valueLength / PAGE_BYTES) * PAGE_BYTES - valueLength;
  return empty > valueLength / RUNS_PART + 2 * overheadOf(keyLength) + POINTER_BYTES;
}

/** The bytes that a long fragment takes beside its own. */
function overheadOf(keyLength: number): number {
  return fragmentBytes(keyLength, FRAGMENT_MIN) - FRAGMENT_MIN;
}

/** The least free bytes of a page that a value in fragments can use. */
export function leastRoom(keyLength: number, valueLength: number): number {
  const bytes = fragmentedBytes(valueLength);
  const least = FRAGMENT_MIN + keyLength;
  return fragmentBytes(keyLength, bytes < 2 * least ? bytes : least);
}

/** Stores a value near others. Writes the reference to it. */
export function writeFragments(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  key: Uint8Array,
  length: number,
  value: Uint8Array,
  nearby: NearbyPages,
  into: Uint8Array,
): void {
  const bytes = storeBody(pager, allocator, tree, value, nearby.near);
  const reference = placeFragments(pager, allocator, tree, key, length, bytes, nearby);
  reference.length = value.length;
  encodeReference(reference, into);
}

/** Writes the body of a value. Returns the bytes of its fragments. */
function storeBody(
  pager: Pager,
  source: RunSource,
  tree: number,
  value: Uint8Array,
  near: PageNumber,
): Uint8Array {
  const body = bodyBytes(value.length);
  if (body === 0) return value;
  writeBody(pager, source, tree, value.subarray(0, body), near);
  stored.set(value.subarray(body), POINTER_BYTES);
  return stored.subarray(0, fragmentedBytes(value.length));
}

/** Writes a body, and the pointer to it into `stored`. */
function writeBody(
  pager: Pager,
  source: RunSource,
  tree: number,
  body: Uint8Array,
  near: PageNumber,
): void {
  const list = { first: 0, last: 0 };
  appendRuns(pager, source, tree, body, near, list);
  putPointer(stored, list.first, versionAt(pager, list.first));
}

/** Adds bytes as one or two fragments to pages. Returns where, as a reference without a length. */
export function placeFragments(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  key: Uint8Array,
  length: number,
  bytes: Uint8Array,
  nearby: NearbyPages,
): Reference {
  const reference = { page: 0, length: 0, number: 0, version: 0, secondPage: 0, secondNumber: 0 };
  const whole = pageFor(pager, tree, nearby, fragmentBytes(length, bytes.length));
  const emptiest = whole === 0 ? emptiestOf(pager, tree, nearby) : 0;
  const room = emptiest === 0 ? 0 : roomOf(pager, tree, emptiest);
  const least = FRAGMENT_MIN + length;
  const first = Math.min(room - overheadOf(length), bytes.length - least);
  if (whole !== 0 || first < least) {
    reference.page = whole || createShared(pager, allocator, tree, nearby.near);
    reference.number = addFragment(pager, reference.page, key, length, bytes, false);
    return reference;
  }
  const rest = bytes.subarray(first);
  reference.page = emptiest;
  const begin = bytes.subarray(0, first);
  reference.number = addFragment(pager, emptiest, key, length, begin, false);
  const fullest = fullestOf(pager, tree, nearby, fragmentBytes(length, rest.length), emptiest);
  reference.secondPage = fullest || createShared(pager, allocator, tree, nearby.near);
  reference.secondNumber = addFragment(pager, reference.secondPage, key, length, rest, true);
  return reference;
}

/** The first of the pages near a value that has room, or 0. */
function pageFor(pager: Pager, tree: number, nearby: NearbyPages, bytes: number): PageNumber {
  for (let at = 0; at < nearby.count; at++) {
    const page = nearby.pages[at]!;
    if (roomOf(pager, tree, page) >= bytes) return page;
  }
  return 0;
}

/** The page near a value that has most room, or 0. */
function emptiestOf(pager: Pager, tree: number, nearby: NearbyPages): PageNumber {
  let best = 0;
  let most = 0;
  for (let at = 0; at < nearby.count; at++) {
    const room = roomOf(pager, tree, nearby.pages[at]!);
    if (room <= most) continue;
    best = nearby.pages[at]!;
    most = room;
  }
  return best;
}

/** The page near a value that has least room, but enough, or 0. */
function fullestOf(
  pager: Pager,
  tree: number,
  nearby: NearbyPages,
  bytes: number,
  other: PageNumber,
): PageNumber {
  let best = 0;
  let least = Infinity;
  for (let at = 0; at < nearby.count; at++) {
    const page = nearby.pages[at]!;
    const room = page === other ? 0 : roomOf(pager, tree, page);
    if (room < bytes || room >= least) continue;
    best = page;
    least = room;
  }
  return best;
}

/** Reads a value: a copy. */
export function readFragments(pager: PageReader, tree: number, reference: Reference): Uint8Array {
  const { page, number, length } = reference;
  if (length < PAGE_BYTES) {
    if (checkPlaces(reference)) return readTail(pager, tree, reference);
    const bytes = readFragment(pager, tree, page, number);
    if (bytes.length !== length) corruptLength(page, number);
    return bytes.slice();
  }
  checkFragments(pager, tree, reference);
  const runs = bodyOf(pager, tree, reference);
  // Before memory is allocated for a length that the file cannot hold.
  checkLength(pager, runs);
  const value = new Uint8Array(length);
  copyTail(pager, tree, reference, value, runs.length);
  copyRuns(pager, tree, runs, value);
  return value;
}

/** Reads the bytes of a value that are not in its body: a copy. */
export function readTail(pager: PageReader, tree: number, reference: Reference): Uint8Array {
  const tail = new Uint8Array(reference.length % PAGE_BYTES);
  copyTail(pager, tree, reference, tail, 0);
  return tail;
}

/** Copies the bytes of fragments, the pointer to a body included. Returns them, in `into`. */
export function copyFragments(
  pager: PageReader,
  tree: number,
  reference: Reference,
  into: Uint8Array,
): Uint8Array {
  const { page, number, secondPage, secondNumber } = reference;
  const first = checkFragments(pager, tree, reference);
  into.set(readFragment(pager, tree, page, number));
  if (secondPage !== 0) into.set(readFragment(pager, tree, secondPage, secondNumber), first);
  return into.subarray(0, fragmentedBytes(reference.length));
}

/** Copies the bytes of fragments without the pointer into an array at `at`. */
function copyTail(
  pager: PageReader,
  tree: number,
  reference: Reference,
  into: Uint8Array,
  at: number,
): void {
  const { page, number, secondPage, secondNumber, length } = reference;
  const isSplit = checkPlaces(reference);
  const skipped = length < PAGE_BYTES ? 0 : POINTER_BYTES;
  const begin = readFragment(pager, tree, page, number);
  const rest = fragmentedBytes(length) - begin.length;
  if (begin.length < skipped || (isSplit ? rest < 0 : rest !== 0)) corruptLength(page, number);
  into.set(begin.subarray(skipped), at);
  if (!isSplit) return;
  const end = readFragment(pager, tree, secondPage, secondNumber);
  if (end.length !== rest) corruptLength(page, number);
  into.set(end, at + begin.length - skipped);
}

/**
 * Checks that the fragments of a value add up to what its reference says. Returns the bytes of the
 * first one.
 *
 * @throws {CorruptionError} They do not.
 */
export function checkFragments(pager: PageReader, tree: number, reference: Reference): number {
  const { page, number, length, secondPage, secondNumber } = reference;
  const isSplit = checkPlaces(reference);
  const first = readFragment(pager, tree, page, number).length;
  const second = isSplit ? readFragment(pager, tree, secondPage, secondNumber).length : 0;
  const bytes = fragmentedBytes(length);
  if (first + second !== bytes || bytes > PAGE_BYTES) corruptLength(page, number);
  if (length >= PAGE_BYTES && first < POINTER_BYTES) corruptLength(page, number);
  return first;
}

/**
 * Checks that a reference is to a first fragment, and to no other one or a second one elsewhere.
 * Returns whether it is to two.
 */
function checkPlaces({ page, number, secondPage, secondNumber }: Reference): boolean {
  const isSplit = secondPage !== 0 || secondNumber !== 0;
  if (isSecond(number) || isSplit !== isSecond(secondNumber)) {
    corrupt(page, 0, `value ${number} begins with a second fragment, or ends with a first one`);
  }
  if (secondPage === page) corrupt(page, 0, `value ${number} is in one page twice`);
  return isSplit;
}

/** Replaces a value where it is, if that is possible. Returns whether it is. */
export function replaceFragments(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  reference: Reference,
  key: Uint8Array,
  length: number,
  value: Uint8Array,
): boolean {
  const { page, number, secondPage, secondNumber } = reference;
  const first = checkFragments(pager, tree, reference);
  const bytes = fragmentedBytes(value.length);
  const more = bytes - fragmentedBytes(reference.length);
  if (value.length !== reference.length) {
    // One more byte, as the length of a fragment may take two.
    if (more > 0 && roomOf(pager, tree, secondPage || page) < more + 1) return false;
    if (secondPage !== 0 && bytes - first < FRAGMENT_MIN + length) return false;
  }
  if (reference.length >= PAGE_BYTES) releaseRuns(pager, allocator, tree, reference);
  const whole = storeBody(pager, allocator, tree, value, page);
  const rest = secondPage === 0 ? whole : whole.subarray(first);
  if (secondPage !== 0) {
    overwriteFragment(pager, tree, page, number, key, length, whole.subarray(0, first));
  }
  const [at, last] = secondPage === 0 ? [page, number] : [secondPage, secondNumber];
  if (more !== 0) return replaceFragment(pager, tree, at, last, key, length, rest);
  overwriteFragment(pager, tree, at, last, key, length, rest);
  return true;
}

/** Writes the body of a value again, and releases the old one. */
export function moveBody(
  pager: Pager,
  allocator: Allocator,
  source: RunSource,
  tree: number,
  reference: Reference,
  key: Uint8Array,
): void {
  const { page, number } = reference;
  const body = new Uint8Array(bodyBytes(reference.length));
  copyRuns(pager, tree, bodyOf(pager, tree, reference), body);
  releaseRuns(pager, allocator, tree, reference);
  writeBody(pager, source, tree, body, 0);
  const pointer = stored.subarray(0, POINTER_BYTES);
  overwriteFragment(pager, tree, page, number, key, key.length, pointer);
}

/** Removes the fragments of a value from their pages, and releases its body. */
export function removeValue(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  reference: Reference,
  key: Uint8Array,
  length: number,
): void {
  if (reference.length >= PAGE_BYTES) {
    checkFragments(pager, tree, reference);
    releaseRuns(pager, allocator, tree, reference);
  }
  removeFragments(pager, allocator, tree, reference, key, length);
}

/** Removes the fragments of a value from their pages, but not its body. */
export function removeFragments(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  reference: Reference,
  key: Uint8Array,
  length: number,
): void {
  const { page, number, secondPage, secondNumber } = reference;
  const bytes = fragmentedBytes(reference.length);
  const isSplit = checkPlaces(reference);
  const first = isSplit ? checkFragments(pager, tree, reference) : bytes;
  removeFragment(pager, allocator, tree, page, number, key, length, first);
  if (!isSplit) return;
  removeFragment(pager, allocator, tree, secondPage, secondNumber, key, length, bytes - first);
}
