/**
 * Small changes of pages: where a transaction changes one or two parts of a page and nothing else
 * but its header, only the words of these parts are saved for rollback, summed and logged.
 *
 * Such a page is *patched*: `Frame.scopes` names the record of the undo log that has its words.
 * What else is to change the page, or asks for all of it as it was, *widens* that to an image
 * first. Of a page that a snapshot sees an image is made at once, as the snapshot needs it.
 */

import type { ChangeParts } from "./change_parts.ts";
import { CHUNK_SHIFT, SLOT_MASK } from "../format/format.ts";
import { type Frame, WORDS_SAVED } from "../format/frame.ts";
import { setVersion, versionOf } from "../format/header.ts";
import { copyPage } from "../cache/page_copy.ts";

/** Of more bytes an image costs less than words. */
const PARTS_BYTES_MAX = 2048;
/** At most one page in so many is saved twice: some words of it first, then all of it. */
const WIDENED_SHARE_MAX = 8;

/** Small changes of pages. */
export class Patches {
  readonly #parts: ChangeParts;

  /**
   * The patches of a writer.
   *
   * @param parts What the writer changes pages with.
   */
  constructor(parts: ChangeParts) {
    this.#parts = parts;
  }

  /**
   * Whether words will do: the page is untouched, no snapshot needs an image of it, they are not
   * too many, and few pages of the transaction needed an image after all.
   *
   * @param bytes How many will change.
   */
  suits(frame: Frame, slot: number, bytes: number): boolean {
    return frame.scopes[slot] === 0 && bytes <= PARTS_BYTES_MAX &&
      !this.#parts.versions.seesLatest(versionOf(frame, slot)) &&
      !this.#parts.bypass.has(frame.pages[slot]!) &&
      this.#parts.size.widenedPages * WIDENED_SHARE_MAX <= this.#parts.undo.length;
  }

  /**
   * Saves the words that one or two parts of a page are in, as `Writer.touchParts` has them, and
   * stamps the version.
   */
  save(
    frame: Frame,
    slot: number,
    version: number,
    start: number,
    end: number,
    secondStart: number,
    secondEnd: number,
  ): void {
    this.#parts.size.pin(1);
    const page = frame.pages[slot]!;
    const record = this.#parts.undo.length;
    const first = start >>> 2;
    const endWord = (end + 3) >>> 2;
    const second = secondStart >>> 2;
    const secondEndWord = (secondEnd + 3) >>> 2;
    if (second >= endWord) {
      this.#parts.undo.pushWords(page, frame, slot, first, endWord, second, secondEndWord);
    } else {
      // There is no second part, or it shares a word with the first.
      this.#parts.undo.pushWords(page, frame, slot, first, Math.max(endWord, secondEndWord), 0, 0);
    }
    frame.scopes[slot] = WORDS_SAVED + record;
    setVersion(frame, slot, version);
  }

  /**
   * Makes the image of a patched page, as it was before; its record is one of a changed page then.
   *
   * @returns The record. The caller says to which savepoint the page belongs.
   */
  widen(frame: Frame, slot: number): number {
    const record = frame.scopes[slot]! - WORDS_SAVED;
    this.#parts.size.pin(1);
    const image = this.#parts.cache.addImage();
    const imageFrame = this.#parts.cache.frames[image >>> CHUNK_SHIFT]!;
    copyPage(frame, slot, imageFrame, image & SLOT_MASK);
    this.#parts.undo.restoreWords(record, imageFrame, image & SLOT_MASK);
    this.#parts.undo.setImage(record, image);
    this.#parts.size.widenedPages++;
    return record;
  }
}
