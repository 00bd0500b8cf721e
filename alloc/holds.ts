/**
 * Pages released and not free yet, by chunk.
 *
 * A page is held until the transaction that released it has committed, and for as long as a
 * snapshot sees it: one taken after the page was last written and before it was released. An older
 * snapshot sees an image of the page, or not the page at all, so it holds nothing. Its bit in the
 * header page says that it is free; `mark` says otherwise.
 *
 * It keeps no count of what is free, and reads nothing.
 */

/** `Hold.version` while the transaction that released the pages is open. */
const OPEN = Infinity;

/** Pages released together. */
interface Hold {
  readonly slot: number;
  readonly span: number;
  /** The oldest version that wrote one of them last: a snapshot of an older one sees none. */
  readonly from: number;
  /** The version that released them: a snapshot of an older one may see them still. */
  version: number;
}

/** Whether a live snapshot sees what one version wrote and a later one released. */
export type IsSeen = (from: number, until: number) => boolean;

/** Pages released and not free yet. */
export class Holds {
  readonly #byChunk = new Map<number, Hold[]>();

  /** The lowest chunk with held pages, or Infinity. */
  get lowestChunk(): number {
    let lowest = Infinity;
    for (const chunk of this.#byChunk.keys()) if (chunk < lowest) lowest = chunk;
    return lowest;
  }

  /**
   * Holds pages that the open transaction has released.
   *
   * @param from The oldest version that wrote one of them last.
   */
  add(chunk: number, slot: number, span: number, from: number): void {
    const hold = { slot, span, from, version: OPEN };
    const holds = this.#byChunk.get(chunk);
    if (holds === undefined) this.#byChunk.set(chunk, [hold]);
    else holds.push(hold);
  }

  /** Sets the bits of a chunk's held pages. */
  mark(chunk: number, bits: Uint32Array): void {
    const holds = this.#byChunk.get(chunk);
    if (holds === undefined) return;
    for (const { slot, span } of holds) {
      for (let i = slot; i < slot + span; i++) bits[i >>> 5]! |= 1 << (i & 31);
    }
  }

  /** The open transaction has become a version. */
  commit(version: number): void {
    for (const holds of this.#byChunk.values()) {
      for (const hold of holds) if (hold.version === OPEN) hold.version = version;
    }
  }

  /**
   * Ends the holds that no snapshot needs; between transactions.
   *
   * @param isSeen Whether a snapshot sees pages.
   * @param ended Is called for each chunk that held pages are free of.
   */
  end(isSeen: IsSeen, ended: (chunk: number) => void): void {
    for (const [chunk, holds] of this.#byChunk) {
      const kept = holds.filter(({ from, version }) => isSeen(from, version));
      if (kept.length === holds.length) continue;
      this.#set(chunk, kept);
      ended(chunk);
    }
  }

  /** Ends those holds of the open transaction in a chunk that `isOver` names, by first slot. */
  endOpen(chunk: number, isOver: (slot: number) => boolean): void {
    const holds = this.#byChunk.get(chunk);
    if (holds === undefined) return;
    this.#set(chunk, holds.filter(({ version, slot }) => version !== OPEN || !isOver(slot)));
  }

  #set(chunk: number, holds: Hold[]): void {
    if (holds.length === 0) this.#byChunk.delete(chunk);
    else this.#byChunk.set(chunk, holds);
  }
}
