/**
 * Filling a new database tree by tree, in batches, so that neither memory nor journal grow with it.
 */

import { Catalog, type CreateOptions, Space, Tree } from "../../btree/mod.ts";
import { createDiskFile, Pager, removeDiskFile } from "../../pager/mod.ts";

/** A transaction ends when it has taken so much. */
const BATCH_BYTES = 1024 * 1024;
/** What an entry costs beside its bytes. */
const ENTRY_BYTES = 32;

/** A new database that is being filled. */
export class Rebuild {
  readonly #path: string;
  readonly #pager: Pager;
  readonly #space: Space;
  readonly #catalog: Catalog;
  #tree: Tree | undefined;
  #batch = 0;

  /**
   * Makes the file of a new database.
   *
   * @throws {IoError} There is a file already.
   */
  constructor(path: string, cacheBytes: number) {
    const file = createDiskFile(path);
    this.#path = path;
    try {
      this.#pager = new Pager(file, { cacheBytes });
    } catch (error) {
      file.close();
      removeDiskFile(path);
      throw error;
    }
    this.#space = new Space(this.#pager);
    this.#catalog = new Catalog(this.#space);
  }

  /** Makes the tree that the entries to come are for. */
  begin(name: string, options: CreateOptions): void {
    const { id, root } = this.#change(() => this.#catalog.create(name, options));
    this.#tree = new Tree(this.#space, id, root);
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

  /** Leaves a clean database, on the medium. */
  finish(): void {
    this.#commit();
    this.#pager.close();
  }

  /** Leaves nothing. */
  abandon(): void {
    try {
      this.#pager.close();
    } finally {
      removeDiskFile(this.#path);
    }
  }
}
