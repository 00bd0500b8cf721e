/**
 * Changes pages in their frames, so that every change can be taken back.
 *
 * One writer; nested calls are savepoints. The way of a change: `touch` a page before changing it,
 * or `occupy` a free one; change its bytes and header in the frame; `commit`. The first touch in a
 * savepoint saves an image of page and header and stamps the version; where it is `touchParts` or
 * `overwrite`, less may do (`Patches`). The outermost commit seals every page that was touched
 * (both sums, never later) and marks it dirty. `rollback` undoes everything since the matching
 * `begin`, in reverse order.
 *
 * Many new pages go straight to the file (`Bypass`): at commit, and before it when memory is short
 * and `relieve` is called. What else a transaction touches stays in memory, up to a bound.
 *
 * Invariants:
 * 1. A page's bit in its chunk's bitmap and its header change together, here and nowhere else.
 * 2. The header page of every touched page's chunk is in memory, and touched too.
 * 3. What is touched stays in memory until the transaction ends (`Frame.scopes`).
 * 4. A page in a pool frame has its header there; the header page learns it at commit.
 *
 * It does not choose pages and does not write them.
 */

import { assert } from "../format/assert.ts";
import { Bypass } from "./bypass.ts";
import type { ClaimedPages } from "../journal/claimed_pages.ts";
import type { Cache } from "../cache/cache.ts";
import type { CommitLog, TransactionListener } from "../journal/commit_hooks.ts";
import { CommitSeal } from "./seal.ts";
import { IoError, LimitError } from "../format/errors.ts";
import {
  CHUNK_PAGES,
  CHUNK_SHIFT,
  chunksOf,
  HEADER_WORD_SHIFT,
  KIND_FREE,
  KIND_RUN,
  KIND_RUN_CONTINUED,
  PAGE_BYTES,
  PAGE_COUNT_MAX,
  PAGE_SHIFT,
  SLOT_MASK,
  VERSION_MAX,
} from "../format/format.ts";
import { type Frame, WORDS_SAVED } from "../format/frame.ts";
import {
  clearInUse,
  formatHeader,
  headerWord,
  isInUse,
  kindOf,
  setEntries,
  setInUse,
  setLink,
  setVersion,
  versionAt,
  versionOf,
} from "../format/header.ts";
import type { Loader } from "../cache/loader.ts";
import { Meta } from "../format/meta.ts";
import { copyPage, publishHeader } from "../cache/page_copy.ts";
import { PageClaims } from "./page_claims.ts";
import { Patches } from "./patches.ts";
import { Rollback } from "./rollback.ts";
import { TransactionSize } from "./transaction_size.ts";
import { CHANGED, HEADERS, OCCUPIED, UndoLog, VACATED } from "./undo_log.ts";
import type { VersionStore } from "./version_store.ts";
import type { Writeback } from "../cache/writeback.ts";

const SCOPE_MAX = 2 ** 30;
/** From so many new pages on, a transaction writes them straight to the file: 512 KiB. */
const BYPASS_PAGES_MIN = 64;

interface Savepoint {
  scope: number;
  undoLength: number;
  meta: Meta;
}

/** Changes pages in their frames, so that every change can be taken back. */
export class Writer {
  /** Who hears of commits and rollbacks. */
  listener: TransactionListener | undefined;

  readonly #cache: Cache;
  readonly #loader: Loader;
  readonly #writeback: Writeback;
  readonly #meta: Meta;
  readonly #versions: VersionStore;
  readonly #log: CommitLog | undefined;
  readonly #undo = new UndoLog();
  readonly #bypass: Bypass;
  readonly #seal: CommitSeal;
  readonly #size: TransactionSize;
  readonly #rollback: Rollback;
  readonly #patches: Patches;
  readonly #claims: PageClaims;
  readonly #savepoints: Savepoint[] = [];
  #depth = 0;
  #scope = 0;
  #lastScope = 0;
  #version = 0;

