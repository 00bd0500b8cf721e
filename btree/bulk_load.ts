/**
 * Bulk load: fills an empty tree from sorted entries, from the leaves up. It builds each page once,
 * filled to the fill factor.
 *
 * Each level gathers entries until the next would overfill a page, builds the page, and hands its
 * number, with the shortest key between it and the page before, to the level above. The last page
 * of a level may be thin.
 */

import { format, header, type PageNumber, type Pager } from "../pager/mod.ts";
import { EntryList } from "./node/entry_list.ts";
import { commonLength, compareKeys, separatorLength } from "./node/key.ts";
import { KEY_BYTES_MAX, REFERENCE_BYTES, REFERENCE_TAG } from "./node/node.ts";
import { copyBytes } from "./node/node_edit.ts";
import { type BTree, checkKey, checkValue, fitsLeaf } from "./tree.ts";
import { fitsFragments, writeFragments } from "./value/fragments.ts";
import { NearbyPages } from "./value/nearby_pages.ts";
import { decodeReference } from "./value/reference.ts";
import { writeRuns } from "./value/runs.ts";

const { CHUNK_SHIFT, KIND_BRANCH, KIND_LEAF, PAGE_BYTES, SLOT_MASK } = format;
const { setLink, setShape } = header;

/** The least fill factor, a share of a page; the greatest is 1. */
const FILL_MIN = 0.5;

/**
 * Fills an empty tree, inside a transaction: `add` each entry in key order, then `finish`.
 *
 * After an error the transaction, or savepoint, has to be rolled back.
 */
export class BulkLoad {
  readonly #tree: BTree;
  readonly #pager: Pager;
  readonly #pageBytes: number;
  readonly #levels: Level[] = [];
  readonly #lastKey = new Uint8Array(KEY_BYTES_MAX);
  readonly #reference = new Uint8Array(REFERENCE_BYTES);
  /** The key of `addPart`. */
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  /** The pages that the last values share. */
  readonly #recent = new NearbyPages();
  #lastLength = -1;
  #count = 0;

  /**
   * Begins to fill a tree.
   *
   * @param tree A tree without an entry.
   * @param fill The fill factor of pages, 0.5 to 1.
   * @throws {RangeError} The tree is not empty, or the fill factor is out of range.
   */
  constructor(tree: BTree, fill: number = 1) {
    if (!(fill >= FILL_MIN && fill <= 1)) {
      throw new RangeError(`Cannot load: fill ${fill} is not between ${FILL_MIN} and 1`);
    }
    this.#tree = tree;
    this.#pager = tree.context.pager;
    this.#pageBytes = Math.floor(PAGE_BYTES * fill);
    this.#checkEmpty();
    this.#tree.nodes.changes++;
  }

  #checkEmpty(): void {
    if (!this.#tree.isEmpty) throw new RangeError("Cannot load: the tree is not empty");
  }

  /**
   * Adds an entry; key and value are copied.
   *
   * @param length The length of the key in `key`, in bytes.
   * @throws {RangeError} The key is not after the previous key, or key or value is too long.
   */
  add(key: Uint8Array, value: Uint8Array, length: number = key.length): void {
    checkKey(key, length);
    checkValue(value);
    this.#add(key, length, value, 0, value.length);
  }

