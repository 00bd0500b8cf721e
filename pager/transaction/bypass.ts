/**
 * The bypass: a large set of new pages is written straight to the file, once, and the journal holds
 * only their numbers.
 *
 * The bytes they overwrite have no reader: the pages were free when the transaction began, no
 * snapshot sees them (such pages are retired), and their release is on the medium before
 * the first write. Where that would block the thread although flights are under way, a commit of a
 * few MiB logs its pages instead. The journal syncs the file before it writes the batch that names
 * the pages. A full disk fails the transaction and nothing else.
 *
 * A page that was written may leave memory. A page that changes again counts as new again: it is
 * written again, or logged whole.
 */

import type { Cache } from "../cache/cache.ts";
import { copyToHeaderPage } from "../cache/page_copy.ts";
import type { Writeback } from "../cache/writeback.ts";
import { pageSum } from "../format/checksum.ts";
import { CHUNK_SHIFT, KIND_FREE, SLOT_MASK } from "../format/format.ts";
import { kindOf, seal } from "../format/header.ts";
import type { Meta } from "../format/meta.ts";
import type { PageNumber } from "../format/units.ts";
import type { ClaimedPages } from "../journal/claimed_pages.ts";
import type { CommitLog } from "../journal/commit_hooks.ts";
import type { OpenTransaction } from "./open_transaction.ts";
import { ALLOCATED } from "./undo_log.ts";

/** A transaction with this many new pages writes them straight to the file: 512 KiB. */
const BYPASS_PAGES_MIN = 64;
/** One with up to this many logs them where the write would wait for the medium: 4 MiB. */
const LOGGED_PAGES_MAX = 512;
/** A transaction that fills a tree writes its new pages each time they are this many: 8 MiB. */
const STREAMED_PAGES = 1024;

/** Writes new pages of the open transaction straight to the file. */
export class Bypass {
  /** Whether pages may go past the journal. */
  isAllowed = true;

  readonly #open: OpenTransaction;
  readonly #cache: Cache;
  readonly #writeback: Writeback;
  readonly #meta: Meta;
  readonly #seed: number;
  readonly #log: CommitLog | undefined;
  readonly #claimed: ClaimedPages;

  /**
   * Creates the bypass of a file.
   *
   * @param parts The open transaction, its pages, the way to the file, the pages that have their
   * bytes there, the seed of header sums, and the log, if there is one.
   */
  constructor(
    parts: {
      open: OpenTransaction;
      cache: Cache;
      writeback: Writeback;
      meta: Meta;
      claimed: ClaimedPages;
      seed: number;
      log: CommitLog | undefined;
    },
  ) {
    this.#open = parts.open;
    this.#cache = parts.cache;
    this.#writeback = parts.writeback;
    this.#meta = parts.meta;
    this.#claimed = parts.claimed;
    this.#seed = parts.seed;
    this.#log = parts.log;
  }

  /**
   * Writes new pages of an open transaction that needs memory, if they are many. Afterwards the
   * caller must not use an earlier place, and must touch a page again before changing it again.
   *
   * @throws {IoError} The system refused. Roll back: nothing that counts was written.
   */
  relieve(): void {
    const { depth, size, undo, bypassed } = this.#open;
    const { limit, ownFrames } = this.#cache;
    if (!this.isAllowed) return;
    if (depth === 0 || (ownFrames <= limit && !size.isHalfFull)) return;
    if (undo.length - bypassed.done + bypassed.taken.length < BYPASS_PAGES_MIN) return;
    this.#write(this.#newPages(bypassed.done));
    this.#cache.settle();
  }

  /**
   * Writes new pages of an open transaction that fills a tree, once they are many, and drops them
   * from memory, so that the next ones take their slots: fresh memory costs more than the pages.
   * As after `relieve`, earlier places are invalid.
   *
   * @throws {IoError} The system refused. Roll back: nothing that counts was written.
   */
  stream(): void {
    const { depth, undo, bypassed } = this.#open;
    if (depth === 0 || !this.isAllowed || this.#log === undefined) return;
    if (undo.length - bypassed.done < STREAMED_PAGES) return;
    const pages = this.#newPages(bypassed.done);
    this.#write(pages);
    this.#cache.settle();
    this.#cache.dropAll(pages);
  }

  /**
   * Writes all new pages of a transaction that commits, if they are many.
   *
   * @throws {IoError} The system refused. Roll back: nothing that counts was written.
   */
  writeMany(): void {
    const { newPages } = this.#open.size;
    if (newPages < BYPASS_PAGES_MIN || !this.isAllowed) return;
    const pages = this.#newPages(0);
    if (newPages > LOGGED_PAGES_MAX || !this.#isSlow(pages)) this.#write(pages);
  }

  /**
   * Writes the new pages of an open transaction, however few, unless that would wait for a flight.
   * As after `relieve`, earlier places are invalid.
   *
   * @throws {IoError} The system refused. Roll back: nothing that counts was written.
   */
  writeNow(): void {
    const { depth, bypassed } = this.#open;
    if (depth === 0 || !this.isAllowed) return;
    const pages = this.#newPages(bypassed.done);
    if (!this.#isSlow(pages)) this.#write(pages);
  }

  #isSlow(pages: Uint32Array): boolean {
    return pages.length > 0 && this.#log?.isBypassSlow(pages.at(-1)! + 1) === true;
  }

  /** Writes pages, all that are new since the last time. */
  #write(pages: Uint32Array): void {
    const { undo, bypassed, size } = this.#open;
    bypassed.advance(undo.length);
    if (pages.length === 0) return;
    this.#log?.beforeBypass(this.#meta, pages.at(-1)! + 1);
    for (const page of pages) this.#seal(page);
    this.#writeback.writeNew(pages);
    for (const page of pages) this.#release(page);
    size.pinned -= pages.length;
  }

  /** New pages in memory that are not in the file, in order, each once. */
  #newPages(from: number): Uint32Array {
    const { undo, bypassed } = this.#open;
    const pages = new Set<number>();
    for (let i = from; i < undo.length; i++) {
      const page = undo.pageAt(i);
      if (undo.typeAt(i) === ALLOCATED && this.#isToWrite(page)) pages.add(page);
    }
    for (const page of bypassed.taken) if (this.#isToWrite(page)) pages.add(page);
    return Uint32Array.from(pages).sort();
  }

  #isToWrite(page: PageNumber): boolean {
    const place = this.#cache.find(page);
    if (place < 0) return false;
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    return frame.scopes[slot] !== 0 && kindOf(frame, slot) !== KIND_FREE;
  }

  #seal(page: PageNumber): void {
    const place = this.#cache.find(page);
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    seal(frame, slot, page, pageSum(frame, slot), this.#seed);
    copyToHeaderPage(this.#cache, frame, slot, page);
  }

  /** Lets a page that is in the file leave memory. */
  #release(page: PageNumber): void {
    const place = this.#cache.find(page);
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    this.#open.bypassed.add(page, frame.scopes[slot]!);
    this.#claimed.add(page);
    frame.scopes[slot] = 0;
    this.#writeback.markWritten(frame, slot);
  }
}
