/**
 * Finds the pages of a value outside of its leaf that are not ready, as far as its list of runs can
 * be followed without reading such a page.
 */

import { format, type PageNumber, type PageReader } from "../../pager/mod.ts";
import { bodyOf } from "./body.ts";
import type { Reference } from "./reference.ts";
import { checkLength, checkRest, readRun } from "./runs.ts";

/**
 * The pages of a value that are not ready, up to the first run whose first page is not: that one
 * has the length of its run and the page of the next. The pages of fragments come first. None if
 * all are ready.
 *
 * @throws {CorruptionError} A run does not belong to the value, which may have been released.
 */
export function missingInRuns(
  reader: PageReader,
  tree: number,
  reference: Reference,
  isReady: (page: PageNumber) => boolean,
): PageNumber[] {
  const { number, secondPage } = reference;
  const missing: PageNumber[] = [];
  if (number !== 0) {
    for (const page of [reference.page, secondPage]) {
      if (page !== 0 && !isReady(page)) missing.push(page);
    }
    if (missing.length > 0 || reference.length < format.PAGE_BYTES) return missing;
  }
  const runs = number === 0 ? reference : bodyOf(reader, tree, reference);
  checkLength(reader, runs);
  let next = runs.page;
  for (let rest = runs.length; rest > 0;) {
    if (!isReady(next)) return [...missing, next];
    const run = readRun(reader, tree, next, runs.version, true);
    checkRest(run, rest);
    for (let i = 1; i < run.pages; i++) if (!isReady(next + i)) missing.push(next + i);
    rest -= run.bytes;
    next = run.next;
  }
  return missing;
}
