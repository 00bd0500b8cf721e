/**
 * The parts of a file as the demo shows them: groups of page kinds, each with a name, a letter and
 * a colour.
 */

import { format } from "../../pager/mod.ts";

/** A group of page kinds. */
export interface Part {
  /** Its name, in the plural. */
  readonly name: string;
  /** Its letter, for output without colours. */
  readonly letter: string;
  /** Its number among the terminal's colours. */
  readonly colour: number;
  /** The kinds of its pages. Header pages have no header, so no kind. */
  readonly kinds: readonly number[];
}

/** The first of `PARTS`. */
export const HEADER_PAGES = 0;

/** All parts. */
export const PARTS: readonly Part[] = [
  { name: "header pages", letter: "H", colour: 37, kinds: [] },
  { name: "superblocks", letter: "S", colour: 31, kinds: [format.KIND_SUPERBLOCK] },
  {
    name: "branches",
    letter: "B",
    colour: 33,
    kinds: [format.KIND_BRANCH],
  },
  { name: "leaves", letter: "L", colour: 32, kinds: [format.KIND_LEAF] },
  { name: "runs", letter: "R", colour: 34, kinds: [format.KIND_RUN, format.KIND_RUN_CONTINUED] },
  { name: "shared pages", letter: "V", colour: 36, kinds: [format.KIND_SHARED] },
  { name: "journal", letter: "J", colour: 35, kinds: [format.KIND_JOURNAL] },
  { name: "free", letter: ".", colour: 90, kinds: [format.KIND_FREE] },
];

/** The part of each kind of page. */
export const PART_OF_KIND: Uint8Array = new Uint8Array(format.KIND_COUNT);
PARTS.forEach(({ kinds }, part) => kinds.forEach((kind) => PART_OF_KIND[kind] = part));
