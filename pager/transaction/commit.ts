/**
 * The order of a commit.
 *
 * Up to the point of no return each step may fail; the transaction is then still open, and the
 * caller rolls it back. After that point the steps neither read a file nor throw.
 *
 * It writes no batch: `Flusher.flush` takes commits to the medium.
 */

import type { Cache } from "../cache/cache.ts";
import type { PageSet } from "../cache/page_set.ts";
import type { Writeback } from "../cache/writeback.ts";
import { assert } from "../format/assert.ts";
import { CHUNK_SHIFT, KIND_FREE, SLOT_MASK } from "../format/format.ts";
import { kindOf } from "../format/header.ts";
import type { Meta } from "../format/meta.ts";
import type { ClaimedPages } from "../journal/claimed_pages.ts";
import type { CommitLog, TapHolder, TransactionListener } from "../journal/commit_hooks.ts";
import type { Bypass } from "./bypass.ts";
import { HEADERS_RECORD, type OpenTransaction, PATCH_RECORD } from "./open_transaction.ts";
import { PageClaims } from "./page_claims.ts";
import { CommitSeal } from "./seal.ts";
import { CHANGED, HEADERS, RELEASED } from "./undo_log.ts";
import type { VersionStore } from "./version_store.ts";

/** Commits transactions. */
export class Commit {
  readonly #open: OpenTransaction;
  readonly #cache: Cache;
  readonly #writeback: Writeback;
  readonly #meta: Meta;
  readonly #versions: VersionStore;
  readonly #bypass: Bypass;
  readonly #claims: PageClaims;
  readonly #seal: CommitSeal;
  readonly #images: PageSet;
  readonly #log: CommitLog | undefined;
  readonly #listener: TransactionListener;
  readonly #taps: TapHolder;

  /**
   * Creates the commits of a file.
   *
   * @param parts The open transaction, its pages, and the parts that the steps use. Without a log
   * nothing outlives the handle. With `protect`, pages are logged whole at their first change after
   * a checkpoint began; `images` holds those that were.
   */
  constructor(
    parts: {
      open: OpenTransaction;
      cache: Cache;
      writeback: Writeback;
      meta: Meta;
      versions: VersionStore;
      bypass: Bypass;
      claimed: ClaimedPages;
      images: PageSet;
      seed: number;
      protect: boolean;
      log: CommitLog | undefined;
      listener: TransactionListener;
      taps: TapHolder;
    },
  ) {
    this.#open = parts.open;
    this.#cache = parts.cache;
    this.#writeback = parts.writeback;
    this.#meta = parts.meta;
    this.#versions = parts.versions;
    this.#bypass = parts.bypass;
    this.#claims = new PageClaims(parts);
    this.#seal = new CommitSeal(parts);
    this.#images = parts.images;
    this.#log = parts.log;
    this.#listener = parts.listener;
    this.#taps = parts.taps;
  }

  /**
   * Ends the innermost savepoint and keeps its changes; the outermost one commits.
   *
   * @throws {IoError} The disk is full, or a write failed. The transaction is open: roll it back.
   * @throws {LimitError} The journal cannot hold the transaction. The transaction is open, too.
   */
  run(): void {
    const open = this.#open;
    assert(open.depth > 0, "a commit ends a transaction");
    if (open.depth > 1) this.#mergeIntoOuter();
    else if (open.isPatch && this.#log !== undefined) this.#commitPatch(this.#log);
    else if (open.hasChanges) this.#commitTransaction();
    else this.#listener.committed();
    open.end();
  }

  /** The order of a commit. Each step names its rule of `docs/rules.md`. */
  #commitTransaction(): void {
    const { undo, size, version } = this.#open;
    this.#bypass.writeMany(); // rule 9: new pages go to the file once, past the journal
    const logged = this.#log?.pending.length ?? 0;
    this.#meta.version = version;
    try {
      this.#log?.begin(this.#meta); // rule 14: the superblocks say open before the first write
      this.#claims.claim(); // rule 12: the pages have room in the file
      this.#seal.seal(this.#log?.pending); // rule 11: sums and records, never later
      this.#log?.reserve(this.#meta, size.newPages > 0); // rule 12: the records have room too
    } catch (error) {
      this.#withdrawRecords(logged);
      throw error;
    }
    // The point of no return: the steps below neither read a file nor throw.
    for (let i = 0; i < undo.length; i++) this.#markDirty(i); // rule 1: pages follow the log
    for (let i = 0; i < undo.length; i++) this.#keepImage(i); // for the snapshots that see them
    this.#versions.commit();
    this.#versions.bound();
    this.#listener.committed(); // publish: the commit is visible
    this.#taps.tap?.committed(this.#meta, this.#log?.pending, logged);
  }

  /**
   * The same order for a transaction that changed some words of one page, as most single sets do:
   * it takes no page, gives none back, and no snapshot sees one.
   */
  #commitPatch(log: CommitLog): void {
    const { version } = this.#open;
    const logged = log.pending.length;
    this.#meta.version = version;
    try {
      log.begin(this.#meta); // rule 14
      this.#claims.claimHeaderPage(log); // rule 12
      this.#seal.seal(log.pending); // rule 11
      log.reserve(this.#meta, false); // rule 12
    } catch (error) {
      this.#withdrawRecords(logged);
      throw error;
    }
    // The point of no return.
    this.#markDirty(HEADERS_RECORD);
    this.#markDirty(PATCH_RECORD);
    this.#listener.committed();
    this.#taps.tap?.committed(this.#meta, log.pending, logged);
  }

  /** Removes the records of a commit that failed; none of their images counts (rule 2). */
  #withdrawRecords(logged: number): void {
    this.#log?.pending.truncate(logged);
    this.#images.clear();
  }

  /** Makes the page of a record an ordinary dirty page. */
  #markDirty(index: number): void {
    const type = this.#open.undo.typeAt(index);
    if (type === RELEASED) return;
    const page = this.#open.undo.pageAt(index);
    const place = this.#cache.find(page);
    if (place < 0) return;
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    if (frame.scopes[slot] === 0) return;
    frame.scopes[slot] = 0;
    if (type !== HEADERS && kindOf(frame, slot) === KIND_FREE) return;
    this.#writeback.markDirty(place, page, this.#open.version);
  }

  /** Keeps the image of a record if a snapshot sees it; otherwise drops it. */
  #keepImage(index: number): void {
    const { undo, version } = this.#open;
    if (undo.typeAt(index) !== CHANGED) return;
    const isFirst = undo.beforeAt(index) === 0;
    if (isFirst && this.#versions.holds(undo.pageAt(index), version)) return;
    this.#cache.drop(undo.imageAt(index));
  }

  /** Gives the pages of the innermost savepoint to the one around it. */
  #mergeIntoOuter(): void {
    const { undo, bypassed, savepointStart, scope, outerScope } = this.#open;
    for (let i = savepointStart; i < undo.length; i++) {
      const page = undo.pageAt(i);
      bypassed.move(page, scope, outerScope);
      const place = this.#cache.find(page);
      if (place < 0) continue;
      const { scopes } = this.#cache.frames[place >>> CHUNK_SHIFT]!;
      if (scopes[place & SLOT_MASK] === scope) scopes[place & SLOT_MASK] = outerScope;
    }
  }
}
