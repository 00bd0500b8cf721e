/**
 * A page header as plain data, for inspection: a copy of every field of every kind, by name.
 *
 * It is not used by reads and checks nothing: a field has the value that its bytes have.
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
  KIND_SHARED,
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
import type { PageNumber, Slot } from "./units.ts";

const PAGE_SUM_WORD = HEADER.pageSum / 4;
const HEADER_SUM_WORD = HEADER.headerSum / 4;
const KIND_NAMES = [
  "free",
  "leaf",
  "branch",
  "run",
  "run continued",
  "journal",
  "superblock",
  "shared",
];

/** The location of a page, and the fields of its header. Fields that its kind lacks are 0. */
export interface HeaderFields {
  /** The number of the page. */
  readonly page: number;
  /** The chunk it is in. */
  readonly chunk: number;
  /** Its slot in the chunk. */
  readonly slot: number;
  /** The extent it is in. */
  readonly extent: number;
  /** The offset of the page in the file, in bytes. */
  readonly offset: number;
  /** The offset of its header in the file, in bytes. */
  readonly headerOffset: number;
  /** The kind of the page, as `format.KIND_...`; also 0 for a header page. */
  readonly kind: number;
  /** The kind in words; "headers" for the header page of a chunk. */
  readonly kindName: string;
  /** The number of the tree that owns it. */
  readonly tree: number;
  /** The version that last wrote it. */
  readonly version: number;
  /** Node: its level, 0 = leaf. A shared page has the fields of a leaf. */
  readonly level: number;
  /** Node: the number of its entries. */
  readonly entries: number;
  /** The right sibling of a leaf, next run of a value, or first page of a run; 0 = none. */
  readonly link: number;
  /** Node: the offset in the page of its lowest cell. */
  readonly cellStart: number;
  /** Node: the length of the prefix that all its keys share. */
  readonly prefixBytes: number;
  /** Leaf: whether any of its values is stored outside of it. */
  readonly holdsRuns: boolean;
  /** Node: the bytes of removed cells among the live ones. */
  readonly garbage: number;
  /** First page of a run: the number of pages of the run. */
  readonly runPages: number;
  /** Later page of a run: its index in the run. */
  readonly runIndex: number;
  /** First page of a run: the number of bytes of the value that the run holds. */
  readonly runBytes: number;
  /** The page sum in the header: the CRC-32 of the page. */
  readonly pageSum: number;
  /** The header sum in the header. */
  readonly headerSum: number;
}

/** A kind in words. */
export function kindName(kind: number): string {
  return KIND_NAMES[kind] ?? `unknown ${kind}`;
}

/** Reads the header of the page in a slot. A header page has none; its fields are 0. */
export function headerFields(frame: Frame, slot: Slot, page: PageNumber): HeaderFields {
  const isHeaderPage = (page & SLOT_MASK) === 0;
  const kind = isHeaderPage ? KIND_FREE : kindOf(frame, slot);
  const isNode = kind === KIND_LEAF || kind === KIND_BRANCH || kind === KIND_SHARED;
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
    headerSum: isHeaderPage ? 0 : frame.u32[word + HEADER_SUM_WORD]!,
  };
}
