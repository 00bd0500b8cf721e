/**
 * Groups of page kinds for output, each with a name, a letter and a colour.
 */

import { format } from "../../pager/mod.ts";

/** A group of page kinds. */
export interface Part {
  /** Its name, in the plural. */
  readonly name: string;
  /** Its letter, for output without colours. */
  readonly letter: string;
  /** Its colour, as a code of SGR. */
  readonly colour: string;
  /** The kinds of its pages. Header pages have no header, so no kind. */
  readonly kinds: readonly number[];
  /** Whether its pages have a fill. */
  readonly hasFill: boolean;
  /** Whether its pages have entries. */
  readonly hasEntries: boolean;
}

/** The first of `PARTS`. */
export const HEADER_PAGES = 0;

const NODES = { hasFill: true, hasEntries: true };
const PLAIN = { hasFill: false, hasEntries: false };

/** All parts. */
export const PARTS: readonly Part[] = [
  { name: "header pages", letter: "H", colour: "37", kinds: [], ...PLAIN },
  { name: "superblocks", letter: "S", colour: "31", kinds: [format.KIND_SUPERBLOCK], ...PLAIN },
  {
    name: "branches",
    letter: "B",
    colour: "33",
    kinds: [format.KIND_BRANCH],
    ...NODES,
  },
  {
    name: "leaves",
    letter: "L",
    colour: "32",
    kinds: [format.KIND_LEAF],
    ...NODES,
  },
  {
    name: "runs",
    letter: "R",
    colour: "34",
    kinds: [format.KIND_RUN, format.KIND_RUN_CONTINUED],
    hasFill: true,
    hasEntries: false,
  },
  {
    name: "shared pages",
    letter: "V",
    colour: "36",
    kinds: [format.KIND_SHARED],
    ...NODES,
  },
  { name: "journal", letter: "J", colour: "35", kinds: [format.KIND_JOURNAL], ...PLAIN },
  { name: "free", letter: ".", colour: "90", kinds: [format.KIND_FREE], ...PLAIN },
];

/** The part of each kind of page. */
export const PART_OF_KIND: Uint8Array = new Uint8Array(format.KIND_COUNT);
PARTS.forEach(({ kinds }, part) => kinds.forEach((kind) => PART_OF_KIND[kind] = part));
