/**
 * The writer changes pages in their frames, so that every change can be undone.
 *
 * A change takes these steps: `touch` a page first, or `allocate` a free one; then change its bytes
 * and header in the frame. The first touch in a savepoint saves an image of page and header and
 * stamps the version; for `touchParts` and `overwrite` a patch may suffice (`Patches`).
 *
 * Invariants:
 * 1. A page's bit in its chunk's bitmap and its header change together, here and in `Rollback`.
 * 2. The header page of every touched page's chunk is in memory, and touched too.
 * 3. A touched page stays in memory until the transaction ends (`Frame.scopes`), or until the
 *    bypass has written it.
 * 4. A page in a pool frame has its current header there; a commit copies it to the header page.
 *
 * It does not choose pages, and it writes no file.
 */

import type { Cache } from "../cache/cache.ts";
import type { Loader } from "../cache/loader.ts";
import { copyPage, copyToHeaderPage } from "../cache/page_copy.ts";
import { assert } from "../format/assert.ts";
import {
  CHUNK_PAGES,
  CHUNK_SHIFT,
  chunksOf,
  HEADER_WORD_SHIFT,
  HEADER_WORDS,
  KIND_FREE,
  KIND_RUN,
  KIND_RUN_CONTINUED,
  PAGE_BYTES,
  PAGE_COUNT_MAX,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import { type Frame, WORDS_SAVED } from "../format/frame.ts";
import {
  clearInUse,
  formatHeader,
  headerWord,
  isInUse,
  setEntries,
  setInUse,
  setLink,
  setVersion,
  versionAt,
  versionOf,
} from "../format/header.ts";
import type { Meta } from "../format/meta.ts";
import type { ChunkNumber, PageNumber, Place, Slot } from "../format/units.ts";
import type { DataEnd } from "../journal/data_end.ts";
import type { OpenTransaction } from "./open_transaction.ts";
import { Patches } from "./patches.ts";
import { ALLOCATED, CHANGED, HEADERS, RELEASED } from "./undo_log.ts";
import type { VersionStore } from "./version_store.ts";

/** Changes pages in their frames, so that every change can be undone. */
export class Writer {
  readonly #open: OpenTransaction;
  readonly #cache: Cache;
  readonly #loader: Loader;
  readonly #meta: Meta;
  readonly #dataEnd: DataEnd;
  readonly #versions: VersionStore;
  readonly #patches: Patches;
  /**
   * Whether to copy a page that is given back, even an unchanged one, while a snapshot of this
   * process sees it: another process may overwrite it in the file.
   */
  copiesReleased = false;

  /**
   * Creates the writer of a file.
   *
   * @param parts The open transaction, the pages and header pages that it changes, the meta, whose
   * page count `allocate` raises, the end of the data, too, and the images kept for snapshots.
   */
  constructor(
    parts: {
      open: OpenTransaction;
      cache: Cache;
      loader: Loader;
      meta: Meta;
      dataEnd: DataEnd;
      versions: VersionStore;
    },
  ) {
    this.#open = parts.open;
    this.#cache = parts.cache;
    this.#loader = parts.loader;
    this.#meta = parts.meta;
    this.#dataEnd = parts.dataEnd;
    this.#versions = parts.versions;
    this.#patches = new Patches(parts);
  }

  /** Must be called before a page or its header changes. */
  touch(place: Place): void {
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const { scope } = this.#open;
    if (frame.scopes[place & SLOT_MASK] !== scope) this.#saveImage(frame, place & SLOT_MASK);
    else assert(scope !== 0, "pages change inside a transaction");
  }

  /**
   * Must be called, instead of `touch`, before the bytes of one or two parts of a page, and fields
   * of its header, change. It costs less than `touch` if the transaction changes nothing else of
   * the page (`Patches`).
   *
   * @param start The first byte of the part in the page.
   * @param end The byte after its last.
   * @param secondStart The first byte of a second part, after the other.
   * @param secondEnd The byte after its last; 0 = no second part.
   */
  touchParts(
    place: Place,
    start: number,
    end: number,
    secondStart: number = 0,
    secondEnd: number = 0,
  ): void {
    assert(end <= PAGE_BYTES && secondEnd <= PAGE_BYTES, "parts are inside a page");
    assert(secondEnd === 0 || secondStart >= end, "the second part is behind the first");
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    const bytes = end - start + secondEnd - secondStart;
    if (!this.#patches.suits(frame, slot, bytes)) return this.touch(place);
    assert(this.#open.depth > 0, "pages change inside a transaction");
    this.#touchHeaderPage(frame.pages[slot]! >>> CHUNK_SHIFT);
    this.#patches.save(frame, slot, start, end, secondStart, secondEnd);
  }

  /** Writes bytes over part of a page, from an offset on; the page needs no touch before. */
  overwrite(place: Place, offset: number, bytes: Uint8Array): void {
    this.touchParts(place, offset, offset + bytes.length);
    this.#frameAt(place).u8.set(bytes, ((place & SLOT_MASK) << PAGE_SHIFT) + offset);
  }

  /**
   * Takes `span` free pages into use: one page of a kind, zeroed, or a run when the kind is a run.
   *
   * @returns The place of the first page.
   */
  allocate(page: PageNumber, span: number, kind: number, tree: number): number {
    assert(this.#open.depth > 0, "pages change inside a transaction");
    assert((page & SLOT_MASK) + span <= CHUNK_PAGES, "pages taken together are of one chunk");
    assert(page + span <= PAGE_COUNT_MAX, "the file can have these pages");
    const headers = this.#touchHeaderPage(page >>> CHUNK_SHIFT);
    const end = page + span;
    if (end > this.#meta.pageCount) this.#meta.pageCount = end;
    if (end > this.#dataEnd.page) this.#dataEnd.page = end;
    assert(span === 1 || kind === KIND_RUN, "only a run has several pages");
    const place = this.#allocateOne(page, kind, kind === KIND_RUN ? span : 0, tree, headers);
    for (let index = 1; index < span; index++) {
      const later = this.#allocateOne(page + index, KIND_RUN_CONTINUED, 0, tree, headers);
      setEntries(this.#frameAt(later), later & SLOT_MASK, index);
      setLink(this.#frameAt(later), later & SLOT_MASK, page);
      copyToHeaderPage(this.#cache, this.#frameAt(later), later & SLOT_MASK, page + index);
    }
    return place;
  }

  /** Releases `span` pages in use. Their bytes are unchanged. */
  release(page: PageNumber, span: number): void {
    assert(this.#open.depth > 0, "pages change inside a transaction");
    const headers = this.#touchHeaderPage(page >>> CHUNK_SHIFT);
    for (let i = 0; i < span; i++) this.#releaseOne(page + i, headers);
  }

  /** Brings a chunk's header page into memory, keeps it there, and returns its place. */
  #touchHeaderPage(chunk: ChunkNumber): number {
    const exists = chunk < chunksOf(this.#meta.pageCount) ||
      this.#cache.find(chunk * CHUNK_PAGES) >= 0;
    const place = exists ? this.#loader.headerPage(chunk) : this.#loader.freshHeaderPage(chunk);
    const frame = this.#frameAt(place);
    if (frame.scopes[place & SLOT_MASK] === 0) {
      this.#open.size.pin(1);
      this.#open.undo.push(HEADERS, chunk * CHUNK_PAGES, 0, 0);
      this.#loader.windows?.touch(chunk);
      frame.scopes[place & SLOT_MASK] = this.#open.scope;
    }
    return place;
  }

  #frameAt(place: Place): Frame {
    return this.#cache.frames[place >>> CHUNK_SHIFT]!;
  }

  #saveImage(frame: Frame, slot: Slot): void {
    const { undo, size, depth, scope, version } = this.#open;
    assert(depth > 0, "pages change inside a transaction");
    const page = frame.pages[slot]!;
    this.#touchHeaderPage(page >>> CHUNK_SHIFT);
    if (frame.scopes[slot]! >= WORDS_SAVED) this.#patches.widen(frame, slot);
    const before = frame.scopes[slot] || this.#takeBack(frame, slot);
    if (before === scope) return;
    size.pin(before === 0 ? 2 : 1);
    const image = this.#cache.addImage();
    copyPage(frame, slot, this.#frameAt(image), image & SLOT_MASK);
    undo.push(CHANGED, page, image, before);
    // A snapshot may read the page while the transaction is still open.
    if (before === 0) this.#versions.keep(page, versionOf(frame, slot), version, image);
    frame.scopes[slot] = scope;
    setVersion(frame, slot, version);
  }

  /** Makes a bypassed page new again; returns the scope of its savepoint, 0 = not bypassed. */
  #takeBack(frame: Frame, slot: Slot): number {
    const page = frame.pages[slot]!;
    if (!this.#open.bypassed.has(page)) return 0;
    // The limit may refuse it, and then the page stays where it is.
    this.#open.size.pin(1);
    return frame.scopes[slot] = this.#open.bypassed.take(page);
  }

  #allocateOne(
    page: PageNumber,
    kind: number,
    second: number,
    tree: number,
    headers: number,
  ): number {
    const { undo, size, scope, version } = this.#open;
    const headerFrame = this.#frameAt(headers);
    const at = headers & SLOT_MASK;
    assert(!isInUse(headerFrame, at, page & SLOT_MASK), "a page taken into use was free");
    size.pin(1);
    size.newPages++;
    const known = this.#cache.find(page);
    const place = known >= 0 ? known : this.#addPage(page);
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    undo.push(ALLOCATED, page, 0, frame.scopes[slot]!);
    frame.scopes[slot] = scope;
    this.#cache.use(place);
    const start = slot << PAGE_SHIFT;
    frame.u8.fill(0, start, start + PAGE_BYTES);
    formatHeader(frame, slot, kind, second, tree);
    setVersion(frame, slot, version);
    setInUse(headerFrame, at, page & SLOT_MASK);
    copyToHeaderPage(this.#cache, frame, slot, page);
    return place;
  }

  /** Gives a new page a slot. It counts as a miss, so that pages not used for long can leave. */
  #addPage(page: PageNumber): Place {
    this.#cache.tick();
    return this.#cache.addPage(page);
  }

  #releaseOne(page: PageNumber, headers: number): void {
    const { undo } = this.#open;
    const headerFrame = this.#frameAt(headers);
    const at = headers & SLOT_MASK;
    assert(isInUse(headerFrame, at, page & SLOT_MASK), "a page given back was in use");
    const word = headerWord(at, page & SLOT_MASK);
    this.#keepReleased(page, headerFrame, word);
    const place = this.#cache.find(page);
    if (place >= 0) {
      const frame = this.#frameAt(place);
      const slot = place & SLOT_MASK;
      // A later `allocate` overwrites all bytes of the page, so its words alone do not restore it.
      if (frame.scopes[slot]! >= WORDS_SAVED) this.#patches.widen(frame, slot);
      undo.push(RELEASED, page, 0, frame.ticks[slot]!);
      undo.keepHeader(frame.u32, slot << HEADER_WORD_SHIFT);
      formatHeader(frame, slot, KIND_FREE, 0, 0);
      frame.ticks[slot] = 0;
    } else {
      undo.push(RELEASED, page, 0, 0);
      undo.keepHeader(headerFrame.u32, word);
    }
    headerFrame.u32.fill(0, word, word + HEADER_WORDS);
    clearInUse(headerFrame, at, page & SLOT_MASK);
  }

  /** Keeps an untouched page that is given back for the snapshots that see it. */
  #keepReleased(page: PageNumber, headerFrame: Frame, word: number): void {
    const { version } = this.#open;
    if (this.#versions.snapshots.snapshotCount === 0) return;
    const known = this.#cache.find(page);
    const place = known < 0 && this.copiesReleased ? this.#loader.load(page) : known;
    const slot = place & SLOT_MASK;
    const frame = place < 0 ? undefined : this.#frameAt(place);
    if (frame !== undefined && frame.scopes[slot] !== 0) return;
    const from = versionAt(headerFrame.u32, word);
    if (frame !== undefined && (frame.dirty[slot] !== 0 || this.copiesReleased)) {
      // These bytes are in memory only, and no checkpoint will write them.
      this.#cache.use(place);
      const image = this.#cache.addImage();
      copyPage(frame, slot, this.#frameAt(image), image & SLOT_MASK);
      if (!this.#versions.keep(page, from, version, image)) this.#cache.drop(image);
    } else {
      const header = headerFrame.u32.slice(word, word + HEADER_WORDS);
      this.#versions.keepInPlace(page, from, version, header);
    }
  }
}
