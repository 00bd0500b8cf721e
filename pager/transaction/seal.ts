/**
 * Seals a transaction: computes both sums of every page it touched, and writes its records for the
 * journal, from the undo log at the end of the callback and never later.
 *
 * The record of a new page holds all of it; of a new page that is in the file, only its number. The
 * record of a changed page holds its differences from the image. The record of a patched page holds
 * the saved words that differ, and the page sum follows from these and from the old sum. Where a
 * torn sector may hold anything (`protect`), the first change of a page or header page after a
 * checkpoint began is logged whole.
 */

import type { LogBuffer } from "../batch/log_record.ts";
import type { Cache } from "../cache/cache.ts";
import { copyToHeaderPage } from "../cache/page_copy.ts";
import type { PageSet } from "../cache/page_set.ts";
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
import type { PageNumber, Place, Slot } from "../format/units.ts";
import type { BypassTable } from "./bypass_table.ts";
import type { OpenTransaction } from "./open_transaction.ts";
import { ALLOCATED, CHANGED, HEADERS, PATCHED, RELEASED, SPANS, type UndoLog } from "./undo_log.ts";

/** With more changed words, the sum of the whole page takes less time than the difference. */
const DIFFERENCE_WORDS_MAX = 256;

/** After this many records of a large transaction the length of the others is estimated. */
const SAMPLE = 1024;
const EXPECTED_SHARE = 1.125;

/** The words of a patched page that differ from the saved ones. One object is reused. */
class ChangedWords {
  /** The number of words in both spans. */
  count = 0;
  /** The first word in the page and the word after the last one, of each span. */
  readonly spans = new Uint32Array(SPANS * 2);
}

/** Seals and logs transactions. */
export class CommitSeal {
  readonly #cache: Cache;
  readonly #undo: UndoLog;
  readonly #bypassed: BypassTable;
  readonly #seed: number;
  readonly #protect: boolean;
  readonly #images: PageSet;
  /** The result of `#findChanged`, reused for each page. */
  readonly #changed = new ChangedWords();

  /**
   * Creates the seal of a file.
   *
   * @param parts The open transaction, its pages, and the seed of header sums. With `protect`,
   * pages are logged whole at their first change after a checkpoint began; `images` holds those
   * that were.
   */
  constructor(
    parts: {
      open: OpenTransaction;
      cache: Cache;
      images: PageSet;
      seed: number;
      protect: boolean;
    },
  ) {
    this.#cache = parts.cache;
    this.#undo = parts.open.undo;
    this.#bypassed = parts.open.bypassed;
    this.#images = parts.images;
    this.#seed = parts.seed;
    this.#protect = parts.protect;
  }

