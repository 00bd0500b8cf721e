/**
 * What is left of a damaged file, told by its page headers: leaves that are sound, tree by tree,
 * and pages that are lost.
 *
 * A page counts as sound when its own header, sums and structure are; whether anything leads to it
 * does not matter. A lost page whose header is sound is still known by kind, tree and entries.
 */

import {
  CorruptionError,
  format,
  type Frame,
  header,
  type Report,
  type Scrub,
  SLOT_LOST,
  SLOT_OTHER,
  SLOT_PAGE_LOST,
  SLOT_SOUND,
} from "../../pager/mod.ts";
import type { Progress } from "./slices.ts";

const { CHUNK_PAGES, KIND_LEAF, PAGE_BYTES } = format;
const { entriesOf, kindOf, linkOf, treeOf, versionOf } = header;

/** A leaf that is sound. */
export interface StrayLeaf {
  /** Its page. */
  readonly page: number;
  /** The version that last wrote it. */
  readonly version: number;
  /** Its right sibling, 0 = none. */
  readonly link: number;
}

/** A leaf that is lost, by its header. */
export interface LostLeaf {
  /** Its right sibling, 0 = none. */
  readonly link: number;
  /** How many entries it had. */
  readonly entries: number;
}

/** What is left of a tree. */
export interface TreeRemains {
  /** Its number. */
  readonly id: number;
  /** Its leaves that are sound, in the order of pages. */
  readonly leaves: StrayLeaf[];
  /** Its leaves that are lost and whose headers are not, by page. */
  readonly lost: Map<number, LostLeaf>;
}

/** What is left of a damaged file. */
export class Survey {
  /** Trees that have a leaf, sound or lost. */
  readonly trees: TreeRemains[] = [];
  /** Pages that are lost. */
  lostPages = 0;
  /** Chunks of which no header is sound, so that nothing is known of their pages. */
  readonly lostChunks: number[] = [];
  /** Whether pages are lost of which nothing is known. */
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

  /** What is left of a tree, which may be nothing. */
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
    let sound = 0;
    let lost = 0;
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const state = states[slot];
      if (state === SLOT_LOST) lost++;
      if (state === SLOT_OTHER || state === SLOT_LOST) continue;
      sound++;
      if (state === SLOT_PAGE_LOST) this.lostPages++;
      this.#takePage(frame, slot, chunk * CHUNK_PAGES + slot, state === SLOT_SOUND);
    }
    this.lostPages += lost;
    // A header page of zeros says that nothing is in use, and is none.
    const isNone = !scrub.hasHeaderPage && hasBytes(frame);
    if (sound === 0 && (lost > 0 || isNone)) this.lostChunks.push(chunk);
    this.hasUnknown ||= lost > 0 || isNone;
  }

  #takePage(frame: Frame, slot: number, page: number, isSound: boolean): void {
    const kind = kindOf(frame, slot);
    if (kind !== KIND_LEAF) return;
    const remains = this.remainsOf(treeOf(frame, slot));
    const link = linkOf(frame, slot);
    if (isSound) remains.leaves.push({ page, version: versionOf(frame, slot), link });
    else remains.lost.set(page, { link, entries: entriesOf(frame, slot) });
  }
}

/** Whether there is anything in the pages of a chunk. */
function hasBytes(frame: Frame): boolean {
  for (let word = PAGE_BYTES / 4; word < frame.u32.length; word++) {
    if (frame.u32[word] !== 0) return true;
  }
  return false;
}

/** Whether something that was thrown says that bytes are damaged; anything else is thrown on. */
export function isDamage(error: unknown): error is CorruptionError {
  if (error instanceof CorruptionError) return true;
  throw error;
}
