/**
 * Unfinished values: values written in parts, each part in its own transaction, because they are
 * too large for one.
 *
 * They cannot be read until the last part is written, as no leaf refers to their runs. A record in
 * the catalog, under the key 2, then the value's number, big-endian, names them, so that values
 * that a crash left unfinished are found and released:
 *
 * | at | size | field                                                                   |
 * | -- | ---- | ----------------------------------------------------------------------- |
 * |  0 | u32  | number of the tree that the value is for, as in its pages               |
 * |  4 | 16   | reference to the runs so far, as in a leaf (`reference.ts`)             |
 * | 20 | u32  | first page of the last run                                              |
 * | 24 | ...  | name of the tree, if the value created it and is dropped with it        |
 *
 * Each part stamps its version on its runs and on the run before them, which it links to them. The
 * last step stamps all runs with one version, as for any value, and stores the reference in a leaf.
 *
 * The record holds all state between two steps, so a step that was rolled back can be repeated.
 */

import {
  assert,
  corrupt,
  corruptHeader,
  CorruptionError,
  format,
  LimitError,
  type PageNumber,
  type Pager,
  type PageReader,
} from "../pager/mod.ts";
import { type Catalog, CATALOG_TREE, decodeName, NAME_BYTES_MAX } from "./catalog.ts";
import type { TreeVisitor } from "./check/tree_walk.ts";
import { REFERENCE_BYTES } from "./node/node.ts";
import { BTree } from "./tree.ts";
import {
  decodeReference,
  encodeReference,
  type Reference,
  runsReference,
} from "./value/reference.ts";
import { appendRuns, runsOf, versionAt } from "./value/runs.ts";
import type { TreeContext } from "./walk/tree_context.ts";

const { HEADER } = format;

const UNFINISHED = 2;
const KEY_BYTES = 5;
/** The highest number that a key holds. */
const NUMBER_MAX = 0xffff_ffff;
const AT_REFERENCE = 4;
const AT_LAST = 20;
const RECORD_BYTES = 24;
/** The runs that one step releases by default: 64 MiB if they are full. */
const SLICE_RUNS = 32;

/** The decoded record of an unfinished value. */
export interface Unfinished {
  /** The number of its tree, which may have been dropped since. */
  readonly tree: number;
  /** Its runs so far. */
  readonly reference: Reference;
  /** The first page of the last run. */
  readonly last: number;
  /** The name of the tree if the value created it; otherwise "". */
  readonly createdTree: string;
}

/** Values written in parts. All methods but `begin` run inside transactions. */
export class UnfinishedValues {
  readonly #context: TreeContext;
  readonly #pager: Pager;
  readonly #catalog: Catalog;
  /** The highest number assigned; numbers are never reused, even after their record is deleted. */
  #highest = 0;

  /**
   * The unfinished values of a database.
   *
   * @param context The context of the database.
   * @param catalog The catalog that holds their records.
   */
  constructor(context: TreeContext, catalog: Catalog) {
    this.#context = context;
    this.#pager = context.pager;
    this.#catalog = catalog;
  }

