/**
 * Runs: adjacent pages that hold a value, or the body of one in fragments (`body.ts`), in a list of
 * runs.
 *
 * Each run's header holds the page of the next run and the bytes of the value in this run. All runs
 * but the last are full. Runs are immutable: a new value takes new runs. The one exception is a
 * value written in parts (`unfinished_values.ts`): its last run is linked to the next one.
 */

import type { Allocator } from "../../alloc/mod.ts";
import {
  corruptHeader,
  format,
  type Frame,
  header,
  type PageNumber,
  type Pager,
  type PageReader,
  type Version,
} from "../../pager/mod.ts";
import { bodyOf } from "./body.ts";
import { encodeReference, type Reference, runsReference } from "./reference.ts";

const { CHUNK_SHIFT, HEADER, KIND_RUN, PAGE_BYTES, PAGE_SHIFT, SLOT_MASK } = format;
const { kindOf, linkOf, runBytesOf, runPagesOf, setLink, setRunBytes, treeOf, versionOf } = header;

/** The longest value, in bytes: 2 GiB. */
export const VALUE_BYTES_MAX: number = 2 ** 31;

/** A run, checked to belong to its value. */
export interface Run {
  /** Its first page. */
  readonly page: PageNumber;
  /** The number of pages. */
  readonly pages: number;
  /** The bytes of the value that it holds. */
  readonly bytes: number;
  /** The first page of the next run, 0 = none. */
  readonly next: number;
}

/** The first pages of the first and the last run of a list; 0 = the list is empty. */
export interface RunList {
  /** Of the first run. */
  first: number;
  /** Of the last run. */
  last: number;
}

/** Provides the runs of a value. */
export interface RunSource {
  /** Allocates a run of at most `span` pages; see `Allocator.allocateShortRun`. */
  allocateShortRun(span: number, tree: number, near: number): number;
}

/** Writes a value into new runs of a tree, and the reference to them into `into`. */
export function writeRuns(
  pager: Pager,
  allocator: RunSource,
  tree: number,
  value: Uint8Array,
  near: number,
  into: Uint8Array,
): void {
  const list = { first: 0, last: 0 };
  appendRuns(pager, allocator, tree, value, near, list);
  const { first } = list;
  encodeReference(runsReference(first, value.length, versionAt(pager, first)), into);
}

/** Appends bytes to a list of runs of a tree. The runs of the list must be full. */
export function appendRuns(
  pager: Pager,
  allocator: RunSource,
  tree: number,
  bytes: Uint8Array,
  near: number,
  list: RunList,
): void {
  for (let done = 0; done < bytes.length;) {
    pager.relieve();
    const wanted = Math.ceil((bytes.length - done) / PAGE_BYTES);
    const page = allocator.allocateShortRun(wanted, tree, list.last === 0 ? near : list.last);
    done += fillRun(pager, page, bytes, done);
    if (list.last === 0) list.first = page;
    else linkRun(pager, list.last, page);
    list.last = page;
  }
}

