/**
 * An `Inspector` for a file that another process has locked, and that cannot be followed. It reads
 * without the lock, so its results may mix different moments (`unsynchronised`).
 *
 * It does not see the other process's memory or the journal: it shows the pages that checkpoints
 * have written. Damaged pages are not errors, because a write may be in progress.
 */

import {
  type CatalogEntry,
  chunkHeaders,
  readCatalogEntry,
  registerNodes,
} from "../../btree/mod.ts";
import type { ChunkCensus, FileState, HeaderState, PageState, TreeState } from "../../inspect.ts";
import { CorruptionError } from "../../mod.ts";
import { format, Frame, POOL, UnlockedPages } from "../../pager/mod.ts";
import { headerState, namesIn, pageState } from "../../store/mod.ts";

const { CHUNK_PAGES, CHUNK_SHIFT, chunksOf, EXTENT_PAGES, PAGE_BYTES, SLOT_MASK } = format;
const CATALOG_PAGES_MAX = 4096;
const TREE_IDS_END = 2 ** 32;

/** Inspects a file that another process has locked. */
export class UnlockedInspector {
  readonly #file: UnlockedPages;
  readonly #frame = new Frame(-1, POOL, 2);

  /**
   * Opens a file without its lock.
   *
   * @param path The path of the file.
   * @throws {CorruptionError} It is not a Quire database.
   * @throws {IoError} The file does not exist, or cannot be read.
   */
  constructor(path: string) {
    this.#file = new UnlockedPages(path);
    registerNodes(this.#file);
  }

  /** The file as a whole, without the journal and the checkpoint of the other process. */
  file(): FileState {
    const superblocks = this.#file.superblocks();
    const contents = superblocks.flatMap(({ content }) => content ?? []);
    contents.sort((a, b) => b.number - a.number);
    const pages = this.#file.pageCount;
    return {
      unsynchronised: true,
      pageBytes: PAGE_BYTES,
      chunkPages: CHUNK_PAGES,
      extentPages: EXTENT_PAGES,
      pages,
      chunks: chunksOf(pages),
      bytes: this.#file.fileBytes(),
      version: contents[0]?.version ?? 0,
      catalogRoot: contents[0]?.catalogRoot ?? 0,
      superblocks,
      journal: undefined,
      checkpoint: undefined,
    };
  }

  /** The trees that can be read from the catalog, in order of name. */
  trees(): TreeState[] {
    const { catalogRoot } = this.file();
    const trees: TreeState[] = [];
    for (const { id, root, name, attributes } of this.#catalog(catalogRoot)) {
      if (name === undefined) continue;
      const [key, value] = namesOr(attributes, catalogRoot);
      trees.push({ id, root, name, codecs: { key, value } });
    }
    return trees;
  }

  /** The entries of the catalog's intact pages. */
  *#catalog(root: number): Generator<CatalogEntry> {
    const pages = root === 0 ? [] : [root];
    for (let read = 0; pages.length > 0 && read < CATALOG_PAGES_MAX; read++) {
      const page = pages.shift()!;
      const { header, contents } = this.page(page);
      if (contents === undefined || header.tree !== 0) continue;
      for (const { key, value, target } of contents.cells) {
        if (header.level > 0) {
          if (target < this.#file.pageCount) pages.push(target);
        } else {
          const entry = entryOr(key, value, page);
          if (entry !== undefined) yield entry;
        }
      }
    }
  }

  /**
   * The header of a page of any kind, without reading the page.
   *
   * @throws {RangeError} The file has no such page.
   */
  header(page: number): HeaderState {
    this.#checkPage(page);
    this.#file.copyHeaderPage(page >>> CHUNK_SHIFT, this.#frame);
    return headerState(this.#frame, page & SLOT_MASK, page);
  }

  /**
   * All headers of a chunk, field by field, without reading its pages.
   *
   * @throws {RangeError} The file has no such chunk.
   */
  headers(chunk: number): ChunkCensus {
    const { pageCount } = this.#file;
    const chunks = chunksOf(pageCount);
    if (!Number.isInteger(chunk) || chunk < 0 || chunk >= chunks) {
      throw new RangeError(`Cannot inspect chunk ${chunk}: the file has ${chunks} chunks`);
    }
    this.#file.copyHeaderPage(chunk, this.#frame);
    return chunkHeaders(this.#frame, chunk, pageCount);
  }

  /**
   * A page of any kind: its header, its bytes and its contents.
   *
   * @throws {RangeError} The file has no such page.
   */
  page(page: number): PageState {
    this.#checkPage(page);
    this.#file.copyPage(page, this.#frame);
    return pageState(this.#frame, page, this.#file);
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  #checkPage(page: number): void {
    const { pageCount } = this.#file;
    if (Number.isInteger(page) && page >= 0 && page < pageCount) return;
    throw new RangeError(`Cannot inspect page ${page}: the file has ${pageCount} pages`);
  }
}

function entryOr(key: Uint8Array, record: Uint8Array, page: number): CatalogEntry | undefined {
  try {
    return readCatalogEntry(key, record, page, TREE_IDS_END);
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

function namesOr(attributes: Uint8Array, root: number): [string, string] {
  try {
    return namesIn(attributes, root);
  } catch (error) {
    if (error instanceof CorruptionError) return ["", ""];
    throw error;
  }
}
