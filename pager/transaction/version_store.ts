/**
 * The version store: images of pages, kept for the snapshots that can see them.
 *
 * An image shows its page from the version that wrote it (`from`) to the version that replaced it
 * (`until`): a snapshot of version S sees it when from <= S < until. Images are the undo images of
 * transactions; an image is dropped when no live snapshot sees it (`SnapshotList`). The bytes of a
 * page that was given back stay in its frame or in the file until the first read by a snapshot
 * copies them to a slot.
 *
 * Invariants:
 * 1. The images of a page are in the order of their versions, and no two overlap.
 * 2. An image of the open transaction is in `#open`; the commit gives it to a snapshot.
 * 3. After a drop, at most half of the images in the list of the page are dropped ones.
 *
 * Images occupy slots of pool frames, so each has a place, as a page does.
 */

import type { Cache } from "../cache/cache.ts";
import { copyHeader, copyPage } from "../cache/page_copy.ts";
import { assert } from "../format/assert.ts";
import { ClosedError, SnapshotTooOldError } from "../format/errors.ts";
import { CHUNK_SHIFT, HEADER_WORD_SHIFT, PAGE_BYTES, SLOT_MASK } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import type { PageNumber, Place, Slot, Version } from "../format/units.ts";
import { Kept, SnapshotList, type SnapshotState } from "./snapshot_list.ts";

/** The place of an image whose bytes are still in the frame of the page or in the file. */
const IN_PLACE = -1;
/** The place of an image that was dropped. */
const DROPPED = -2;

/** Reads pages that were given back and whose bytes are still in their frame or in the file. */
export interface ReleasedPages {
  /** Copies a page, with its old header, to a slot. Returns the place of the copy. */
  bringBack(page: PageNumber, header: Uint32Array): number;
  /** Copies a page, with its old header, to a slot of a frame outside of the cache. */
  copyBack(page: PageNumber, header: Uint32Array, into: Frame, slot: Slot): void;
}

/** The images of a page. */
interface PageImages {
  /** The oldest first. */
  list: Image[];
  /** The number of images in the list that are dropped. */
  dropped: number;
}

/** One image of a page. */
class Image extends Kept {
  readonly page: PageNumber;
  readonly from: Version;
  readonly until: Version;
  place: Place;
  /** The old header of a page that was given back. */
  readonly header: Uint32Array | undefined;
  readonly #drop: (image: Image) => void;

  constructor(
    page: PageNumber,
    from: Version,
    until: Version,
    place: Place,
    header: Uint32Array | undefined,
    drop: (image: Image) => void,
  ) {
    super();
    this.page = page;
    this.from = from;
    this.until = until;
    this.place = place;
    this.header = header;
    this.#drop = drop;
  }

  override unseen(): void {
    this.#drop(this);
  }
}

/** Images of pages, kept for snapshots. */
export class VersionStore {
  /** The live snapshots. */
  readonly snapshots: SnapshotList = new SnapshotList();

  readonly #cache: Cache;
  readonly #released: ReleasedPages;
  readonly #bytesMax: number;
  readonly #images = new Map<number, PageImages>();
  /** The images that the open transaction kept, in the order of its changes. */
  readonly #open: Image[] = [];
  #count = 0;
  #isClosed = false;

  /**
   * Creates an empty store.
   *
   * @param cache The cache that holds images.
   * @param released Reads pages that were given back.
   * @param bytesMax The most bytes of images; above it, the oldest snapshot ends.
   */
  constructor(cache: Cache, released: ReleasedPages, bytesMax: number) {
    this.#cache = cache;
    this.#released = released;
    this.#bytesMax = bytesMax;
  }

  /** The bytes of all images, including images that are not in a slot yet. */
  get bytes(): number {
    return this.#count * PAGE_BYTES;
  }

  /** Keeps the image of a page that a version replaces, if a snapshot sees it. Returns whether. */
  keep(page: PageNumber, from: Version, until: Version, place: Place): boolean {
    if (!this.snapshots.seesLatest(from)) return false;
    this.#add(new Image(page, from, until, place, undefined, this.#drop));
    return true;
  }

  /** Keeps a page that a version releases, if a snapshot sees it. Returns whether it does. */
  keepInPlace(page: PageNumber, from: Version, until: Version, header: Uint32Array): boolean {
    if (!this.snapshots.seesLatest(from)) return false;
    this.#add(new Image(page, from, until, IN_PLACE, header, this.#drop));
    return true;
  }

