/**
 * Compaction: moves the pages that keep free pages inside the file, so that its end can be cut.
 *
 * It first counts the pages in use. The goal is the page count of a file without free pages. Pages
 * in use at or behind it move to free pages before them, the last page first, and with a leaf
 * its siblings (`relocation.ts`). A value in runs moves whole, because one version writes all its
 * runs: it is set again. The first page that cannot move ends the compaction.
 *
 * Where leaves are thin, packing comes first (`packing.ts`).
 *
 * It works in slices, and others may commit between two of them: each step finds its tree, path and
 * key anew. Pages that others take into use behind the goal meanwhile are left for another
 * compaction.
 *
 * The caller sees to it that the journal is behind the data; chunks of the journal do not move.
 */

import {
  assert,
  type ChunkNumber,
  format,
  Frame,
  header,
  LimitError,
  type PageNumber,
  type Pager,
} from "../../pager/mod.ts";
import { type Catalog, CATALOG_TREE } from "../catalog.ts";
import { REFERENCE_BYTES, usedBytesOf } from "../node/node.ts";
import { BTree } from "../tree.ts";
import { moveBody } from "../value/fragments.ts";
import { decodeReference } from "../value/reference.ts";
import { type RunSource, writeRuns } from "../value/runs.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import { PACKED_BYTES } from "./packing.ts";
import { Relocation } from "./relocation.ts";
import { ValueOwners } from "./value_owners.ts";

const { CHUNK_PAGES, CHUNK_SHIFT, chunksOf, PAGE_BYTES, RUN_PAGES_MAX, SLOT_MASK } = format;
const { KIND_BRANCH, KIND_FREE, KIND_JOURNAL, KIND_LEAF, KIND_RUN, KIND_RUN_CONTINUED } = format;
const { KIND_SHARED } = format;
const { headerWord, kindOf } = header;

/** How far a compaction goes. */
export interface CompactionBounds {
  /** All header pages are read, so a file with more chunks stays as it is. */
  readonly chunksMax: number;
  /** The most pages that move. */
  readonly movesMax: number;
  /** The pages that a slice moves at most, unless its last value has more. */
  readonly slicePagesMax: number;
  /** The same while nobody else commits, past the journal; 0 = always through the journal. */
  readonly alonePagesMax: number;
  /** The most pages of a value that moves. */
  readonly valuePagesMax: number;
  /** The most leaves of a tree that are read to find the keys of its large values. */
  readonly leavesMax: number;
  /** The most leaves of a database whose leaves are packed. */
  readonly packedMax: number;
  /** The most leaves that packing changes, except for the rest of the last group. */
  readonly packsMax: number;
  /** Leaves are packed where that saves more than this part of them, */
  readonly thinPart: number;
  /** and more than this many. */
  readonly thinPages: number;
  /** Free pages that do not matter: this many, and this part of the pages in use. */
  readonly slackPages: number;
  /** See `slackPages`. */
  readonly slackPart: number;
  /** Whether the chunks of the journal stay where they are. */
  readonly journalStays?: boolean;
}

/** A tree, and the keys of its large values at or behind the goal once they were looked for. */
interface FoundTree {
  /** The name in the catalog; undefined for the catalog's own tree. */
  readonly name: string | undefined;
  readonly tree: BTree;
  readonly owners: ValueOwners;
  /** Moves its pages; made when it is first needed. */
  readonly relocation: () => Relocation;
}

/** The chunks of a journal without commits: one of each area. */
const JOURNAL_CHUNKS = 2;
/** The most leaves that move together: a scan reads as many one after another. */
const GROUP_MAX = 64;
/**
 * The pages before a leaf in which its siblings move along, 64 MiB: a compaction that ends early
 * has emptied the end of the file, and pages that are read together are near each other.
 */
const WINDOW_PAGES = 8192;

/** Moves the pages that keep free pages inside the file. */
export class Compaction {
  /** The number of pages moved so far. */
  moved = 0;

