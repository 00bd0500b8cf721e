/**
 * The pages of older versions of a followed file. A snapshot pins nothing in it: a page that
 * another process has replaced there is gone, unless memory has it, or the journal with the page in
 * the file.
 */

import type { Cache } from "../cache/cache.ts";
import type { Loader } from "../cache/loader.ts";
import { CorruptionError, SnapshotTooOldError } from "../format/errors.ts";
import { CHUNK_SHIFT, SLOT_MASK } from "../format/format.ts";
import { isInUse, versionOf } from "../format/header.ts";
import type { MetaFields } from "../format/meta.ts";
import { checkPage } from "../format/page_check.ts";
import type { PageNumber, Place, Version } from "../format/units.ts";
import type { OlderPages } from "../transaction/snapshot.ts";
import type { SnapshotState } from "../transaction/snapshot_list.ts";
import type { VersionStore } from "../transaction/version_store.ts";
import type { IndexedFile } from "./indexed_file.ts";
import { MovedError } from "./moved_error.ts";
import type { RecordIndex } from "./record_index.ts";

/** The current pages, the images of older ones, and the file with its records. */
export interface FollowedPagesParts {
  readonly cache: Cache;
  readonly loader: Loader;
  readonly meta: MetaFields;
  readonly versions: VersionStore;
  readonly index: RecordIndex;
  readonly file: IndexedFile;
}

/** The pages of older versions of a followed file. */
export class FollowedPages implements OlderPages {
  readonly #cache: Cache;
  readonly #loader: Loader;
  readonly #meta: MetaFields;
  readonly #versions: VersionStore;
  readonly #index: RecordIndex;
  readonly #file: IndexedFile;

  /**
   * Creates the reader of older pages.
   *
   * @param parts The current pages, the images of older ones, and the file with its records.
   */
  constructor(parts: FollowedPagesParts) {
    this.#cache = parts.cache;
    this.#loader = parts.loader;
    this.#meta = parts.meta;
    this.#versions = parts.versions;
    this.#index = parts.index;
    this.#file = parts.file;
  }

  /** The place of a page as a snapshot sees it, which has no image. */
  at(page: PageNumber, snapshot: SnapshotState): Place {
    const { version } = snapshot;
    const until = this.#index.replacedAt(page, version);
    // Without a later record the current page is that of the snapshot, or the file has another.
    const known = until === Infinity ? this.#current(page, version) : this.inMemory(page);
    if (known >= 0) {
      const frame = this.#cache.frames[known >>> CHUNK_SHIFT]!;
      if (versionOf(frame, known & SLOT_MASK) <= version) return known;
    }
    return this.#build(page, snapshot, Math.min(until, this.#meta.version + 1));
  }

  /** The place of the newest page, or -1 if it is not that of a version. */
  #current(page: PageNumber, version: Version): Place {
    const known = this.inMemory(page);
    if (known >= 0) return known;
    try {
      return this.#loader.load(page);
    } catch (error) {
      if (this.isReplaced(error, page, version)) return -1;
      throw error;
    }
  }

  /** The place of a page of data in memory, or -1. A header page may be there, but is not one. */
  protected inMemory(page: PageNumber): Place {
    return (page & SLOT_MASK) === 0 ? -1 : this.#cache.lookup(page);
  }

  /**
   * Whether the newest page is not that of a version, by the error of its load. In a closed file,
   * too, it may be free or cut off, if it was of an older version.
   */
  protected isReplaced(error: unknown, page: PageNumber, version: Version): boolean {
    if (error instanceof MovedError) return true;
    return error instanceof CorruptionError && version < this.#meta.version && !this.isUsed(page);
  }

  /** Whether the newest version has a page, by its header page. */
  protected isUsed(page: PageNumber): boolean {
    if (page >= this.#meta.pageCount) return false;
    const place = this.#loader.headerPage(page >>> CHUNK_SHIFT);
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    return isInUse(frame, place & SLOT_MASK, page & SLOT_MASK);
  }

  /** Builds a page from the file and the records up to the version of a snapshot. */
  #build(page: PageNumber, snapshot: SnapshotState, until: number): Place {
    const image = this.#cache.addImage();
    const frame = this.#cache.frames[image >>> CHUNK_SHIFT]!;
    const slot = image & SLOT_MASK;
    const { seed, verifiers } = this.#loader;
    try {
      this.#file.copyAt(page, snapshot.version, frame, slot);
      checkPage(frame, slot, page, seed, snapshot.version, verifiers);
    } catch (error) {
      this.#cache.drop(image);
      throw error instanceof CorruptionError ? tooOld(error) : error;
    }
    this.#versions.keepFound(page, versionOf(frame, slot), until, image);
    if (snapshot.isTooOld) throw tooOld();
    return image;
  }
}

function tooOld(cause?: CorruptionError): SnapshotTooOldError {
  const message = "Cannot read the snapshot: another process has replaced pages of its version";
  return new SnapshotTooOldError(message, { cause });
}