  /** Adds an entry as `add` does, from parts of arrays. Its lengths were checked. */
  addPart(
    bytes: Uint8Array,
    keyAt: number,
    keyLength: number,
    values: Uint8Array,
    valueAt: number,
    valueLength: number,
  ): void {
    copyBytes(bytes, keyAt, this.#key, 0, keyLength);
    this.#add(this.#key, keyLength, values, valueAt, valueLength);
  }

  #add(
    key: Uint8Array,
    length: number,
    values: Uint8Array,
    valueAt: number,
    valueLength: number,
  ): void {
    this.#pager.relieve();
    if (this.#lastLength >= 0 && compareKeys(this.#lastKey, this.#lastLength, key, length) >= 0) {
      throw new RangeError(`Cannot load: entry ${this.#count} is not after the one before it`);
    }
    const inline = fitsLeaf(length, valueLength);
    if (!inline) this.#store(key, length, values.subarray(valueAt, valueAt + valueLength));
    const tag = inline ? valueLength : REFERENCE_TAG;
    const stored = inline ? values : this.#reference;
    const storedAt = inline ? valueAt : 0;
    const leaves = this.#level(0);
    leaves.list.putLeafEntry(key, length, tag, stored, storedAt);
    if (leaves.grow(key, length)) this.#restart(leaves, key, length, tag, stored, storedAt);
    copyBytes(key, 0, this.#lastKey, 0, length);
    this.#lastLength = length;
    this.#count++;
  }

  /**
   * Builds the remaining pages. Returns the number of entries.
   *
   * @throws {RangeError} Entries were added to the tree by other means.
   */
  finish(): number {
    this.#checkEmpty();
    if (this.#count > 0) this.#finish();
    return this.#count;
  }

  #store(key: Uint8Array, length: number, value: Uint8Array): void {
    const { context: { allocator }, id } = this.#tree;
    const reference = this.#reference;
    if (!fitsFragments(length, value.length)) {
      return writeRuns(this.#pager, allocator, id, value, 0, reference);
    }
    writeFragments(this.#pager, allocator, id, key, length, value, this.#recent, reference);
    this.#recent.addPagesOf(decodeReference(reference, 0));
  }

  /** Builds a page without the last entry, which did not fit, and begins the next page with it. */
  #restart(
    leaves: Level,
    key: Uint8Array,
    keyLength: number,
    tag: number,
    stored: Uint8Array,
    storedAt: number,
  ): void {
    leaves.list.dropLast();
    const page = this.#build(leaves);
    this.#handUp(leaves, page);
    const length = separatorLength(this.#lastKey, this.#lastLength, key, keyLength);
    leaves.begin(key, length);
    leaves.list.putLeafEntry(key, keyLength, tag, stored, storedAt);
    leaves.grow(key, keyLength);
  }

  /** Adds a child to a branch level; `key` is the one between it and the child before. */
  #addChild(level: Level, key: Uint8Array, length: number, child: number): void {
    level.list.putBranchEntry(key, length, child);
    if (!level.grow(key, length)) return;
    level.list.dropLast();
    const page = this.#build(level);
    this.#handUp(level, page);
    level.begin(key, length);
    level.list.putBranchEntry(key, length, child);
    level.grow(key, length);
  }

  #handUp(level: Level, page: PageNumber): void {
    const above = this.#level(level.height + 1);
    this.#addChild(above, level.separator, level.separatorLength, page);
  }

  /** Builds a page from all entries that a level has gathered. */
  #build(level: Level): number {
    const { list, height, lastPage } = level;
    if (height === 0) this.#pager.stream();
    const page = this.#tree.nodes.create(height, lastPage);
    const place = this.#pager.at(page);
    list.build(this.#pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK, 0, list.count);
    if (height === 0 && lastPage !== 0) this.#link(lastPage, page);
    level.lastPage = page;
    return page;
  }

  #link(page: PageNumber, next: number): void {
    const place = this.#pager.at(page);
    this.#pager.touch(place);
    setLink(this.#pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK, next);
  }

  /** Builds the last page of each level; the level of one page becomes the root. */
  #finish(): void {
    for (let height = 0;; height++) {
      const level = this.#levels[height]!;
      if (level.lastPage === 0) return this.#buildRoot(level);
      this.#handUp(level, this.#build(level));
    }
  }

  #buildRoot({ list, height }: Level): void {
    const place = this.#pager.at(this.#tree.root);
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    this.#pager.touch(place);
    setShape(frame, slot, height === 0 ? KIND_LEAF : KIND_BRANCH, height);
    list.build(frame, slot, 0, list.count);
  }

  #level(height: number): Level {
    if (height === this.#levels.length) this.#levels.push(new Level(height, this.#pageBytes));
    return this.#levels[height]!;
  }
}

/** One level of the tree under construction: the entries of its next page. */
class Level {
  readonly height: number;
  readonly list = new EntryList();
  /** The key between the page that is being gathered and the one before it. */
  readonly separator = new Uint8Array(KEY_BYTES_MAX);
  separatorLength = 0;
  /** The page built last, 0 = none yet. */
  lastPage = 0;
  readonly #pageBytes: number;
  readonly #firstKey = new Uint8Array(KEY_BYTES_MAX);
  #firstLength = 0;
  #prefix = 0;
  #bytes = 0;

  constructor(height: number, pageBytes: number) {
    this.height = height;
    this.#pageBytes = pageBytes;
    this.list.begin(height === 0);
  }

  /** Begins the next page. */
  begin(separator: Uint8Array, length: number): void {
    this.list.begin(this.height === 0);
    this.separator.set(separator.subarray(0, length));
    this.separatorLength = length;
  }

  /** Accounts for the entry just added. Returns whether it overfills the page. */
  grow(key: Uint8Array, length: number): boolean {
    const { list } = this;
    const keyed = this.height === 0 ? list.count : list.count - 1;
    if (keyed === 1) this.#remember(key, length);
    const prefix = keyed < 2 ? 0 : this.#sharedPrefix(keyed, key, length);
    if (keyed > 2 && prefix === this.#prefix) {
      this.#bytes += list.entryBytes(list.count - 1, false, prefix);
    } else {
      this.#bytes = list.bytes(0, list.count, prefix);
    }
    this.#prefix = prefix;
    return list.count > this.#entriesMin() && this.#bytes > this.#pageBytes;
  }

  /** A page takes two entries, whatever the fill factor: they fit, and a branch needs both. */
  #entriesMin(): number {
    return this.#bytes <= PAGE_BYTES ? 2 : 1;
  }

  #remember(key: Uint8Array, length: number): void {
    this.#firstKey.set(key.subarray(0, length));
    this.#firstLength = length;
  }

  #sharedPrefix(keyed: number, key: Uint8Array, length: number): number {
    const common = commonLength(this.#firstKey, this.#firstLength, key, length);
    return keyed === 2 ? common : Math.min(this.#prefix, common);
  }
}
