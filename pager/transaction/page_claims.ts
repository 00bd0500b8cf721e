/**
 * Sees to it that the pages that a transaction takes into use have their bytes in the file, before
 * it is sealed: its checkpoint, and its recovery, then need no room that the disk may not have.
 *
 * Free pages next to those that are wanted are claimed with them, so that few commits have to claim
 * any. On a disk that is nearly full only those that are wanted are.
 */

import type { Cache } from "../cache/cache.ts";
import { isFull } from "../file/disk.ts";
import { CHUNK_PAGES, CHUNK_SHIFT, SLOT_MASK } from "../format/format.ts";
import { isInUse } from "../format/header.ts";
import { CLAIM_PAGES, type ClaimedPages } from "../journal/claimed_pages.ts";
import { HEADERS, OCCUPIED, type UndoLog, VACATED } from "./undo_log.ts";

/** Claims the pages of transactions. */
export class PageClaims {
  readonly #cache: Cache;
  readonly #undo: UndoLog;
  readonly #claimed: ClaimedPages;
  readonly #wanted: number[] = [];

  /**
   * The claims of a writer.
   *
   * @param parts Where header pages are, and what was done to pages.
   * @param claimed What has its bytes in the file.
   */
  constructor(parts: { cache: Cache; undo: UndoLog }, claimed: ClaimedPages) {
    this.#cache = parts.cache;
    this.#undo = parts.undo;
    this.#claimed = claimed;
  }

  /**
   * Claims what the open transaction took; whether anything was written.
   *
   * @throws {IoError} The disk is full, which is no more than that, or a write failed.
   */
  claim(): boolean {
    this.#wanted.length = 0;
    let wrote = false;
    for (let i = 0; i < this.#undo.length; i++) {
      const page = this.#undo.pageAt(i);
      const what = this.#undo.whatAt(i);
      if (what === OCCUPIED && !this.#claimed.has(page)) this.#wanted.push(page);
      if (what === HEADERS && this.#claimed.claimHeaderPage(page >>> CHUNK_SHIFT)) wrote = true;
    }
    if (this.#wanted.length > 0) {
      this.#claimWanted();
      wrote = true;
    }
    this.#addVacated();
    return wrote;
  }

  /** Claims runs of pages that are wanted, each with free pages behind it. */
  #claimWanted(): void {
    this.#wanted.sort((a, b) => a - b);
    for (let i = 0; i < this.#wanted.length;) {
      const first = this.#wanted[i]!;
      let end = first;
      while (i < this.#wanted.length && this.#wanted[i]! <= end) end = this.#wanted[i++]! + 1;
      let spareEnd = end;
      while (spareEnd % CLAIM_PAGES !== 0 && this.#isSpare(spareEnd)) spareEnd++;
      this.#claimRun(first, end, spareEnd);
    }
  }

  #claimRun(first: number, end: number, spareEnd: number): void {
    try {
      this.#claimed.claim(first, spareEnd - first);
    } catch (error) {
      if (spareEnd === end || !isFull(error)) throw error;
      this.#claimed.claim(first, end - first);
    }
  }

  /** Whether a page of a chunk that the transaction has touched is free, and without its bytes. */
  #isSpare(page: number): boolean {
    const headers = this.#cache.find(Math.floor(page / CHUNK_PAGES) * CHUNK_PAGES);
    const frame = this.#cache.frames[headers >>> CHUNK_SHIFT]!;
    return !isInUse(frame, headers & SLOT_MASK, page & SLOT_MASK) && !this.#claimed.has(page);
  }

  /** Pages that are given back have their bytes: they had them, or were taken here. */
  #addVacated(): void {
    for (let i = 0; i < this.#undo.length; i++) {
      if (this.#undo.whatAt(i) === VACATED) this.#claimed.add(this.#undo.pageAt(i));
    }
  }
}
