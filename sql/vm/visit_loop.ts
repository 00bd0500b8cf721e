/**
 * Loops inside visits of their trees: the body runs for each entry, in place if it reads nothing
 * else of the database, so no entry is copied to a batch. A body that leaves the loop ends the
 * visit.
 *
 * A loop that needs one row of each value of the first parts of a key passes over the others, and
 * after some of them searches for the next value; with a body that uses the database it is no
 * visit. One that skips its first rows only counts them.
 */

import type { Rows } from "../schema/trees.ts";
import type { IndexCursor, KeyBounds, TableCursor } from "./cursor.ts";
import type { Instruction, Machine } from "./machine.ts";
import { PASSED_MAX, pastValue, startsWith, valueOf } from "./scan_batch.ts";

/** The entries of the first visit backward, which copies them: many loops need only the last. */
const FIRST_BACKWARD = 4;

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
    : bounds.reverse === true
    ? visitBackward(m, scan, cursor, bounds)
    : visitForward(m, scan, cursor, bounds);
  if (outcome === "empty") m.pc = scan.p2;
  else if (outcome === "goes on") m.pc = scan.p3 + 1;
}

function visitForward(
  m: Machine,
  { p3: next, isAlone }: Instruction,
  cursor: TableCursor | IndexCursor,
  bounds: KeyBounds,
): Outcome {
  const first = m.pc;
  let goesOn = true;
  const count = isAlone === true
    ? cursor.rows.visitViews(bounds, (entry) => {
      cursor.view(entry);
      return goesOn = m.runBody(first, next);
    })
    : cursor.rows.visit(bounds, (key, value) => {
      cursor.visit(key, value);
      return goesOn = m.runBody(first, next);
    });
  return count === 0 ? "empty" : goesOn ? "goes on" : "left";
}

function visitBackward(
  m: Machine,
  { p3: next }: Instruction,
  cursor: TableCursor | IndexCursor,
  bounds: KeyBounds,
): Outcome {
  const first = m.pc;
  let goesOn = true;
  let left = FIRST_BACKWARD;
  let last: Uint8Array | undefined;
  const visitor = (key: Uint8Array, value: Uint8Array) => {
    if (--left === 0) last = key.slice();
    cursor.visit(key, value);
    return goesOn = m.runBody(first, next);
  };
  const count = cursor.rows.visit({ ...bounds, limit: FIRST_BACKWARD }, visitor);
  if (count === 0) return "empty";
  if (goesOn && last !== undefined) cursor.rows.visit({ ...bounds, lt: last }, visitor);
  return goesOn ? "goes on" : "left";
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