  readonly #context: TreeContext;
  readonly #pager: Pager;
  readonly #catalog: Catalog;
  readonly #bounds: CompactionBounds;
  readonly #headers = new Frame(-1, -1, 1);
  readonly #counting = this.#countChunks();
  readonly #moving = this.#moveAll();
  /** Trees by number. */
  readonly #trees = new Map<number, FoundTree>();
  /** The siblings that a leaf takes along in this slice. */
  readonly #siblings = { from: 0, count: 0, deadline: 0 };
  /** The pages in use, and the page after the last one. */
  #used = 0;
  #end: PageNumber = 0;
  /** The pages of the journal before the last page in use, and those behind it. */
  #journalInside = 0;
  #journalBehind = 0;
  /** The leaves, and the bytes that they use. */
  #leaves = 0;
  #leafBytes = 0;
  /** The shared pages, and the bytes that their fragments use. */
  #shared = 0;
  #sharedBytes = 0;
  /** The page to look at next; those after it are done. */
  #page: PageNumber = 0;

  /**
   * Creates the compaction of a database.
   *
   * @param context The context of its trees.
   * @param catalog Its catalog.
   * @param bounds How far it goes.
   */
  constructor(context: TreeContext, catalog: Catalog, bounds: CompactionBounds) {
    this.#context = context;
    this.#pager = context.pager;
    this.#catalog = catalog;
    this.#bounds = bounds;
  }

