/**
 * Claims the pages that a transaction takes into use: writes their bytes in the file before the
 * transaction is sealed. Its checkpoint and its recovery then need no more space on the disk.
 *
 * Free pages after those of the transaction are claimed with them, so that few commits claim any,
 * but none that the transaction itself gave back: until it is on the medium, a crash brings them
 * back. On a disk that is nearly full, only those of the transaction are.
 */

import type { Cache } from "../cache/cache.ts";
import { isFull } from "../file/disk.ts";
import { CHUNK_PAGES, CHUNK_SHIFT, SLOT_MASK } from "../format/format.ts";
import { isInUse } from "../format/header.ts";
import type { PageNumber } from "../format/units.ts";
import { CLAIM_PAGES, type ClaimedPages } from "../journal/claimed_pages.ts";
import type { CommitLog } from "../journal/commit_hooks.ts";
import { HEADERS_RECORD, type OpenTransaction } from "./open_transaction.ts";
import { ALLOCATED, HEADERS, RELEASED, type UndoLog } from "./undo_log.ts";

/** Claims the pages of transactions. */
export class PageClaims {
  readonly #cache: Cache;
  readonly #undo: UndoLog;
  readonly #claimed: ClaimedPages;
  readonly #log: CommitLog | undefined;
  /** The pages that the transaction gave back. */
  readonly #released = new Set<number>();
  /** The pages that it took and that have no bytes in the file. Most transactions take none. */
  readonly #wanted: number[] = [];

  /**
   * Creates the claims of a file.
   *
   * @param parts The open transaction, its header pages, the pages that have their bytes in the
   * file, and the log. Without a log nothing needs a claim.
   */
  constructor(
    parts: {
      open: OpenTransaction;
      cache: Cache;
      claimed: ClaimedPages;
      log: CommitLog | undefined;
    },
  ) {
    this.#undo = parts.open.undo;
    this.#cache = parts.cache;
    this.#claimed = parts.claimed;
    this.#log = parts.log;
  }

  /**
   * Claims the pages of the open transaction, and notes for the log that it wrote.
   *
   * @throws {IoError} The disk is full, which fails only the transaction, or a write failed.
   */
  claim(): void {
    if (this.#log === undefined) return;
    // To empty a set, or an array, allocates.
    if (this.#released.size > 0) this.#released.clear();
    if (this.#wanted.length > 0) this.#wanted.length = 0;
    let wrote = false;
    for (let i = 0; i < this.#undo.length; i++) {
      const page = this.#undo.pageAt(i);
      const type = this.#undo.typeAt(i);
      if (type === ALLOCATED && !this.#claimed.has(page)) this.#wanted.push(page);
      if (type === RELEASED) this.#released.add(page);
      if (type === HEADERS && this.#claimed.claimHeaderPage(page >>> CHUNK_SHIFT)) wrote = true;
    }
    if (this.#wanted.length > 0) {
      this.#claimWanted(this.#wanted);
      wrote = true;
    }
    // Each had its bytes before, or was claimed with the transaction.
    if (this.#released.size > 0) { for (const page of this.#released) this.#claimed.add(page); }
    if (wrote) this.#log.claimed();
  }

  /** Claims, as `claim`, for a transaction whose only other record is a patch of a page. */
  claimHeaderPage(log: CommitLog): void {
    const chunk = this.#undo.pageAt(HEADERS_RECORD) >>> CHUNK_SHIFT;
    if (this.#claimed.claimHeaderPage(chunk)) log.claimed();
  }

  /** Claims runs of wanted pages, each with the free pages after it. */
  #claimWanted(wanted: number[]): void {
    wanted.sort((a, b) => a - b);
    for (let i = 0; i < wanted.length;) {
      const first = wanted[i]!;
      let end = first;
      while (i < wanted.length && wanted[i]! <= end) end = wanted[i++]! + 1;
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

  /**
   * Whether a page, in a chunk that the transaction touched, was free before the transaction, and
   * has no bytes in the file.
   */
  #isSpare(page: PageNumber): boolean {
    if (this.#released.has(page)) return false;
    const headers = this.#cache.find(Math.floor(page / CHUNK_PAGES) * CHUNK_PAGES);
    const frame = this.#cache.frames[headers >>> CHUNK_SHIFT]!;
    return !isInUse(frame, headers & SLOT_MASK, page & SLOT_MASK) && !this.#claimed.has(page);
  }
}