  #add(image: Image): void {
    const images = this.#images.get(image.page);
    if (images === undefined) this.#images.set(image.page, { list: [image], dropped: 0 });
    else images.list.push(image);
    this.#open.push(image);
    this.#count++;
  }

  /**
   * Keeps a page as an older version had it, which was found after it was replaced. No transaction
   * is open. To bound memory, it may end snapshots, also the one that reads the page.
   *
   * @param until The version that replaced it.
   */
  keepFound(page: PageNumber, from: Version, until: Version, place: Place): void {
    const image = new Image(page, from, until, place, undefined, this.#drop);
    const images = this.#images.get(page);
    if (images === undefined) {
      this.#images.set(page, { list: [image], dropped: 0 });
    } else {
      const next = images.list.findIndex((other) => other.until > until);
      images.list.splice(next < 0 ? images.list.length : next, 0, image);
    }
    this.#count++;
    if (!this.snapshots.keepFound(image, until)) this.#drop(image);
    this.bound();
  }

  /** Gives the images of the transaction, which has committed, to the snapshots that see them. */
  commit(): void {
    if (this.#open.length === 0) return;
    for (const image of this.#open) if (!this.snapshots.keep(image)) this.#drop(image);
    this.#open.length = 0;
  }

  /**
   * Forgets the image of a page that was kept for a version that rolls back.
   *
   * @returns The place of the image, which the caller owns again, or -1.
   */
  forget(page: PageNumber, until: Version): number {
    const images = this.#images.get(page);
    const image = images?.list.at(-1);
    if (images === undefined || image?.until !== until) return -1;
    images.list.pop();
    if (images.list.length === images.dropped) this.#images.delete(page);
    // A rollback undoes the last change first, so this is the last image of the list.
    this.#open.splice(this.#open.lastIndexOf(image), 1);
    this.#count--;
    return image.place;
  }

  /** Whether an image of a page was kept for a version that replaces it. */
  holds(page: PageNumber, until: Version): boolean {
    return this.#count > 0 && this.#images.get(page)?.list.at(-1)?.until === until;
  }

  /**
   * The place of a page as a snapshot sees it, or -1 when it sees the current page.
   *
   * @throws {SnapshotTooOldError} The snapshot was ended to bound memory.
   * @throws {ClosedError} The pager was closed.
   */
  find(page: PageNumber, snapshot: SnapshotState): number {
    const image = this.#imageFor(page, snapshot);
    return image === undefined ? -1 : this.#placeOf(page, image);
  }

  /**
   * Copies a page as a snapshot sees it, with its header, to a slot of a frame outside of the
   * cache. Returns false, and copies nothing, when the snapshot sees the current page.
   *
   * @throws {SnapshotTooOldError} The snapshot was ended to bound memory.
   */
  copyTo(page: PageNumber, snapshot: SnapshotState, into: Frame, slot: Slot): boolean {
    const image = this.#imageFor(page, snapshot);
    if (image === undefined) return false;
    if (image.place === IN_PLACE) {
      assert(image.header !== undefined, "an image in place has its header");
      this.#released.copyBack(page, image.header, into, slot);
    } else {
      copyPage(
        this.#cache.frames[image.place >>> CHUNK_SHIFT]!,
        image.place & SLOT_MASK,
        into,
        slot,
      );
    }
    return true;
  }

  /** Like `copyTo`, for the header alone. */
  copyHeaderTo(page: PageNumber, snapshot: SnapshotState, into: Frame, slot: Slot): boolean {
    const image = this.#imageFor(page, snapshot);
    if (image === undefined) return false;
    if (image.place === IN_PLACE) {
      assert(image.header !== undefined, "an image in place has its header");
      into.u32.set(image.header, slot << HEADER_WORD_SHIFT);
    } else {
      copyHeader(
        this.#cache.frames[image.place >>> CHUNK_SHIFT]!,
        image.place & SLOT_MASK,
        into,
        slot,
      );
    }
    return true;
  }

  /** The pages, in order, whose images no snapshot newer than this one sees. */
  pagesOf(snapshot: SnapshotState): PageNumber[] {
    const pages: PageNumber[] = [];
    this.snapshots.each(snapshot, (kept) => {
      if (kept instanceof Image) pages.push(kept.page);
    });
    return pages.sort((a, b) => a - b);
  }

  /** The image of a page that a snapshot sees; undefined when it sees the current page. */
  #imageFor(page: PageNumber, snapshot: SnapshotState): Image | undefined {
    if (this.#isClosed) throw new ClosedError("Cannot use the database: it is closed");
    if (snapshot.isTooOld) throw new SnapshotTooOldError("Cannot read the snapshot: it is too old");
    if (this.#count === 0) return undefined;
    const images = this.#images.get(page);
    if (images === undefined) return undefined;
    const image = firstAfter(images.list, snapshot.version);
    return image === undefined || image.from > snapshot.version ? undefined : image;
  }

  #placeOf(page: PageNumber, image: Image): number {
    if (image.place !== IN_PLACE) return image.place;
    assert(image.header !== undefined, "an image in place has its header");
    return image.place = this.#released.bringBack(page, image.header);
  }

  /** Ends the reads of all snapshots: the memory and the file of the pages are about to go. */
  close(): void {
    this.#isClosed = true;
  }

  /** Ends the oldest snapshots while images exceed their bound, except those that drain. */
  bound(): void {
    while (this.bytes > this.#bytesMax && this.snapshots.endOldest());
  }

  /** Drops an image that no snapshot sees. Its page's list loses dropped images several at once. */
  readonly #drop = (image: Image): void => {
    if (image.place !== IN_PLACE) this.#cache.drop(image.place);
    image.place = DROPPED;
    this.#count--;
    const images = this.#images.get(image.page);
    assert(images !== undefined, "an image is listed until it is dropped");
    images.dropped++;
    if (images.dropped === images.list.length) {
      this.#images.delete(image.page);
    } else if (images.dropped * 2 > images.list.length) {
      images.list = images.list.filter(({ place }) => place !== DROPPED);
      images.dropped = 0;
    }
  };
}

/** The first image that was replaced after a version. */
function firstAfter(images: readonly Image[], version: Version): Image | undefined {
  let low = 0;
  let high = images.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (images[middle]!.until <= version) low = middle + 1;
    else high = middle;
  }
  return images[low];
}
