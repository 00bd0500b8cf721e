/**
 * The catalog: a tree of trees, whose root page the superblock names.
 *
 * Its own tree id is 0. Three kinds of keys:
 *
 * - 1, then the name in UTF-8: a live tree;
 * - 0, then the id of the tree, big-endian: a dropped tree, whose pages are released a slice at a
 *   time. Its name is free from the moment of the drop;
 * - 2, then a number, big-endian: an unfinished value (`unfinished_values.ts`).
 *
 * The value of the first two is a record:
 *
 * | at | size | field                                      |
 * | -- | ---- | ------------------------------------------ |
 * |  0 | u32  | root page                                  |
 * |  4 | u32  | tree id                                    |
 * |  8 | u32  | reserved, zero                             |
 * | 12 | ...  | attributes, for the layer above            |
 */

import {
  assert,
  corrupt,
  LimitError,
  type PageNumber,
  type Pager,
  type PageReader,
} from "../pager/mod.ts";
import { compareKeys } from "./node/key.ts";
import { BTree } from "./tree.ts";
import type { TreeContext } from "./walk/tree_context.ts";

/** The catalog's own number among trees. */
export const CATALOG_TREE = 0;
/** The first number that no tree can have: the number after it would not fit 32 bits. */
const TREE_ID_END = 0xffff_ffff;
const LIVING = 1;
const DROPPED = 0;
const DROPPED_KEY_BYTES = 5;
const RECORD_BYTES = 12;
/** The pages that a slice of a drop releases by default. */
const SLICE_PAGES = 256;

/** Without `ignoreBOM` it strips a leading byte order mark from a name. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The longest name of a tree, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 1024;

/** The catalog's record of a tree. */
export interface TreeEntry {
  /** Its number. */
  readonly id: number;
  /** Its root page. */
  readonly root: number;
  /** The attributes that the layer above has stored. */
  readonly attributes: Uint8Array;
}

/** One decoded entry of the catalog. */
export interface CatalogEntry extends TreeEntry {
  /** Its name, or undefined if it was dropped and its pages are being released. */
  readonly name: string | undefined;
}

/** Options of a new tree. */
export interface CreateOptions {
  /** Attributes to store with it. Default none. */
  readonly attributes?: Uint8Array | undefined;
}

/** The trees of a database by name. */
export class Catalog {
  readonly #context: TreeContext;
  readonly #pager: Pager;
  readonly #reader: PageReader;
  #tree: BTree | undefined;

  /**
   * The catalog of a database.
   *
   * @param context The context of its trees.
   * @param reader The reader of its pages: the pager, or a snapshot, which is read-only.
   */
  constructor(context: TreeContext, reader: PageReader = context.pager) {
    this.#context = context;
    this.#pager = context.pager;
    this.#reader = reader;
  }

  /** The record of the tree of a name, or undefined. */
  get(name: string): TreeEntry | undefined {
    const key = nameKey(name);
    const record = this.tree()?.get(key);
    return record === undefined ? undefined : this.#decode(record);
  }

