/**
 * The survey of a damaged file, from its page headers: intact leaves, tree by tree, and lost pages.
 *
 * A page is intact if its own header, sums and structure are, even if no branch leads to it. The
 * kind, tree and entries of a lost page are known if its header is intact.
 */

import {
  CorruptionError,
  format,
  type Frame,
  header,
  type Report,
  type Scrub,
  SLOT_INTACT,
  SLOT_LOST,
  SLOT_OTHER,
  SLOT_PAGE_LOST,
} from "../../pager/mod.ts";
import type { Progress } from "../maintenance/slices.ts";

const { CHUNK_PAGES, KIND_LEAF, PAGE_BYTES } = format;
const { entriesOf, kindOf, linkOf, treeOf, versionOf } = header;

/** An intact leaf. */
export interface StrayLeaf {
  /** Its page. */
  readonly page: number;
  /** The version that last wrote it. */
  readonly version: number;
  /** Its right sibling, 0 = none. */
  readonly link: number;
}

/** A lost leaf, by its header. */
export interface LostLeaf {
  /** Its right sibling, 0 = none. */
  readonly link: number;
  /** The number of its entries. */
  readonly entries: number;
}

/** The remains of a tree. */
export interface TreeRemains {
  /** Its number. */
  readonly id: number;
  /** Its intact leaves, in page order. */
  readonly leaves: StrayLeaf[];
  /** Its lost leaves with intact headers, by page. */
  readonly lost: Map<number, LostLeaf>;
}

/** The survey of a damaged file. */
export class Survey {
  /** Trees with a leaf, intact or lost. */
  readonly trees: TreeRemains[] = [];
  /** The number of lost pages. */
  lostPages = 0;
  /** Chunks without an intact header, whose pages are unknown. */
  readonly lostChunks: number[] = [];
  /** Whether any lost page is unknown. */
  hasUnknown = false;

  readonly #byId = new Map<number, TreeRemains>();

  /** Reads a whole file. */
  *run(makeScrub: (report: Report) => Scrub, report: Report): Generator<Progress, void, undefined> {
    const scrub = makeScrub(report);
    scrub.superblocks().forEach(report);
    for (let chunk = 0; chunk < scrub.chunks; chunk++) {
      scrub.chunk(chunk);
      this.#takeChunk(scrub, chunk);
      const total = scrub.chunks * CHUNK_PAGES;
      yield { phase: "pages", done: (chunk + 1) * CHUNK_PAGES, total };
    }
  }

  /** The remains of a tree, possibly empty. */
  remainsOf(id: number): TreeRemains {
    let remains = this.#byId.get(id);
    if (remains === undefined) {
      this.#byId.set(id, remains = { id, leaves: [], lost: new Map() });
      this.trees.push(remains);
    }
    return remains;
  }

  #takeChunk(scrub: Scrub, chunk: number): void {
    const { frame, states } = scrub;
    let intact = 0;
    let lost = 0;
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const state = states[slot];
      if (state === SLOT_LOST) lost++;
      if (state === SLOT_OTHER || state === SLOT_LOST) continue;
      intact++;
      if (state === SLOT_PAGE_LOST) this.lostPages++;
      this.#takePage(frame, slot, chunk * CHUNK_PAGES + slot, state === SLOT_INTACT);
    }
    this.lostPages += lost;
    // A zeroed header page would mark all pages free, so it counts as missing.
    const isNone = !scrub.hasHeaderPage && hasBytes(frame);
    if (intact === 0 && (lost > 0 || isNone)) this.lostChunks.push(chunk);
    this.hasUnknown ||= lost > 0 || isNone;
  }

  #takePage(frame: Frame, slot: number, page: number, isIntact: boolean): void {
    const kind = kindOf(frame, slot);
    if (kind !== KIND_LEAF) return;
    const remains = this.remainsOf(treeOf(frame, slot));
    const link = linkOf(frame, slot);
    if (isIntact) remains.leaves.push({ page, version: versionOf(frame, slot), link });
    else remains.lost.set(page, { link, entries: entriesOf(frame, slot) });
  }
}

/** Whether any byte of a chunk's pages is not zero. */
function hasBytes(frame: Frame): boolean {
  for (let word = PAGE_BYTES / 4; word < frame.u32.length; word++) {
    if (frame.u32[word] !== 0) return true;
  }
  return false;
}

/** Whether an error reports damaged bytes. Rethrows any other error. */
export function isDamage(error: unknown): error is CorruptionError {
  if (error instanceof CorruptionError) return true;
  throw error;
}
