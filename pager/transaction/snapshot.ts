/**
 * A snapshot reads pages as they were at one version.
 *
 * A read looks in the version store first and in the pager second, so an unchanged page costs one
 * more look-up. Close a snapshot: until then the store keeps every page that it sees. The garbage
 * collector ends one that the program loses, such as that of an iterator left half-way.
 *
 * An entry in the registry of the collector costs about as much as a snapshot. So a snapshot is
 * registered only once a commit follows, as it keeps no page before, or once many have been taken.
 *
 * Invariant: an open snapshot is either registered or among the recent ones, of which there are
 * fewer than `RECENT_MAX`.
 */

import type { PageReader } from "../cache/page_reader.ts";
import { assert } from "../format/assert.ts";
import { ClosedError } from "../format/errors.ts";
import {
  CHUNK_PAGES,
  CHUNK_SHIFT,
  HEADER,
  HEADER_WORD_SHIFT,
  KIND_JOURNAL,
  SLOT_MASK,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { kindOf, versionOf } from "../format/header.ts";
import { Meta } from "../format/meta.ts";
import { corruptHeader } from "../format/page_check.ts";
import type { ChunkNumber, PageNumber, Place } from "../format/units.ts";
import type { TransactionListener } from "../journal/commit_hooks.ts";
import type { OpenTransaction } from "./open_transaction.ts";
import type { SnapshotState } from "./snapshot_list.ts";
import type { VersionStore } from "./version_store.ts";

const RECENT_MAX = 256;

/** The current pages, and the headers of a whole chunk. */
export interface CurrentPages extends PageReader {
  /** Copies the header page of a chunk to slot 0 of a frame, and checks it. */
  copyHeaderPage(chunk: ChunkNumber, into: Frame): void;
}

/** The pages of older versions, where another process may have replaced them in the file. */
export interface OlderPages {
  /**
   * The place of a page, of which there is no image, as a snapshot sees it.
   *
   * @throws {SnapshotTooOldError} Neither memory, file nor journal has the page of that version.
   */
  at(page: PageNumber, snapshot: SnapshotState): Place;
  /**
   * Copies the header page of a chunk as a snapshot sees it, to slot 0 of a frame; by default the
   * current one, with the images over it, is that.
   *
   * @throws {SnapshotTooOldError} The file has newer pages in place.
   */
  copyHeaderPage?(chunk: ChunkNumber, snapshot: SnapshotState, into: Frame): void;
}

/** Takes the snapshots of a pager, and ends those that the program lost. */
export class SnapshotOwner {
  /** Reads pages that have no image; undefined if the current page is theirs then. */
  older: OlderPages | undefined;
  readonly #pager: CurrentPages;
  readonly #versions: VersionStore;
  readonly #open: OpenTransaction;
  readonly #listener: TransactionListener;
  /** The snapshots that are not registered, and some that were closed since. */
  readonly #recent: SnapshotState[] = [];
  /**
   * Calls back between turns of the event loop. Pagers cannot share a registry: it would keep in
   * memory each pager that the program lost together with an open snapshot.
   */
  readonly #registry = new FinalizationRegistry<SnapshotState>((state) => this.#end(state));

  /**
   * Creates the owner of the snapshots of a pager.
   *
   * @param pager The current pages.
   * @param parts The images of older pages, the open transaction, and the listener.
   */
  constructor(
    pager: CurrentPages,
    parts: { versions: VersionStore; open: OpenTransaction; listener: TransactionListener },
  ) {
    this.#pager = pager;
    this.#versions = parts.versions;
    this.#open = parts.open;
    this.#listener = parts.listener;
  }

  /** Takes a snapshot of the last committed version, outside of any transaction. */
  take(): PageSnapshot {
    const state = this.#versions.snapshots.begin(this.#pager.meta.version);
    const snapshot = new PageSnapshot(this.#pager, this.#versions, state, this);
    state.unregistered = snapshot;
    if (this.#recent.push(state) >= RECENT_MAX) this.register();
    return snapshot;
  }

  /**
   * Begins a snapshot of the last committed version without a reader; `endState` ends it.
   *
   * @param drains Whether the caller drains it; see `drain`.
   */
  beginState(drains: boolean): SnapshotState {
    return this.#versions.snapshots.begin(this.#pager.meta.version, drains);
  }

  /** Ends a snapshot without a reader. */
  endState(state: SnapshotState): void {
    this.#end(state);
  }

  /** Takes from a snapshot what is kept for it, between transactions. It cannot see that again. */
  drain(state: SnapshotState): void {
    assert(this.#open.depth === 0, "a snapshot drains between transactions");
    this.#versions.snapshots.drain(state);
    this.#listener.snapshotEnded();
  }

  /** Registers the open snapshots, so that they end when the program loses them. */
  register(): void {
    if (this.#recent.length === 0) return;
    for (const state of this.#recent) {
      if (state.unregistered === undefined) continue;
      this.#registry.register(state.unregistered, state, state);
      state.unregistered = undefined;
      state.isRegistered = true;
    }
    this.#recent.length = 0;
  }

  /** Ends a snapshot that was closed, at once or at the end of the open transaction. */
  closed(state: SnapshotState): void {
    state.unregistered = undefined;
    if (state.isRegistered) this.#registry.unregister(state);
    this.#end(state);
  }

  #end(state: SnapshotState): void {
    this.#versions.snapshots.close(state);
    this.endClosed();
  }

  /** Ends the snapshots that were closed, unless a rollback may need the images kept for them. */
  endClosed(): void {
    if (this.#open.depth > 0) return;
    if (this.#versions.snapshots.endClosed()) this.#listener.snapshotEnded();
  }
}

/** Pages as they were at one version. */
export class PageSnapshot implements PageReader {
  /** All frames, by index. */
  readonly frames: readonly Frame[];
  /** The meta of its version. */
  readonly meta: Meta = new Meta();
  /** The slot of the header that the last `peek` returned. */
  peekedSlot = 0;

  readonly #pager: CurrentPages;
  readonly #store: VersionStore;
  readonly #state: SnapshotState;
  readonly #owner: SnapshotOwner;
  readonly #older: OlderPages | undefined;
  #closed = false;

  /**
   * Creates the reader of a snapshot that has begun; `SnapshotOwner.take` does both.
   *
   * @param pager The current pages.
   * @param store The images of older pages.
   * @param state Its part of the list of live snapshots.
   * @param owner Ends it when it is closed.
   */
  constructor(
    pager: CurrentPages,
    store: VersionStore,
    state: SnapshotState,
    owner: SnapshotOwner,
  ) {
    this.#pager = pager;
    this.#store = store;
    this.#state = state;
    this.#owner = owner;
    this.#older = owner.older;
    this.frames = pager.frames;
    this.meta.assign(pager.meta);
  }

  /** The time it was taken, in milliseconds of `performance.now`. */
  get since(): number {
    return this.#state.since;
  }

  /**
   * The place of a page as it was.
   *
   * @throws {CorruptionError} The page does not match its header, or its version is forged.
   * @throws {SnapshotTooOldError} The snapshot was ended to bound memory.
   * @throws {ClosedError} The snapshot or its pager was closed.
   */
  at(page: PageNumber): Place {
    if (this.#closed) throw new ClosedError("Cannot read the snapshot: it is closed");
    const old = this.#store.find(page, this.#state);
    if (old >= 0) return old;
    if (this.#older !== undefined) return this.#older.at(page, this.#state);
    const place = this.#pager.at(page);
    const frame = this.frames[place >>> CHUNK_SHIFT]!;
    if (versionOf(frame, place & SLOT_MASK) <= this.#state.version) return place;
    // A page that a commit replaced has an image, so no commit wrote this version.
    return corruptHeader(page, HEADER.versionLow, "newer than the snapshot that reads it");
  }

  /** The header of a page as it was. */
  peek(page: PageNumber): Frame {
    if (this.#closed) throw new ClosedError("Cannot read the snapshot: it is closed");
    const old = this.#older === undefined ? this.#store.find(page, this.#state) : this.at(page);
    if (old >= 0) {
      this.peekedSlot = old & SLOT_MASK;
      return this.frames[old >>> CHUNK_SHIFT]!;
    }
    const frame = this.#pager.peek(page);
    this.peekedSlot = this.#pager.peekedSlot;
    return frame;
  }

  /**
   * Copies the header page of a chunk as it was, to slot 0 of a frame. Pages that were free, and
   * pages of the journal, have headers of zeros.
   *
   * @throws {CorruptionError} A header of the chunk breaks a rule.
   * @throws {SnapshotTooOldError} The snapshot was ended to bound memory.
   * @throws {ClosedError} The snapshot or its pager was closed.
   */
  copyHeaderPage(chunk: ChunkNumber, into: Frame): void {
    if (this.#closed) throw new ClosedError("Cannot read the snapshot: it is closed");
    if (this.#older?.copyHeaderPage === undefined) this.#pager.copyHeaderPage(chunk, into);
    else this.#older.copyHeaderPage(chunk, this.#state, into);
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const page = chunk * CHUNK_PAGES + slot;
      if (this.#store.copyHeaderTo(page, this.#state, into, slot)) continue;
      const isVisible = versionOf(into, slot) <= this.#state.version;
      if (!isVisible || kindOf(into, slot) === KIND_JOURNAL) {
        into.u32.fill(0, slot << HEADER_WORD_SHIFT, (slot + 1) << HEADER_WORD_SHIFT);
      }
    }
  }

  /** Closes the snapshot. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.closed(this.#state);
  }
}
