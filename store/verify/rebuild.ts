/**
 * Fills a new database tree by tree, in batches, so that neither memory nor the journal grows with
 * it.
 *
 * The file receives its name when it is whole. Until then it cannot be opened under any name.
 */

import { BTree, Catalog, type CreateOptions, TreeContext } from "../../btree/mod.ts";
import { BuildingFile, NewFile, openDiskFile, Pager } from "../../pager/mod.ts";

/** The size at which a batch commits. */
const BATCH_BYTES = 1024 * 1024;
/** The overhead of an entry. */
const ENTRY_BYTES = 32;

/** A new database that is being filled. */
export class Rebuild {
  readonly #newFile: NewFile;
  readonly #file: BuildingFile;
  readonly #pager: Pager;
  readonly #context: TreeContext;
  readonly #catalog: Catalog;
  #tree: BTree | undefined;
  #batch = 0;

  /**
   * Creates the file of a new database.
   *
   * @param path The path of the whole file.
   * @param cacheBytes The most memory for its pages.
   * @param copyOf The file whose entries it receives, if any; its permissions limit the new file's.
   * @throws {IoError} A file exists at the path, or the system refused.
   */
  constructor(path: string, cacheBytes: number, copyOf?: string) {
    this.#newFile = new NewFile(path, { copyOf, canBeInPlace: true });
    try {
      this.#file = new BuildingFile(openDiskFile(this.#newFile.path, { create: false }));
    } catch (error) {
      this.#newFile.abandon();
      throw error;
    }
    try {
      this.#pager = new Pager(this.#file, { cacheBytes });
    } catch (error) {
      this.#file.discard();
      this.#newFile.abandon();
      throw error;
    }
    this.#context = new TreeContext(this.#pager);
    this.#catalog = new Catalog(this.#context);
  }

  /** Creates the tree of the following entries. */
  begin(name: string, options: CreateOptions): void {
    const { id, root } = this.#change(() => this.#catalog.create(name, options));
    this.#tree = new BTree(this.#context, id, root);
  }

  /** Adds an entry to the current tree. */
  put(key: Uint8Array, value: Uint8Array): void {
    this.#change(() => this.#tree!.put(key, value));
    this.#batch += key.length + value.length + ENTRY_BYTES;
    if (this.#batch > BATCH_BYTES) this.#commit();
  }

  #change<T>(change: () => T): T {
    if (this.#pager.depth === 0) this.#pager.begin();
    return change();
  }

  #commit(): void {
    if (this.#pager.depth === 0) return;
    this.#batch = 0;
    this.#pager.commit();
    this.#pager.flush("none");
  }

  /** Closes the database and publishes it under its name, on the medium. */
  finish(): void {
    this.#commit();
    this.#pager.close();
    this.#file.complete();
    this.#newFile.publish();
  }

  /** Removes the file. */
  abandon(): void {
    this.#file.discard();
    this.#newFile.abandon();
  }
}
