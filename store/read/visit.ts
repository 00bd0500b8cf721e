/**
 * Visits: a function is called for each entry of a range, with the stored bytes in memory that the
 * next entries overwrite, so that no entry allocates.
 *
 * The bytes are copies of the leaf's. So they last as long as the call, although the function
 * changes the tree or closes the database, and no write to them reaches a page.
 */

import { POISON, type ViewGuard } from "../memory/view_guard.ts";
import { refuseGenerator, refusePromise } from "./argument_checks.ts";
import { inEntry } from "./codec_error.ts";
import type { Scan } from "./scan.ts";
import type { Steps } from "./tree_source.ts";

/**
 * The function that a visit calls for each entry. It returns `false` to end the visit. The bytes
 * are valid until it returns.
 */
export type Visitor = (key: Uint8Array, value: Uint8Array) => boolean | void;

/**
 * Refuses a visitor that is not a function.
 *
 * @throws {TypeError} It is not one.
 */
export function checkVisitor(visitor: unknown): void {
  if (typeof visitor === "function") return refuseGenerator("visit: the function", visitor);
  throw new TypeError(
    `Cannot visit: ${visitor === null ? "null" : typeof visitor} is not a function`,
  );
}

/**
 * Visits the entries that remain in the steps, and ends the steps.
 *
 * @param tree The name of the tree, for errors.
 * @param guard With the option `debugViews`.
 * @returns The number of entries visited.
 */
export function visitAll(
  steps: Steps,
  visitor: Visitor,
  tree: string,
  guard: ViewGuard | undefined,
): number {
  const visit = guard === undefined ? visitor : guarded(visitor);
  let count = 0;
  try {
    for (let scan = steps.next(); scan !== undefined; scan = steps.next()) {
      const { at } = steps;
      const value = scan.isInline(at) ? scan.lentValue(at) : farValue(scan, at, tree);
      const result = visit(scan.lentKey(at), value);
      count++;
      if (result === false) break;
      if (result !== undefined && result !== true) refusePromise("visit: the function", result);
    }
  } finally {
    steps.end();
  }
  return count;
}

/** A value outside of its leaf. */
export function farValue(scan: Scan, at: number, tree: string): Uint8Array {
  try {
    return scan.value(at);
  } catch (error) {
    throw inEntry(error, tree, scan.key(at));
  }
}

/** The same with copies that are overwritten when the function returns. */
function guarded(visitor: Visitor): Visitor {
  return (key, value) => {
    const copies = [key.slice(), value.slice()] as const;
    try {
      return visitor(...copies);
    } finally {
      for (const copy of copies) copy.fill(POISON);
    }
  };
}
