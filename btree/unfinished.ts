/**
 * Values that are written in parts, each in a transaction of its own, because they are too large
 * for one.
 *
 * Until the last part is there nobody can read them: their runs are in no leaf. A record in the
 * catalog names them, under the key 2, then the value's number, big-endian, so that what a crash
 * left unfinished is found and given back (`sweep`):
 *
 * | at | size | field                                                                   |
 * | -- | ---- | ----------------------------------------------------------------------- |
 * |  0 | u32  | number of the tree that the value is for, as in its pages               |
 * |  4 | 16   | reference to the runs so far, as in a leaf (`value.ts`)                 |
 * | 20 | u32  | first page of the last run                                              |
 * | 24 | ...  | name of the tree, if it was made for the value and has to go with it    |
 *
 * Each part stamps its own version on its runs, and on the one before, which learns of them. The
 * last step stamps all of them alike, as those of any value are, and hands them to a leaf.
 *
 * All that is known between two steps stands in the record, so a step that is rolled back can be
 * made again.
 */

import { assert, corrupt, type Pager } from "../pager/mod.ts";
import type { Catalog } from "./catalog.ts";
import { REFERENCE_BYTES } from "./node.ts";
import type { Space } from "./space.ts";
import { Tree } from "./tree.ts";
import { appendRuns, decodeReference, encodeReference, type Reference } from "./value.ts";
import { runsOf, versionAt } from "./value.ts";

const UNFINISHED = 2;
const KEY_BYTES = 5;
const AT_REFERENCE = 4;
const AT_LAST = 20;
const RECORD_BYTES = 24;
/** Runs that one step gives back, unless it is told otherwise: 64 MiB where they are full. */
const SLICE_RUNS = 32;

/** What the record of an unfinished value says. */
interface Unfinished {
  readonly tree: number;
  readonly reference: Reference;
  /** The first page of the last run. */
  readonly last: number;
  /** The name of the tree, if it was made for the value. */
  readonly made: string;
}

/** Values that are written in parts. All but `begin` and `end` is done inside transactions. */
export class UnfinishedValues {
  readonly #space: Space;
  readonly #pager: Pager;
  readonly #catalog: Catalog;
  /** Numbers of values that somebody is writing. */
  readonly #live = new Set<number>();
  /** The highest number that was given out; none is given twice, even when its record is gone. */
  #highest = 0;

  /**
   * The unfinished values of a database.
   *
   * @param space Where they are.
   * @param catalog Where their records are.
   */
  constructor(space: Space, catalog: Catalog) {
    this.#space = space;
    this.#pager = space.pager;
    this.#catalog = catalog;
  }

  /** Begins a value, and returns its number; `sweep` leaves it alone until `end`. */
  begin(): number {
    this.#highest = Math.max(this.#highest, ...this.numbers()) + 1;
    this.#live.add(this.#highest);
    return this.#highest;
  }

  /** Nobody writes the value any more: if it was not finished, its runs are for `sweep`. */
  end(number: number): void {
    this.#live.delete(number);
  }

