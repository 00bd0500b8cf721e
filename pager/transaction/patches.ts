/**
 * Patches: if a transaction changes only one or two parts of a page and its header, only the words
 * of these parts are saved for rollback, summed and logged.
 *
 * A *patched* page has in `Frame.scopes` the record of the undo log with its words. A further
 * change of the page, or a need for the whole old page, first *widens* the patch to an image. A
 * page that a snapshot sees gets an image at once, because the snapshot needs one.
 */

import type { Cache } from "../cache/cache.ts";
import { copyPage } from "../cache/page_copy.ts";
import { CHUNK_SHIFT, SLOT_MASK } from "../format/format.ts";
import { type Frame, WORDS_SAVED } from "../format/frame.ts";
import { setVersion, versionOf } from "../format/header.ts";
import type { Slot } from "../format/units.ts";
import type { OpenTransaction } from "./open_transaction.ts";
import type { VersionStore } from "./version_store.ts";

/** Above this many bytes, an image costs less than the words. */
const PARTS_BYTES_MAX = 2048;
/** At most one page in this many is saved twice, as words and then as an image. */
const WIDENED_SHARE_MAX = 8;

/** Saves the words of pages that change in small parts. */
export class Patches {
  readonly #open: OpenTransaction;
  readonly #cache: Cache;
  readonly #versions: VersionStore;

  /**
   * Creates the patches of a file.
   *
   * @param parts The open transaction, its pages, and the images kept for snapshots.
   */
  constructor(parts: { open: OpenTransaction; cache: Cache; versions: VersionStore }) {
    this.#open = parts.open;
    this.#cache = parts.cache;
    this.#versions = parts.versions;
  }

  /**
   * Whether words suffice: the page is untouched, no snapshot needs an image of it, the words are
   * few, and few patches of the transaction were widened.
   *
   * @param bytes The number of bytes that change.
   */
  suits(frame: Frame, slot: Slot, bytes: number): boolean {
    return frame.scopes[slot] === 0 && bytes <= PARTS_BYTES_MAX &&
      !this.#versions.snapshots.seesLatest(versionOf(frame, slot)) &&
      !this.#open.bypassed.has(frame.pages[slot]!) &&
      this.#open.size.widenedPages * WIDENED_SHARE_MAX <= this.#open.undo.length;
  }

  /**
   * Saves the words that hold one or two parts of a page, and stamps the version; the parts are
   * those of `Writer.touchParts`.
   */
  save(
    frame: Frame,
    slot: Slot,
    start: number,
    end: number,
    secondStart: number,
    secondEnd: number,
  ): void {
    const { undo, size, version } = this.#open;
    size.pin(1);
    const page = frame.pages[slot]!;
    const record = undo.length;
    const first = start >>> 2;
    const endWord = (end + 3) >>> 2;
    const second = secondStart >>> 2;
    const secondEndWord = (secondEnd + 3) >>> 2;
    if (second >= endWord) {
      undo.pushWords(page, frame, slot, first, endWord, second, secondEndWord);
    } else {
      // There is no second part, or it shares a word with the first.
      undo.pushWords(page, frame, slot, first, Math.max(endWord, secondEndWord), 0, 0);
    }
    frame.scopes[slot] = WORDS_SAVED + record;
    setVersion(frame, slot, version);
  }

  /**
   * Takes the image of a patched page as it was before the transaction. The page is a changed one
   * from then on, of the savepoint that patched it.
   */
  widen(frame: Frame, slot: Slot): void {
    const { undo, size } = this.#open;
    const record = frame.scopes[slot]! - WORDS_SAVED;
    size.pin(1);
    const image = this.#cache.addImage();
    const imageFrame = this.#cache.frames[image >>> CHUNK_SHIFT]!;
    copyPage(frame, slot, imageFrame, image & SLOT_MASK);
    undo.restoreWords(record, imageFrame, image & SLOT_MASK);
    undo.setImage(record, image);
    size.widenedPages++;
    frame.scopes[slot] = this.#open.scopeOf(record);
  }
}