  /** Seals all pages of the transaction, and adds their records to the log, if there is one. */
  seal(log: LogBuffer | undefined): void {
    const { length } = this.#undo;
    const start = log?.length ?? 0;
    for (let i = 0; i < length; i++) {
      if (i === SAMPLE) log?.expect((log.length - start) * (length / i - 1) * EXPECTED_SHARE);
      this.#sealRecord(i, log);
    }
    if (this.#protect && log !== undefined) this.#logHeaderPages(log);
  }

  /** Seals and logs the page of a record, once for each page. */
  #sealRecord(index: number, log: LogBuffer | undefined): void {
    const type = this.#undo.typeAt(index);
    const page = this.#undo.pageAt(index);
    if (type === RELEASED) log?.addFreed(page);
    if (type === PATCHED) return this.#sealPatched(index, page, log);
    if (type !== CHANGED && type !== ALLOCATED) return;
    // Only the first record of a page in the transaction found it untouched.
    if (this.#undo.beforeAt(index) !== 0) return;
    if (this.#bypassed.has(page)) return this.#logBypassed(page, log);
    const place = this.#cache.find(page);
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    if (kindOf(frame, slot) === KIND_FREE) return;
    seal(frame, slot, page, pageSum(frame, slot), this.#seed);
    copyToHeaderPage(this.#cache, frame, slot, page);
    if (log === undefined) return;
    if (this.#isLoggedWhole(type, page)) return log.addWhole(page, frame, slot);
    const image = this.#undo.imageAt(index);
    log.addChanged(page, frame, slot, this.#frameAt(image), image & SLOT_MASK);
  }

  /** Seals and logs a page whose only changes are in its saved words and its header. */
  #sealPatched(index: number, page: PageNumber, log: LogBuffer | undefined): void {
    const place = this.#cache.find(page);
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    const changed = this.#findChanged(index, frame, slot);
    seal(frame, slot, page, this.#sumOfPatched(index, frame, slot, changed), this.#seed);
    copyToHeaderPage(this.#cache, frame, slot, page);
    if (log === undefined) return;
    if (this.#isLoggedWhole(PATCHED, page)) log.addWhole(page, frame, slot);
    else log.addWords(page, frame, slot, changed.spans);
  }

  /** The sum of a patched page. */
  #sumOfPatched(index: number, frame: Frame, slot: Slot, changed: ChangedWords): number {
    if (changed.count > DIFFERENCE_WORDS_MAX) return pageSum(frame, slot);
    let sum = statedPageSum(frame.u32, slot << HEADER_WORD_SHIFT);
    for (let span = 0; span < SPANS; span++) {
      const first = changed.spans[span * 2]!;
      const end = changed.spans[span * 2 + 1]!;
      const was = this.#undo.savedAt(index, span) + first - this.#undo.firstWordAt(index, span);
      const now = (slot << PAGE_WORD_SHIFT) + first;
      const difference = crcOfDifference(this.#undo.saved, was, frame.u32, now, end - first);
      sum = changedPageSum(sum, difference, PAGE_BYTES - end * 4);
    }
    return sum;
  }

  /** The saved words of a page that differ; valid until the next call. */
  #findChanged(index: number, frame: Frame, slot: Slot): ChangedWords {
    const { saved } = this.#undo;
    const changed = this.#changed;
    const now = slot << PAGE_WORD_SHIFT;
    changed.count = 0;
    for (let span = 0; span < SPANS; span++) {
      let first = this.#undo.firstWordAt(index, span);
      let end = this.#undo.endWordAt(index, span);
      const was = this.#undo.savedAt(index, span) - first;
      while (first < end && saved[was + first] === frame.u32[now + first]) first++;
      while (first < end && saved[was + end - 1] === frame.u32[now + end - 1]) end--;
      changed.spans[span * 2] = first;
      changed.spans[span * 2 + 1] = end;
      changed.count += end - first;
    }
    return changed;
  }

  /** Whether a page is logged whole: a new one, or with `protect` one that has no image yet. */
  #isLoggedWhole(type: number, page: PageNumber): boolean {
    const needsImage = this.#protect && this.#images.add(page);
    return type === ALLOCATED || needsImage;
  }

  /** Names a page that is in the file, unless the transaction gave it back. */
  #logBypassed(page: PageNumber, log: LogBuffer | undefined): void {
    const headers = this.#cache.find(page - (page & SLOT_MASK));
    const frame = this.#frameAt(headers);
    const word = headerWord(headers & SLOT_MASK, page & SLOT_MASK);
    if ((frame.u32[word]! & 0xff) === KIND_FREE) return;
    log?.addBypassed(page, frame.u32, word);
    this.#images.delete(page); // its image is of the page before its release
  }

  /** Logs each touched header page whole that has no image since the last checkpoint began. */
  #logHeaderPages(log: LogBuffer): void {
    for (let i = 0; i < this.#undo.length; i++) {
      const page = this.#undo.pageAt(i);
      if (this.#undo.typeAt(i) !== HEADERS || !this.#images.add(page)) continue;
      const place = this.#cache.find(page);
      log.addHeaders(page, this.#frameAt(place), place & SLOT_MASK);
    }
  }

  #frameAt(place: Place): Frame {
    return this.#cache.frames[place >>> CHUNK_SHIFT]!;
  }
}
