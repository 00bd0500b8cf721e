/**
 * The structure check of a node. It runs once, when the page is loaded. Readers then trust every
 * offset and the order of the keys.
 *
 * Whether the node is in its right place in the tree shows on the way down (kind, tree, level) and
 * in the check of the whole tree (`tree_walk.ts`).
 */

import {
  checkZero,
  corrupt,
  corruptHeader,
  format,
  type Frame,
  header,
  type PageNumber,
  type Slot,
  type Verifier,
} from "../../pager/mod.ts";
import {
  BRANCH_WIDTH,
  cellAt,
  childAt,
  copyKey,
  hasLeafLayout,
  HEAD_BYTES,
  headIndex,
  INLINE_BYTES_MAX,
  KEY_BYTES_MAX,
  LEAF_WIDTH,
  LeafCell,
  lengthAt,
  lengthBytes,
  LEVEL_MAX,
  NUMBER_SHIFT,
  REFERENCE_TAG,
} from "./node.ts";

const { FLAG_HOLDS_RUNS, HEADER, PAGE_BYTES, PAGE_SHIFT } = format;
const { KIND_BRANCH, KIND_LEAF, KIND_SHARED } = format;
const { cellStartOf, entriesOf, flagsOf, garbageOf, levelOf, linkOf, prefixLengthOf } = header;

/** A loader of pages that runs registered checks. */
export interface Registry {
  /** Registers the structure check of pages of a kind. */
  register(kind: number, verifier: Verifier): void;
}

/** Makes a pager check nodes when it loads them. */
export function registerNodes(pager: Registry): void {
  pager.register(KIND_LEAF, checkLeaf);
  pager.register(KIND_BRANCH, checkBranch);
  pager.register(KIND_SHARED, checkShared);
}

/**
 * Checks of nodes, by kind, that no reader depends on: what they do not use is zero, and what they
 * use is used once.
 */
export const EXTRA_NODE_CHECKS: readonly [number, Verifier][] = [
  [KIND_LEAF, (frame, slot, page) => {
    checkGap(frame, slot, page, LEAF_WIDTH);
    checkOverlap(frame, slot, page);
  }],
  [KIND_SHARED, (frame, slot, page) => {
    if (linkOf(frame, slot) !== 0) corruptHeader(page, HEADER.link, "a shared page with a link");
    checkGap(frame, slot, page, LEAF_WIDTH);
    checkOverlap(frame, slot, page);
  }],
  [KIND_BRANCH, (frame, slot, page) => {
    if (linkOf(frame, slot) !== 0) corruptHeader(page, HEADER.link, "a branch with a link");
    checkGap(frame, slot, page, BRANCH_WIDTH);
    checkOverlap(frame, slot, page);
  }],
];

/** No two cells overlap. The checks of single cells and of their sum cannot see that. */
function checkOverlap(frame: Frame, slot: Slot, page: PageNumber): void {
  const cells = Array.from({ length: entriesOf(frame, slot) }, (_, index) => {
    return { index, start: cellAt(frame, slot, index), end: cellEnd(frame, slot, index) };
  });
  cells.sort((a, b) => a.start - b.start);
  for (let i = 1; i < cells.length; i++) {
    const { index, start } = cells[i]!;
    if (start >= cells[i - 1]!.end) continue;
    const offset = start - (slot << PAGE_SHIFT);
    corrupt(page, offset, `the cell of entry ${index} is also another's`);
  }
}

function cellEnd(frame: Frame, slot: Slot, index: number): number {
  const cell = cellAt(frame, slot, index);
  if (hasLeafLayout(frame, slot)) {
    leafCell.read(frame.u8, cell);
    return leafCell.end;
  }
  const suffix = lengthAt(frame.u8, cell);
  return cell + lengthBytes(suffix) + Math.max(0, suffix - HEAD_BYTES);
}

function checkGap(frame: Frame, slot: Slot, page: PageNumber, width: number): void {
  checkZero(frame, slot, page, width * entriesOf(frame, slot), cellStartOf(frame, slot));
}

const leafCell = new LeafCell();
const thisKey = new Uint8Array(KEY_BYTES_MAX);
const lastKey = new Uint8Array(KEY_BYTES_MAX);

