/**
 * The inspector of an open database, for tools that show a file, a page, a look-up or the cache.
 *
 * It only reads. Its results are copies. It reads pages past the cache, so inspection does not
 * count as a use of a page. Only `descend` reads through the cache, because it shows what a look-up
 * costs.
 */

import { type ChunkCensus, chunkHeaders, KEY_BYTES_MAX, traceLookup } from "../../btree/mod.ts";
import { format, Frame, type Pager, type PagerInspection, POOL } from "../../pager/mod.ts";
import { checkAttached } from "../codec/mod.ts";
import { copyOf } from "../memory/copy.ts";
import { checkName } from "../read/argument_checks.ts";
import { namesIn } from "../read/tree_format.ts";
import type { Session } from "../write/session.ts";
import type {
  CacheState,
  FileState,
  HeaderState,
  Lookup,
  LookupStep,
  PageState,
  Trace,
  TreeState,
} from "./inspection_types.ts";
import { MeasuredReader } from "./measured_reader.ts";
import { frameState, headerState, pageState } from "./page_state.ts";
import { Tracer } from "./tracer.ts";

const { CHUNK_PAGES, CHUNK_SHIFT, chunksOf, EXTENT_PAGES, PAGE_BYTES, SLOT_MASK } = format;

/**
 * Inspects an open database. `Database.inspect` returns one.
 *
 * ```ts
 * import { open } from "../../mod.ts";
 *
 * using db = open(":memory:");
 * await db.tree("cities").set("Lisboa", new Uint8Array([1]));
 * const inspector = db.inspect();
 * const [tree] = inspector.trees();
 * console.assert(inspector.page(tree!.root).contents?.cells.length === 1);
 * ```
 */
export class Inspector {
  readonly #session: Session;
  readonly #pager: Pager;
  readonly #inspection: PagerInspection;
  readonly #frame = new Frame(-1, POOL, 2);
  #tracer: Tracer | undefined;
  #endTrace: () => void = () => {};

  /**
   * Created by `Database.inspect`.
   *
   * @param session The session of the database.
   */
  constructor(session: Session) {
    session.checkOpen();
    this.#session = session;
    this.#pager = session.pager;
    this.#inspection = session.pager.inspection();
  }

  /**
   * Returns the state of the file: its size, superblocks, journal and checkpoint.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const { pages, chunks, superblocks } = db.inspect().file();
   * console.assert(pages === 3 && chunks === 1 && superblocks.length === 2);
   * ```
   */
  file(): FileState {
    this.#check();
    const { version, pageCount, catalogRoot } = this.#pager.meta;
    return {
      unsynchronised: false,
      pageBytes: PAGE_BYTES,
      chunkPages: CHUNK_PAGES,
      extentPages: EXTENT_PAGES,
      pages: pageCount,
      chunks: chunksOf(pageCount),
      bytes: this.#pager.fileBytes(),
      version,
      catalogRoot,
      superblocks: this.#inspection.superblocks(),
      journal: this.#inspection.journal(),
      checkpoint: this.#inspection.checkpoint(),
    };
  }

  /**
   * Returns the trees of the catalog, in the order of their names.
   *
   * ```ts
   * import { json, open, string } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("words", { key: string, value: json }).set("a", 1);
   * const [tree] = db.inspect().trees();
   * console.assert(tree?.name === "words" && tree.codecs.value === "json");
   * ```
   */
  trees(): TreeState[] {
    this.#check();
    const { catalog } = this.#session;
    return this.#session.read(() =>
      catalog.names().map((name) => {
        const { id, root, attributes } = catalog.listed(name);
        const [key, value] = namesIn(attributes, this.#pager.meta.catalogRoot);
        return { id, name, root, codecs: { key, value } };
      })
    );
  }

