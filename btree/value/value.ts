/**
 * Values outside of leaves, behind a reference (`reference.ts`): in fragments that share pages
 * (`fragments.ts`), or in runs (`runs.ts`), whichever takes less space.
 */

import type { PageNumber, PageReader } from "../../pager/mod.ts";
import { checkFragments, readFragments } from "./fragments.ts";
import { decodeReference } from "./reference.ts";
import { copyRuns, runsOf } from "./runs.ts";

/** Reads the value of the reference at `at`: a copy. */
export function readReferenced(
  pager: PageReader,
  tree: number,
  bytes: Uint8Array,
  at: number,
): Uint8Array {
  const reference = decodeReference(bytes, at);
  if (reference.number !== 0) return readFragments(pager, tree, reference);
  return copyRuns(pager, tree, reference);
}

/** All pages of a value, read and verified: those of its fragments, and those of its runs. */
export function* pagesOfReferenced(
  pager: PageReader,
  tree: number,
  bytes: Uint8Array,
  at: number,
): Generator<PageNumber> {
  const reference = decodeReference(bytes, at);
  if (reference.number !== 0) {
    checkFragments(pager, tree, reference);
    yield reference.page;
    if (reference.secondPage !== 0) yield reference.secondPage;
  }
  for (const run of runsOf(pager, tree, reference)) {
    for (let page = run.page; page < run.page + run.pages; page++) {
      pager.at(page);
      yield page;
    }
  }
}