/** Checks a leaf. */
function checkLeaf(frame: Frame, slot: Slot, page: PageNumber): void {
  checkOutline(frame, slot, page, LEAF_WIDTH, 0);
  if (levelOf(frame, slot) !== 0) corruptHeader(page, HEADER.level, "a leaf is not at level 0");
  if ((flagsOf(frame, slot) & ~FLAG_HOLDS_RUNS) !== 0) {
    corruptHeader(page, HEADER.prefix, "unknown flags");
  }
  const cells = sumLeafCells(frame, slot, page);
  checkCellBytes(frame, slot, page, cells);
  checkOrder(frame, slot, page, 0);
}

/** Checks a page that values share. */
function checkShared(frame: Frame, slot: Slot, page: PageNumber): void {
  checkOutline(frame, slot, page, LEAF_WIDTH, 1);
  if (levelOf(frame, slot) !== 0) corruptHeader(page, HEADER.level, "a shared page has a level");
  if (flagsOf(frame, slot) !== 0) corruptHeader(page, HEADER.prefix, "unknown flags");
  if (prefixLengthOf(frame, slot) !== 0) {
    corruptHeader(page, HEADER.prefix, "a shared page has a prefix");
  }
  const cells = sumSharedCells(frame, slot, page);
  checkCellBytes(frame, slot, page, cells);
}

/** Checks a branch. */
function checkBranch(frame: Frame, slot: Slot, page: PageNumber): void {
  checkOutline(frame, slot, page, BRANCH_WIDTH, 1);
  const level = levelOf(frame, slot);
  if (level === 0 || level > LEVEL_MAX) {
    corruptHeader(page, HEADER.level, `a branch is at level ${level}`);
  }
  if (flagsOf(frame, slot) !== 0) corruptHeader(page, HEADER.prefix, "unknown flags");
  const cells = sumBranchCells(frame, slot, page);
  checkCellBytes(frame, slot, page, cells);
  checkOrder(frame, slot, page, 1);
}

function checkOutline(
  frame: Frame,
  slot: Slot,
  page: PageNumber,
  width: number,
  entriesMin: number,
): void {
  const entries = entriesOf(frame, slot);
  const prefix = prefixLengthOf(frame, slot);
  const cellStart = cellStartOf(frame, slot);
  if (entries < entriesMin) corruptHeader(page, HEADER.entries, "a page without entries");
  if (prefix > KEY_BYTES_MAX) corruptHeader(page, HEADER.prefix, `a prefix of ${prefix} bytes`);
  if (cellStart > PAGE_BYTES - prefix) {
    corruptHeader(page, HEADER.cellStart, "cells begin inside the prefix");
  }
  if (entries * width > cellStart) {
    corruptHeader(page, HEADER.cellStart, "cells begin inside the arrays");
  }
}

/** Where a cell begins, once it is known to lie between cell start and prefix. */
function boundedCell(frame: Frame, slot: Slot, page: PageNumber, index: number): number {
  const cell = cellAt(frame, slot, index);
  const offset = cell - (slot << PAGE_SHIFT);
  const end = PAGE_BYTES - prefixLengthOf(frame, slot);
  // The lengths of a cell that begins before the end may reach past it; the sums below find that.
  if (offset < cellStartOf(frame, slot) || offset >= end) {
    corrupt(page, offset, `the cell of entry ${index} is outside the cells`);
  }
  return cell;
}

function sumLeafCells(frame: Frame, slot: Slot, page: PageNumber): number {
  const end = (slot << PAGE_SHIFT) + PAGE_BYTES - prefixLengthOf(frame, slot);
  const holdsRuns = (flagsOf(frame, slot) & FLAG_HOLDS_RUNS) !== 0;
  let sum = 0;
  for (let index = 0; index < entriesOf(frame, slot); index++) {
    const cell = boundedCell(frame, slot, page, index);
    leafCell.read(frame.u8, cell);
    const offset = cell - (slot << PAGE_SHIFT);
    if (leafCell.end > end) corrupt(page, offset, `the cell of entry ${index} is too long`);
    if (leafCell.tag > INLINE_BYTES_MAX && leafCell.tag !== REFERENCE_TAG) {
      corrupt(page, offset, `the value of entry ${index} is too long`);
    }
    if (leafCell.tag === REFERENCE_TAG && !holdsRuns) {
      corruptHeader(page, HEADER.prefix, "a leaf that refers to runs does not say so");
    }
    checkHead(frame, slot, page, index, leafCell.suffix);
    sum += leafCell.end - cell;
  }
  return sum;
}

