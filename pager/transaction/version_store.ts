/**
 * The version store: images of pages, kept for the snapshots that can see them.
 *
 * An image shows its page from the version that wrote it (`from`) to the version that replaced it
 * (`until`): a snapshot of version S sees it when from <= S < until. Images are the undo images of
 * transactions; an image is dropped when no live snapshot sees it. The bytes of a page that was
 * given back stay in its frame or in the file until the first read by a snapshot copies them to a
 * slot.
 *
 * Images occupy slots of pool frames, so each has a place, as a page does.
 */

import { assert } from "../format/assert.ts";
import type { Cache } from "../cache/cache.ts";
import { SnapshotTooOldError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";
import type { PageNumber, Place, Version } from "../format/units.ts";

/** The place of an image whose bytes are still in the frame of the page or in the file. */
const IN_PLACE = -1;

/** One image of a page. */
interface Image {
  readonly from: number;
  readonly until: number;
  place: Place;
  /** The old header of a page that was given back. */
  readonly header: Uint32Array | undefined;
}

/** A live snapshot. */
export interface SnapshotState {
  /** The version that it sees. */
  readonly version: Version;
  /** The time it was taken, in milliseconds of `performance.now`. */
  readonly since: number;
  /** Whether it was ended to bound memory. */
  isTooOld: boolean;
}

/** Reads pages that were given back and whose bytes are still in their frame or in the file. */
export interface VacatedPages {
  /** Copies a page, with its old header, to a slot. Returns the place of the copy. */
  bringBack(page: PageNumber, header: Uint32Array): number;
}

/** Images of pages, kept for snapshots. */
export class VersionStore {
  readonly #cache: Cache;
  readonly #vacated: VacatedPages;
  readonly #bytesMax: number;
  /** Live snapshots, the oldest first. */
  readonly #snapshots: SnapshotState[] = [];
  /** Live snapshots that were closed, and will end between transactions. */
  readonly #closed: SnapshotState[] = [];
  /** Images of each page, the oldest first. */
  readonly #images = new Map<number, Image[]>();
  #count = 0;
  /** The newest version that replaced an image. */
  #lastUntil = 0;

  /**
   * Creates an empty store.
   *
   * @param cache The cache that holds images.
   * @param vacated Reads pages that were given back.
   * @param bytesMax The most bytes of images; above it, the oldest snapshot ends.
   */
  constructor(cache: Cache, vacated: VacatedPages, bytesMax: number) {
    this.#cache = cache;
    this.#vacated = vacated;
    this.#bytesMax = bytesMax;
  }

  /** The bytes of all images, including images that are not in a slot yet. */
  get bytes(): number {
    return this.#count * PAGE_BYTES;
  }

  /** The number of live snapshots. */
  get snapshotCount(): number {
    return this.#snapshots.length;
  }

  /** The oldest live snapshot, or undefined. */
  get oldest(): SnapshotState | undefined {
    return this.#snapshots[0];
  }

  /** Begins a snapshot of the newest version. */
  begin(version: Version): SnapshotState {
    const snapshot = { version, since: performance.now(), isTooOld: false };
    this.#snapshots.push(snapshot);
    return snapshot;
  }

  /** Marks a snapshot as closed; it ends with the next `endClosed`. */
  close(snapshot: SnapshotState): void {
    this.#closed.push(snapshot);
  }

  /**
   * Ends the closed snapshots, and drops the images that no other snapshot sees. Must be called
   * between transactions: a rollback uses the images that the open transaction kept for them.
   *
   * @returns Whether a snapshot ended.
   */
  endClosed(): boolean {
    if (this.#closed.length === 0) return false;
    for (const snapshot of this.#closed) this.#end(snapshot);
    this.#closed.length = 0;
    return true;
  }

  #end(snapshot: SnapshotState): void {
    const index = this.#snapshots.indexOf(snapshot);
    if (index < 0) return;
    this.#snapshots.splice(index, 1);
    // Most iterators end before a commit, and no image was kept for them.
    if (snapshot.version >= this.#lastUntil) return;
    if (this.#count === 0 || this.#sameVersionLives(snapshot.version)) return;
    for (const [page, images] of this.#images) this.#keepSeen(page, images);
  }

  #sameVersionLives(version: Version): boolean {
    return this.#snapshots.some((other) => other.version === version);
  }

  #keepSeen(page: PageNumber, images: Image[]): void {
    const seen = images.filter((image) => this.isSeen(image.from, image.until));
    if (seen.length === images.length) return;
    for (const image of images) if (!seen.includes(image)) this.#discard(image);
    if (seen.length === 0) this.#images.delete(page);
    else this.#images.set(page, seen);
  }

  /** Whether a live snapshot sees a page as it was from one version until another replaced it. */
  isSeen(from: number, until: number): boolean {
    const snapshots = this.#snapshots;
    // A program may leave many iterators open, and each commit calls this for each of its pages.
    let low = 0;
    let high = snapshots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (snapshots[middle]!.version < from) low = middle + 1;
      else high = middle;
    }
    return low < snapshots.length && snapshots[low]!.version < until;
  }

  /** Whether a live snapshot sees the current bytes of a page that `version` wrote. */
  seesLatest(version: Version): boolean {
    const { length } = this.#snapshots;
    return length > 0 && this.#snapshots[length - 1]!.version >= version;
  }

  #discard(image: Image): void {
    this.#count--;
    if (image.place !== IN_PLACE) this.#cache.drop(image.place);
  }

  /** Keeps the image of a page that a version replaces, if a snapshot sees it. Returns whether. */
  keep(page: PageNumber, from: number, until: number, place: Place): boolean {
    if (!this.isSeen(from, until)) return false;
    this.#add(page, { from, until, place, header: undefined });
    return true;
  }

  /** Keeps a page that a version gives back, if a snapshot sees it. Returns whether. */
  keepInPlace(page: PageNumber, from: number, until: number, header: Uint32Array): boolean {
    if (!this.isSeen(from, until)) return false;
    this.#add(page, { from, until, place: IN_PLACE, header });
    return true;
  }

  #add(page: PageNumber, image: Image): void {
    const images = this.#images.get(page);
    if (images === undefined) this.#images.set(page, [image]);
    else images.push(image);
    this.#count++;
    this.#lastUntil = image.until;
  }

  /**
   * Forgets the image of a page that was kept for a version that rolls back.
   *
   * @returns The place of the image, which the caller owns again, or -1.
   */
  forget(page: PageNumber, until: number): number {
    const images = this.#images.get(page);
    if (images?.at(-1)?.until !== until) return -1;
    const { place } = images.pop()!;
    this.#count--;
    if (images.length === 0) this.#images.delete(page);
    return place;
  }

  /** Whether an image of a page was kept for a version that replaces it. */
  holds(page: PageNumber, until: number): boolean {
    return this.#count > 0 && this.#images.get(page)?.at(-1)?.until === until;
  }

  /**
   * The place of a page as a snapshot sees it, or -1 when it sees the current page.
   *
   * @throws {SnapshotTooOldError} The snapshot was ended to bound memory.
   */
  find(page: PageNumber, snapshot: SnapshotState): number {
    if (snapshot.isTooOld) throw new SnapshotTooOldError("Cannot read the snapshot: it is too old");
    if (this.#count === 0) return -1;
    const images = this.#images.get(page);
    if (images === undefined) return -1;
    for (const image of images) {
      if (image.from <= snapshot.version && snapshot.version < image.until) {
        return this.#placeOf(page, image);
      }
    }
    return -1;
  }

  #placeOf(page: PageNumber, image: Image): number {
    if (image.place !== IN_PLACE) return image.place;
    assert(image.header !== undefined, "an image in place has its header");
    return image.place = this.#vacated.bringBack(page, image.header);
  }

  /** Ends the oldest snapshots while images exceed their bound. */
  bound(): void {
    for (;;) {
      const oldest = this.#snapshots[0];
      if (oldest === undefined || this.bytes <= this.#bytesMax) return;
      oldest.isTooOld = true;
      this.#end(oldest);
    }
  }
}
