/**
 * A `File` that overlays another one: writes stay in memory, and the base is never written.
 *
 * It lets a read-only handle recover a database without changing a byte of it. It keeps each
 * written page whole. It does not keep the pages that recovery replayed: `PagePatches` rebuilds
 * them from the base at each read.
 */

import { assert } from "../format/assert.ts";
import { PAGE_BYTES } from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import type { PageNumber } from "../format/units.ts";
import type { File } from "./file.ts";

/** Changes to pages of a file. */
export interface PagePatches {
  /** The byte after the last changed page; 0 = no page is changed. */
  readonly end: number;
  /** Returns the first changed page from `page` on, or Infinity. */
  next(page: PageNumber): number;
  /** Changes a page. Slot 0 of `frame` holds it as it is in the file. */
  apply(page: PageNumber, frame: Frame): void;
}

/** A `File` that overlays another one, which is never written. */
export class OverlayFile implements File {
  readonly #base: File;
  /** Written pages; they take precedence over patches. */
  readonly #pages = new Map<PageNumber, Uint8Array>();
  readonly #scratch = new Frame(-1, POOL, 1);
  #size: number | undefined;
  /** The end of the part of the base that is visible: bytes truncated here do not reappear. */
  #baseEnd = Infinity;
  #patches: PagePatches | undefined;
  /** The end of the part of the patches that is visible. */
  #patchEnd = 0;

  /**
   * Creates an overlay of a file.
   *
   * @param base The file, which is only read; closed with this one.
   */
  constructor(base: File) {
    this.#base = base;
  }

  /** The path of the base. */
  get path(): string | undefined {
    return this.#base.path;
  }

  /** The size of the file in bytes. */
  size(): number {
    return this.#size ?? this.#base.size();
  }

  /** Counts the base alone. */
  get allocated(): File["allocated"] {
    return this.#base.allocated?.bind(this.#base);
  }

  /** Applies patches to the base from now on, below what is written. Call it at most once. */
  patch(patches: PagePatches): void {
    assert(this.#patches === undefined, "an overlay is patched once");
    this.#patches = patches;
    this.#patchEnd = patches.end;
    this.#size = Math.max(this.size(), patches.end);
  }

  /** The end of the bytes in the base, in patches or written; past it, all bytes are zero. */
  contentEnd(): number {
    let end = Math.max(Math.min(this.#base.size(), this.#baseEnd), this.#patchEnd);
    for (const page of this.#pages.keys()) end = Math.max(end, (page + 1) * PAGE_BYTES);
    return Math.min(end, this.size());
  }

  /** Starts reads of the base, if it can. */
  get startRead(): File["startRead"] {
    return this.#base.startRead?.bind(this.#base);
  }

  /** Shows bytes of the base, as long as nothing overlays it. */
  get showAt(): File["showAt"] {
    // The first write or patch gives it a size of its own.
    return this.#size === undefined ? this.#base.showAt?.bind(this.#base) : undefined;
  }

  /** Reads up to `length` bytes. */
  readAt(target: Uint8Array, start: number, length: number, position: number): number {
    if (this.#size === undefined) return this.#base.readAt(target, start, length, position);
    const count = Math.max(0, Math.min(length, this.size() - position));
    const done = this.#readBase(target, start, count, position);
    target.fill(0, start + done, start + count);
    this.#overlayPages(target, start, count, position);
    return count;
  }

  /** Replaces bytes that were read from the base where their pages are patched or written. */
  #overlayPages(target: Uint8Array, start: number, length: number, position: number): void {
    const end = position + length;
    let patched = this.#nextPatched(Math.floor(position / PAGE_BYTES));
    for (let at = position; at < end;) {
      const page = Math.floor(at / PAGE_BYTES);
      const from = at % PAGE_BYTES;
      const part = Math.min(end - at, PAGE_BYTES - from);
      const written = this.#pages.get(page);
      const bytes = written ?? (page === patched ? this.#patched(page) : undefined);
      if (bytes !== undefined) target.set(bytes.subarray(from, from + part), start + at - position);
      if (page === patched) patched = this.#nextPatched(page + 1);
      at += part;
    }
  }

  #nextPatched(page: PageNumber): number {
    const next = this.#patches?.next(page) ?? Infinity;
    return next * PAGE_BYTES < this.#patchEnd ? next : Infinity;
  }

  /** Returns the bytes of a patched page, valid until the next call. */
  #patched(page: PageNumber): Uint8Array {
    const { u8 } = this.#scratch;
    const position = page * PAGE_BYTES;
    u8.fill(0, this.#readBase(u8, 0, PAGE_BYTES, position));
    this.#patches?.apply(page, this.#scratch);
    return u8.fill(0, Math.min(PAGE_BYTES, this.#patchEnd - position));
  }

  #readBase(target: Uint8Array, start: number, length: number, position: number): number {
    let done = 0;
    const most = Math.min(length, this.#baseEnd - position);
    while (done < most) {
      const count = this.#base.readAt(target, start + done, most - done, position + done);
      if (count <= 0) break;
      done += count;
    }
    return done;
  }

  /** Keeps bytes in memory. */
  writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    for (let done = 0; done < length;) {
      const at = position + done;
      const from = at % PAGE_BYTES;
      const part = Math.min(length - done, PAGE_BYTES - from);
      const bytes = source.subarray(start + done, start + done + part);
      this.#written(Math.floor(at / PAGE_BYTES)).set(bytes, from);
      done += part;
    }
    this.#size = Math.max(this.size(), position + length);
    return length;
  }

  /** Keeps bytes in memory: there is no medium. */
  writeThroughAt(source: Uint8Array, start: number, length: number, position: number): number {
    return this.writeAt(source, start, length, position);
  }

  /** Returns the bytes of a page that is about to be written. */
  #written(page: PageNumber): Uint8Array {
    let bytes = this.#pages.get(page);
    if (bytes === undefined) {
      bytes = new Uint8Array(PAGE_BYTES);
      if (this.#nextPatched(page) === page) bytes.set(this.#patched(page));
      else this.#readBase(bytes, 0, PAGE_BYTES, page * PAGE_BYTES);
      this.#pages.set(page, bytes);
    }
    return bytes;
  }

  /** Shortens the file, or extends it with zeros, in memory. */
  truncate(size: number): void {
    this.#size = size;
    this.#baseEnd = Math.min(this.#baseEnd, size);
    this.#patchEnd = Math.min(this.#patchEnd, size);
    for (const [page, bytes] of this.#pages) {
      bytes.fill(0, Math.min(PAGE_BYTES, Math.max(0, size - page * PAGE_BYTES)));
    }
  }

  /** Does nothing: nothing is written to the base. */
  sync(): void {}

  /** Resolves at once. */
  startSync(): Promise<void> {
    return Promise.resolve();
  }

  /** Takes the lock of the base. */
  lock(exclusive: boolean): boolean {
    return this.#base.lock(exclusive);
  }

  /** Closes the base. */
  close(): void {
    this.#base.close();
  }
}