/** Also checks that each key begins with the number of its fragment, and that numbers ascend. */
function sumSharedCells(frame: Frame, slot: Slot, page: PageNumber): number {
  const end = (slot + 1) << PAGE_SHIFT;
  let sum = 0;
  let last = 0;
  for (let index = 0; index < entriesOf(frame, slot); index++) {
    const cell = boundedCell(frame, slot, page, index);
    leafCell.read(frame.u8, cell);
    const offset = cell - (slot << PAGE_SHIFT);
    const bytes = leafCell.end - cell;
    if (leafCell.end > end) corrupt(page, offset, `the cell of entry ${index} is too long`);
    if (leafCell.tag === REFERENCE_TAG) corrupt(page, offset, `value ${index} is a reference`);
    checkHead(frame, slot, page, index, leafCell.suffix);
    const number = frame.u32[headIndex(slot, index)]! >>> NUMBER_SHIFT;
    if (leafCell.suffix === 0 || number <= last) {
      corrupt(page, index * HEAD_BYTES, `the number of value ${index} is not after the last`);
    }
    last = number;
    sum += bytes;
  }
  return sum;
}

function sumBranchCells(frame: Frame, slot: Slot, page: PageNumber): number {
  const end = (slot << PAGE_SHIFT) + PAGE_BYTES - prefixLengthOf(frame, slot);
  let sum = 0;
  for (let index = 0; index < entriesOf(frame, slot); index++) {
    const cell = boundedCell(frame, slot, page, index);
    const suffix = lengthAt(frame.u8, cell);
    const bytes = lengthBytes(suffix) + Math.max(0, suffix - HEAD_BYTES);
    const offset = cell - (slot << PAGE_SHIFT);
    if (cell + bytes > end) corrupt(page, offset, `the cell of entry ${index} is too long`);
    if (index === 0 && suffix !== 0) corrupt(page, offset, "the first entry of a branch has a key");
    if (childAt(frame, slot, index) === page) {
      corrupt(page, offset, `entry ${index} of a branch leads to the branch itself`);
    }
    checkHead(frame, slot, page, index, suffix);
    sum += bytes;
  }
  return sum;
}

/** The head is zero-padded, and the key is at most `KEY_BYTES_MAX` long. */
function checkHead(
  frame: Frame,
  slot: Slot,
  page: PageNumber,
  index: number,
  suffix: number,
): void {
  if (prefixLengthOf(frame, slot) + suffix > KEY_BYTES_MAX) {
    corrupt(page, index * HEAD_BYTES, `the key of entry ${index} is too long`);
  }
  const head = frame.u32[headIndex(slot, index)]!;
  if (suffix < HEAD_BYTES && (suffix === 0 ? head : head << (8 * suffix)) !== 0) {
    corrupt(page, index * HEAD_BYTES, `the head of entry ${index} is not zero-padded`);
  }
}

function checkCellBytes(frame: Frame, slot: Slot, page: PageNumber, cells: number): void {
  const area = PAGE_BYTES - prefixLengthOf(frame, slot) - cellStartOf(frame, slot);
  if (cells + garbageOf(frame, slot) !== area) {
    corruptHeader(page, HEADER.garbage, "cells and garbage do not add up");
  }
}

function checkOrder(frame: Frame, slot: Slot, page: PageNumber, first: number): void {
  for (let index = first + 1; index < entriesOf(frame, slot); index++) {
    const head = frame.u32[headIndex(slot, index)]!;
    const before = frame.u32[headIndex(slot, index - 1)]!;
    if (head > before) continue;
    if (head < before || !isAfter(frame, slot, index)) {
      corrupt(page, index * HEAD_BYTES, `entry ${index} is not after the one before it`);
    }
  }
}

/** Whether an entry's key is after that of the entry before it, where their heads are equal. */
function isAfter(frame: Frame, slot: Slot, index: number): boolean {
  const length = copyKey(frame, slot, index, thisKey);
  const lastLength = copyKey(frame, slot, index - 1, lastKey);
  const common = Math.min(length, lastLength);
  for (let i = prefixLengthOf(frame, slot); i < common; i++) {
    if (thisKey[i] !== lastKey[i]) return thisKey[i]! > lastKey[i]!;
  }
  return length > lastLength;
}
