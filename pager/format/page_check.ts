/**
 * Checks a page by itself: header sum, version, page sum, and the structure of its content.
 * `Loader` does so when it reads one (`pager/cache/loader.ts`).
 *
 * The structure is checked by the verifier of the page's kind; those of runs are here. Properties
 * that involve other pages, such as its place in a tree, are not checked here.
 */

import { pageSum } from "./checksum.ts";
import { CorruptionError } from "./errors.ts";
import {
  CHUNK_PAGES,
  HEADER,
  HEADER_WORD_SHIFT,
  KIND_FREE,
  KIND_RUN,
  KIND_RUN_CONTINUED,
  PAGE_BYTES,
  SLOT_MASK,
} from "./format.ts";
import type { Frame } from "./frame.ts";
import {
  entriesOf,
  headerPosition,
  headerSumHolds,
  kindOf,
  linkOf,
  runBytesOf,
  runPagesOf,
  statedPageSum,
  versionOf,
} from "./header.ts";
import type { PageNumber, Slot, Version } from "./units.ts";

/**
 * Checks the structure of a page whose sums are correct. Throws a `CorruptionError`, by `corrupt`,
 * if the page could mislead a reader that trusts it.
 */
export type Verifier = (frame: Frame, slot: Slot, page: PageNumber) => void;

/** Structure checks by kind. */
export type Verifiers = (Verifier | undefined)[];

/** The rule that a page breaks which is newer than the file. */
export const NOT_REACHED = "written by a version that the file has not reached";

/** Throws the error for a page that breaks a rule, at a byte of that page. */
export function corrupt(page: PageNumber, offset: number, rule: string): never {
  throw new CorruptionError(page, page * PAGE_BYTES + offset, rule);
}

/** Throws the error for a page whose header breaks a rule, at a byte of that header. */
export function corruptHeader(page: PageNumber, offset: number, rule: string): never {
  throw new CorruptionError(page, headerPosition(page) + offset, rule);
}

/** Registers the verifiers of the two kinds of pages of runs. */
export function registerRuns(verifiers: Verifiers): void {
  verifiers[KIND_RUN] = verifyRun;
  verifiers[KIND_RUN_CONTINUED] = verifyRunContinued;
}

/**
 * Checks the page and header in a slot.
 *
 * @param seed The seed of the file's header sums.
 * @param version The last version of the file.
 * @throws {CorruptionError} They break a rule; the error is about the first.
 */
export function checkPage(
  frame: Frame,
  slot: Slot,
  page: PageNumber,
  seed: number,
  version: Version,
  verifiers: Verifiers,
): void {
  const kind = kindOf(frame, slot);
  if (kind === KIND_FREE) corruptHeader(page, 0, "the page is free");
  if (!headerSumHolds(frame.u32, slot << HEADER_WORD_SHIFT, page, seed)) {
    corruptHeader(page, HEADER.headerSum, "header sum does not match");
  }
  if (versionOf(frame, slot) > version) {
    corruptHeader(page, HEADER.versionLow, NOT_REACHED);
  }
  const verifier = verifiers[kind];
  if (verifier === undefined) corruptHeader(page, HEADER.kind, `no data is of kind ${kind}`);
  if (pageSum(frame, slot) !== statedPageSum(frame.u32, slot << HEADER_WORD_SHIFT)) {
    corrupt(page, 0, "page sum does not match");
  }
  verifier(frame, slot, page);
}

function verifyRun(frame: Frame, slot: Slot, page: PageNumber): void {
  const pages = runPagesOf(frame, slot);
  if (pages === 0) corruptHeader(page, HEADER.runPages, "a run of no pages");
  if ((page & SLOT_MASK) + pages > CHUNK_PAGES) {
    corruptHeader(page, HEADER.runPages, "a run leaves its chunk");
  }
  const bytes = runBytesOf(frame, slot);
  if (bytes > pages * PAGE_BYTES || bytes <= (pages - 1) * PAGE_BYTES) {
    corruptHeader(page, HEADER.runBytes, `a run of ${pages} pages holds ${bytes} bytes`);
  }
}

function verifyRunContinued(frame: Frame, slot: Slot, page: PageNumber): void {
  const index = entriesOf(frame, slot);
  if (index === 0 || index >= (page & SLOT_MASK) || linkOf(frame, slot) !== page - index) {
    corruptHeader(page, HEADER.runIndex, "a later page of a run does not name its first");
  }
}
