/**
 * The directory of a database: looks up trees by name in the catalog, and caches them.
 *
 * The epoch increases whenever a name may refer to another tree or root: after a create, drop,
 * rename, rollback or a step of a compaction, or when the database is closed. Trees found in an
 * epoch are cached until the next one, so that all users of a tree share one object and see its
 * changes. When the cache is full, a new epoch begins: evicting one tree alone would let its users
 * hold two objects.
 */

import { BTree, type Catalog, type TreeContext } from "../../btree/mod.ts";
import { inFile, type PageReader } from "../../pager/mod.ts";
import type { TreeFormat } from "../read/tree_format.ts";
import type { FoundTree } from "../read/tree_source.ts";

/** The part of a format that the catalog stores: the names of the codecs. */
export type TreeNaming = Pick<
  TreeFormat<unknown, unknown, never, never, never>,
  "attributes" | "check"
>;

/** The most names in the cache. A tree in it takes about 1 KB. */
const FOUND_MAX = 4096;

/** The trees of a database by name. */
export class TreeDirectory {
  /** Increases whenever a name may refer to another tree. */
  epoch = 0;
  readonly #context: TreeContext;
  readonly #catalog: Catalog;
  readonly #found = new Map<string, FoundTree | undefined>();
  #foundEpoch = 0;

  /**
   * Creates the directory of a catalog.
   *
   * @param context The context of its trees.
   * @param catalog The catalog.
   */
  constructor(context: TreeContext, catalog: Catalog) {
    this.#context = context;
    this.#catalog = catalog;
  }

  /** The tree of a name, or undefined. */
  find(name: string): FoundTree | undefined {
    if (this.#foundEpoch === this.epoch) {
      const cached = this.#found.get(name);
      if (cached !== undefined || this.#found.has(name)) return cached;
      if (this.#found.size >= FOUND_MAX) this.epoch++;
    }
    const found = this.findIn(this.#catalog, name, this.#context.pager);
    this.#remember(name, found);
    return found;
  }

  /** Caches what a name refers to until the next epoch. */
  #remember(name: string, found: FoundTree | undefined): void {
    if (this.#foundEpoch !== this.epoch) {
      this.#found.clear();
      this.#foundEpoch = this.epoch;
    }
    this.#found.set(name, found);
  }

  /** The tree of a name in a catalog, or undefined. */
  findIn(catalog: Catalog, name: string, reader: PageReader): FoundTree | undefined {
    const entry = this.#entryIn(catalog, name);
    if (entry === undefined) return undefined;
    const btree = new BTree(this.#context, entry.id, entry.root, reader);
    return { btree, attributes: entry.attributes, catalogRoot: reader.meta.catalogRoot };
  }

  #entryIn(catalog: Catalog, name: string): ReturnType<Catalog["get"]> {
    try {
      return catalog.get(name);
    } catch (error) {
      throw inFile(error, this.#context.pager.path);
    }
  }

  /** The tree of a name, created if it does not exist, inside a transaction. */
  open(name: string, format: TreeNaming): BTree {
    const found = this.find(name);
    if (found === undefined) return this.#create(name, format.attributes());
    format.check(name, found.attributes, found.catalogRoot);
    return found.btree;
  }

  #create(name: string, attributes: Uint8Array): BTree {
    const { pager } = this.#context;
    const { id, root } = this.#catalog.create(name, { attributes });
    this.epoch++;
    const btree = new BTree(this.#context, id, root, pager);
    const { catalogRoot } = pager.meta;
    this.#remember(name, { btree, attributes, catalogRoot });
    return btree;
  }
}
