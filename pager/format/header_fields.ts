/**
 * A page header as plain data, for those who look at a file: every field of every kind, under its
 * own name, copied.
 *
 * Nothing here is on the way of a read, and nothing is refused: a field is what the bytes say.
 */

import {
  CHUNK_SHIFT,
  EXTENT_PAGES,
  FLAG_HOLDS_RUNS,
  HEADER,
  HEADER_WORD_SHIFT,
  KIND_BRANCH,
  KIND_FREE,
  KIND_LEAF,
  KIND_RUN,
  KIND_RUN_CONTINUED,
  PAGE_BYTES,
  SLOT_MASK,
} from "./format.ts";
import type { Frame } from "./frame.ts";
import {
  cellStartOf,
  entriesOf,
  flagsOf,
  garbageOf,
  headerPosition,
  kindOf,
  levelOf,
  linkOf,
  prefixLengthOf,
  runBytesOf,
  runPagesOf,
  treeOf,
  versionOf,
} from "./header.ts";

const PAGE_SUM_WORD = HEADER.pageSum / 4;
const HEAD_SUM_WORD = HEADER.headSum / 4;
const KIND_NAMES = [
  "free",
  "leaf",
  "branch",
  "run",
  "run continued",
  "journal",
  "superblock",
];

/** Where a page is, and what its header says. Fields that its kind does not have are 0. */
export interface HeaderFields {
  /** The page's number. */
  readonly page: number;
  /** The chunk it is in. */
  readonly chunk: number;
  /** Its slot in the chunk. */
  readonly slot: number;
  /** The extent it is in. */
  readonly extent: number;
  /** Where in the file the page begins, in bytes. */
  readonly offset: number;
  /** Where in the file its header begins, in bytes. */
  readonly headerOffset: number;
  /** What kind of page it is, as `format.KIND_...`; 0 for a header page too. */
  readonly kind: number;
  /** The kind in words; "headers" for the header page of a chunk. */
  readonly kindName: string;
  /** The number of the tree that owns it. */
  readonly tree: number;
  /** The version that last wrote it. */
  readonly version: number;
  /** Of a node: its level, 0 = leaf. */
  readonly level: number;
  /** Of a node: how many entries it has. */
  readonly entries: number;
  /** Right sibling of a leaf, next run of a value, or first page of a run; 0 = none. */
  readonly link: number;
  /** Of a node: where in the page the lowest cell begins. */
  readonly cellStart: number;
  /** Of a node: how many bytes all its keys begin with. */
  readonly prefixBytes: number;
  /** Of a leaf: whether some value of it is in runs. */
  readonly holdsRuns: boolean;
  /** Of a node: the bytes that removed cells left. */
  readonly garbage: number;
  /** Of the first page of a run: how many pages the run has. */
  readonly runPages: number;
  /** Of a later page of a run: its index in the run. */
  readonly runIndex: number;
  /** Of the first page of a run: how many bytes of the value it holds. */
  readonly runBytes: number;
  /** The CRC-32 of the page that the header states. */
  readonly pageSum: number;
  /** The sum of the header that it states. */
  readonly headSum: number;
}

/** A kind in words. */
export function kindName(kind: number): string {
  return KIND_NAMES[kind] ?? `unknown ${kind}`;
}

/** Reads the header of a page that stands in a slot; a header page has none, and no fields. */
export function headerFields(frame: Frame, slot: number, page: number): HeaderFields {
  const isHeaderPage = (page & SLOT_MASK) === 0;
  const kind = isHeaderPage ? KIND_FREE : kindOf(frame, slot);
  const isNode = kind === KIND_LEAF || kind === KIND_BRANCH;
  const isRun = kind === KIND_RUN;
  const word = slot << HEADER_WORD_SHIFT;
  return {
    page,
    chunk: page >>> CHUNK_SHIFT,
    slot: page & SLOT_MASK,
    extent: Math.floor(page / EXTENT_PAGES),
    offset: page * PAGE_BYTES,
    headerOffset: headerPosition(page),
    kind,
    kindName: isHeaderPage ? "headers" : kindName(kind),
    tree: isHeaderPage ? 0 : treeOf(frame, slot),
    version: isHeaderPage ? 0 : versionOf(frame, slot),
    level: isNode ? levelOf(frame, slot) : 0,
    entries: isNode ? entriesOf(frame, slot) : 0,
    link: isHeaderPage ? 0 : linkOf(frame, slot),
    cellStart: isNode ? cellStartOf(frame, slot) : 0,
    prefixBytes: isNode ? prefixLengthOf(frame, slot) : 0,
    holdsRuns: isNode && (flagsOf(frame, slot) & FLAG_HOLDS_RUNS) !== 0,
    garbage: isNode ? garbageOf(frame, slot) : 0,
    runPages: isRun ? runPagesOf(frame, slot) : 0,
    runIndex: kind === KIND_RUN_CONTINUED ? entriesOf(frame, slot) : 0,
    runBytes: isRun ? runBytesOf(frame, slot) : 0,
    pageSum: isHeaderPage ? 0 : frame.u32[word + PAGE_SUM_WORD]!,
    headSum: isHeaderPage ? 0 : frame.u32[word + HEAD_SUM_WORD]!,
  };
}