  /**
   * Begins a value, and returns its number. Where others write the file too, the transaction that
   * appends the first part also begins the value, so that nobody else takes the number.
   *
   * @throws {LimitError} The last number is used.
   */
  begin(): number {
    for (const number of this.#each()) this.#highest = Math.max(this.#highest, number);
    if (this.#highest >= NUMBER_MAX) {
      throw new LimitError("Cannot begin a value: no number is left");
    }
    this.#highest++;
    return this.#highest;
  }

  /**
   * Appends a part. Every part but the last must fill its pages.
   *
   * @param number The value's number.
   * @param done The bytes appended so far.
   * @param tree The number of the tree of the value.
   * @param bytes The part.
   * @param createdTree The name of the tree if the value created it: dropping the value drops the
   *   tree too, unless it has entries.
   */
  append(number: number, done: number, tree: number, bytes: Uint8Array, createdTree = ""): void {
    const record = this.#get(number);
    assert(bytes.length > 0, "a part has bytes");
    assert((record?.reference.length ?? 0) === done, "parts are appended one after the other");
    const list = { first: record?.reference.page ?? 0, last: record?.last ?? 0 };
    appendRuns(this.#pager, this.#context.allocator, tree, bytes, 0, list);
    const version = versionAt(this.#pager, list.last);
    const reference = runsReference(list.first, done + bytes.length, version);
    const name = record?.createdTree ?? (createdTree || this.#createdFor(tree));
    this.#put(number, { tree, reference, last: list.last, createdTree: name });
  }

  /** The name of the tree if another unfinished value created it, which this one inherits. */
  #createdFor(tree: number): string {
    const records = this.numbers().map((number) => this.#get(number));
    return records.find((record) => record?.tree === tree)?.createdTree ?? "";
  }

  /** Makes the appended bytes the value of a key. Returns whether the key is new. */
  finish(number: number, tree: BTree, key: Uint8Array): boolean {
    const record = this.#get(number);
    assert(record?.tree === tree.id, "a value is finished in the tree it was begun for");
    const { page, length } = record.reference;
    for (const run of runsOf(this.#pager, tree.id, record.reference, false)) {
      this.#pager.touch(this.#pager.at(run.page));
    }
    const bytes = new Uint8Array(REFERENCE_BYTES);
    encodeReference(runsReference(page, length, versionAt(this.#pager, page)), bytes);
    this.#catalog.tree()?.delete(keyOf(number));
    return tree.putRuns(key, bytes);
  }

  /** Releases a slice of a value. Returns whether more remains. */
  release(number: number, runs: number = SLICE_RUNS): boolean {
    const record = this.#get(number);
    if (record === undefined) return false;
    let { page, length } = record.reference;
    let count = 0;
    for (const run of runsOf(this.#pager, record.tree, record.reference, false)) {
      this.#context.allocator.release(run.page, run.pages);
      page = run.next;
      length -= run.bytes;
      if (++count === runs) break;
    }
    if (length === 0) {
      this.#catalog.tree()?.delete(keyOf(number));
      this.#dropCreated(record);
    } else {
      this.#put(number, { ...record, reference: { ...record.reference, page, length } });
    }
    return length > 0;
  }

  /** Drops the tree that a value created, unless it has entries or another unfinished value. */
  #dropCreated({ tree, createdTree }: Unfinished): void {
    const entry = createdTree === "" ? undefined : this.#catalog.get(createdTree);
    if (entry?.id !== tree) return;
    if (this.numbers().some((number) => this.#get(number)?.tree === tree)) return;
    if (new BTree(this.#context, tree, entry.root).count() === 0) this.#catalog.drop(createdTree);
  }

  /** The numbers of all values that have a part, abandoned ones included. */
  numbers(): number[] {
    return [...this.#each()];
  }

  /** The same numbers, one at a time. Nothing may change meanwhile. */
  *#each(): Generator<number, void, undefined> {
    const cursor = this.#catalog.tree()?.cursor();
    if (cursor === undefined) return;
    for (let found = cursor.seek(new Uint8Array([UNFINISHED])); found; found = cursor.next()) {
      const key = cursor.key();
      checkKey(key, this.#pager.meta.catalogRoot);
      yield new DataView(key.buffer, key.byteOffset).getUint32(1);
    }
  }

  /** All pages of all unfinished values with the numbers of their trees, read and verified. */
  *pages(): Generator<[page: PageNumber, tree: number]> {
    for (const number of this.numbers()) {
      const record = this.#get(number);
      if (record === undefined) continue;
      const { tree, reference } = record;
      for (const run of runsOf(this.#pager, tree, reference, false)) {
        for (let page = run.page; page < run.page + run.pages; page++) {
          this.#pager.at(page);
          yield [page, tree];
        }
      }
    }
  }

  #get(number: number): Unfinished | undefined {
    const bytes = this.#catalog.tree()?.get(keyOf(number));
    if (bytes === undefined) return undefined;
    const { catalogRoot, nextTreeId } = this.#pager.meta;
    return decode(bytes, catalogRoot, nextTreeId);
  }

  #put(number: number, { tree, reference, last, createdTree }: Unfinished): void {
    const name = new TextEncoder().encode(createdTree);
    const bytes = new Uint8Array(RECORD_BYTES + name.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, tree, true);
    encodeReference(reference, bytes.subarray(AT_REFERENCE));
    view.setUint32(AT_LAST, last, true);
    bytes.set(name, RECORD_BYTES);
    this.#catalog.makeTree().put(keyOf(number), bytes);
  }
}

/** Whether a key of the catalog has the tag of an unfinished value. */
export function isUnfinishedKey(key: Uint8Array): boolean {
  return key[0] === UNFINISHED;
}

/**
 * Decodes a catalog entry of an unfinished value.
 *
 * @param page The leaf that holds it, for the error.
 * @param nextTreeId The lowest tree id that was never used.
 * @throws {CorruptionError} Key or record breaks a rule.
 */
export function readUnfinished(
  key: Uint8Array,
  record: Uint8Array,
  page: PageNumber,
  nextTreeId: number,
): Unfinished {
  checkKey(key, page);
  return decode(record, page, nextTreeId);
}

/**
 * Walks the runs of an unfinished value and reports the first broken rule to a visitor. A step is
 * one run.
 */
export function* walkUnfinished(
  reader: PageReader,
  value: Unfinished,
  visitor: Pick<TreeVisitor, "reached" | "broken">,
): Generator<void, void, undefined> {
  try {
    let last = 0;
    for (const run of runsOf(reader, value.tree, value.reference, false)) {
      for (let page = run.page; page < run.page + run.pages; page++) {
        reader.at(page);
        if (!visitor.reached(page)) corruptHeader(page, 0, "the page is in a tree twice");
      }
      last = run.page;
      yield;
    }
    if (last !== value.last) {
      corruptHeader(
        last,
        HEADER.link,
        `not the last run, which is said to be at page ${value.last}`,
      );
    }
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    visitor.broken(error, true);
  }
}

function checkKey(key: Uint8Array, page: PageNumber): void {
  if (isUnfinishedKey(key) && key.length === KEY_BYTES) return;
  corrupt(page, 0, "a key of the catalog is of no known kind");
}

function decode(record: Uint8Array, page: PageNumber, nextTreeId: number): Unfinished {
  const { length } = record;
  if (length < RECORD_BYTES || length > RECORD_BYTES + NAME_BYTES_MAX) {
    corrupt(page, 0, `an unfinished value has a record of ${length} bytes`);
  }
  const view = new DataView(record.buffer, record.byteOffset, length);
  const tree = view.getUint32(0, true);
  if (tree === CATALOG_TREE || tree >= nextTreeId) {
    corrupt(page, 0, `an unfinished value is for a tree ${tree}`);
  }
  const reference = decodeReference(record, AT_REFERENCE);
  if (reference.number !== 0) corrupt(page, 0, "an unfinished value is not in runs");
  return {
    tree,
    reference,
    last: view.getUint32(AT_LAST, true),
    createdTree: decodeName(record.subarray(RECORD_BYTES), page),
  };
}

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  key[0] = UNFINISHED;
  new DataView(key.buffer).setUint32(1, number);
  return key;
}
