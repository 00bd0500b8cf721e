/**
 * Headers, pages and frames as plain data, copied from memory.
 */

import { pageContents, usedBytesOf } from "../../btree/mod.ts";
import {
  CorruptionError,
  format,
  type Frame,
  headerFields,
  IMAGE,
  NO_PAGE,
} from "../../pager/mod.ts";
import type { FrameState, HeaderState, PageState } from "./inspection_types.ts";

const { CHUNK_PAGES, HEADER_SHIFT, isOfTree, KIND_FREE, PAGE_SHIFT } = format;

/** The state of a page header in a slot. */
export function headerState(frame: Frame, slot: number, page: number): HeaderState {
  const fields = headerFields(frame, slot, page);
  return { ...fields, usedBytes: usedBytesOf(frame, slot, fields.kind) };
}

/** A checker of pages. */
export interface PageChecker {
  /** Throws a `CorruptionError` if a page breaks a rule. */
  checkPage(frame: Frame, slot: number, page: number): void;
}

/** The state of a page in slot 1 of a frame. */
export function pageState(frame: Frame, page: number, checker: PageChecker): PageState {
  const header = headerState(frame, 1, page);
  const bytes = frame.u8.slice(1 << PAGE_SHIFT, 2 << PAGE_SHIFT);
  const isData = isOfTree(header.kind);
  if (!isData) return { header, bytes, contents: undefined, damage: undefined };
  try {
    checker.checkPage(frame, 1, page);
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return { header, bytes, contents: undefined, damage: error.rule };
  }
  return { header, bytes, contents: pageContents(frame, 1), damage: undefined };
}

/** The state of a frame of the cache. */
export function frameState(frame: Frame): FrameState {
  const slots = { length: CHUNK_PAGES };
  const { u8, index, chunk } = frame;
  return {
    index,
    chunk,
    pages: frame.pages.map((page) => page === IMAGE ? NO_PAGE : page),
    kinds: Uint8Array.from(slots, (_, slot) => slot === 0 ? KIND_FREE : u8[slot << HEADER_SHIFT]!),
    verified: Uint8Array.from(slots, (_, slot) => frame.ticks[slot] === 0 ? 0 : 1),
    dirty: frame.dirty.slice(),
    pinned: Uint8Array.from(slots, (_, slot) => {
      return frame.scopes[slot] !== 0 || frame.pages[slot] === IMAGE ? 1 : 0;
    }),
    ticks: frame.ticks.slice(),
  };
}
