/**
 * Compaction: moves the pages that keep free pages inside the file, so that its end can be cut.
 *
 * The goal is the page count of a file without free pages. Pages in use at or behind it move to
 * free pages of lower chunks, the last page first, a slice a transaction. Nodes move one by one
 * (`relocation.ts`). A large value moves whole, because one version writes all its runs: it is set
 * again. The first page that cannot move ends the compaction.
 *
 * The work has bounds: a file over `CHUNKS_MAX` chunks stays as it is, and at most `MOVES_MAX`
 * pages move. What is left is moved another time.
 *
 * The caller sees to it that the journal is behind the data, and that nothing else changes
 * meanwhile.
 */

import {
  type ChunkNumber,
  format,
  Frame,
  header,
  LimitError,
  type PageNumber,
  type Pager,
} from "../../pager/mod.ts";
import { type Catalog, CATALOG_TREE } from "../catalog.ts";
import { REFERENCE_BYTES } from "../node/node.ts";
import { BTree } from "../tree.ts";
import { type RunSource, writeRuns } from "../value/value.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import { Relocation } from "./relocation.ts";
import { valueOwners } from "./value_owners.ts";

const { CHUNK_PAGES, CHUNK_SHIFT, chunksOf, PAGE_BYTES, RUN_PAGES_MAX, SLOT_MASK } = format;
const { KIND_BRANCH, KIND_FREE, KIND_JOURNAL, KIND_LEAF, KIND_RUN, KIND_RUN_CONTINUED } = format;
const { headerWord, kindOf } = header;

/** The pages that one transaction moves. */
const SLICE_PAGES = 256;
/** The most pages that move: 32 MiB. A larger value stays where it is. */
const MOVES_MAX = 4096;
/** All header pages are read, so a file with more chunks stays as it is: 1 GiB. */
const CHUNKS_MAX = 512;
/** The most leaves of a tree that are read to find the keys of large values: 32 MiB. */
const LEAVES_MAX = 4096;
/** Free pages that do not matter: half a chunk, and this part of the goal. */
const SLACK_PAGES = 128;
const SLACK_PART = 16;

/** A tree, and the keys of its large values at or behind the goal once they were looked for. */
interface FoundTree {
  /** The name in the catalog; undefined for the catalog's own tree. */
  readonly name: string | undefined;
  readonly tree: BTree;
  owners?: Map<PageNumber, Uint8Array>;
}

/** Moves the pages that keep free pages inside the file. */
export class Compaction {
  readonly #context: TreeContext;
  readonly #pager: Pager;
  readonly #catalog: Catalog;
  readonly #headers = new Frame(-1, -1, 1);
  /** Trees by number. */
  readonly #trees = new Map<number, FoundTree>();
  #goal: PageNumber = 0;
  /** The page to look at next; those after it are done. */
  #page: PageNumber = 0;
  #moved = 0;

  /**
   * Creates the compaction of a database.
   *
   * @param context The context of its trees.
   * @param catalog Its catalog.
   */
  constructor(context: TreeContext, catalog: Catalog) {
    this.#context = context;
    this.#pager = context.pager;
    this.#catalog = catalog;
  }

