/**
 * Holds: the pages, by chunk, that are released but not free yet.
 *
 * A page is held until the transaction that released it has committed, and for as long as a
 * snapshot sees it: one taken after the page was last written and before it was released. An older
 * snapshot sees an image of the page, or does not see the page at all, so it needs no hold. The
 * header page marks a held page as free; `mark` sets the bit again.
 *
 * A method visits only the holds that it adds or ends, so a commit costs the same however many
 * pages are held.
 *
 * It does not count free pages, and reads nothing.
 */

import { type ChunkNumber, Kept, type Slot, type Version } from "../pager/mod.ts";
import { WORDS } from "./bitmap.ts";
import { Summary } from "./summary.ts";

/** Pages released together. */
class Hold extends Kept {
  readonly chunk: ChunkNumber;
  readonly slot: Slot;
  readonly span: number;
  /** The oldest version in their headers: a snapshot of an older one sees none of them. */
  readonly from: Version;
  /** The number of changes of the transaction, the release included. */
  readonly changes: number;
  readonly #holds: Holds;

  constructor(
    holds: Holds,
    chunk: ChunkNumber,
    slot: Slot,
    span: number,
    from: Version,
    changes: number,
  ) {
    super();
    this.#holds = holds;
    this.chunk = chunk;
    this.slot = slot;
    this.span = span;
    this.from = from;
    this.changes = changes;
  }

  override unseen(): void {
    this.#holds.free(this);
  }
}

/** The pages of a file that are released but not free yet. */
export class Holds {
  /** For each chunk with held pages, their bits. */
  readonly #bits = new Map<number, Uint32Array>();
  /** 1 for each chunk with held pages. */
  readonly #chunks = new Summary();
  /** The holds of the open transaction, by chunk, in the order of its changes. */
  readonly #open = new Map<number, Hold[]>();
  /** The chunks in which pages became free since the last report. */
  readonly #freed = new Set<number>();

  /** The lowest chunk with held pages; `Infinity` if there is none. */
  get lowestChunk(): number {
    const chunk = this.#chunks.first();
    return chunk < 0 ? Infinity : chunk;
  }

  /**
   * Holds pages that the open transaction has released.
   *
   * @param from The oldest version in their headers.
   * @param changes The number of changes of the transaction, the release included.
   */
  add(chunk: ChunkNumber, slot: Slot, span: number, from: Version, changes: number): void {
    const hold = new Hold(this, chunk, slot, span, from, changes);
    const holds = this.#open.get(chunk);
    if (holds === undefined) this.#open.set(chunk, [hold]);
    else holds.push(hold);
    this.#setBits(hold);
  }

  /** Sets the bits of a chunk's held pages. */
  mark(chunk: ChunkNumber, bits: Uint32Array): void {
    const held = this.#bits.get(chunk);
    if (held === undefined) return;
    for (let word = 0; word < WORDS; word++) bits[word]! |= held[word]!;
  }

  /**
   * Ends the holds of the transaction, which has committed, except those that a snapshot needs.
   *
   * @param keep Keeps a hold while a snapshot sees its pages. Returns false if none does.
   */
  commit(keep: (hold: Kept) => boolean): void {
    if (this.#open.size === 0) return;
    for (const holds of this.#open.values()) {
      for (const hold of holds) if (!keep(hold)) this.free(hold);
    }
    this.#open.clear();
  }

  /** Undoes the holds in a chunk that the open transaction added after that many changes. */
  rollBack(chunk: ChunkNumber, changes: number): void {
    const holds = this.#open.get(chunk);
    if (holds === undefined) return;
    while (holds.length > 0 && holds.at(-1)!.changes > changes) this.#clearBits(holds.pop()!);
    if (holds.length === 0) this.#open.delete(chunk);
  }

  /** Ends a hold: its pages are free. */
  free(hold: Hold): void {
    this.#clearBits(hold);
    this.#freed.add(hold.chunk);
  }

  /** Calls a function for each chunk in which pages became free since the last call. */
  reportFreed(freed: (chunk: ChunkNumber) => void): void {
    if (this.#freed.size === 0) return;
    for (const chunk of this.#freed) freed(chunk);
    this.#freed.clear();
  }

  #setBits({ chunk, slot, span }: Hold): void {
    let bits = this.#bits.get(chunk);
    if (bits === undefined) {
      this.#bits.set(chunk, bits = new Uint32Array(WORDS));
      if (chunk >= this.#chunks.size) this.#chunks.resize(chunk + 1);
      this.#chunks.set(chunk, 1);
    }
    for (let i = slot; i < slot + span; i++) bits[i >>> 5]! |= 1 << (i & 31);
  }

  #clearBits({ chunk, slot, span }: Hold): void {
    const bits = this.#bits.get(chunk)!;
    for (let i = slot; i < slot + span; i++) bits[i >>> 5]! &= ~(1 << (i & 31));
    if (bits.some((word) => word !== 0)) return;
    this.#bits.delete(chunk);
    this.#chunks.set(chunk, 0);
  }
}
