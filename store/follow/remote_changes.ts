/**
 * Tells watchers what other processes have committed: the entries that differ between the version
 * that the watchers know and the one that this process has moved on to.
 *
 * The journal names the pages that changed, and of these only leaves of watched trees are compared;
 * the branches of these trees lead to them. The commits that this process takes over together are
 * one for watchers, with the entries as they are then. If a page of the version that they know is
 * gone, they end with the error that says so: a watcher has no gaps.
 */

import { Catalog, treeChanges, type TreeContext } from "../../btree/mod.ts";
import { ChangedPages, type Pager, type PageSnapshot } from "../../pager/mod.ts";
import type { ChangeFeed } from "../watch/change_feed.ts";

/** The database whose watchers are told. */
export interface WatchedDatabase {
  readonly pager: Pager;
  readonly context: TreeContext;
  readonly feed: ChangeFeed;
}

/** Tells watchers what other processes have committed. */
export class RemoteChanges {
  readonly #database: WatchedDatabase;
  readonly #collect: (into: ChangedPages | undefined) => void;
  readonly #changed = new ChangedPages();
  /** The version that the watchers know; undefined without a watcher. */
  #known: PageSnapshot | undefined;

  /**
   * Begins without a watcher.
   *
   * @param database The database.
   * @param collect Begins to collect the pages that other processes change, or ends it.
   */
  constructor(database: WatchedDatabase, collect: (into: ChangedPages | undefined) => void) {
    this.#database = database;
    this.#collect = collect;
  }

  /** Whether somebody watches. */
  get isWatched(): boolean {
    return this.#database.feed.size > 0;
  }

  /** A watcher was added, which knows the current version. */
  begin(): void {
    if (this.#known !== undefined) return;
    this.#changed.clear();
    this.#collect(this.#changed);
    this.#known = this.#database.pager.snapshot();
  }

  /** No watcher is left. */
  end(): void {
    this.#collect(undefined);
    this.#known?.close();
    this.#known = undefined;
  }

  /** Tells what was taken over since the version that the watchers know; between transactions. */
  tell(): void {
    const known = this.#known;
    if (known === undefined) return;
    if (!this.isWatched) return this.end();
    const { pager, feed } = this.#database;
    // What was taken over before may be on the medium now.
    if (this.#changed.isEmpty) return feed.deliver(pager.durableVersion);
    const now = pager.snapshot();
    this.#known = now;
    try {
      feed.begin();
      this.#compareAll(known, now);
      feed.commit(now.meta.version);
      feed.deliver(pager.durableVersion);
    } catch (error) {
      feed.rollback();
      feed.fail(error);
    } finally {
      this.#changed.clear();
      known.close();
    }
  }

  /** The watchers know the commits of this process, which are on the medium. */
  noteOwn(): void {
    const known = this.#known;
    if (known === undefined || this.#database.pager.isClosed) return;
    if (!this.isWatched) return this.end();
    if (known.meta.version === this.#database.pager.meta.version) return;
    known.close();
    this.#known = this.#database.pager.snapshot();
  }

  #compareAll(known: PageSnapshot, now: PageSnapshot): void {
    this.#changed.checkComplete();
    const { context, feed } = this.#database;
    const older = new Catalog(context, known);
    const newer = new Catalog(context, now);
    const renamed = new Set<string>();
    for (const name of feed.trees()) {
      const was = older.get(name);
      const is = newer.get(name);
      if (was?.id !== is?.id) {
        const to = was && nameOf(newer, was.id);
        const from = is && nameOf(older, is.id);
        if (to !== undefined) this.#noteRename(name, to, renamed);
        else if (was !== undefined) feed.noteDrop(name);
        if (from !== undefined) this.#noteRename(from, name, renamed);
        if (is === undefined || from !== undefined) continue;
      }
      if (is === undefined) continue;
      const matters = (leaf: number) => this.#changed.pages.has(leaf);
      const before = was?.id === is.id
        ? { context, reader: known, id: was.id, root: was.root, matters }
        : undefined;
      const after = { context, reader: now, id: is.id, root: is.root, matters };
      for (const change of treeChanges(before, after)) {
        if (change === undefined) continue;
        const { key, value } = change;
        if (value === undefined) feed.noteDelete(name, key, key.length);
        else feed.noteSet(name, key, key.length, value);
      }
    }
  }

  /** Notes a rename once, for the watchers of both names. */
  #noteRename(from: string, to: string, renamed: Set<string>): void {
    const both = JSON.stringify([from, to]);
    if (renamed.has(both)) return;
    renamed.add(both);
    this.#database.feed.noteRename(from, to);
  }
}

/** The name of a tree by its number; undefined if the version has no such tree. */
function nameOf(catalog: Catalog, id: number): string | undefined {
  return catalog.names().find((name) => catalog.listed(name).id === id);
}
