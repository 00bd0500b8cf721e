/**
 * Rows that are kept in the order in which they were added, also as a queue. Rows that exceed the
 * memory go to a tree, by number.
 */

import { bytesOf, numbered, rowOfBytes } from "./row_bytes.ts";
import { type Row, RowList } from "./row_list.ts";
import { bytesOfRow, Memory, type SpillTree } from "./spill.ts";

const NO_BYTES = new Uint8Array(0);
/** The rows that a queue pops before it releases their memory. */
const POPPED_MAX = 1000;

/** A list of rows. */
export class KeptRows extends RowList {
  readonly #memory: Memory;
  #bytes = 0;
  #tree: SpillTree | undefined;
  /** The number of the first row in memory: those before it are in the tree, or gone. */
  #first = 0;
  /** The number of the next row. */
  #next = 0;

  /** Creates a list. */
  constructor(memory: Memory = new Memory()) {
    super();
    this.#memory = memory;
  }

  /** Whether rows are in a tree. */
  get hasSpilled(): boolean {
    return this.#tree !== undefined;
  }

  /** Whether no row has been added. */
  get isEmpty(): boolean {
    return this.rows.length === 0 && this.#tree === undefined;
  }

  /** Adds a row. */
  override add(row: Row): void {
    this.rows.push(row);
    if (this.#memory.spill === undefined) return;
    const bytes = bytesOfRow(row);
    this.#bytes += bytes;
    if (this.#memory.take(bytes)) this.#empty();
  }

  /** Moves the rows in memory to the tree. */
  #empty(): void {
    this.#tree ??= this.#memory.spill!.tree();
    const { rows } = this;
    const first = this.#first;
    this.#tree.put(rows.map((row, i) => [numbered(NO_BYTES, first + i), bytesOf(row)] as const));
    this.#first += rows.length;
    this.#forget();
  }

  #forget(): void {
    this.rows = [];
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
  }

  /** Moves to the first row; false if there is none. */
  override rewind(): boolean {
    this.#next = 0;
    return this.next();
  }

  /** Moves to the next row; false at the end. */
  override next(): boolean {
    const at = this.#next - this.#first;
    if (at >= this.rows.length) return false;
    this.row = at >= 0
      ? this.rows[at]!
      : rowOfBytes(this.#tree!.get(numbered(NO_BYTES, this.#next))!);
    this.#next++;
    return true;
  }

  /** Moves to the oldest row and removes it; false if there is none. */
  override pop(): boolean {
    if (!this.next()) return false;
    const popped = this.#next - this.#first;
    if (popped > POPPED_MAX && popped * 2 > this.rows.length) this.#drop(popped);
    return true;
  }

  /** Forgets the first rows in memory. */
  #drop(count: number): void {
    if (this.#memory.spill !== undefined) {
      const bytes = this.rows.slice(0, count).reduce((sum, row) => sum + bytesOfRow(row), 0);
      this.#memory.give(bytes);
      this.#bytes -= bytes;
    }
    this.rows = this.rows.slice(count);
    this.#first += count;
  }

  /** Forgets all rows. */
  override close(): void {
    super.close();
    this.#forget();
    this.#tree?.drop();
    this.#tree = undefined;
    this.#first = 0;
    this.#next = 0;
  }
}
