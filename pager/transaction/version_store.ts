/**
 * Old images of pages, kept for the snapshots that can still see them.
 *
 * An image shows its page from the version that wrote it (`from`) to the one that replaced it
 * (`until`): a snapshot of version S sees it when from <= S < until. Images are the undo images of
 * transactions; what no live snapshot sees is given back. Of a page that was given back, the bytes
 * stay where they are, in its frame or in the file, until somebody asks: then they are brought into
 * a slot.
 *
 * Images stand in slots of pool frames, so a place names them like any page.
 */

import { assert } from "../format/assert.ts";
import type { Cache } from "../cache/cache.ts";
import { SnapshotTooOldError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";

/** An image whose bytes are still where the page was. */
const IN_PLACE = -1;

/** One image of a page. */
interface Image {
  readonly from: number;
  readonly until: number;
  place: number;
  /** The header of a page that was given back. */
  readonly header: Uint32Array | undefined;
}

/** A live snapshot, as the store sees it. */
export interface SnapshotState {
  /** The version it shows. */
  readonly version: number;
  /** When it was taken, in milliseconds of `performance.now`. */
  readonly since: number;
  /** Whether it was ended to bound memory. */
  isTooOld: boolean;
}

/** Reads pages that were given back and whose bytes are still in their frame or in the file. */
export interface VacatedPages {
  /** Copies a page with the header that it had to a slot, and returns its place. */
  bringBack(page: number, header: Uint32Array): number;
}

/** Old images of pages, kept for snapshots. */
export class VersionStore {
  readonly #cache: Cache;
  readonly #vacated: VacatedPages;
  readonly #bytesMax: number;
  /** Live snapshots, the oldest first. */
  readonly #snapshots: SnapshotState[] = [];
  /** Those of them that were closed and have not ended. */
  readonly #closed: SnapshotState[] = [];
  /** Images of each page, the oldest first. */
  readonly #images = new Map<number, Image[]>();
  #count = 0;
  /** The newest version that has left an image behind. */
  #lastUntil = 0;

  /**
   * An empty store.
   *
   * @param cache Where images stand.
   * @param vacated Reads pages that were given back.
   * @param bytesMax When images take more, the oldest snapshot ends.
   */
  constructor(cache: Cache, vacated: VacatedPages, bytesMax: number) {
    this.#cache = cache;
    this.#vacated = vacated;
    this.#bytesMax = bytesMax;
  }

  /** Bytes of images, those still in place too. */
  get bytes(): number {
    return this.#count * PAGE_BYTES;
  }

  /** Live snapshots. */
  get snapshotCount(): number {
    return this.#snapshots.length;
  }

  /** The oldest live snapshot, or undefined. */
  get oldest(): SnapshotState | undefined {
    return this.#snapshots[0];
  }

  /** Begins a snapshot of a version, the newest there is. */
  begin(version: number): SnapshotState {
    const snapshot = { version, since: performance.now(), isTooOld: false };
    this.#snapshots.push(snapshot);
    return snapshot;
  }

  /** Notes that a snapshot is of no more use; it ends with the next `endClosed`. */
  close(snapshot: SnapshotState): void {
    this.#closed.push(snapshot);
  }

  /**
   * Ends the snapshots that were closed; images that nobody else sees are given back. Between
   * transactions only: the open one would take back what it kept for them.
   *
   * @returns Whether there were any.
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
    // Most iterators end before anything has changed, and no image was kept for them.
    if (snapshot.version >= this.#lastUntil) return;
    if (this.#count === 0 || this.#sameVersionLives(snapshot.version)) return;
    for (const [page, images] of this.#images) this.#keepSeen(page, images);
  }

  #sameVersionLives(version: number): boolean {
    return this.#snapshots.some((other) => other.version === version);
  }

  #keepSeen(page: number, images: Image[]): void {
    const seen = images.filter((image) => this.isSeen(image.from, image.until));
    if (seen.length === images.length) return;
    for (const image of images) if (!seen.includes(image)) this.#discard(image);
    if (seen.length === 0) this.#images.delete(page);
    else this.#images.set(page, seen);
  }

  /** Whether a live snapshot sees a page as one version wrote it, until another replaced it. */
  isSeen(from: number, until: number): boolean {
    const snapshots = this.#snapshots;
    // Iterators that nobody ends may be many, and this is asked for each page of each commit.
    let low = 0;
    let high = snapshots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (snapshots[middle]!.version < from) low = middle + 1;
      else high = middle;
    }
    return low < snapshots.length && snapshots[low]!.version < until;
  }

  /** Whether a live snapshot sees a page as the version left it that wrote it last. */
  seesLatest(version: number): boolean {
    const { length } = this.#snapshots;
    return length > 0 && this.#snapshots[length - 1]!.version >= version;
  }

  #discard(image: Image): void {
    this.#count--;
    if (image.place !== IN_PLACE) this.#cache.drop(image.place);
  }

  /** Takes the image of a page that a version replaces, if a snapshot sees it; whether it did. */
  keep(page: number, from: number, until: number, place: number): boolean {
    if (!this.isSeen(from, until)) return false;
    this.#add(page, { from, until, place, header: undefined });
    return true;
  }

  /** Notes a page that a version gives back, if a snapshot sees it; whether it did. */
  keepInPlace(page: number, from: number, until: number, header: Uint32Array): boolean {
    if (!this.isSeen(from, until)) return false;
    this.#add(page, { from, until, place: IN_PLACE, header });
    return true;
  }

  #add(page: number, image: Image): void {
    const images = this.#images.get(page);
    if (images === undefined) this.#images.set(page, [image]);
    else images.push(image);
    this.#count++;
    this.#lastUntil = image.until;
  }

  /**
   * Forgets what was kept of a page for a version that is rolled back.
   *
   * @returns The place of the image, which is the caller's again, or -1.
   */
  forget(page: number, until: number): number {
    const images = this.#images.get(page);
    if (images?.at(-1)?.until !== until) return -1;
    const { place } = images.pop()!;
    this.#count--;
    if (images.length === 0) this.#images.delete(page);
    return place;
  }

  /** Whether an image of a page was kept for a version that replaces it. */
  holds(page: number, until: number): boolean {
    return this.#count > 0 && this.#images.get(page)?.at(-1)?.until === until;
  }

  /** The place where a snapshot's version of a page is, or -1 when it is the current one. */
  find(page: number, snapshot: SnapshotState): number {
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

  #placeOf(page: number, image: Image): number {
    if (image.place !== IN_PLACE) return image.place;
    assert(image.header !== undefined, "an image in place has its header");
    return image.place = this.#vacated.bringBack(page, image.header);
  }

  /** Ends the oldest snapshots while images take more than they may. */
  bound(): void {
    for (;;) {
      const oldest = this.#snapshots[0];
      if (oldest === undefined || this.bytes <= this.#bytesMax) return;
      oldest.isTooOld = true;
      this.#end(oldest);
    }
  }
}
