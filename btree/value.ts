/**
 * Values too large for a leaf: lists of runs.
 *
 * A leaf keeps a reference of 16 bytes instead of the value:
 *
 * | at | size | field                                   |
 * | -- | ---- | --------------------------------------- |
 * |  0 | u32  | first page of the first run             |
 * |  4 | u48  | bytes of the value                      |
 * | 10 | u48  | version that wrote it, as in its pages  |
 *
 * Each run's header names the next one and says how many bytes of the value it holds; all but the
 * last are full. Runs are never changed: a new value takes new ones.
 */

import {
  corruptHeader,
  format,
  type Frame,
  header,
  type Pager,
  type PageReader,
} from "../pager/mod.ts";
import type { Allocator } from "../alloc/mod.ts";
import { REFERENCE_BYTES } from "./node.ts";

const { CHUNK_SHIFT, HEADER, KIND_RUN, PAGE_BYTES, PAGE_SHIFT, SLOT_MASK } = format;
const { kindOf, linkOf, runBytesOf, runPagesOf, setLink, setRunBytes, treeOf, versionOf } = header;

const TWO_16 = 0x1_0000;
const TWO_32 = 0x1_0000_0000;

/** The longest value, in bytes: 2 GiB. */
export const VALUE_BYTES_MAX: number = 2 ** 31;

/** What a reference says. */
interface Reference {
  page: number;
  length: number;
  version: number;
}

/** What a run's header says, once it is known to belong to its value. */
interface Run {
  page: number;
  pages: number;
  bytes: number;
  next: number;
}

/** Writes a value into runs of a tree, and the reference to them into `into`. */
export function writeRuns(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  value: Uint8Array,
  near: number,
  into: Uint8Array,
): void {
  let first = 0;
  let last = 0;
  for (let done = 0; done < value.length;) {
    pager.relieve();
    const wanted = Math.ceil((value.length - done) / PAGE_BYTES);
    const page = allocator.acquirePiece(wanted, tree, last === 0 ? near : last);
    done += fillRun(pager, page, value, done);
    if (last === 0) first = page;
    else linkRun(pager, last, page);
    last = page;
  }
  const place = pager.at(first);
  const version = versionOf(pager.frames[place >>> CHUNK_SHIFT], place & SLOT_MASK);
  encodeReference({ page: first, length: value.length, version }, into);
}

/** Fills the pages of an acquired run with the value from a byte on; returns how many it took. */
function fillRun(pager: Pager, page: number, value: Uint8Array, from: number): number {
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT];
  const pages = runPagesOf(frame, place & SLOT_MASK);
  const bytes = Math.min(pages * PAGE_BYTES, value.length - from);
  setRunBytes(frame, place & SLOT_MASK, bytes);
  for (let at = 0; at < bytes; at += PAGE_BYTES) {
    const target = pager.at(page + at / PAGE_BYTES);
    const some = value.subarray(from + at, from + Math.min(at + PAGE_BYTES, bytes));
    pager.frames[target >>> CHUNK_SHIFT].u8.set(some, (target & SLOT_MASK) << PAGE_SHIFT);
  }
  return bytes;
}

function linkRun(pager: Pager, page: number, next: number): void {
  const place = pager.at(page);
  pager.touch(place);
  setLink(pager.frames[place >>> CHUNK_SHIFT], place & SLOT_MASK, next);
}

/** Reads the value that a reference, which begins at a byte, refers to. */
export function readRuns(
  pager: PageReader,
  tree: number,
  bytes: Uint8Array,
  at: number,
): Uint8Array {
  const reference = decodeReference(bytes, at);
  checkLength(pager, reference);
  const value = new Uint8Array(reference.length);
  let done = 0;
  for (const run of runsOf(pager, tree, reference)) {
    for (let offset = 0; offset < run.bytes; offset += PAGE_BYTES) {
      const place = pager.at(run.page + offset / PAGE_BYTES);
      const frame = pager.frames[place >>> CHUNK_SHIFT];
      const start = (place & SLOT_MASK) << PAGE_SHIFT;
      const some = Math.min(PAGE_BYTES, run.bytes - offset);
      value.set(frame.u8.subarray(start, start + some), done + offset);
    }
    done += run.bytes;
  }
  return value;
}

