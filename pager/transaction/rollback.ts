/**
 * Taking back what a transaction did to pages, a record of its undo log at a time, the last first.
 *
 * A changed page gets its image back, or the words that were saved of it; a page taken into use is
 * free again; one given back is in use again, its bytes still where they were.
 */

import type { ChangeParts } from "./change_parts.ts";
import { CHUNK_SHIFT, HEADER_WORD_SHIFT, KIND_FREE, SLOT_MASK } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { clearInUse, formatHeader, headerWord, setInUse } from "../format/header.ts";
import { copyPage, publishHeader } from "../cache/page_copy.ts";
import { CHANGED, HEADERS, OCCUPIED, PATCHED, VACATED } from "./undo_log.ts";

const HEADER_WORDS = 8;

/** Takes back what a transaction did to pages. */
export class Rollback {
  readonly #parts: ChangeParts;

  /**
   * The rollback of a writer.
   *
   * @param parts What the writer changes pages with.
   */
  constructor(parts: ChangeParts) {
    this.#parts = parts;
  }

  /** Takes back what a record tells of, which the open transaction's version did. */
  undo(index: number, version: number): void {
    const page = this.#parts.undo.pageAt(index);
    const place = this.#parts.cache.find(page);
    switch (this.#parts.undo.whatAt(index)) {
      case CHANGED:
        return this.#undoChange(index, page, place, version);
      case PATCHED:
        return this.#undoPatch(index, page, place);
      case OCCUPIED:
        return this.#undoOccupy(index, page, place);
      case VACATED:
        return this.#undoVacate(index, page, place, version);
      case HEADERS:
        this.#parts.size.pinned--;
        this.#frameAt(place).scopes[place & SLOT_MASK] = 0;
    }
  }

  #undoChange(index: number, page: number, place: number, version: number): void {
    const image = this.#parts.undo.imageAt(index);
    const before = this.#parts.undo.beforeAt(index);
    // A new page that went to the file is one that did not, as it was when the image was made.
    if (this.#parts.bypass.take(page) > 0) this.#parts.size.pinned++;
    if (place < 0) this.#parts.cache.adoptImage(image, page);
    else this.#copyBack(image, place);
    const target = place < 0 ? image : place;
    const frame = this.#frameAt(target);
    // A page given back after it was touched left its touched header in the header page.
    publishHeader(this.#parts.cache, frame, target & SLOT_MASK, page);
    frame.scopes[target & SLOT_MASK] = before;
    this.#parts.size.pinned -= before === 0 ? 2 : 1;
    if (before === 0) this.#parts.versions.forget(page, version);
  }

  #undoPatch(index: number, page: number, place: number): void {
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    this.#parts.undo.restoreWords(index, frame, slot);
    // A commit that failed may have left the new header in the header page.
    publishHeader(this.#parts.cache, frame, slot, page);
    frame.scopes[slot] = 0;
    this.#parts.size.pinned--;
  }

  #copyBack(image: number, place: number): void {
    copyPage(this.#frameAt(image), image & SLOT_MASK, this.#frameAt(place), place & SLOT_MASK);
    this.#parts.cache.drop(image);
  }

  #undoOccupy(index: number, page: number, place: number): void {
    this.#parts.size.newPages--;
    if (!this.#parts.bypass.has(page)) this.#parts.size.pinned--;
    this.#parts.bypass.forget(page);
    if (place >= 0) {
      const frame = this.#frameAt(place);
      const slot = place & SLOT_MASK;
      formatHeader(frame, slot, KIND_FREE, 0, 0);
      frame.ticks[slot] = 0;
      frame.scopes[slot] = this.#parts.undo.beforeAt(index);
    }
    const headers = this.#parts.cache.find(page - (page & SLOT_MASK));
    const headerFrame = this.#frameAt(headers);
    clearInUse(headerFrame, headers & SLOT_MASK, page & SLOT_MASK);
    const word = headerWord(headers & SLOT_MASK, page & SLOT_MASK);
    headerFrame.u32.fill(0, word, word + HEADER_WORDS);
  }

  #undoVacate(index: number, page: number, place: number, version: number): void {
    const headers = this.#parts.cache.find(page - (page & SLOT_MASK));
    const headerFrame = this.#frameAt(headers);
    const at = headers & SLOT_MASK;
    setInUse(headerFrame, at, page & SLOT_MASK);
    this.#parts.undo.restoreHeader(index, headerFrame.u32, headerWord(at, page & SLOT_MASK));
    const wasTouched = place >= 0 && this.#frameAt(place).scopes[place & SLOT_MASK] !== 0;
    const image = wasTouched ? -1 : this.#parts.versions.forget(page, version);
    if (image >= 0) this.#parts.cache.drop(image);
    if (place < 0) return;
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    this.#parts.undo.restoreHeader(index, frame.u32, slot << HEADER_WORD_SHIFT);
    frame.ticks[slot] = this.#parts.undo.beforeAt(index);
  }

  #frameAt(place: number): Frame {
    return this.#parts.cache.frames[place >>> CHUNK_SHIFT]!;
  }
}