  /**
   * The record of a tree that `names` lists.
   *
   * @throws {CorruptionError} A search does not find it.
   */
  listed(name: string): TreeEntry {
    const entry = this.get(name);
    if (entry !== undefined) return entry;
    return corrupt(this.#reader.meta.catalogRoot, 0, "the names of the catalog are out of order");
  }

  /**
   * Creates a tree, inside a transaction.
   *
   * @throws {RangeError} A tree of that name exists, or the name is empty or too long.
   * @throws {LimitError} All 2^32 tree ids are used.
   */
  create(name: string, options: CreateOptions = {}): TreeEntry {
    const key = nameKey(name);
    const catalog = this.makeTree();
    if (catalog.has(key)) throw new RangeError(`Cannot create tree ${name}: it exists`);
    const { attributes = new Uint8Array(0) } = options;
    const id = this.#pager.meta.nextTreeId;
    if (id === TREE_ID_END) {
      throw new LimitError(`Cannot create tree ${name}: all tree ids are used`);
    }
    this.#pager.meta.nextTreeId = id + 1;
    const { root } = BTree.create(this.#context, id);
    const entry = { id, root, attributes };
    catalog.put(key, encode(entry));
    return entry;
  }

  /**
   * Renames a tree, inside a transaction.
   *
   * @throws {RangeError} No tree has the old name, or one has the new name.
   */
  rename(from: string, to: string): void {
    const catalog = this.tree();
    const record = catalog?.get(nameKey(from))?.slice();
    if (!catalog || !record) throw new RangeError(`Cannot rename tree ${from}: it does not exist`);
    if (catalog.has(nameKey(to))) throw new RangeError(`Cannot rename to ${to}: it exists`);
    catalog.delete(nameKey(from));
    catalog.put(nameKey(to), record);
  }

  /** Stores that the root of a tree is in another page now, inside a transaction. */
  moveRoot(name: string, root: PageNumber): void {
    const entry = this.get(name);
    assert(entry !== undefined, "a tree whose root moves has a name");
    this.makeTree().put(nameKey(name), encode({ ...entry, root }));
  }

  /**
   * The names of all trees, in the order of their bytes.
   *
   * @throws {CorruptionError} One is empty, too long, or not UTF-8.
   */
  names(): string[] {
    const names: string[] = [];
    const cursor = this.tree()?.cursor();
    if (cursor === undefined) return names;
    const { catalogRoot } = this.#reader.meta;
    for (let found = cursor.seek(new Uint8Array([LIVING])); found; found = cursor.next()) {
      const key = cursor.key();
      if (key[0] !== LIVING) break;
      names.push(nameOf(key, catalogRoot));
    }
    return names;
  }

  /** Drops a tree, inside a transaction. It frees the name; `sweep` releases the pages. */
  drop(name: string): boolean {
    const catalog = this.tree();
    const key = nameKey(name);
    const record = catalog?.get(key)?.slice();
    if (!catalog || !record) return false;
    catalog.delete(key);
    catalog.put(droppedKey(this.#decode(record).id), record);
    return true;
  }

  /** The numbers of dropped trees that still have pages. Nothing may change meanwhile. */
  *dropped(): Generator<number, void, undefined> {
    const cursor = this.tree()?.cursor();
    if (cursor === undefined) return;
    for (let found = cursor.seek(new Uint8Array([DROPPED])); found; found = cursor.next()) {
      const key = cursor.key();
      if (key[0] !== DROPPED) return;
      if (key.length !== DROPPED_KEY_BYTES) {
        corrupt(
          this.#reader.meta.catalogRoot,
          0,
          "the catalog has a dropped tree without a number",
        );
      }
      yield new DataView(key.buffer, key.byteOffset).getUint32(1);
    }
  }

  /**
   * Releases a slice of the pages of one dropped tree, inside a transaction.
   *
   * @param pages The most pages of leaves, and of values outside of them; a single value may have
   *   more.
   * @param id The number of the tree; by default any dropped tree.
   * @returns Whether more slices follow.
   */
  sweep(pages: number = SLICE_PAGES, id?: number): boolean {
    const number = id ?? this.dropped().next().value;
    if (number === undefined) return false;
    const key = droppedKey(number);
    const catalog = this.tree();
    const record = catalog?.get(key);
    if (!catalog || !record) return false;
    const entry = this.#decode(record);
    if (this.#sweepTree(entry, pages)) {
      this.#context.allocator.release(entry.root, 1);
      catalog.delete(key);
    }
    return true;
  }

  /** Releases a slice of a tree. Returns whether only the root remains. */
  #sweepTree(entry: TreeEntry, pages: number): boolean {
    const tree = new BTree(this.#context, entry.id, entry.root);
    const end = tree.sliceEnd(undefined, pages);
    tree.deleteRange(undefined, end);
    return end === undefined;
  }

  /**
   * The catalog's tree, or undefined if no tree was ever created.
   *
   * @internal
   */
  tree(): BTree | undefined {
    const { catalogRoot } = this.#reader.meta;
    if (catalogRoot === 0) return undefined;
    if (this.#tree?.root !== catalogRoot) {
      this.#tree = new BTree(this.#context, CATALOG_TREE, catalogRoot, this.#reader);
    }
    return this.#tree;
  }

  /**
   * The catalog's tree, created if it does not exist, inside a transaction.
   *
   * @internal
   */
  makeTree(): BTree {
    const living = this.tree();
    if (living !== undefined) return living;
    this.#tree = BTree.create(this.#context, CATALOG_TREE);
    this.#pager.meta.catalogRoot = this.#tree.root;
    return this.#tree;
  }

  #decode(record: Uint8Array): TreeEntry {
    const { catalogRoot, nextTreeId } = this.#reader.meta;
    return decode(record, catalogRoot, nextTreeId);
  }
}

/**
 * Decodes a catalog entry of a tree. `readUnfinished` decodes entries of unfinished values.
 *
 * @param page The leaf that holds it, for the error.
 * @param nextTreeId The lowest tree id that was never used.
 * @throws {CorruptionError} Key or record breaks a rule.
 */
export function readCatalogEntry(
  key: Uint8Array,
  record: Uint8Array,
  page: PageNumber,
  nextTreeId: number,
): CatalogEntry {
  const entry = decode(record, page, nextTreeId);
  if (key[0] === LIVING) return { ...entry, name: nameOf(key, page) };
  const expected = droppedKey(entry.id);
  if (compareKeys(key, key.length, expected, expected.length) !== 0) {
    corrupt(page, 0, "a key of the catalog is neither a name nor its dropped tree");
  }
  return { ...entry, name: undefined };
}

function nameOf(key: Uint8Array, page: PageNumber): string {
  if (key.length < 2 || key.length > NAME_BYTES_MAX + 1) {
    corrupt(page, 0, `the catalog has a name of ${key.length - 1} bytes`);
  }
  return decodeName(key.subarray(1), page);
}

/**
 * Decodes the name of a tree.
 *
 * @param page The leaf that holds the name, for the error.
 * @throws {CorruptionError} The bytes are not UTF-8.
 */
export function decodeName(bytes: Uint8Array, page: PageNumber): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return corrupt(page, 0, "the catalog has a name that is not UTF-8");
  }
}

function decode(record: Uint8Array, page: PageNumber, nextTreeId: number): TreeEntry {
  const fail = (rule: string): never => corrupt(page, 0, rule);
  if (record.length < RECORD_BYTES) fail("a record of the catalog is too short");
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const root = view.getUint32(0, true);
  const id = view.getUint32(4, true);
  if (id === CATALOG_TREE || id >= nextTreeId) fail(`the catalog names a tree ${id}`);
  if (view.getUint32(8, true) !== 0) fail("reserved bytes are not zero");
  return { id, root, attributes: record.slice(RECORD_BYTES) };
}

function encode({ id, root, attributes }: TreeEntry): Uint8Array {
  const record = new Uint8Array(RECORD_BYTES + attributes.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, root, true);
  view.setUint32(4, id, true);
  record.set(attributes, RECORD_BYTES);
  return record;
}

function nameKey(name: string): Uint8Array {
  // Encoding turns lone surrogates into U+FFFD, which would merge different names.
  if (!name.isWellFormed()) throw new TypeError("Cannot name a tree: it has a lone surrogate");
  const bytes = new TextEncoder().encode(name);
  if (bytes.length === 0 || bytes.length > NAME_BYTES_MAX) {
    throw new RangeError(`Cannot name a tree: ${bytes.length} bytes are not 1..${NAME_BYTES_MAX}`);
  }
  const key = new Uint8Array(bytes.length + 1);
  key[0] = LIVING;
  key.set(bytes, 1);
  return key;
}

function droppedKey(id: number): Uint8Array {
  const key = new Uint8Array(DROPPED_KEY_BYTES);
  new DataView(key.buffer).setUint32(1, id);
  return key;
}