/** Gives back the runs of the value that a reference, which begins at a byte, refers to. */
export function releaseRuns(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  bytes: Uint8Array,
  at: number,
): void {
  for (const run of runsOf(pager, tree, decodeReference(bytes, at))) {
    allocator.release(run.page, run.pages);
  }
}

/** The bytes of the value that a reference, which begins at a byte, refers to. */
export function referredLength(bytes: Uint8Array, at: number): number {
  return decodeReference(bytes, at).length;
}

/** Every page of the runs of a value, read and verified. */
export function* pagesOfRuns(
  pager: PageReader,
  tree: number,
  bytes: Uint8Array,
  at: number,
): Generator<number> {
  for (const run of runsOf(pager, tree, decodeReference(bytes, at))) {
    for (let page = run.page; page < run.page + run.pages; page++) {
      pager.at(page);
      yield page;
    }
  }
}

/** The first pages and lengths of the runs of a value, each checked to be of this value. */
function* runsOf(pager: PageReader, tree: number, reference: Reference): Generator<Run> {
  let { page } = reference;
  let rest = reference.length;
  checkLength(pager, reference);
  while (rest > 0) {
    const run = readRun(pager, tree, page, reference.version);
    if (run.bytes > rest || (run.next === 0) !== (run.bytes === rest)) {
      corruptHeader(page, HEADER.runBytes, "the runs of a value do not add up to its length");
    }
    rest -= run.bytes;
    page = run.next;
    yield run;
  }
}

/** A length that the file cannot hold must not become memory. */
function checkLength(pager: PageReader, { page, length }: Reference): void {
  if (length === 0 || length > pager.meta.pageCount * PAGE_BYTES) {
    corruptHeader(page, HEADER.runBytes, `a value of ${length} bytes is not in the file`);
  }
}

function readRun(pager: PageReader, tree: number, page: number, version: number): Run {
  const frame: Frame = pager.peek(page);
  const slot = pager.peekedSlot;
  if (kindOf(frame, slot) !== KIND_RUN || treeOf(frame, slot) !== tree) {
    corruptHeader(page, HEADER.kind, `not a run of tree ${tree}`);
  }
  if (versionOf(frame, slot) !== version) {
    corruptHeader(page, HEADER.versionLow, "a run of another version than its reference says");
  }
  const pages = runPagesOf(frame, slot);
  const bytes = runBytesOf(frame, slot);
  const fits = pages > 0 && (page & SLOT_MASK) + pages <= SLOT_MASK + 1;
  if (!fits || pages !== Math.ceil(bytes / PAGE_BYTES)) {
    corruptHeader(page, HEADER.runBytes, `a run of ${pages} pages holds ${bytes} bytes`);
  }
  return { page, pages, bytes, next: linkOf(frame, slot) };
}

function encodeReference({ page, length, version }: Reference, into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset, REFERENCE_BYTES);
  view.setUint32(0, page, true);
  view.setUint32(4, length % TWO_32, true);
  view.setUint16(8, Math.floor(length / TWO_32), true);
  view.setUint16(10, version % TWO_16, true);
  view.setUint32(12, Math.floor(version / TWO_16), true);
}

/** Reads a reference; its page is checked where the page is read, its length against the runs. */
function decodeReference(bytes: Uint8Array, at: number): Reference {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, REFERENCE_BYTES);
  return {
    page: view.getUint32(0, true),
    length: view.getUint16(8, true) * TWO_32 + view.getUint32(4, true),
    version: view.getUint32(12, true) * TWO_16 + view.getUint16(10, true),
  };
}
