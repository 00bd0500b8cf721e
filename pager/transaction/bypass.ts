/**
 * New pages on their way past the journal: pages that the open transaction took into use are
 * written straight to the file, once, and the journal only names them.
 *
 * Nobody needs what stood there: the pages were free when the transaction began, no snapshot sees
 * what they held (the allocator holds such pages), and before the first of them is written their
 * release is on the medium. The journal syncs the file before it writes the batch that names them.
 * A disk that is full is the end of the transaction and of nothing else.
 *
 * A page that was written may leave memory. Touched again it counts as new again, and is written
 * once more or logged whole.
 */

import type { Cache } from "../cache/cache.ts";
import type { ClaimedPages } from "../journal/claimed_pages.ts";
import { pageSum } from "../format/checksum.ts";
import type { CommitLog } from "../journal/commit_hooks.ts";
import { CHUNK_SHIFT, KIND_FREE, SLOT_MASK } from "../format/format.ts";
import { kindOf, seal } from "../format/header.ts";
import type { Meta } from "../format/meta.ts";
import { publishHeader } from "../cache/page_copy.ts";
import { PageTable } from "../cache/page_table.ts";
import { OCCUPIED, type UndoLog } from "./undo_log.ts";
import type { Writeback } from "../cache/writeback.ts";

/** New pages of the open transaction that go straight to the file. */
export class Bypass {
  readonly #cache: Cache;
  readonly #writeback: Writeback;
  readonly #undo: UndoLog;
  readonly #meta: Meta;
  readonly #seed: number;
  readonly #log: CommitLog | undefined;
  readonly #claimed: ClaimedPages;
  /** The savepoint that each page belonged to when it was written. */
  #written = new PageTable();
  /** New pages of the undo log's records before this one have been written. */
  #done = 0;
  /** Pages that were written and are to be changed again. */
  #taken: number[] = [];

  /**
   * The bypass of a file.
   *
   * @param parts Where pages are, what writes them, what tells which are new, and what learns that
   * they are in the file.
   * @param seed The seed of head sums.
   * @param log The journal, if there is one.
   */
  constructor(
    parts: {
      cache: Cache;
      writeback: Writeback;
      undo: UndoLog;
      meta: Meta;
      claimed: ClaimedPages;
    },
    seed: number,
    log: CommitLog | undefined,
  ) {
    this.#cache = parts.cache;
    this.#writeback = parts.writeback;
    this.#undo = parts.undo;
    this.#meta = parts.meta;
    this.#claimed = parts.claimed;
    this.#seed = seed;
    this.#log = log;
  }

  /** How much there is to look through since new pages were written last. */
  get backlog(): number {
    return this.#undo.length - this.#done + this.#taken.length;
  }

  /** Whether a page is new and in the file. */
  has(page: number): boolean {
    return this.#written.size > 0 && this.#written.get(page) >= 0;
  }

  /** The savepoint that a page in the file belongs to; it is to be changed again. 0 = none. */
  take(page: number): number {
    if (this.#written.size === 0) return 0;
    const scope = this.#written.get(page);
    if (scope < 0) return 0;
    this.#written.delete(page);
    this.#taken.push(page);
    return scope;
  }

  /** Lets the pages of one savepoint belong to another. */
  move(page: number, from: number, to: number): void {
    if (this.#written.size > 0 && this.#written.get(page) === from) this.#written.set(page, to);
  }

  /** Forgets a page that is no longer in use, and that records were taken back. */
  forget(page: number): void {
    if (this.#written.size > 0) this.#written.delete(page);
  }

  /** Records of the undo log from `length` on are gone. */
  truncate(length: number): void {
    this.#done = Math.min(this.#done, length);
  }

  /** The transaction has ended. */
  reset(): void {
    this.#done = 0;
    this.#taken = [];
    if (this.#written.size > 0) this.#written = new PageTable();
  }

  /**
   * Writes the pages that are new, or new again, since the last call, or all that are not in the
   * file; how many there were.
   * Nobody may be about to change a page that was touched before.
   *
   * @throws {IoError} The system refused. Roll back: nothing that counts was written.
   */
  write(all: boolean): number {
    const pages = this.#newPages(all ? 0 : this.#done);
    this.#done = this.#undo.length;
    this.#taken = [];
    if (pages.length === 0) return 0;
    this.#log?.beforeBypass(this.#meta);
    for (const page of pages) this.#seal(page);
    this.#writeback.writeNew(pages);
    for (const page of pages) this.#release(page);
    return pages.length;
  }

  /** Pages taken into use, or taken back, and not in the file, in order, each once. */
  #newPages(from: number): Uint32Array {
    const pages = new Set<number>();
    for (let i = from; i < this.#undo.length; i++) {
      const page = this.#undo.pageAt(i);
      if (this.#undo.whatAt(i) === OCCUPIED && this.#isToWrite(page)) pages.add(page);
    }
    for (const page of this.#taken) if (this.#isToWrite(page)) pages.add(page);
    return Uint32Array.from(pages).sort();
  }

  #isToWrite(page: number): boolean {
    const place = this.#cache.find(page);
    if (place < 0) return false;
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    return frame.scopes[slot] !== 0 && kindOf(frame, slot) !== KIND_FREE;
  }

  #seal(page: number): void {
    const place = this.#cache.find(page);
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    seal(frame, slot, page, pageSum(frame, slot), this.#seed);
    publishHeader(this.#cache, frame, slot, page);
  }

  /** A page in the file may leave memory. */
  #release(page: number): void {
    const place = this.#cache.find(page);
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    this.#written.set(page, frame.scopes[slot]!);
    this.#claimed.add(page);
    frame.scopes[slot] = 0;
    frame.dirty[slot] = 0;
  }
}
