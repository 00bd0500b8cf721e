/**
 * Fills a new database tree by tree: by single entries in batches, or by loads. Neither memory nor
 * the journal grows with it.
 *
 * The file receives its name when it is complete. Until then it cannot be opened under any name.
 */

import {
  BTree,
  BulkLoad,
  Catalog,
  chunkCensus,
  Compaction,
  type CompactionBounds,
  type CreateOptions,
  TreeContext,
} from "../../btree/mod.ts";
import {
  BuildingFile,
  Disk,
  format,
  NewFile,
  openUnnamedDiskFile,
  Pager,
} from "../../pager/mod.ts";

const { isOfTree } = format;

/** The size at which a batch commits. */
const BATCH_BYTES = 1024 * 1024;
/** The size at which a part of a load commits: what a transaction keeps of its pages grows. */
const LOAD_BYTES = 4 * 1024 * 1024;
/** The overhead of an entry. */
const ENTRY_BYTES = 32;

/**
 * Every free page matters, and values of up to 32 MiB may move. Nothing waits for a sync of a file
 * that is being built, so pages that move go past the journal.
 */
const BOUNDS: CompactionBounds = {
  chunksMax: Infinity,
  movesMax: Infinity,
  slicePagesMax: 256,
  alonePagesMax: 256,
  valuePagesMax: 4096,
  leavesMax: Infinity,
  packedMax: 0,
  packsMax: Infinity,
  thinPart: 1,
  thinPages: 0,
  slackPages: 0,
  slackPart: 0,
};

/** A new database that is being filled. */
export class Rebuild {
  readonly #newFile: NewFile;
  readonly #file: BuildingFile;
  readonly #pager: Pager;
  readonly #context: TreeContext;
  readonly #catalog: Catalog;
  #batch = 0;

  /**
   * Creates the file of a new database.
   *
   * @param path The path of the whole file.
   * @param cacheBytes The most memory for its pages, at least 2 MiB.
   * @param copyOf The file whose entries it receives, if any; its permissions limit the new file's.
   * @throws {IoError} A file exists at the path, or the system refused.
   */
  constructor(path: string, cacheBytes: number, copyOf?: string) {
    this.#newFile = new NewFile(path, { copyOf, canBeInPlace: true });
    try {
      this.#file = new BuildingFile(openUnnamedDiskFile(this.#newFile.path));
    } catch (error) {
      this.#newFile.abandon();
      throw error;
    }
    try {
      this.#pager = new Pager(this.#file, { cacheBytes, isBuilt: true });
    } catch (error) {
      this.#file.discard();
      this.#newFile.abandon();
      throw error;
    }
    this.#context = new TreeContext(this.#pager);
    this.#catalog = new Catalog(this.#context);
  }

  /** Creates a tree. */
  create(name: string, options: CreateOptions): BTree {
    const { id, root } = this.#change(() => this.#catalog.create(name, options));
    return new BTree(this.#context, id, root);
  }

  /** Adds an entry to a tree. */
  put(tree: BTree, key: Uint8Array, value: Uint8Array): void {
    this.#change(() => tree.put(key, value));
    this.#batch += key.length + value.length + ENTRY_BYTES;
    if (this.#batch > BATCH_BYTES) this.commit();
  }

  /** Begins to load a tree, which is empty, with entries in key order: full pages. */
  load(tree: BTree): BulkLoad {
    return this.#change(() => new BulkLoad(tree));
  }

  /** Counts bytes added to a load. Parts of it commit: the file is of no use before its end. */
  countLoaded(bytes: number): void {
    this.#batch += bytes;
    if (this.#batch <= LOAD_BYTES) return;
    this.commit();
    this.#pager.begin();
  }

  #change<T>(change: () => T): T {
    if (this.#pager.depth === 0) this.#pager.begin();
    return change();
  }

  /** Commits what was added. */
  commit(): void {
    if (this.#pager.depth === 0) return;
    this.#batch = 0;
    this.#pager.commit();
    this.#pager.flush("none");
  }

  /** Closes the database and gives it its name, on the medium. */
  finish(): void {
    this.commit();
    this.#pager.close();
    this.#file.complete();
    this.#newFile.finish();
  }

  /**
   * Moves the last pages to where the journal was, so that the file has no free chunk. Yields after
   * each step.
   *
   * @param budgetMs The time of a step, in milliseconds.
   */
  *shorten(budgetMs: number): Generator<void, void, undefined> {
    const compaction = new Compaction(this.#context, this.#catalog, BOUNDS);
    while (compaction.countSlice(budgetMs)) yield;
    if (!compaction.isWorthwhile || !this.#pager.moveJournalToEnd()) return;
    for (let hasMore = true; hasMore;) {
      hasMore = this.#change(() => compaction.moveSlice(budgetMs, true));
      this.commit();
      yield;
    }
  }

  /** Writes some of the pages that are in memory. Returns whether more remain. */
  writeSlice(): boolean {
    return this.#pager.checkpointSlice();
  }

  /** The number of pages of trees in each chunk. */
  *pagesOfTrees(): Generator<number, void, undefined> {
    for (const { kinds } of chunkCensus(this.#pager)) yield kinds.filter(isOfTree).length;
  }

  /**
   * Like `finish`, but no sync holds up the thread. Returns the size of the file in bytes.
   *
   * @throws {IoError} Later, in the promise: the system refused.
   */
  async finishLater(): Promise<number> {
    this.commit();
    this.#pager.close();
    const bytes = new Disk(this.#file).size();
    await this.#file.completeLater();
    await this.#newFile.finishLater();
    return bytes;
  }

  /** Removes the file. */
  abandon(): void {
    this.#file.discard();
    this.#newFile.abandon();
  }
}
