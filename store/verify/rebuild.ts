/**
 * Filling a new database tree by tree, in batches, so that neither memory nor journal grow with it.
 *
 * It gets its name when it is whole, and until then nobody can open it, whatever its name is.
 */

import { BTree, Catalog, type CreateOptions, TreeContext } from "../../btree/mod.ts";
import { BuildingFile, NewFile, openDiskFile, Pager } from "../../pager/mod.ts";

/** A transaction ends when it has taken so much. */
const BATCH_BYTES = 1024 * 1024;
/** What an entry costs beside its bytes. */
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
   * Makes the file of a new database.
   *
   * @param path Where it will be.
   * @param cacheBytes The most memory for its pages.
   * @param copyOf The file whose entries it gets, if any; it is not more open than that.
   * @throws {IoError} There is a file already, or the system refused.
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

  /** Makes the tree that the entries to come are for. */
  begin(name: string, options: CreateOptions): void {
    const { id, root } = this.#change(() => this.#catalog.create(name, options));
    this.#tree = new BTree(this.#context, id, root);
  }

  /** Adds an entry to the tree begun last. */
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

  /** Leaves a clean database, on the medium, under its name. */
  finish(): void {
    this.#commit();
    this.#pager.close();
    this.#file.complete();
    this.#newFile.publish();
  }

  /** Leaves nothing. */
  abandon(): void {
    this.#file.discard();
    this.#newFile.abandon();
  }
}