  /**
   * Whether enough pages are free that moving others pays; between transactions.
   *
   * @throws {CorruptionError} A header page breaks a rule.
   */
  isWorthwhile(): boolean {
    const chunks = chunksOf(this.#pager.meta.pageCount);
    if (chunks > CHUNKS_MAX) return false;
    let used = 0;
    let end = 0;
    for (let chunk = 0; chunk < chunks; chunk++) {
      this.#pager.copyHeaderPage(chunk, this.#headers);
      for (let slot = 1; slot < CHUNK_PAGES; slot++) {
        const kind = kindOf(this.#headers, slot);
        if (kind === KIND_FREE || kind === KIND_JOURNAL) continue;
        used++;
        end = chunk * CHUNK_PAGES + slot + 1;
      }
    }
    this.#goal = used + Math.ceil(used / RUN_PAGES_MAX);
    this.#page = end - 1;
    return end > this.#goal + Math.floor(this.#goal / SLACK_PART) + SLACK_PAGES;
  }

  /**
   * Moves a slice of pages, inside a transaction, after `isWorthwhile`. Returns whether more
   * follow.
   *
   * @throws {CorruptionError} A page breaks a rule. Roll back, and end the compaction.
   */
  slice(): boolean {
    if (this.#moved === 0) this.#findTrees();
    for (let moved = 0; moved < SLICE_PAGES && this.#moved < MOVES_MAX; this.#page--) {
      if (this.#page < this.#goal) return false;
      const pages = this.#move(this.#page);
      if (pages < 0) return false;
      moved += pages;
      this.#moved += pages;
    }
    return this.#moved < MOVES_MAX;
  }

  #findTrees(): void {
    const { catalogRoot } = this.#pager.meta;
    this.#addTree(undefined, CATALOG_TREE, catalogRoot);
    for (const name of this.#catalog.names()) {
      const entry = this.#catalog.get(name);
      if (entry !== undefined) this.#addTree(name, entry.id, entry.root);
    }
  }

  #addTree(name: string | undefined, id: number, root: PageNumber): void {
    this.#trees.set(id, { name, tree: new BTree(this.#context, id, root) });
  }

  /** Moves a page, or the value that it is part of. Returns how many moved, or -1. */
  #move(page: PageNumber): number {
    const place = this.#pager.headerPage(page >>> CHUNK_SHIFT);
    const { u32 } = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const slot = page & SLOT_MASK;
    const word = headerWord(place & SLOT_MASK, slot);
    const kind = slot === 0 ? KIND_FREE : u32[word]! & 0xff;
    if (kind === KIND_FREE || kind === KIND_JOURNAL) return 0;
    // A dropped tree whose pages are being released is not among the trees.
    const found = this.#trees.get(u32[word + 1]!);
    if (found === undefined) return -1;
    if (kind === KIND_LEAF || kind === KIND_BRANCH) return this.#moveNode(page, found);
    if (kind === KIND_RUN) return this.#moveValue(page, found);
    return kind === KIND_RUN_CONTINUED ? this.#moveValue(u32[word + 2]!, found) : -1;
  }

  #moveNode(page: PageNumber, { name, tree }: FoundTree): number {
    const relocation = new Relocation(this.#context, tree.nodes);
    if (page !== tree.root) return relocation.move(page) ? 1 : -1;
    const root = relocation.moveRoot();
    if (root < 0) return -1;
    if (name === undefined) this.#pager.meta.catalogRoot = root;
    else this.#catalog.moveRoot(name, root);
    this.#addTree(name, tree.id, root);
    return 1;
  }

  /** Sets the value of a run again, with runs in chunks below it. */
  #moveValue(run: PageNumber, found: FoundTree): number {
    const { tree } = found;
    found.owners ??= valueOwners(tree, this.#goal, LEAVES_MAX);
    const key = found.owners.get(run);
    if (key === undefined) return -1;
    const pages = Math.ceil(tree.lengthOf(key) / PAGE_BYTES);
    if (pages > MOVES_MAX) return -1;
    const value = tree.get(key);
    return value !== undefined && this.#setAgain(tree, key, value, run) ? pages : -1;
  }

  /** Sets a value again, with runs in chunks below a run. Returns whether they have room. */
  #setAgain(tree: BTree, key: Uint8Array, value: Uint8Array, run: PageNumber): boolean {
    const runs = this.#runsBelow(run >>> CHUNK_SHIFT);
    const reference = new Uint8Array(REFERENCE_BYTES);
    this.#pager.begin();
    try {
      writeRuns(this.#pager, runs, tree.id, value, 0, reference);
      tree.putRuns(key, reference);
      this.#pager.commit();
      return true;
    } catch (error) {
      this.#pager.rollback();
      if (!(error instanceof LimitError)) throw error;
      return false;
    }
  }

  #runsBelow(chunk: ChunkNumber): RunSource {
    return {
      acquirePiece: (span, tree) => {
        const pages = Math.min(span, RUN_PAGES_MAX);
        const page = this.#context.allocator.acquireBelow(chunk, pages, KIND_RUN, tree);
        if (page < 0) throw new LimitError("Cannot move a value: no room for it below");
        return page;
      },
    };
  }
}