  /**
   * Counts pages for a time, between transactions. Returns whether more chunks follow.
   *
   * @throws {CorruptionError} A header page breaks a rule. End the compaction.
   */
  countSlice(budgetMs: number): boolean {
    const deadline = performance.now() + budgetMs;
    do {
      if (this.#counting.next().done) return false;
    } while (performance.now() < deadline);
    return true;
  }

  /** Whether enough pages are free that moving others pays. Call after counting. */
  get isWorthwhile(): boolean {
    const staying = this.#bounds.journalStays === true ? this.#journalInside : 0;
    return this.#end > this.#goal + staying + this.#slack;
  }

  /**
   * Whether the file is much longer than its last page and an empty journal need: a snapshot that
   * has ended kept its end. Call after counting.
   */
  get hasTail(): boolean {
    if (this.#end === 0) return false;
    const chunks = chunksOf(this.#end) + JOURNAL_CHUNKS;
    return this.#pager.meta.pageCount > chunks * CHUNK_PAGES + this.#slack;
  }

  /** The free pages that do not matter. */
  get #slack(): number {
    const { slackPages, slackPart } = this.#bounds;
    return Math.floor(this.#used * slackPart) + slackPages;
  }

  /** Whether packing saves enough leaves or shared pages. Call after counting. */
  get isThin(): boolean {
    const leaves = Math.ceil(this.#leafBytes / PACKED_BYTES);
    const shared = Math.ceil(this.#sharedBytes / PAGE_BYTES);
    return this.#isMuch(this.#leaves, leaves) || this.#isMuch(this.#shared, shared);
  }

  #isMuch(pages: number, packed: number): boolean {
    const { packedMax, thinPart, thinPages } = this.#bounds;
    return pages <= packedMax && pages - packed > Math.max(thinPages, pages * thinPart);
  }

  /** The pages between the goal and the end, and how many of them are done. */
  get progress(): { done: number; total: number } {
    const total = Math.max(0, this.#end - this.#goal);
    return { done: Math.min(total, Math.max(0, this.#end - 1 - this.#page)), total };
  }

  /**
   * Moves pages for a time, inside a transaction, after counting. Returns whether more follow.
   *
   * @param isAlone Whether nobody else commits: moved pages may go past the journal, so that they
   * are written once, and the next commit waits for one more sync.
   * @throws {CorruptionError} A page breaks a rule. Roll back, and end the compaction.
   * @throws {IoError} The system refused. Roll back, too.
   */
  moveSlice(budgetMs: number, isAlone = false): boolean {
    const { slicePagesMax, alonePagesMax } = this.#bounds;
    const passes = isAlone && alonePagesMax > 0;
    const hasMore = this.#moveSome(budgetMs, passes ? alonePagesMax : slicePagesMax);
    if (passes) this.#pager.writeNewPages();
    return hasMore;
  }

  #moveSome(budgetMs: number, pagesMax: number): boolean {
    const { movesMax } = this.#bounds;
    const last = Math.min(this.moved + pagesMax, movesMax);
    const siblings = this.#siblings;
    siblings.deadline = performance.now() + budgetMs;
    do {
      siblings.count = Math.min(GROUP_MAX, last - this.moved);
      if (this.#moving.next().done || this.moved >= movesMax) return false;
    } while (this.moved < last && performance.now() < siblings.deadline);
    return true;
  }

  /** The page count of a file without free pages. */
  get #goal(): PageNumber {
    return this.#used + Math.ceil(this.#used / RUN_PAGES_MAX);
  }

  *#countChunks(): Generator<void> {
    // The file may become longer or shorter meanwhile.
    for (let chunk = 0; chunk < chunksOf(this.#pager.meta.pageCount); chunk++) {
      if (chunk >= this.#bounds.chunksMax) {
        this.#end = this.#leaves = this.#shared = 0;
        return;
      }
      this.#count(chunk);
      yield;
    }
    this.#page = this.#end - 1;
  }

  #count(chunk: ChunkNumber): void {
    this.#pager.copyHeaderPage(chunk, this.#headers);
    this.#context.allocator.examine(chunk, this.#headers);
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const kind = kindOf(this.#headers, slot);
      if (kind === KIND_JOURNAL) this.#journalBehind++;
      if (kind === KIND_FREE || kind === KIND_JOURNAL) continue;
      this.#used++;
      this.#journalInside += this.#journalBehind;
      this.#journalBehind = 0;
      if (kind === KIND_LEAF) {
        this.#leaves++;
        this.#leafBytes += usedBytesOf(this.#headers, slot);
      } else if (kind === KIND_SHARED) {
        this.#shared++;
        this.#sharedBytes += usedBytesOf(this.#headers, slot);
      }
      this.#end = chunk * CHUNK_PAGES + slot + 1;
    }
  }

  /** Moves the pages one after the other; yields where a slice may end. */
  *#moveAll(): Generator<void> {
    this.#findTrees();
    while (this.#page >= this.#goal) {
      const page = this.#page--;
      const pages = page < this.#pager.meta.pageCount ? yield* this.#move(page) : 0;
      if (pages < 0) return;
      this.moved += pages;
      yield;
    }
  }

  #findTrees(): void {
    const { catalogRoot } = this.#pager.meta;
    this.#addTree(undefined, CATALOG_TREE, catalogRoot);
    for (const name of this.#catalog.names()) {
      const entry = this.#catalog.get(name);
      if (entry !== undefined) this.#addTree(name, entry.id, entry.root);
    }
  }

  #addTree(
    name: string | undefined,
    id: number,
    root: PageNumber,
    owners?: ValueOwners,
  ): FoundTree {
    const tree = new BTree(this.#context, id, root);
    const { leavesMax } = this.#bounds;
    let made: Relocation | undefined;
    const relocation = () => made ??= new Relocation(this.#context, tree.nodes);
    const own = owners ?? new ValueOwners(this.#goal, leavesMax);
    const found = { name, tree, owners: own, relocation };
    this.#trees.set(id, found);
    return found;
  }

  /** The tree of a number as it is now. Others may have created, renamed or dropped trees. */
  #treeOf(id: number): FoundTree | undefined {
    const found = this.#trees.get(id);
    if (found !== undefined) {
      const { name, tree, owners } = found;
      const root = this.#rootOf(name, id);
      if (root === tree.root) return found;
      if (root !== undefined) return this.#addTree(name, id, root, owners);
    }
    this.#trees.clear();
    this.#findTrees();
    return this.#trees.get(id);
  }

  #rootOf(name: string | undefined, id: number): PageNumber | undefined {
    if (name === undefined) return this.#pager.meta.catalogRoot;
    const entry = this.#catalog.get(name);
    return entry?.id === id ? entry.root : undefined;
  }

  /** Moves a page, or the value that it is part of. Returns how many moved, or -1. */
  *#move(page: PageNumber): Generator<void, number> {
    const place = this.#pager.headerPage(page >>> CHUNK_SHIFT);
    const { u32 } = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const slot = page & SLOT_MASK;
    const word = headerWord(place & SLOT_MASK, slot);
    const kind = slot === 0 ? KIND_FREE : u32[word]! & 0xff;
    if (kind === KIND_FREE || kind === KIND_JOURNAL) return 0;
    const [id, link] = [u32[word + 1]!, u32[word + 2]!];
    // A dropped tree whose pages are being released is not among the trees.
    const found = this.#treeOf(id);
    if (found === undefined) return -1;
    if (kind === KIND_LEAF || kind === KIND_BRANCH) return this.#moveNode(page, found);
    if (kind === KIND_SHARED) return this.#moveShared(page, found);
    if (kind === KIND_RUN) return yield* this.#moveValue(page, id);
    return kind === KIND_RUN_CONTINUED ? yield* this.#moveValue(link, id) : -1;
  }

  #moveNode(page: PageNumber, { name, tree, owners, relocation }: FoundTree): number {
    if (page !== tree.root) {
      const window = Math.min(WINDOW_PAGES, this.#bounds.movesMax);
      this.#siblings.from = Math.max(this.#goal, page - window);
      const moved = relocation().move(page, this.#siblings);
      // A leaf may be among the siblings that are left.
      if (moved > 0 && this.#context.allocator.isInUse(page)) this.#page = page;
      return moved > 0 ? moved : -1;
    }
    const root = relocation().moveRoot();
    if (root < 0) return -1;
    if (name === undefined) this.#pager.meta.catalogRoot = root;
    else this.#catalog.moveRoot(name, root);
    this.#addTree(name, tree.id, root, owners);
    return 1;
  }

  #moveShared(page: PageNumber, { relocation }: FoundTree): number {
    return relocation().moveShared(page) ? 1 : -1;
  }

  /** Sets the value of a run again, with runs before it. */
  *#moveValue(run: PageNumber, id: number): Generator<void, number> {
    for (;;) {
      const found = this.#treeOf(id);
      if (found === undefined) return -1;
      const key = found.owners.keyOf(found.tree, run);
      if (key !== undefined) return this.#moveValueOf(found, key, run);
      if (!this.#context.allocator.isInUse(run)) return 0;
      if (!found.owners.search(found.tree)) return -1;
      yield;
    }
  }

  #moveValueOf({ tree, owners }: FoundTree, key: Uint8Array, run: PageNumber): number {
    const pages = Math.ceil(tree.lengthOf(key) / PAGE_BYTES);
    if (pages > this.#bounds.valuePagesMax) return -1;
    if (!this.#setAgain(tree, key, run)) return -1;
    owners.add(tree, key);
    return pages;
  }

  /** Sets a value again, with runs before a run. Returns whether they have room. */
  #setAgain(tree: BTree, key: Uint8Array, run: PageNumber): boolean {
    const runs = this.#runsBefore(run);
    this.#pager.begin();
    try {
      this.#rewrite(tree, key, runs);
      this.#pager.commit();
      return true;
    } catch (error) {
      this.#pager.rollback();
      if (!(error instanceof LimitError)) throw error;
      return false;
    }
  }

  /** Writes the runs of a value again; fragments beside them stay where they are. */
  #rewrite(tree: BTree, key: Uint8Array, runs: RunSource): void {
    const found = tree.find(key);
    assert(found !== undefined, "the key was found before, and nothing has changed");
    const { bytes, at } = found;
    const old = decodeReference(bytes, at);
    if (old.number !== 0) {
      tree.nodes.changes++;
      return moveBody(this.#pager, this.#context.allocator, runs, tree.id, old, key);
    }
    const value = tree.readReferenced(bytes, at);
    const reference = new Uint8Array(REFERENCE_BYTES);
    writeRuns(this.#pager, runs, tree.id, value, 0, reference);
    tree.putRuns(key, reference);
  }

  #runsBefore(run: PageNumber): RunSource {
    return {
      allocateShortRun: (span, tree) => {
        const pages = Math.min(span, RUN_PAGES_MAX);
        const page = this.#context.allocator.allocateBefore(run, pages, KIND_RUN, tree);
        if (page < 0) throw new LimitError("Cannot move a value: no room for it below");
        return page;
      },
    };
  }
}
