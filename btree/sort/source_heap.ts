/**
 * A merge of sources of entries: a binary heap whose first source has the lowest key, and of equal
 * keys the one added last.
 *
 * The six bytes after the common prefix of all keys, as one number, decide nearly all comparisons.
 */

/** Entries in key order, one at a time: parts of arrays, valid until `advance`. */
export interface Source {
  /** What holds the key. */
  readonly bytes: Uint8Array;
  readonly keyAt: number;
  readonly keyLength: number;
  /** What holds the value, after `fetchValue`. */
  readonly values: Uint8Array;
  readonly valueAt: number;
  readonly valueLength: number;
  /** Goes to the next entry; false after the last. */
  advance(): boolean;
  /** Reads the value of the entry, if it is elsewhere. */
  fetchValue(): void;
}

const HEAD_BYTES = 6;
const TWO_24 = 2 ** 24;

/** Sources of entries, by their keys. */
export class SourceHeap {
  /** In the order of their age; later ones have newer entries. */
  readonly #sources: readonly Source[];
  readonly #prefix: number;
  /** The numbers of the sources that have an entry, as a heap. */
  readonly #heap: Int32Array;
  #size = 0;
  /** The first bytes of the key of each source. */
  readonly #heads: Float64Array;

  /**
   * Takes the first entry of each source.
   *
   * @param sources The sources, the newest last.
   * @param prefix The length of a common prefix of all keys.
   */
  constructor(sources: readonly Source[], prefix: number) {
    this.#sources = sources;
    this.#prefix = prefix;
    this.#heap = new Int32Array(sources.length);
    this.#heads = new Float64Array(sources.length);
    for (let rank = 0; rank < sources.length; rank++) {
      if (this.#advance(rank)) this.#heap[this.#size++] = rank;
    }
    for (let at = this.#size >>> 1; at-- > 0;) this.#sink(at);
  }

  /** The source with the lowest key, if one has an entry. */
  get first(): Source | undefined {
    return this.#size === 0 ? undefined : this.#sources[this.#heap[0]!];
  }

  /** Advances the first source. */
  advanceFirst(): void {
    if (!this.#advance(this.#heap[0]!)) {
      this.#heap[0] = this.#heap[--this.#size]!;
      if (this.#size === 0) return;
    }
    this.#sink(0);
  }

  #advance(rank: number): boolean {
    const source = this.#sources[rank]!;
    if (!source.advance()) return false;
    this.#heads[rank] = headOf(source, this.#prefix);
    return true;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const moved = heap[from]!;
    let at = from;
    for (let child = 2 * at + 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && this.#isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#isBefore(heap[child]!, moved)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  }

  #isBefore(a: number, b: number): boolean {
    const order = this.#heads[a]! - this.#heads[b]!;
    if (order !== 0) return order < 0;
    const rest = compareSources(this.#sources[a]!, this.#sources[b]!);
    return rest < 0 || (rest === 0 && a > b);
  }
}

/** The bytes of a key after a prefix, as a number; a short key counts as followed by zeros. */
function headOf({ bytes, keyAt, keyLength }: Source, prefix: number): number {
  const at = keyAt + prefix;
  const end = keyAt + keyLength;
  if (at + HEAD_BYTES > end) return shortHead(bytes, at, end);
  const high = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
  const low = (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!;
  return high * TWO_24 + low;
}

function shortHead(bytes: Uint8Array, at: number, end: number): number {
  let head = 0;
  for (let i = at; i < at + HEAD_BYTES; i++) head = head * 256 + (i < end ? bytes[i]! : 0);
  return head;
}

/** Compares the keys of two sources. */
function compareSources(a: Source, b: Source): number {
  const common = Math.min(a.keyLength, b.keyLength);
  for (let i = 0; i < common; i++) {
    const order = a.bytes[a.keyAt + i]! - b.bytes[b.keyAt + i]!;
    if (order !== 0) return order;
  }
  return a.keyLength - b.keyLength;
}