  /**
   * Returns the header of a page of any kind, without reading the page.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * console.assert(db.inspect().header(1).kindName === "superblock");
   * ```
   *
   * @throws {RangeError} The file has no such page.
   * @throws {CorruptionError} The header page of its chunk breaks a rule.
   */
  header(page: number): HeaderState {
    this.#check();
    this.#checkPage(page);
    this.#session.read(() => this.#pager.copyHeaderPage(page >>> CHUNK_SHIFT, this.#frame));
    return headerState(this.#frame, page & SLOT_MASK, page);
  }

  /**
   * Returns all headers of a chunk, field by field, without reading its pages.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * const { kinds, pages } = db.inspect().headers(0);
   * console.assert(kinds.length === 256 && pages === 5);
   * ```
   *
   * @throws {RangeError} The file has no such chunk.
   * @throws {CorruptionError} Its header page breaks a rule.
   */
  headers(chunk: number): ChunkCensus {
    this.#check();
    const { pageCount } = this.#pager.meta;
    if (!isBelow(chunk, chunksOf(pageCount))) {
      throw new RangeError(
        `Cannot inspect chunk ${chunk}: the file has ${chunksOf(pageCount)} chunks`,
      );
    }
    this.#session.read(() => this.#pager.copyHeaderPage(chunk, this.#frame));
    return chunkHeaders(this.#frame, chunk, pageCount);
  }

  /**
   * Returns a page of any kind: its header, bytes and contents. It reports damage of the page in
   * the result rather than throwing.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(9));
   * const inspector = db.inspect();
   * const [tree] = inspector.trees();
   * const { contents } = inspector.page(tree!.root);
   * console.assert(contents?.cells[0]?.valueBytes === 9);
   * ```
   *
   * @throws {RangeError} The file has no such page.
   */
  page(page: number): PageState {
    this.#check();
    this.#checkPage(page);
    this.#inspection.copyPage(page, this.#frame);
    return pageState(this.#frame, page, this.#inspection);
  }

  /**
   * Follows a key from the root of a tree to a leaf. Returns each page of the path, the comparisons
   * in it, where it was, and the cost of loading it.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("cities").set("Lisboa", new Uint8Array(3));
   * const { found, valueBytes, steps } = db.inspect().descend("cities", new Uint8Array([76]));
   * console.assert(!found && valueBytes === -1 && steps.length === 1);
   * ```
   *
   * @param name The name of the tree.
   * @param key The key as bytes.
   * @throws {TypeError} The key is not bytes.
   * @throws {RangeError} The tree does not exist, or the key is too long.
   * @throws {CorruptionError} A page of the path is damaged.
   */
  descend(name: string, key: Uint8Array): Lookup {
    this.#check();
    checkName(name);
    checkDescentKey(key);
    const tree = this.#session.findTree(name)?.btree;
    if (tree === undefined) throw new RangeError(`Cannot descend: tree ${name} does not exist`);
    const reader = new MeasuredReader(this.#pager, this.#inspection);
    return this.#session.read(() => {
      const steps: LookupStep[] = [];
      const walk = traceLookup(tree, key, reader);
      let next = walk.next();
      for (; next.done !== true; next = walk.next()) {
        steps.push({ ...next.value, load: reader.lastLoad });
      }
      return { tree: name, key: copyOf(key), steps, ...next.value };
    });
  }

  /**
   * Returns the state of the cache: its frames, their pages, and the order of eviction.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const { bytes, frames } = db.inspect().cache();
   * console.assert(bytes === frames.length * 2 ** 21);
   * ```
   */
  cache(): CacheState {
    this.#check();
    const { cacheUsedBytes, cacheLimitBytes, evictions } = this.#pager.stats();
    return {
      bytes: cacheUsedBytes,
      bytesLimit: cacheLimitBytes,
      hits: this.#tracer?.hits ?? 0,
      misses: this.#tracer?.misses ?? 0,
      evictions,
      frames: this.#pager.frames.map(frameState),
    };
  }

  /**
   * Switches a trace on or off. While it is on, each page request is recorded.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * const inspector = db.inspect();
   * inspector.trace(true);
   * await db.tree("a").set("key", new Uint8Array(1));
   * console.assert(inspector.takeTrace().requests > 0);
   * inspector.trace(false);
   * ```
   *
   * @throws {TypeError} `on` is not a boolean.
   */
  trace(on: boolean): void {
    this.#session.checkOpen();
    if (typeof on !== "boolean") throw new TypeError(`Cannot trace: on is ${typeof on}`);
    this.#endTrace();
    this.#tracer = on ? new Tracer(this.#inspection) : undefined;
    this.#endTrace = this.#tracer === undefined ? () => {} : this.#pager.observe(this.#tracer);
  }

  /**
   * Returns the work since the trace was switched on, or last taken: pages, hits and misses, calls
   * and bytes.
   *
   * ```ts
   * import { open } from "../../mod.ts";
   *
   * using db = open(":memory:");
   * await db.tree("a").set("key", new Uint8Array(1));
   * const inspector = db.inspect();
   * inspector.trace(true);
   * db.tree("a").get("key");
   * const { pages, hits, misses } = inspector.takeTrace();
   * console.assert(pages.length === hits + misses);
   * ```
   *
   * @throws {TypeError} No trace is on.
   */
  takeTrace(): Trace {
    this.#session.checkOpen();
    if (this.#tracer === undefined) throw new TypeError("Cannot take a trace: none is on");
    return this.#tracer.take();
  }

  /** Refuses inside a transaction, when headers lack sums and pages may be between two states. */
  #check(): void {
    this.#session.checkOpen();
    if (this.#pager.depth > 0) throw new TypeError("Cannot inspect: a transaction is open");
  }

  #checkPage(page: number): void {
    const { pageCount } = this.#pager.meta;
    if (isBelow(page, pageCount)) return;
    throw new RangeError(`Cannot inspect page ${page}: the file has ${pageCount} pages`);
  }
}

function checkDescentKey(key: unknown): void {
  if (!(key instanceof Uint8Array)) {
    throw new TypeError("Cannot descend: the key is not a Uint8Array");
  }
  checkAttached(key, "descend");
  if (key.length <= KEY_BYTES_MAX) return;
  throw new RangeError(`Cannot descend: a key of ${key.length} bytes exceeds ${KEY_BYTES_MAX}`);
}

function isBelow(number: unknown, end: number): boolean {
  if (typeof number !== "number") {
    throw new TypeError(`Cannot inspect: ${typeof number} is not a number`);
  }
  return Number.isInteger(number) && number >= 0 && number < end;
}
