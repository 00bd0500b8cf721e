/**
 * Loops inside visits of their trees: the body, which uses nothing else of the database, runs for
 * each entry in place, so no entry is copied to a batch. A body that leaves the loop ends the
 * visit.
 *
 * A loop that needs one row of each value of the first parts of a key passes over the others, and
 * after some of them searches for the next value. One that skips its first rows only counts them.
 */

import type { Rows } from "../schema/trees.ts";
import type { IndexCursor, KeyBounds, TableCursor } from "./cursor.ts";
import type { Instruction, Machine } from "./machine.ts";
import { PASSED_MAX, pastValue, startsWith, valueOf } from "./scan_batch.ts";

/** What has become of a loop. */
type Outcome = "empty" | "goes on" | "left";

/**
 * Runs the loop of a scan over a range, and sets where the program goes on.
 *
 * @param distinct The number of parts of the key of which one row of each value is visited; 0 for
 *   all rows.
 */
export function visitLoop(
  m: Machine,
  scan: Instruction,
  cursor: TableCursor | IndexCursor,
  bounds: KeyBounds,
  distinct: number,
): void {
  cursor.close();
  const outcome = distinct > 0
    ? new DistinctVisit(m, scan, cursor, distinct).run(bounds)
    : visitAll(m, scan, cursor, bounds);
  if (outcome === "empty") m.pc = scan.p2;
  else if (outcome === "goes on") m.pc = scan.p3 + 1;
}

function visitAll(
  m: Machine,
  { p3: next }: Instruction,
  cursor: TableCursor | IndexCursor,
  bounds: KeyBounds,
): Outcome {
  const first = m.pc;
  let goesOn = true;
  const count = cursor.rows.visitViews(bounds, (entry) => {
    cursor.view(entry);
    return goesOn = m.runBody(first, next);
  });
  return count === 0 ? "empty" : goesOn ? "goes on" : "left";
}

/** A visit of one entry of each value of the first parts of a key, with the body in place. */
class DistinctVisit {
  readonly #m: Machine;
  readonly #first: number;
  readonly #scan: Instruction;
  readonly #cursor: TableCursor | IndexCursor;
  readonly #parts: number;
  #outcome: Outcome = "empty";
  /** The bytes of the last value, and the entries that were passed over because of it. */
  #value: Uint8Array | undefined;
  #passed = 0;

  constructor(m: Machine, scan: Instruction, cursor: TableCursor | IndexCursor, parts: number) {
    this.#m = m;
    this.#first = m.pc;
    this.#scan = scan;
    this.#cursor = cursor;
    this.#parts = parts;
  }

  run(bounds: KeyBounds): Outcome {
    this.#visit(bounds);
    while (this.#outcome === "goes on" && this.#passed === PASSED_MAX) {
      this.#passed = 0;
      this.#visit(pastValue(bounds, this.#value!));
    }
    return this.#outcome;
  }

  #visit(bounds: KeyBounds): void {
    const cursor = this.#cursor;
    cursor.rows.visitViews(bounds, (entry) => {
      if (!this.#isNew(entry.key)) return this.#passed < PASSED_MAX;
      cursor.view(entry);
      return this.#runBody();
    });
  }

  #runBody(): boolean {
    const goesOn = this.#m.runBody(this.#first, this.#scan.p3);
    this.#outcome = goesOn ? "goes on" : "left";
    return goesOn;
  }

  /** Whether an entry has another value than the one before. */
  #isNew(key: Uint8Array): boolean {
    if (this.#value !== undefined && startsWith(key, 0, this.#value)) {
      this.#passed++;
      return false;
    }
    this.#value = valueOf(key, 0, key.length, this.#parts);
    this.#passed = 0;
    return true;
  }
}

/** The bounds without the first entries of a range; undefined if there are no others. */
export function withoutFirst(
  rows: Rows,
  bounds: KeyBounds,
  count: number,
): KeyBounds | undefined {
  let left = count;
  let from: Uint8Array | undefined;
  rows.visitViews(bounds, (entry) => {
    if (left-- > 0) return true;
    from = entry.key.slice();
    return false;
  });
  if (from === undefined) return undefined;
  return bounds.reverse === true ? { ...bounds, lte: from } : { ...bounds, gte: from };
}
