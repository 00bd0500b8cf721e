/**
 * Finds the pages of a value outside of its leaf that are not ready, as far as its list of runs can
 * be followed without reading such a page.
 */

import type { PageNumber, PageReader } from "../../pager/mod.ts";
import type { Reference } from "./reference.ts";
import { readRun } from "./value.ts";

/**
 * The pages of a value that are not ready, up to the first run whose first page is not: that one
 * has the length of its run and the page of the next. None if all are ready.
 *
 * @throws {CorruptionError} A run does not belong to the value, which may have been released.
 */
export function missingInRuns(
  reader: PageReader,
  tree: number,
  { page, length, number, version }: Reference,
  isReady: (page: PageNumber) => boolean,
): PageNumber[] {
  if (number !== 0) return isReady(page) ? [] : [page];
  const missing: PageNumber[] = [];
  let next = page;
  for (let rest = length; rest > 0 && next > 0;) {
    if (!isReady(next)) return [...missing, next];
    const run = readRun(reader, tree, next, version, true);
    for (let i = 1; i < run.pages; i++) if (!isReady(next + i)) missing.push(next + i);
    rest -= run.bytes;
    next = run.next;
  }
  return missing;
}
