/**
 * Holds: the pages, by chunk, that are released but not free yet.
 *
 * A page is held until the transaction that released it has committed, and for as long as a
 * snapshot sees it: one taken after the page was last written and before it was released. An older
 * snapshot sees an image of the page, or does not see the page at all, so it needs no hold. The
 * header page marks a held page as free; `mark` sets the bit again.
 *
 * It does not count free pages, and reads nothing.
 */

import type { ChunkNumber, Slot, Version } from "../pager/mod.ts";

/** `Hold.version` while the transaction that released the pages is open. */
const OPEN = Infinity;

/** Pages released together. */
interface Hold {
  readonly slot: Slot;
  readonly span: number;
  /** The oldest version in their headers: a snapshot of an older one sees none of them. */
  readonly from: number;
  /** The version that released them: a snapshot of an older one may still see them. */
  version: Version;
}

/** Whether a live snapshot sees pages that version `from` wrote and version `until` released. */
export type IsSeen = (from: number, until: number) => boolean;

/** The pages of a file that are released but not free yet. */
export class Holds {
  readonly #byChunk = new Map<number, Hold[]>();

  /** The lowest chunk with held pages; `Infinity` if there is none. */
  get lowestChunk(): number {
    let lowest = Infinity;
    for (const chunk of this.#byChunk.keys()) if (chunk < lowest) lowest = chunk;
    return lowest;
  }

  /**
   * Holds pages that the open transaction has released.
   *
   * @param from The oldest version in their headers.
   */
  add(chunk: ChunkNumber, slot: Slot, span: number, from: number): void {
    const hold = { slot, span, from, version: OPEN };
    const holds = this.#byChunk.get(chunk);
    if (holds === undefined) this.#byChunk.set(chunk, [hold]);
    else holds.push(hold);
  }

  /** Sets the bits of a chunk's held pages. */
  mark(chunk: ChunkNumber, bits: Uint32Array): void {
    const holds = this.#byChunk.get(chunk);
    if (holds === undefined) return;
    for (const { slot, span } of holds) {
      for (let i = slot; i < slot + span; i++) bits[i >>> 5]! |= 1 << (i & 31);
    }
  }

  /** Gives the holds of the open transaction the version that it committed as. */
  commit(version: Version): void {
    for (const holds of this.#byChunk.values()) {
      for (const hold of holds) if (hold.version === OPEN) hold.version = version;
    }
  }

  /**
   * Ends the holds that no snapshot needs. Call it between transactions.
   *
   * @param isSeen Whether a live snapshot sees pages.
   * @param ended Called for each chunk in which holds ended.
   */
  end(isSeen: IsSeen, ended: (chunk: ChunkNumber) => void): void {
    for (const [chunk, holds] of this.#byChunk) {
      const kept = holds.filter(({ from, version }) => isSeen(from, version));
      if (kept.length === holds.length) continue;
      this.#set(chunk, kept);
      ended(chunk);
    }
  }

  /** Ends the open transaction's holds in a chunk whose first slot `isOver` accepts. */
  endOpen(chunk: ChunkNumber, isOver: (slot: Slot) => boolean): void {
    const holds = this.#byChunk.get(chunk);
    if (holds === undefined) return;
    this.#set(chunk, holds.filter(({ version, slot }) => version !== OPEN || !isOver(slot)));
  }

  #set(chunk: ChunkNumber, holds: Hold[]): void {
    if (holds.length === 0) this.#byChunk.delete(chunk);
    else this.#byChunk.set(chunk, holds);
  }
}
