/**
 * Retired pages: those, by chunk, that are released but not free yet.
 *
 * A page is retired until the transaction that released it has committed, and for as long as a
 * snapshot sees it: one taken after the page was last written and before it was released. An older
 * snapshot sees an image of the page, or does not see the page at all, so it does not need it. The
 * header page marks a retired page as free; `mark` sets the bit again.
 *
 * A method visits only the pages that it retires or frees, so a commit costs the same however many
 * pages are retired.
 *
 * It does not count free pages, and reads nothing.
 */

import { type ChunkNumber, Kept, type Slot, type Version } from "../pager/mod.ts";
import { WORDS } from "./bitmap.ts";
import { Summary } from "./summary.ts";

/** Pages released together, by one call. */
class Retired extends Kept {
  readonly chunk: ChunkNumber;
  readonly slot: Slot;
  readonly span: number;
  /** The oldest version in their headers: a snapshot of an older one sees none of them. */
  readonly from: Version;
  /** The number of changes of the transaction, the release included. */
  readonly changes: number;
  readonly #owner: RetiredPages;

  constructor(
    owner: RetiredPages,
    chunk: ChunkNumber,
    slot: Slot,
    span: number,
    from: Version,
    changes: number,
  ) {
    super();
    this.#owner = owner;
    this.chunk = chunk;
    this.slot = slot;
    this.span = span;
    this.from = from;
    this.changes = changes;
  }

  override unseen(): void {
    this.#owner.free(this);
  }
}

/** The pages of a file that are released but not free yet. */
export class RetiredPages {
  /** For each chunk with retired pages, their bits. */
  readonly #bits = new Map<number, Uint32Array>();
  /** 1 for each chunk with retired pages. */
  readonly #chunks = new Summary();
  /** What the open transaction has released, by chunk, in the order of its changes. */
  readonly #open = new Map<number, Retired[]>();
  /** The chunks in which pages became free since the last report. */
  readonly #freed = new Set<number>();

  /** The lowest chunk with retired pages; `Infinity` if there is none. */
  get lowestChunk(): number {
    const chunk = this.#chunks.first();
    return chunk < 0 ? Infinity : chunk;
  }

  /**
   * Retires pages that the open transaction has released.
   *
   * @param from The oldest version in their headers.
   * @param changes The number of changes of the transaction, the release included.
   */
  add(chunk: ChunkNumber, slot: Slot, span: number, from: Version, changes: number): void {
    const retired = new Retired(this, chunk, slot, span, from, changes);
    const inChunk = this.#open.get(chunk);
    if (inChunk === undefined) this.#open.set(chunk, [retired]);
    else inChunk.push(retired);
    this.#setBits(retired);
  }

  /** Sets the bits of a chunk's retired pages. */
  mark(chunk: ChunkNumber, bits: Uint32Array): void {
    const retired = this.#bits.get(chunk);
    if (retired === undefined) return;
    for (let word = 0; word < WORDS; word++) bits[word]! |= retired[word]!;
  }

  /**
   * Frees the pages of the transaction, which has committed, except those that a snapshot sees.
   *
   * @param keep Keeps pages while a snapshot sees them. Returns false if none does.
   */
  commit(keep: (retired: Kept) => boolean): void {
    if (this.#open.size === 0) return;
    for (const inChunk of this.#open.values()) {
      for (const retired of inChunk) if (!keep(retired)) this.free(retired);
    }
    this.#open.clear();
  }

  /** Undoes the releases in a chunk that came after a number of changes of the transaction. */
  rollBack(chunk: ChunkNumber, changes: number): void {
    const inChunk = this.#open.get(chunk);
    if (inChunk === undefined) return;
    while (inChunk.length > 0 && inChunk.at(-1)!.changes > changes) {
      this.#clearBits(inChunk.pop()!);
    }
    if (inChunk.length === 0) this.#open.delete(chunk);
  }

  /** Makes pages free that the last snapshot has stopped seeing. */
  free(retired: Retired): void {
    this.#clearBits(retired);
    this.#freed.add(retired.chunk);
  }

  /** Calls a function for each chunk in which pages became free since the last call. */
  reportFreed(freed: (chunk: ChunkNumber) => void): void {
    if (this.#freed.size === 0) return;
    for (const chunk of this.#freed) freed(chunk);
    this.#freed.clear();
  }

  #setBits({ chunk, slot, span }: Retired): void {
    let bits = this.#bits.get(chunk);
    if (bits === undefined) {
      this.#bits.set(chunk, bits = new Uint32Array(WORDS));
      if (chunk >= this.#chunks.size) this.#chunks.resize(chunk + 1);
      this.#chunks.set(chunk, 1);
    }
    for (let i = slot; i < slot + span; i++) bits[i >>> 5]! |= 1 << (i & 31);
  }

  #clearBits({ chunk, slot, span }: Retired): void {
    const bits = this.#bits.get(chunk)!;
    for (let i = slot; i < slot + span; i++) bits[i >>> 5]! &= ~(1 << (i & 31));
    if (bits.some((word) => word !== 0)) return;
    this.#bits.delete(chunk);
    this.#chunks.set(chunk, 0);
  }
}
