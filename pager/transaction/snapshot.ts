/**
 * A snapshot reads pages as they were at one version.
 *
 * A read looks in the version store first and in the pager second, so an unchanged page costs one
 * more look-up. The owner must close the snapshot: until then the store keeps every page that it
 * sees.
 */

import type { PageReader } from "../cache/page_reader.ts";
import { assert } from "../format/assert.ts";
import { ClosedError } from "../format/errors.ts";
import { CHUNK_SHIFT, SLOT_MASK } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { versionOf } from "../format/header.ts";
import { Meta } from "../format/meta.ts";
import type { SnapshotState } from "./snapshot_list.ts";
import type { VersionStore } from "./version_store.ts";
import type { PageNumber, Place } from "../format/units.ts";

/** Pages as they were at one version. */
export class PageSnapshot implements PageReader {
  /** All frames, by index. */
  readonly frames: readonly Frame[];
  /** The meta of its version. */
  readonly meta: Meta = new Meta();
  /** The slot of the header that the last `peek` returned. */
  peekedSlot = 0;

  readonly #pager: PageReader;
  readonly #store: VersionStore;
  readonly #state: SnapshotState;
  readonly #onClose: () => void;
  #closed = false;

  /**
   * Takes a snapshot of the last committed version, outside of any transaction.
   *
   * @param pager The current pages.
   * @param store The images of older pages.
   * @param onClose Called on close; ends the snapshot as soon as no transaction is open.
   */
  constructor(pager: PageReader, store: VersionStore, onClose: () => void) {
    this.#pager = pager;
    this.#store = store;
    this.frames = pager.frames;
    this.meta.assign(pager.meta);
    this.#state = store.snapshots.begin(pager.meta.version);
    this.#onClose = onClose;
  }

  /** The time it was taken, in milliseconds of `performance.now`. */
  get since(): number {
    return this.#state.since;
  }

  /**
   * The place of a page as it was.
   *
   * @throws {SnapshotTooOldError} The snapshot was ended to bound memory.
   * @throws {ClosedError} The snapshot was closed.
   */
  at(page: PageNumber): Place {
    if (this.#closed) throw new ClosedError("Cannot read the snapshot: it is closed");
    const old = this.#store.find(page, this.#state);
    if (old >= 0) return old;
    const place = this.#pager.at(page);
    const frame = this.frames[place >>> CHUNK_SHIFT]!;
    const isVisible = versionOf(frame, place & SLOT_MASK) <= this.#state.version;
    assert(isVisible, "a page newer than a snapshot has an image for it");
    return place;
  }

  /** The header of a page as it was. */
  peek(page: PageNumber): Frame {
    if (this.#closed) throw new ClosedError("Cannot read the snapshot: it is closed");
    const old = this.#store.find(page, this.#state);
    if (old >= 0) {
      this.peekedSlot = old & SLOT_MASK;
      return this.frames[old >>> CHUNK_SHIFT]!;
    }
    const frame = this.#pager.peek(page);
    this.peekedSlot = this.#pager.peekedSlot;
    return frame;
  }

  /** Closes the snapshot. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#store.snapshots.close(this.#state);
    this.#onClose();
  }
}