/** The version that last wrote a page. */
export function versionAt(pager: PageReader, page: PageNumber): number {
  const place = pager.at(page);
  return versionOf(pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
}

/** Fills an allocated run with the value from byte `from`. Returns the bytes written. */
function fillRun(pager: Pager, page: PageNumber, value: Uint8Array, from: number): number {
  const place = pager.at(page);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  const pages = runPagesOf(frame, place & SLOT_MASK);
  const bytes = Math.min(pages * PAGE_BYTES, value.length - from);
  setRunBytes(frame, place & SLOT_MASK, bytes);
  for (let at = 0; at < bytes; at += PAGE_BYTES) {
    const target = pager.at(page + at / PAGE_BYTES);
    const part = value.subarray(from + at, from + Math.min(at + PAGE_BYTES, bytes));
    pager.frames[target >>> CHUNK_SHIFT]!.u8.set(part, (target & SLOT_MASK) << PAGE_SHIFT);
  }
  return bytes;
}

function linkRun(pager: Pager, page: PageNumber, next: number): void {
  const place = pager.at(page);
  pager.touch(place);
  setLink(pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK, next);
}

/** Reads a value that is in runs, into an array if one is given. */
export function copyRuns(
  pager: PageReader,
  tree: number,
  reference: Reference,
  into?: Uint8Array,
): Uint8Array {
  checkLength(pager, reference);
  const value = into ?? new Uint8Array(reference.length);
  let done = 0;
  for (const run of runsOf(pager, tree, reference)) {
    copyFromRun(pager, run, 0, run.bytes, value, done);
    done += run.bytes;
  }
  return value;
}

/** Copies the bytes of a run from `from` to `to` - 1 into an array at `at`. */
export function copyFromRun(
  pager: PageReader,
  run: Run,
  from: number,
  to: number,
  into: Uint8Array,
  at: number,
): void {
  for (let done = from; done < to;) {
    const within = done & (PAGE_BYTES - 1);
    const length = Math.min(PAGE_BYTES - within, to - done);
    const place = pager.at(run.page + (done >>> PAGE_SHIFT));
    const start = ((place & SLOT_MASK) << PAGE_SHIFT) + within;
    const { u8 } = pager.frames[place >>> CHUNK_SHIFT]!;
    into.set(u8.subarray(start, start + length), at + done - from);
    done += length;
  }
}

/** Releases the runs of a value, or those of its body. */
export function releaseRuns(
  pager: Pager,
  allocator: Allocator,
  tree: number,
  reference: Reference,
): void {
  for (const run of runsOf(pager, tree, reference)) allocator.release(run.page, run.pages);
}

/**
 * The runs of a value, each checked to belong to it; of a value in fragments those of its body.
 *
 * @param isFinished Whether one version wrote them all; if not, none may be newer than the
 * reference.
 */
export function* runsOf(
  pager: PageReader,
  tree: number,
  reference: Reference,
  isFinished = true,
): Generator<Run> {
  if (reference.number !== 0 && reference.length < PAGE_BYTES) return;
  const runs = reference.number === 0 ? reference : bodyOf(pager, tree, reference);
  let { page } = runs;
  let rest = runs.length;
  checkLength(pager, runs);
  while (rest > 0) {
    const run = readRun(pager, tree, page, runs.version, isFinished);
    checkRest(run, rest);
    rest -= run.bytes;
    page = run.next;
    yield run;
  }
}

/** Checks that a run and those after it can be the rest of a value, in bytes. */
export function checkRest({ page, bytes, next }: Run, rest: number): void {
  if (bytes <= rest && (next === 0) === (bytes === rest)) return;
  corruptHeader(page, HEADER.runBytes, "the runs of a value do not add up to its length");
}

/** Refuses a length that the file cannot hold before memory is allocated for it. */
export function checkLength(pager: PageReader, { page, length }: Reference): void {
  if (length === 0 || length > Math.min(pager.meta.pageCount * PAGE_BYTES, VALUE_BYTES_MAX)) {
    corruptHeader(page, HEADER.runBytes, `a value of ${length} bytes is not in the file`);
  }
}

/**
 * Reads the header of a run, and checks that it belongs to a value.
 *
 * @throws {CorruptionError} It does not.
 */
export function readRun(
  pager: PageReader,
  tree: number,
  page: PageNumber,
  version: Version,
  isFinished: boolean,
): Run {
  const frame: Frame = pager.peek(page);
  const slot = pager.peekedSlot;
  if (kindOf(frame, slot) !== KIND_RUN || treeOf(frame, slot) !== tree) {
    corruptHeader(page, HEADER.kind, `not a run of tree ${tree}`);
  }
  const found = versionOf(frame, slot);
  if (isFinished ? found !== version : found > version) {
    corruptHeader(page, HEADER.versionLow, "a run of another version than its reference says");
  }
  const pages = runPagesOf(frame, slot);
  const bytes = runBytesOf(frame, slot);
  const fits = pages > 0 && (page & SLOT_MASK) + pages <= SLOT_MASK + 1;
  if (!fits || pages !== Math.ceil(bytes / PAGE_BYTES)) {
    corruptHeader(page, HEADER.runBytes, `a run of ${pages} pages holds ${bytes} bytes`);
  }
  const next = linkOf(frame, slot);
  if (next !== 0 && bytes !== pages * PAGE_BYTES) {
    corruptHeader(page, HEADER.runBytes, "a run that is not the last one of its value is not full");
  }
  return { page, pages, bytes, next };
}