  /**
   * A writer for one file.
   *
   * @param parts Where pages are changed, what brings header pages, what learns of dirty pages, the
   * meta, which is changed here and by the allocator through the pager, and which pages have their
   * bytes in the file.
   * @param options The seed of head sums; whether pages are logged whole at their first change
   * after a checkpoint began; and the most bytes that a transaction may keep in memory.
   * @param log Where commits are logged; without it nothing outlives the handle.
   */
  constructor(
    parts: {
      cache: Cache;
      loader: Loader;
      writeback: Writeback;
      meta: Meta;
      versions: VersionStore;
      claimed: ClaimedPages;
    },
    options: { seed: number; protect?: boolean; maxTransactionBytes?: number },
    log?: CommitLog,
  ) {
    this.#cache = parts.cache;
    this.#loader = parts.loader;
    this.#writeback = parts.writeback;
    this.#meta = parts.meta;
    this.#versions = parts.versions;
    this.#log = log;
    const { seed, protect = false, maxTransactionBytes = Infinity } = options;
    this.#size = new TransactionSize(maxTransactionBytes);
    this.#bypass = new Bypass({ ...parts, undo: this.#undo }, seed, log);
    const shared = { ...parts, undo: this.#undo, bypass: this.#bypass, size: this.#size };
    this.#seal = new CommitSeal(shared, seed, protect);
    this.#rollback = new Rollback(shared);
    this.#patches = new Patches(shared);
    this.#claims = new PageClaims(shared, parts.claimed);
  }

  /** How many `begin`s have not ended. */
  get depth(): number {
    return this.#depth;
  }

  /** Begins a transaction, or a savepoint in the open one. */
  begin(): void {
    if (this.#depth === 0) {
      if (this.#meta.version >= VERSION_MAX) {
        throw new LimitError(`Cannot begin: version ${VERSION_MAX} was the last`);
      }
      this.#version = this.#meta.version + 1;
    }
    this.#lastScope = this.#lastScope >= SCOPE_MAX ? 1 : this.#lastScope + 1;
    this.#scope = this.#lastScope;
    if (this.#depth === this.#savepoints.length) {
      this.#savepoints.push({ scope: 0, undoLength: 0, meta: new Meta() });
    }
    const savepoint = this.#savepoints[this.#depth++]!;
    savepoint.scope = this.#scope;
    savepoint.undoLength = this.#undo.length;
    savepoint.meta.assign(this.#meta);
  }

  /**
   * Ends the innermost savepoint and keeps its changes; the outermost one seals and logs them.
   *
   * @throws {IoError} The journal has no room, and the transaction is still open: roll it back.
   */
  commit(): void {
    assert(this.#depth > 0, "a commit ends a transaction");
    if (this.#depth > 1) return this.#mergeIntoOuter();
    if (this.#undo.length > 0 || this.#metaChanged()) this.#commitOutermost();
    this.listener?.committed();
    this.#end();
  }

  #commitOutermost(): void {
    if (this.#size.newPages >= BYPASS_PAGES_MIN) this.#size.pinned -= this.#bypass.write(true);
    const logged = this.#log?.pending.length ?? 0;
    this.#meta.version = this.#version;
    try {
      if (this.#log !== undefined) this.#claimPages(this.#log);
      this.#seal.seal(this.#log?.pending);
      this.#log?.reserve(this.#meta, this.#size.newPages > 0);
    } catch (error) {
      if (this.#log !== undefined) this.#log.pending.length = logged;
      this.#seal.forgetImages(); // what was logged of this transaction is gone
      throw error;
    }
    for (let i = 0; i < this.#undo.length; i++) this.#finishRecord(i);
    this.#versions.bound();
  }

  #claimPages(log: CommitLog): void {
    log.begin(this.#meta);
    if (this.#claims.claim()) log.claimed();
  }

  /** Ends the innermost savepoint and undoes its changes. */
  rollback(): void {
    assert(this.#depth > 0, "a rollback ends a transaction");
    const savepoint = this.#savepoints[this.#depth - 1]!;
    for (let i = this.#undo.length - 1; i >= savepoint.undoLength; i--) {
      this.#rollback.undo(i, this.#version);
    }
    this.#meta.assign(savepoint.meta);
    for (const chunk of this.#chunksSince(savepoint)) this.listener?.rolledBack(chunk);
    this.#undo.truncate(savepoint.undoLength);
    this.#bypass.truncate(savepoint.undoLength);
    this.#end();
  }

  /** The chunks with a change since a savepoint; an outer one may have touched their headers. */
  #chunksSince(savepoint: Savepoint): Set<number> {
    const chunks = new Set<number>();
    for (let i = savepoint.undoLength; i < this.#undo.length; i++) {
      chunks.add(this.#undo.pageAt(i) >>> CHUNK_SHIFT);
    }
    return chunks;
  }

  /** Must be called before a page, or its header, is changed. */
  touch(place: number): void {
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    if (frame.scopes[place & SLOT_MASK] !== this.#scope) this.#saveImage(frame, place & SLOT_MASK);
    else assert(this.#scope !== 0, "pages change inside a transaction");
  }

  /**
   * Must be called, in place of `touch`, before the bytes of one or two parts of a page, and fields
   * of its header, are changed. Costs less where the transaction changes nothing else of the page
   * (`Patches`).
   *
   * @param start Where in the page the part begins.
   * @param end Where it ends.
   * @param secondStart Where a second part begins, behind the other.
   * @param secondEnd Where it ends; 0 = there is none.
   */
  touchParts(
    place: number,
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
    assert(this.#depth > 0, "pages change inside a transaction");
    this.touchHeaderPage(frame.pages[slot]! >>> CHUNK_SHIFT);
    this.#patches.save(frame, slot, this.#version, start, end, secondStart, secondEnd);
  }

  /** Writes bytes over some of a page, from an offset on; it need not be touched before. */
  overwrite(place: number, offset: number, bytes: Uint8Array): void {
    this.touchParts(place, offset, offset + bytes.length);
    this.#frameAt(place).u8.set(bytes, ((place & SLOT_MASK) << PAGE_SHIFT) + offset);
  }

  /**
   * Lets new pages of the open transaction leave memory when they are many. Whoever goes on to
   * change a page has to touch it again, and to ask again where it is.
   *
   * @throws {IoError} The system refused; roll back.
   */
  relieve(): void {
    const { limit, frames } = this.#cache;
    if (this.#depth === 0 || (frames.length <= limit && !this.#size.isHalfFull)) return;
    if (this.#bypass.backlog < BYPASS_PAGES_MIN) return;
    this.#size.pinned -= this.#bypass.write(false);
    this.#cache.settle();
  }

  /** Whether a page is of the open transaction, and may have left memory. */
  hasWritten(page: number): boolean {
    return this.#bypass.has(page);
  }

  /**
   * Takes `span` free pages into use: one page of a kind, zeroed, or a run when the kind is a run.
   *
   * @returns The place of the first page.
   */
  occupy(page: number, span: number, kind: number, tree: number): number {
    assert(this.#depth > 0, "pages change inside a transaction");
    assert((page & SLOT_MASK) + span <= CHUNK_PAGES, "pages taken together are of one chunk");
    assert(page + span <= PAGE_COUNT_MAX, "the file can have these pages");
    const headers = this.touchHeaderPage(page >>> CHUNK_SHIFT);
    if (page + span > this.#meta.pageCount) this.#meta.pageCount = page + span;
    assert(span === 1 || kind === KIND_RUN, "only a run has several pages");
    const place = this.#occupyOne(page, kind, kind === KIND_RUN ? span : 0, tree, headers);
    for (let index = 1; index < span; index++) {
      const later = this.#occupyOne(page + index, KIND_RUN_CONTINUED, 0, tree, headers);
      setEntries(this.#frameAt(later), later & SLOT_MASK, index);
      setLink(this.#frameAt(later), later & SLOT_MASK, page);
      publishHeader(this.#cache, this.#frameAt(later), later & SLOT_MASK, page + index);
    }
    return place;
  }

  /** Gives back `span` pages in use. Their bytes stay as they are. */
  vacate(page: number, span: number): void {
    assert(this.#depth > 0, "pages change inside a transaction");
    const headers = this.touchHeaderPage(page >>> CHUNK_SHIFT);
    for (let i = 0; i < span; i++) this.#vacateOne(page + i, headers);
  }

  /** Brings a chunk's header page into memory, makes it stay, and returns its place. */
  touchHeaderPage(chunk: number): number {
    const exists = chunk < chunksOf(this.#meta.pageCount) ||
      this.#cache.find(chunk * CHUNK_PAGES) >= 0;
    const place = exists ? this.#loader.headerPage(chunk) : this.#loader.freshHeaderPage(chunk);
    const frame = this.#frameAt(place);
    if (frame.scopes[place & SLOT_MASK] === 0) {
      this.#size.pin(1);
      this.#undo.push(HEADERS, chunk * CHUNK_PAGES, 0, 0);
      frame.scopes[place & SLOT_MASK] = this.#scope;
    }
    return place;
  }

  #frameAt(place: number): Frame {
    return this.#cache.frames[place >>> CHUNK_SHIFT]!;
  }

  #saveImage(frame: Frame, slot: number): void {
    assert(this.#depth > 0, "pages change inside a transaction");
    const page = frame.pages[slot]!;
    this.touchHeaderPage(page >>> CHUNK_SHIFT);
    if (frame.scopes[slot]! >= WORDS_SAVED) this.#widen(frame, slot);
    const before = frame.scopes[slot] || this.#takeBack(frame, slot);
    if (before === this.#scope) return;
    this.#size.pin(before === 0 ? 2 : 1);
    const image = this.#cache.addImage();
    copyPage(frame, slot, this.#frameAt(image), image & SLOT_MASK);
    this.#undo.push(CHANGED, page, image, before);
    // A snapshot may look at the page while the transaction is still open.
    if (before === 0) this.#versions.keep(page, versionOf(frame, slot), this.#version, image);
    frame.scopes[slot] = this.#scope;
    setVersion(frame, slot, this.#version);
  }

  /** A patched page is one with an image from now on. */
  #widen(frame: Frame, slot: number): void {
    frame.scopes[slot] = this.#scopeOf(this.#patches.widen(frame, slot));
  }

  /** The innermost savepoint open that a record of the undo log belongs to. */
  #scopeOf(record: number): number {
    let depth = this.#depth - 1;
    while (this.#savepoints[depth]!.undoLength > record) depth--;
    return this.#savepoints[depth]!.scope;
  }

  /** A new page that is in the file becomes new again; the savepoint it belongs to, or 0. */
  #takeBack(frame: Frame, slot: number): number {
    const scope = this.#bypass.take(frame.pages[slot]!);
    if (scope === 0) return 0;
    this.#size.pin(1);
    return frame.scopes[slot] = scope;
  }

  #occupyOne(page: number, kind: number, second: number, tree: number, headers: number): number {
    const headerFrame = this.#frameAt(headers);
    const at = headers & SLOT_MASK;
    assert(!isInUse(headerFrame, at, page & SLOT_MASK), "a page taken into use was free");
    this.#size.pin(1);
    this.#size.newPages++;
    const known = this.#cache.find(page);
    const place = known >= 0 ? known : this.#cache.addPage(page);
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    this.#undo.push(OCCUPIED, page, 0, frame.scopes[slot]!);
    frame.scopes[slot] = this.#scope;
    this.#cache.use(place);
    const start = slot << PAGE_SHIFT;
    frame.u8.fill(0, start, start + PAGE_BYTES);
    formatHeader(frame, slot, kind, second, tree);
    setVersion(frame, slot, this.#version);
    setInUse(headerFrame, at, page & SLOT_MASK);
    publishHeader(this.#cache, frame, slot, page);
    return place;
  }

  #vacateOne(page: number, headers: number): void {
    const headerFrame = this.#frameAt(headers);
    const at = headers & SLOT_MASK;
    assert(isInUse(headerFrame, at, page & SLOT_MASK), "a page given back was in use");
    const word = headerWord(at, page & SLOT_MASK);
    this.#keepVacated(page, headerFrame, word);
    const place = this.#cache.find(page);
    if (place >= 0) {
      const frame = this.#frameAt(place);
      const slot = place & SLOT_MASK;
      // Whoever takes the page into use again leaves nothing of its bytes.
      if (frame.scopes[slot]! >= WORDS_SAVED) this.#widen(frame, slot);
      this.#undo.push(VACATED, page, 0, frame.ticks[slot]!);
      this.#undo.keepHeader(frame.u32, slot << HEADER_WORD_SHIFT);
      formatHeader(frame, slot, KIND_FREE, 0, 0);
      frame.ticks[slot] = 0;
    } else {
      this.#undo.push(VACATED, page, 0, 0);
      this.#undo.keepHeader(headerFrame.u32, word);
    }
    headerFrame.u32.fill(0, word, word + 8);
    clearInUse(headerFrame, at, page & SLOT_MASK);
  }

  /** Keeps an untouched page that is given back for the snapshots that see it. */
  #keepVacated(page: number, headerFrame: Frame, word: number): void {
    if (this.#versions.snapshotCount === 0) return;
    const place = this.#cache.find(page);
    const slot = place & SLOT_MASK;
    const frame = place < 0 ? undefined : this.#frameAt(place);
    if (frame !== undefined && frame.scopes[slot] !== 0) return;
    const from = versionAt(headerFrame.u32, word);
    if (frame !== undefined && frame.dirty[slot] !== 0) {
      // The file does not have these bytes, and will not get them.
      this.#cache.use(place);
      const image = this.#cache.addImage();
      copyPage(frame, slot, this.#frameAt(image), image & SLOT_MASK);
      if (!this.#versions.keep(page, from, this.#version, image)) this.#cache.drop(image);
    } else {
      this.#versions.keepInPlace(page, from, this.#version, headerFrame.u32.slice(word, word + 8));
    }
  }

  /** Forgets which pages were logged whole, as the beginning of a checkpoint does. */
  forgetImages(): void {
    this.#seal.forgetImages();
  }

  /** Makes the page of a record an ordinary dirty page. */
  #finishRecord(index: number): void {
    const what = this.#undo.whatAt(index);
    const page = this.#undo.pageAt(index);
    if (what === CHANGED) this.#dropImage(index, page);
    if (what === VACATED) return;
    const place = this.#cache.find(page);
    if (place < 0) return;
    const frame = this.#frameAt(place);
    const slot = place & SLOT_MASK;
    if (frame.scopes[slot] === 0) return;
    frame.scopes[slot] = 0;
    if (what !== HEADERS && kindOf(frame, slot) === KIND_FREE) return;
    this.#writeback.markDirty(place, page, this.#version);
  }

  /** Gives the image of a record back, unless a snapshot sees it. */
  #dropImage(index: number, page: number): void {
    const isFirst = this.#undo.beforeAt(index) === 0;
    if (isFirst && this.#versions.holds(page, this.#version)) return;
    this.#cache.drop(this.#undo.imageAt(index));
  }

  #mergeIntoOuter(): void {
    const { undoLength, scope } = this.#savepoints[this.#depth - 1]!;
    const outer = this.#savepoints[this.#depth - 2]!.scope;
    for (let i = undoLength; i < this.#undo.length; i++) {
      const page = this.#undo.pageAt(i);
      this.#bypass.move(page, scope, outer);
      const place = this.#cache.find(page);
      if (place < 0) continue;
      const scopes = this.#frameAt(place).scopes;
      if (scopes[place & SLOT_MASK] === scope) scopes[place & SLOT_MASK] = outer;
    }
    this.#depth--;
    this.#scope = outer;
  }

  #metaChanged(): boolean {
    const { meta } = this.#savepoints[0]!;
    return meta.pageCount !== this.#meta.pageCount || meta.catalogRoot !== this.#meta.catalogRoot ||
      meta.nextTreeId !== this.#meta.nextTreeId;
  }

  #end(): void {
    this.#depth--;
    this.#scope = this.#depth === 0 ? 0 : this.#savepoints[this.#depth - 1]!.scope;
    if (this.#depth > 0) return;
    this.#undo.truncate(0);
    this.#bypass.reset();
    this.#size.reset();
    this.#shrinkCache();
  }

  #shrinkCache(): void {
    try {
      this.#cache.trim();
    } catch (error) {
      // What was committed stands; the disk has latched, and the next writer hears of it.
      if (!(error instanceof IoError)) throw error;
    }
  }
}