  /**
   * Appends a part. Every part but the last has to fill its pages.
   *
   * @param number The value's number.
   * @param done The bytes appended so far.
   * @param tree The number of the tree that the value is for.
   * @param bytes The part.
   * @param made The name of the tree if it has to be dropped with the value, unless it got entries.
   */
  append(number: number, done: number, tree: number, bytes: Uint8Array, made = ""): void {
    const record = this.#get(number);
    assert(bytes.length > 0, "a part has bytes");
    assert((record?.reference.length ?? 0) === done, "parts are appended one after the other");
    const list = { first: record?.reference.page ?? 0, last: record?.last ?? 0 };
    appendRuns(this.#pager, this.#space.allocator, tree, bytes, 0, list);
    const version = versionAt(this.#pager, list.last);
    const reference = { page: list.first, length: done + bytes.length, version };
    const name = record?.made ?? (made || this.#madeFor(tree));
    this.#put(number, { tree, reference, last: list.last, made: name });
  }

  /** The name of a tree that was made for another value and may be left to this one. */
  #madeFor(tree: number): string {
    const records = this.numbers().map((number) => this.#get(number)!);
    return records.find((record) => record.tree === tree)?.made ?? "";
  }

  /** Makes all that was appended the value of a key; whether the key is new. */
  finish(number: number, tree: Tree, key: Uint8Array): boolean {
    const record = this.#get(number);
    assert(record?.tree === tree.id, "a value is finished in the tree it was begun for");
    const { page, length } = record.reference;
    for (const run of runsOf(this.#pager, tree.id, record.reference, false)) {
      this.#pager.touch(this.#pager.at(run.page));
    }
    const bytes = new Uint8Array(REFERENCE_BYTES);
    encodeReference({ page, length, version: versionAt(this.#pager, page) }, bytes);
    this.#catalog.tree()?.delete(keyOf(number));
    return tree.putRuns(key, bytes);
  }

  /** Gives back a slice of a value; whether there is more of it. */
  release(number: number, runs: number = SLICE_RUNS): boolean {
    const record = this.#get(number);
    if (record === undefined) return false;
    let { page, length } = record.reference;
    let count = 0;
    for (const run of runsOf(this.#pager, record.tree, record.reference, false)) {
      this.#space.allocator.release(run.page, run.pages);
      page = run.next;
      length -= run.bytes;
      if (++count === runs) break;
    }
    if (length === 0) {
      this.#catalog.tree()?.delete(keyOf(number));
      this.#dropMade(record);
    } else {
      this.#put(number, { ...record, reference: { ...record.reference, page, length } });
    }
    return length > 0;
  }

  /** Drops the tree that was made for a value, unless it is of use. */
  #dropMade({ tree, made }: Unfinished): void {
    const entry = made === "" ? undefined : this.#catalog.get(made);
    if (entry?.id !== tree) return;
    if (this.numbers().some((number) => this.#get(number)?.tree === tree)) return;
    if (new Tree(this.#space, tree, entry.root).count() === 0) this.#catalog.drop(made);
  }

  /** Gives back a slice of a value that nobody writes any more; whether there was one. */
  sweep(runs: number = SLICE_RUNS): boolean {
    const number = this.numbers().find((number) => !this.#live.has(number));
    if (number === undefined) return false;
    this.release(number, runs);
    return true;
  }

  /** The numbers of all values that have a part, those that nobody writes any more included. */
  numbers(): number[] {
    const numbers: number[] = [];
    const cursor = this.#catalog.tree()?.cursor();
    if (cursor === undefined) return numbers;
    for (let found = cursor.seek(new Uint8Array([UNFINISHED])); found; found = cursor.next()) {
      const key = cursor.key();
      if (key[0] !== UNFINISHED || key.length !== KEY_BYTES) this.#fail("no such key is known");
      numbers.push(new DataView(key.buffer, key.byteOffset).getUint32(1));
    }
    return numbers;
  }

  /** Every page of every unfinished value with the number of its tree, read and verified. */
  *pages(): Generator<[page: number, tree: number]> {
    for (const number of this.numbers()) {
      const { tree, reference } = this.#get(number)!;
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
    if (bytes.length < RECORD_BYTES) this.#fail("a record of an unfinished value is too short");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const tree = view.getUint32(0, true);
    if (tree === 0 || tree >= this.#pager.meta.nextTreeId) {
      this.#fail(`an unfinished value is for a tree ${tree}`);
    }
    return {
      tree,
      reference: decodeReference(bytes, AT_REFERENCE),
      last: view.getUint32(AT_LAST, true),
      made: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(RECORD_BYTES)),
    };
  }

  #put(number: number, { tree, reference, last, made }: Unfinished): void {
    const name = new TextEncoder().encode(made);
    const bytes = new Uint8Array(RECORD_BYTES + name.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, tree, true);
    encodeReference(reference, bytes.subarray(AT_REFERENCE));
    view.setUint32(AT_LAST, last, true);
    bytes.set(name, RECORD_BYTES);
    this.#catalog.makeTree().put(keyOf(number), bytes);
  }

  #fail(rule: string): never {
    corrupt(this.#pager.meta.catalogRoot, 0, rule);
  }
}

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  key[0] = UNFINISHED;
  new DataView(key.buffer).setUint32(1, number);
  return key;
}
