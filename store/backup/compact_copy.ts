/**
 * A compact copy: a new database with the entries of an open one as of one version, built by bulk
 * loads. Leaves are full and in key order, values follow each other, and no page is free.
 *
 * Its pages are others than those of the source, so it has an id of its own: no increment of the
 * source fits it. A key is copied at its turn, so old pages wait in memory until then, and beyond
 * `maxSnapshotBytes` the copy fails.
 */

import { Catalog, leafEntries, type TreeEntry, valueOf } from "../../btree/mod.ts";
import { format, type PageSnapshot } from "../../pager/mod.ts";
import type { Progress, ProgressOptions } from "../maintenance/slices.ts";
import { Rebuild } from "../verify/rebuild.ts";
import type { Session } from "../write/session.ts";
import { CopyPace, sourceOf } from "./copy_pace.ts";

/** The memory of the new database. */
const CACHE_BYTES = 8 * 1024 * 1024;
/** The time of a step, in milliseconds. */
const STEP_MS = 2;
/** How many entries are copied between two looks at the clock. */
const ENTRIES = 32;
/** A value of more bytes is a step of its own. */
const LARGE_BYTES = 64 * 1024;
/** The least time between two reports of progress, in milliseconds. */
const REPORT_MS = 12;

/** What a compact copy did. */
export interface CompactCopyResult {
  /** The version that it shows. */
  readonly version: number;
  /** The number of its pages in use. */
  readonly pages: number;
  /** The bytes read from the file of the source. */
  readonly bytesRead: number;
  /** The bytes of its file. */
  readonly bytesWritten: number;
}

/** Copies the last commit of an open database into a new file. */
export async function compactCopy(
  session: Session,
  path: string,
  options: ProgressOptions,
): Promise<CompactCopyResult> {
  const rebuild = new Rebuild(path, CACHE_BYTES, session.pager.path);
  const pages = session.pager.snapshot();
  try {
    await session.reachMedium(pages.meta.version);
    options.signal?.throwIfAborted();
    const copy = new CompactCopy(session, pages, rebuild, options);
    await copy.run();
    pages.close();
    const { version } = pages.meta;
    const bytesWritten = await rebuild.finishLater();
    return { version, pages: copy.pages, bytesRead: copy.bytesRead, bytesWritten };
  } catch (error) {
    rebuild.abandon();
    throw error;
  } finally {
    pages.close();
  }
}

/** Copies the trees of a version, at the pace of a copy. */
class CompactCopy {
  /** The number of pages of trees in the copy, when it is complete. */
  pages = 0;
  /** The bytes read from the source so far. */
  bytesRead = 0;
  readonly #session: Session;
  readonly #pages: PageSnapshot;
  readonly #rebuild: Rebuild;
  readonly #report: (progress: Progress) => void;
  readonly #pace: CopyPace;
  #bytesDone = 0;
  #reported = performance.now();
  /** What the source had read when the step began. */
  #readBefore = 0;

  constructor(
    session: Session,
    pages: PageSnapshot,
    rebuild: Rebuild,
    { onProgress, signal }: ProgressOptions,
  ) {
    this.#session = session;
    this.#pages = pages;
    this.#rebuild = rebuild;
    this.#report = onProgress ?? (() => {});
    this.#pace = new CopyPace(sourceOf(session), signal);
  }

  /** Copies all trees. */
  async run(): Promise<void> {
    await this.#pace.turn();
    this.#readBefore = this.#session.pager.copies.bytesRead;
    const catalog = new Catalog(this.#session.context, this.#pages);
    for (const name of catalog.names()) await this.#copyTree(name, catalog.listed(name));
    for (const _ of this.#rebuild.shorten(STEP_MS)) await this.#step();
    while (this.#rebuild.writeSlice()) await this.#step();
    for (const pages of this.#rebuild.pagesOfTrees()) {
      this.pages += pages;
      await this.#stepIfLate();
    }
    const { pageCount: total } = this.#pages.meta;
    this.#report({ phase: "entries", done: total, total });
  }

  async #copyTree(name: string, { id, root, attributes }: TreeEntry): Promise<void> {
    const { context } = this.#session;
    const tree = { context, reader: this.#pages, id, root, matters: () => true };
    const load = this.#rebuild.load(this.#rebuild.create(name, { attributes }));
    let count = 0;
    for (const entry of leafEntries(tree, true)) {
      const value = valueOf(tree, entry);
      load.add(entry.key, value);
      const bytes = entry.key.length + value.length;
      this.#bytesDone += bytes;
      this.#rebuild.countLoaded(bytes);
      if (++count % ENTRIES === 0 || value.length > LARGE_BYTES) await this.#stepIfLate();
    }
    load.finish();
    this.#rebuild.commit();
    await this.#stepIfLate();
  }

  async #stepIfLate(): Promise<void> {
    if (this.#pace.stepMs >= STEP_MS) await this.#step();
  }

  /** Ends a step, and begins the next one. */
  async #step(): Promise<void> {
    const { copies } = this.#session.pager;
    this.bytesRead += copies.bytesRead - this.#readBefore;
    await this.#pace.rest();
    await this.#pace.turn();
    this.#readBefore = copies.bytesRead;
    if (performance.now() - this.#reported < REPORT_MS) return;
    this.#reported = performance.now();
    const { pageCount: total } = this.#pages.meta;
    const done = Math.min(Math.floor(this.#bytesDone / format.PAGE_BYTES), total - 1);
    this.#report({ phase: "entries", done, total });
  }
}
