/**
 * The rules of runs that `checkPage` does not cover, because they involve several pages or no
 * reader depends on them: which later pages belong to a run, and that reserved bytes and the bytes
 * past the value are zero.
 */

import { isZero } from "./bytes.ts";
import { HEADER, KIND_RUN, KIND_RUN_CONTINUED, PAGE_BYTES, PAGE_SHIFT } from "./format.ts";
import type { Frame } from "./frame.ts";
import {
  cellStartOf,
  entriesOf,
  kindOf,
  levelOf,
  linkOf,
  runBytesOf,
  runPagesOf,
  treeOf,
  versionOf,
} from "./header.ts";
import { corrupt, corruptHeader } from "./page_check.ts";
import type { PageNumber, Slot } from "./units.ts";

/**
 * Whether the page in a slot of a chunk frame belongs to the run that begins in another slot. Its
 * version may be older than the first page's: when a value that is written in parts is extended or
 * finished, only the first page is rewritten.
 */
export function isOfRun(frame: Frame, slot: Slot, chunkPage: number, first: number): boolean {
  return kindOf(frame, slot) === KIND_RUN_CONTINUED &&
    linkOf(frame, slot) === chunkPage + first &&
    entriesOf(frame, slot) === slot - first &&
    treeOf(frame, slot) === treeOf(frame, first) &&
    versionOf(frame, slot) <= versionOf(frame, first);
}

/**
 * Checks that the reserved bytes of a page of a run, and those past its value, are zero. Pages of
 * other kinds pass.
 *
 * @param frame A chunk frame, which also has the first page of the run.
 * @throws {CorruptionError} A byte is not zero.
 */
export function checkRunReserved(frame: Frame, slot: Slot, page: PageNumber): void {
  const kind = kindOf(frame, slot);
  if (kind !== KIND_RUN && kind !== KIND_RUN_CONTINUED) return;
  if (cellStartOf(frame, slot) !== 0) reserved(page, HEADER.cellStart);
  if (kind === KIND_RUN) {
    if (entriesOf(frame, slot) !== 0) reserved(page, HEADER.entries);
    return checkTail(frame, slot, page, slot);
  }
  if (levelOf(frame, slot) !== 0) reserved(page, HEADER.level);
  if (runBytesOf(frame, slot) !== 0) reserved(page, HEADER.runBytes);
  checkTail(frame, slot, page, slot - entriesOf(frame, slot));
}

/** Checks that the last page of a run is zero past the end of the value. */
function checkTail(frame: Frame, slot: Slot, page: PageNumber, first: number): void {
  if (kindOf(frame, first) !== KIND_RUN || slot - first !== runPagesOf(frame, first) - 1) return;
  const used = runBytesOf(frame, first) - (slot - first) * PAGE_BYTES;
  if (used >= 0) checkZero(frame, slot, page, used, PAGE_BYTES);
}

/**
 * Checks that the bytes of a page from offset `from` up to `to` (exclusive) are zero.
 *
 * @throws {CorruptionError} A byte is not zero.
 */
export function checkZero(
  frame: Frame,
  slot: Slot,
  page: PageNumber,
  from: number,
  to: number,
): void {
  const start = slot << PAGE_SHIFT;
  if (isZero(frame.u8, start + from, start + to)) return;
  for (let at = from; at < to; at++) {
    if (frame.u8[start + at] !== 0) corrupt(page, at, "what is not used of the page is not zero");
  }
}

function reserved(page: PageNumber, offset: number): never {
  corruptHeader(page, offset, "reserved bytes are not zero");
}
