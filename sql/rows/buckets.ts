/**
 * The buckets of a hash join: rows by the values on which they are joined. Rows that exceed the
 * memory go to a tree, by key and number.
 */

import type { Collation } from "../value/compare.ts";
import type { SqlValue } from "../value/value.ts";
import { bytesOf, keyBytes, numbered, rowOfBytes } from "./row_bytes.ts";
import { type MapKey, mapKey } from "./row_key.ts";
import { type Row, RowList } from "./row_list.ts";
import { bytesOfRow, Memory, type SpillTree } from "./spill.ts";

/** Rows by the values of a join. */
export class Buckets extends RowList {
  readonly #collations: readonly Collation[];
  readonly #memory: Memory;
  readonly #found = new Map<MapKey, Row[]>();
  #bytes = 0;
  #tree: SpillTree | undefined;
  #stored = 0;
  #read: Generator<[Uint8Array, Uint8Array], void, undefined> | undefined;
  /** The keys of the buckets in memory, as bytes, once rows may go to a tree. */
  readonly #keys = new Map<MapKey, Uint8Array>();

  /** Creates buckets for keys of as many values as there are collations. */
  constructor(collations: readonly Collation[], memory: Memory = new Memory()) {
    super();
    this.#collations = collations;
    this.#memory = memory;
  }

  /** Adds a row under the values of a key, unless one is NULL, which equals nothing. */
  addUnder(values: readonly SqlValue[], first: number, row: Row): void {
    if (this.#hasNull(values, first)) return;
    const key = mapKey(values, first, this.#collations);
    const bucket = this.#found.get(key);
    if (bucket === undefined) this.#found.set(key, [row]);
    else bucket.push(row);
    if (this.#memory.spill === undefined) return;
    let bytes = bytesOfRow(row);
    if (bucket === undefined) {
      const stored = keyBytes(values, first, this.#collations);
      this.#keys.set(key, stored);
      bytes += 200 + stored.length;
    }
    this.#bytes += bytes;
    if (this.#memory.take(bytes)) this.#empty();
  }

  /** Moves the rows in memory to the tree. */
  #empty(): void {
    this.#tree ??= this.#memory.spill!.tree();
    const entries: (readonly [Uint8Array, Uint8Array])[] = [];
    for (const [key, rows] of this.#found) {
      const prefix = this.#keys.get(key)!;
      for (const row of rows) entries.push([numbered(prefix, this.#stored++), bytesOf(row)]);
    }
    this.#tree.put(entries);
    this.#found.clear();
    this.#keys.clear();
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
  }

  /** Moves to the first row of a key; false if there is none. */
  find(values: readonly SqlValue[], first: number): boolean {
    const hasNull = this.#hasNull(values, first);
    const key = hasNull ? undefined : mapKey(values, first, this.#collations);
    this.rows = key === undefined ? [] : this.#found.get(key) ?? [];
    this.#read?.return();
    this.#read = hasNull ? undefined : this.#rowsInTree(values, first);
    return this.rewind();
  }

  #rowsInTree(values: readonly SqlValue[], first: number) {
    return this.#tree?.entries(keyBytes(values, first, this.#collations));
  }

  /** Moves to the next row; false at the end. */
  override next(): boolean {
    if (super.next()) return true;
    const step = this.#read?.next();
    if (step === undefined || step.done === true) return false;
    this.row = rowOfBytes(step.value[1]);
    return true;
  }

  #hasNull(values: readonly SqlValue[], first: number): boolean {
    for (let i = 0; i < this.#collations.length; i++) if (values[first + i] === null) return true;
    return false;
  }

  /** Forgets all rows. */
  override close(): void {
    super.close();
    this.#found.clear();
    this.#keys.clear();
    this.#read?.return();
    this.#read = undefined;
    this.#tree?.drop();
    this.#tree = undefined;
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
  }
}
