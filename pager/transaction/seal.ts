/**
 * Sealing a transaction: both sums of every page it touched, and its records for the journal, made
 * from the undo log at the end of the callback and never later.
 *
 * A page that was new is logged whole, unless it went straight to the file; then the record only
 * names it. Of a page that was changed the journal gets what differs from its image. Of one that
 * was patched it gets the words that were saved and differ, and the page sum follows from these and
 * from the sum before. Where a torn sector may hold anything (`protect`), pages and header pages
 * are logged whole at their first change after a checkpoint began.
 */

import type { Bypass } from "./bypass.ts";
import type { Cache } from "../cache/cache.ts";
import { changedPageSum, crcOfDifference, pageSum } from "../format/checksum.ts";
import {
  CHUNK_SHIFT,
  HEADER_WORD_SHIFT,
  KIND_FREE,
  PAGE_BYTES,
  PAGE_WORD_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { headerWord, kindOf, seal, statedPageSum } from "../format/header.ts";
import type { LogBuffer } from "../journal/log_record.ts";
import { publishHeader } from "../cache/page_copy.ts";
import { PageSet } from "../cache/page_set.ts";
import { CHANGED, HEADERS, OCCUPIED, PATCHED, SPANS, type UndoLog, VACATED } from "./undo_log.ts";

/** Of more changed words the difference takes longer than the sum of the page. */
const DIFFERENCE_WORDS_MAX = 256;

/** Seals and logs transactions. */
export class CommitSeal {
  readonly #cache: Cache;
  readonly #undo: UndoLog;
  readonly #bypass: Bypass;
  readonly #seed: number;
  readonly #protect: boolean;
  /** Pages and header pages logged whole since the last checkpoint began. */
  readonly #images = new PageSet();
  /** Of the patched page that was sealed last: where its spans begin and end. */
  readonly #spans = new Uint32Array(SPANS * 2);

  /**
   * The seal of a file.
   *
   * @param parts Where pages are, what was done to them, and which went straight to the file.
   * @param seed The seed of head sums.
   * @param protect Log pages whole at their first change after a checkpoint began.
   */
  constructor(
    parts: { cache: Cache; undo: UndoLog; bypass: Bypass },
    seed: number,
    protect: boolean,
  ) {
    this.#cache = parts.cache;
    this.#undo = parts.undo;
    this.#bypass = parts.bypass;
    this.#seed = seed;
    this.#protect = protect;
  }

  /** Seals all pages of the transaction, and logs them where there is a log. */
  seal(log: LogBuffer | undefined): void {
    for (let i = 0; i < this.#undo.length; i++) this.#sealRecord(i, log);
    if (this.#protect && log !== undefined) this.#logHeaderPages(log);
  }

  /** Forgets which pages were logged whole: a checkpoint begins, or the log lost some of them. */
  forgetImages(): void {
    this.#images.clear();
  }

  /** Seals and logs the page of a record, once for each page. */
  #sealRecord(index: number, log: LogBuffer | undefined): void {
    const what = this.#undo.whatAt(index);
    const page = this.#undo.pageAt(index);
    if (what === VACATED) log?.addFreed(page);
    if (what === PATCHED) return this.#sealPatched(index, page, log);
    if (what !== CHANGED && what !== OCCUPIED) return;
    // The first record of a page in the transaction is the one that found it untouched.
    if (this.#undo.beforeAt(index) !== 0) return;
    if (this.#bypass.has(page)) return this.#logPublished(page, log);
    const place = this.#cache.find(page);
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    if (kindOf(frame, slot) === KIND_FREE) return;
    seal(frame, slot, page, pageSum(frame, slot), this.#seed);
    publishHeader(this.#cache, frame, slot, page);
    if (log !== undefined) this.#logPage(log, index, page, frame, slot);
  }

  /** Seals and logs a page of which some words changed, and nothing else but its header. */
  #sealPatched(index: number, page: number, log: LogBuffer | undefined): void {
    const place = this.#cache.find(page);
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    seal(frame, slot, page, this.#sumOfPatched(index, frame, slot), this.#seed);
    publishHeader(this.#cache, frame, slot, page);
    if (log !== undefined) this.#logPage(log, index, page, frame, slot);
  }

  /** The sum of a page of which words changed; `#spans` then says where they are. */
  #sumOfPatched(index: number, frame: Frame, slot: number): number {
    if (this.#findChanged(index, frame, slot) > DIFFERENCE_WORDS_MAX) return pageSum(frame, slot);
    let sum = statedPageSum(frame.u32, slot << HEADER_WORD_SHIFT);
    for (let span = 0; span < SPANS; span++) {
      const first = this.#spans[span * 2]!;
      const end = this.#spans[span * 2 + 1]!;
      const was = this.#undo.savedAt(index, span) + first - this.#undo.firstWordAt(index, span);
      const now = (slot << PAGE_WORD_SHIFT) + first;
      const difference = crcOfDifference(this.#undo.saved, was, frame.u32, now, end - first);
      sum = changedPageSum(sum, difference, PAGE_BYTES - end * 4);
    }
    return sum;
  }

  /** Leaves in `#spans` where the saved spans of a page begin and end to differ; how many words. */
  #findChanged(index: number, frame: Frame, slot: number): number {
    const { saved } = this.#undo;
    const now = slot << PAGE_WORD_SHIFT;
    let words = 0;
    for (let span = 0; span < SPANS; span++) {
      let first = this.#undo.firstWordAt(index, span);
      let end = this.#undo.endWordAt(index, span);
      const was = this.#undo.savedAt(index, span) - first;
      while (first < end && saved[was + first] === frame.u32[now + first]) first++;
      while (first < end && saved[was + end - 1] === frame.u32[now + end - 1]) end--;
      this.#spans[span * 2] = first;
      this.#spans[span * 2 + 1] = end;
      words += end - first;
    }
    return words;
  }

  #logPage(log: LogBuffer, index: number, page: number, frame: Frame, slot: number): void {
    const what = this.#undo.whatAt(index);
    const isNew = what === OCCUPIED;
    if (isNew || (this.#protect && this.#images.add(page))) {
      log.addWhole(page, frame, slot);
    } else if (what === PATCHED) {
      log.addWords(page, frame, slot, this.#spans);
    } else {
      const image = this.#undo.imageAt(index);
      log.addChanged(page, frame, slot, this.#frameAt(image), image & SLOT_MASK);
    }
    if (isNew && this.#protect) this.#images.add(page);
  }

  /** Names a page that is in the file, unless it was given back after all. */
  #logPublished(page: number, log: LogBuffer | undefined): void {
    const headers = this.#cache.find(page - (page & SLOT_MASK));
    const frame = this.#frameAt(headers);
    const word = headerWord(headers & SLOT_MASK, page & SLOT_MASK);
    if ((frame.u32[word]! & 0xff) === KIND_FREE) return;
    log?.addPublished(page, frame.u8, word * 4);
    this.#images.delete(page); // an image of what the page was before is of no use
  }

  /** Where a torn sector may hold anything, header pages are logged whole once a checkpoint. */
  #logHeaderPages(log: LogBuffer): void {
    for (let i = 0; i < this.#undo.length; i++) {
      const page = this.#undo.pageAt(i);
      if (this.#undo.whatAt(i) !== HEADERS || !this.#images.add(page)) continue;
      const place = this.#cache.find(page);
      log.addHeaders(page, this.#frameAt(place), place & SLOT_MASK);
    }
  }

  #frameAt(place: number): Frame {
    return this.#cache.frames[place >>> CHUNK_SHIFT]!;
  }
}
