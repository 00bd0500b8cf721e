/**
 * Takes over into memory what another process committed: pages in memory become those of the new
 * version, and their images are kept for the snapshots that see them.
 *
 * Invariants:
 * 1. A page in memory is at the version of the meta, and verified: pages are loaded one by one, not
 *    by chunks. A record comes from a batch whose sums match, so a page that it changes needs no
 *    check.
 * 2. A header page in memory is at the version of the meta, too: each record has a header.
 * 3. There is no transaction, and no caller holds a place.
 */

import { CHANGED, FREED, type LogReader, WHOLE } from "../batch/log_record.ts";
import type { Cache } from "../cache/cache.ts";
import type { Loader } from "../cache/loader.ts";
import { copyPage } from "../cache/page_copy.ts";
import {
  CHUNK_SHIFT,
  chunksOf,
  HEADER_WORD_SHIFT,
  KIND_FREE,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import { Frame, IMAGE, NO_PAGE, POOL } from "../format/frame.ts";
import {
  clearInUse,
  formatHeader,
  kindOf,
  setInUse,
  statedPageSum,
  versionOf,
} from "../format/header.ts";
import type { Meta, MetaFields } from "../format/meta.ts";
import type { ChunkNumber, PageNumber, Version } from "../format/units.ts";
import type { SnapshotOwner } from "../transaction/snapshot.ts";
import type { VersionStore } from "../transaction/version_store.ts";
import type { Group } from "./batch_reader.ts";
import type { ChangedPages } from "./changed_pages.ts";
import type { RecordIndex } from "./record_index.ts";

/** The pages in memory of a pager whose file another process writes. */
export interface FollowedMemory {
  readonly cache: Cache;
  readonly loader: Loader;
  /** The facts about the file. */
  readonly meta: Meta;
  readonly versions: VersionStore;
  readonly snapshots: SnapshotOwner;
}

/** Takes over into memory what another process committed. */
export class Takeover {
  readonly #cache: Cache;
  readonly #loader: Loader;
  readonly #meta: Meta;
  readonly #versions: VersionStore;
  readonly #index: RecordIndex;
  readonly #header = new Frame(-1, POOL, 1);
  /** Collects the pages that change, if somebody asks for them. */
  collector: ChangedPages | undefined;

  /**
   * Creates the takeover of a pager.
   *
   * @param parts The pages in memory, and the facts about the file, which it changes; and the
   * records that it follows.
   */
  constructor(parts: Omit<FollowedMemory, "snapshots"> & { index: RecordIndex }) {
    this.#cache = parts.cache;
    this.#loader = parts.loader;
    this.#meta = parts.meta;
    this.#versions = parts.versions;
    this.#index = parts.index;
  }

  /**
   * Takes over the group that follows the state in memory; `end` has to follow.
   *
   * @throws {CorruptionError} A record is malformed, and nothing has changed.
   */
  take(group: Group): void {
    this.#cache.reserve(chunksOf(group.meta.pageCount));
    this.#index.add(group, (reader) => this.#apply(group, reader));
    this.#meta.assign(group.meta);
  }

  /** Ends a takeover: the snapshots get the images that were kept. */
  end(): void {
    this.#versions.commit();
    this.#versions.bound();
  }

  /**
   * Counts pages up to the end of the journal: in batches and superblocks the count may end before
   * it, or inside it.
   */
  cover(journalEnd: PageNumber): void {
    this.#meta.pageCount = Math.max(this.#meta.pageCount, journalEnd);
    this.#cache.reserve(chunksOf(this.#meta.pageCount));
  }

  /** Takes over the facts about the file, in the state that is in memory. */
  restate(meta: MetaFields): void {
    this.#meta.assign(meta);
    this.#cache.reserve(chunksOf(meta.pageCount));
  }

  #apply(group: Group, reader: LogReader): void {
    this.collector?.pages.add(reader.page);
    if (this.#cache.find(reader.page) >= 0) this.#applyToPage(group, reader);
    this.#applyToHeaderPage(group, reader);
  }

  #applyToPage(group: Group, reader: LogReader): void {
    const { page, type } = reader;
    this.#keepImage(page, group.meta.version);
    const place = this.#cache.find(page);
    if (place < 0) return;
    if (type !== CHANGED && type !== WHOLE) return this.#cache.drop(place);
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    if (type === WHOLE) frame.u8.fill(0, slot << PAGE_SHIFT, (slot + 1) << PAGE_SHIFT);
    reader.applyHeader(group.bytes, frame, slot);
    reader.applyPieces(group.bytes, frame, slot);
  }

  /** Changes the header and the bit of a page in the header page of its chunk, if it is there. */
  #applyToHeaderPage({ bytes }: Group, reader: LogReader): void {
    const { page, type } = reader;
    const place = this.#loader.keepHeaderPage(page >>> CHUNK_SHIFT);
    if (place < 0) return;
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const at = place & SLOT_MASK;
    const slot = page & SLOT_MASK;
    // The headers of a header page follow one another like those of as many pages.
    const header = (at << CHUNK_SHIFT) | slot;
    if (type === FREED) {
      formatHeader(frame, header, KIND_FREE, 0, 0);
      clearInUse(frame, at, slot);
    } else {
      reader.applyHeader(bytes, frame, header);
      setInUse(frame, at, slot);
    }
  }

  /** Keeps the image of a page in memory that a version replaces, if a snapshot sees it. */
  #keepImage(page: PageNumber, until: Version): void {
    const known = this.#cache.find(page);
    const before = this.#cache.frames[known >>> CHUNK_SHIFT]!;
    // A page that was given back, or whose transaction rolled back, is in memory, and in no
    // version.
    if (kindOf(before, known & SLOT_MASK) === KIND_FREE) return;
    const from = versionOf(before, known & SLOT_MASK);
    if (!this.#versions.snapshots.seesLatest(from)) return;
    // The slot of the image may be that of the page that was used least recently.
    this.#cache.use(known);
    const image = this.#cache.addImage();
    const place = this.#cache.find(page);
    const { frames } = this.#cache;
    copyPage(
      frames[place >>> CHUNK_SHIFT]!,
      place & SLOT_MASK,
      frames[image >>> CHUNK_SHIFT]!,
      image & SLOT_MASK,
    );
    if (!this.#versions.keep(page, from, until, image)) this.#cache.drop(image);
  }

  /**
   * Begins anew with another state of the same file, at least as new: of the pages in memory, those
   * stay that have the same header there. The index has the records of the new state.
   */
  beginAnew(meta: MetaFields): void {
    if (this.collector !== undefined) this.collector.isLost = true;
    const pages = new Map<ChunkNumber, PageNumber[]>();
    for (const page of this.#pagesInMemory()) {
      const chunk = page >>> CHUNK_SHIFT;
      this.#loader.forgetHeaderPage(chunk);
      if ((page & SLOT_MASK) === 0) continue;
      const inChunk = pages.get(chunk);
      if (inChunk === undefined) pages.set(chunk, [page]);
      else inChunk.push(page);
    }
    this.#meta.assign(meta);
    this.#cache.reserve(chunksOf(meta.pageCount));
    for (const [chunk, inChunk] of pages) this.#compare(chunk, inChunk);
    this.end();
  }

  #pagesInMemory(): PageNumber[] {
    const found: PageNumber[] = [];
    for (const { pages } of this.#cache.frames) {
      for (const page of pages) if (page !== NO_PAGE && page !== IMAGE) found.push(page);
    }
    return found;
  }

  /** Drops the pages of a chunk whose current headers are others than those in memory. */
  #compare(chunk: ChunkNumber, pages: readonly PageNumber[]): void {
    const headers = this.#header;
    const isKnown = this.#loader.tryCopyHeaderPage(chunk, headers);
    for (const page of pages) {
      const place = this.#cache.find(page);
      if (place < 0) continue;
      const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
      const slot = page & SLOT_MASK;
      if (isKnown && isSame(frame, place & SLOT_MASK, headers, slot)) continue;
      this.#keepImage(page, this.#meta.version);
      const again = this.#cache.find(page);
      if (again >= 0) this.#cache.drop(again);
    }
  }
}

/** Whether two headers are of the same page at the same version. */
function isSame(frame: Frame, slot: number, headers: Frame, at: number): boolean {
  return kindOf(frame, slot) === kindOf(headers, at) &&
    versionOf(frame, slot) === versionOf(headers, at) &&
    statedPageSum(frame.u32, slot << HEADER_WORD_SHIFT) ===
      statedPageSum(headers.u32, at << HEADER_WORD_SHIFT);
}
