/**
 * The pages of older versions of a file that other processes write too. A page that cannot be used
 * is judged at the newest version, under the write lock: if it is damaged there, it is damaged; if
 * not, another process has replaced it.
 */

import type { Loader } from "../cache/loader.ts";
import { MovedError } from "../follow/moved_error.ts";
import { FollowedPages, type FollowedPagesParts } from "../follow/older_pages.ts";
import { CorruptionError, SnapshotTooOldError } from "../format/errors.ts";
import type { Frame } from "../format/frame.ts";
import type { ChunkNumber, PageNumber, Place } from "../format/units.ts";
import type { SnapshotState } from "../transaction/snapshot_list.ts";
import type { VersionPages } from "./version_pages.ts";

/** The pages of older versions of a file that other processes write too. */
export class SharedVersions extends FollowedPages {
  readonly #loader: Loader;
  readonly #pages: VersionPages;

  /**
   * Creates the reader of older pages.
   *
   * @param parts What a follower needs, and the pages of versions under the lock.
   */
  constructor(parts: FollowedPagesParts & { versionPages: VersionPages }) {
    super(parts);
    this.#loader = parts.loader;
    this.#pages = parts.versionPages;
  }

  /** The place of a page as a snapshot sees it, which has no image. */
  override at(page: PageNumber, snapshot: SnapshotState): Place {
    try {
      return super.at(page, snapshot);
    } catch (error) {
      const isUnclear = error instanceof SnapshotTooOldError &&
        error.cause instanceof CorruptionError;
      if (isUnclear) this.#pages.underLock(() => this.#judge(page));
      throw error;
    }
  }

  /** Under the lock the newest page may be free; `at` judges one that is damaged. */
  protected override isReplaced(error: unknown): boolean {
    return error instanceof MovedError || error instanceof CorruptionError;
  }

  /** Throws if the newest version of a page is damaged. One that is free is not. */
  #judge(page: PageNumber): void {
    if (this.isUsed(page) && this.inMemory(page) < 0) this.#loader.load(page);
  }

  /** Copies the header page of a chunk as a snapshot sees it. */
  copyHeaderPage(chunk: ChunkNumber, snapshot: SnapshotState, into: Frame): void {
    const { version } = snapshot;
    this.#pages.underLock(() => this.#pages.copyHeaderPage(chunk, version, into));
  }
}
