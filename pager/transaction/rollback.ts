/**
 * Rollback: undoes the changes of a savepoint, one record of the undo log at a time, in reverse
 * order.
 *
 * A changed page gets its image back, or its saved words. A page taken into use is free again. A
 * page given back is in use again; its bytes never changed.
 */

import type { Cache } from "../cache/cache.ts";
import { copyPage, copyToHeaderPage } from "../cache/page_copy.ts";
import type { Windows } from "../cache/windows.ts";
import { assert } from "../format/assert.ts";
import {
  CHUNK_SHIFT,
  HEADER_WORD_SHIFT,
  HEADER_WORDS,
  KIND_FREE,
  SLOT_MASK,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { clearInUse, formatHeader, headerWord, setInUse } from "../format/header.ts";
import type { PageNumber, Place } from "../format/units.ts";
import type { TransactionListener } from "../journal/commit_hooks.ts";
import type { OpenTransaction } from "./open_transaction.ts";
import { ALLOCATED, CHANGED, HEADERS, PATCHED, RELEASED } from "./undo_log.ts";
import type { VersionStore } from "./version_store.ts";

/** Rolls transactions and savepoints back. */
export class Rollback {
  readonly #open: OpenTransaction;
  readonly #cache: Cache;
  readonly #versions: VersionStore;
  readonly #listener: TransactionListener;
  readonly #windows: Windows | undefined;

  /**
   * Creates the rollbacks of a file.
   *
   * @param parts The open transaction, its pages, the images kept of them, the listener, and the
   * windows of the file that may have changed pages.
   */
  constructor(
    parts: {
      open: OpenTransaction;
      cache: Cache;
      versions: VersionStore;
      listener: TransactionListener;
      windows?: Windows | undefined;
    },
  ) {
    this.#open = parts.open;
    this.#cache = parts.cache;
    this.#versions = parts.versions;
    this.#listener = parts.listener;
    this.#windows = parts.windows;
  }

  /** Ends the innermost savepoint and undoes its changes. */
  run(): void {
    const open = this.#open;
    assert(open.depth > 0, "a rollback ends a transaction");
    for (let i = open.undo.length - 1; i >= open.savepointStart; i--) this.#undo(i);
    open.restoreMeta();
    const chunks = this.#changedChunks();
    open.forgetChanges();
    for (const chunk of chunks) {
      this.#listener.rolledBack(chunk);
      this.#windows?.settleChunk(chunk);
    }
    open.end();
  }

  /** The chunks that the savepoint changed; an outer one may have touched their headers. */
  #changedChunks(): Set<number> {
    const { undo, savepointStart } = this.#open;
    const chunks = new Set<number>();
    for (let i = savepointStart; i < undo.length; i++) chunks.add(undo.pageAt(i) >>> CHUNK_SHIFT);
    return chunks;
  }

  /** Undoes the change of a record. */
  #undo(index: number): void {
    const { undo, size } = this.#open;
    const page = undo.pageAt(index);
    const place = this.#cache.find(page);
    switch (undo.typeAt(index)) {
      case CHANGED:
        return this.#undoChange(index, page, place);
      case PATCHED:
        return this.#undoPatch(index, page, place);
      case ALLOCATED:
        return this.#undoAllocation(index, page, place);
      case RELEASED:
        return this.#undoRelease(index, page, place);
      case HEADERS:
        size.pinned--;
        this.#frameAt(place).scopes[place & SLOT_MASK] = 0;
    }
  }

  #undoChange(index: number, page: PageNumber, place: Place): void {
    const { undo, size, bypassed, version } = this.#open;
    const image = undo.imageAt(index);
    const before = undo.beforeAt(index);
    // A new page that went to the file counts as new again, as it did when the image was taken.
    if (bypassed.take(page) > 0) size.pinned++;
    if (place < 0) this.#cache.adoptImage(image, page);
    else this.#copyBack(image, place);
    const target = place < 0 ? image : place;
    const frame = this.#frameAt(target);
    // A page given back after it was touched left its touched header in the header page.
    copyToHeaderPage(this.#cache, frame, target & SLOT_MASK, page);
    frame.scopes[target & SLOT_MASK] = before;
    size.pinned -= before === 0 ? 2 : 1;
    if (before === 0) this.#versions.forget(page, version);
  }

  #undoPatch(index: number, page: PageNumber, place: Place): void {
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    this.#open.undo.restoreWords(index, frame, slot);
    // A commit that failed may have left the new header in the header page.
    copyToHeaderPage(this.#cache, frame, slot, page);
    frame.scopes[slot] = 0;
    this.#open.size.pinned--;
  }

  #copyBack(image: number, place: Place): void {
    copyPage(this.#frameAt(image), image & SLOT_MASK, this.#frameAt(place), place & SLOT_MASK);
    this.#cache.drop(image);
  }

  #undoAllocation(index: number, page: PageNumber, place: Place): void {
    const { undo, size, bypassed } = this.#open;
    size.newPages--;
    if (!bypassed.has(page)) size.pinned--;
    bypassed.forget(page);
    if (place >= 0) {
      const frame = this.#frameAt(place);
      const slot = place & SLOT_MASK;
      formatHeader(frame, slot, KIND_FREE, 0, 0);
      frame.ticks[slot] = 0;
      frame.scopes[slot] = undo.beforeAt(index);
    }
    const headers = this.#cache.find(page - (page & SLOT_MASK));
    const headerFrame = this.#frameAt(headers);
    clearInUse(headerFrame, headers & SLOT_MASK, page & SLOT_MASK);
    const word = headerWord(headers & SLOT_MASK, page & SLOT_MASK);
    headerFrame.u32.fill(0, word, word + HEADER_WORDS);
  }

  #undoRelease(index: number, page: PageNumber, place: Place): void {
    const { undo, version } = this.#open;
    const headers = this.#cache.find(page - (page & SLOT_MASK));
    const headerFrame = this.#frameAt(headers);
    const at = headers & SLOT_MASK;
    setInUse(headerFrame, at, page & SLOT_MASK);
    undo.restoreHeader(index, headerFrame.u32, headerWord(at, page & SLOT_MASK));
    const wasTouched = place >= 0 && this.#frameAt(place).scopes[place & SLOT_MASK] !== 0;
    const image = wasTouched ? -1 : this.#versions.forget(page, version);
    if (image >= 0) this.#cache.drop(image);
    if (place < 0) return;
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    undo.restoreHeader(index, frame.u32, slot << HEADER_WORD_SHIFT);
    frame.ticks[slot] = undo.beforeAt(index);
  }

  #frameAt(place: Place): Frame {
    return this.#cache.frames[place >>> CHUNK_SHIFT]!;
  }
}
