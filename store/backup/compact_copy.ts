/**
 * A compact copy: a new database with the entries of an open one as of one version, built by bulk
 * loads. Leaves are full and in key order, values follow each other, and no page is free.
 *
 * Its pages are others than those of the source, so it has an id of its own: no increment of the
 * source fits it. A key is copied at its turn, so old pages wait in memory until then, and beyond
 * `maxSnapshotBytes` the copy fails.
 */

import {
  type BulkLoad,
  Catalog,
  KEY_BYTES_MAX,
  type LeafBatch,
  leafBatches,
  lendingBatch,
  readReferenced,
  type TreeEntry,
} from "../../btree/mod.ts";
import { format, type PageSnapshot } from "../../pager/mod.ts";
import type { Progress, ProgressOptions } from "../maintenance/slices.ts";
import { Rebuild } from "../verify/rebuild.ts";
import type { Session } from "../write/session.ts";
import { CopyPace, sourceOf } from "./copy_pace.ts";

/** The memory of the new database: a load goes through its pages once, in order. */
const CACHE_BYTES = format.CHUNK_BYTES;
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
  readonly #batch = lendingBatch();
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
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
    let unpaced = 0;
    for (const batch of leafBatches(tree, () => this.#batch)) {
      for (let entry = 0; entry < batch.count; entry++) {
        const bytes = this.#copyEntry(load, id, batch, entry);
        if (++unpaced < ENTRIES && bytes <= LARGE_BYTES) continue;
        unpaced = 0;
        await this.#stepIfLate();
      }
    }
    load.finish();
    this.#rebuild.commit();
    await this.#stepIfLate();
  }

  /** Adds an entry of a leaf to a load; no object is made for it. Returns its bytes. */
  #copyEntry(load: BulkLoad, id: number, batch: LeafBatch, entry: number): number {
    const key = this.#key;
    const keyBytes = batch.copyKey(entry, key);
    let values = batch.valueMemory;
    let at = batch.valueStart(entry);
    let length = batch.valueBytes(entry);
    if (batch.isReference[entry] === 1) {
      values = readReferenced(this.#pages, id, values, at);
      [at, length] = [0, values.length];
    }
    load.addPart(key, 0, keyBytes, values, at, length);
    this.#bytesDone += keyBytes + length;
    this.#rebuild.countLoaded(keyBytes + length);
    return keyBytes + length;
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
