/**
 * Going through a fixed tree in the order of its keys, forward and back.
 *
 * A cursor copies each leaf once, when it arrives there, and finds the next one by key. So no place
 * and no path has to outlive a step, whatever the transaction changes meanwhile: a change within
 * the leaf shows when the cursor arrives there again, any other when it gets there. Since each leaf
 * has to go on beyond the last key, a damaged tree cannot make a scan run in circles.
 */

import { corrupt, format, type Frame, header, type Pager } from "../../pager/mod.ts";
import { CAPACITY, holdsKey, lowerBound } from "./fixed_node.ts";
import { checkU64, FixedEntry, U64_MAX } from "./fixed_entry.ts";
import { FixedPath } from "./fixed_path.ts";

const { CHUNK_SHIFT, PAGE_BYTES, PAGE_WORD_SHIFT, SLOT_MASK } = format;
const { entriesOf } = header;

const WORDS = PAGE_BYTES / 4;
const TO_VALUE_WORD = CAPACITY * 2;
const HIGH_SAFE_MAX = 0x1f_ffff;
const TWO_32 = 0x1_0000_0000;

/** Which keys, and in which order. Bounds are integers as `FixedTree.get` takes them. */
export interface FixedRange {
  /** Keys greater than this. */
  gt?: number | bigint;
  /** Keys greater than this, and this. */
  gte?: number | bigint;
  /** Keys less than this. */
  lt?: number | bigint;
  /** Keys less than this, and this. */
  lte?: number | bigint;
  /** From the greatest key to the least. Does not change which keys. */
  reverse?: boolean;
}

/** A position in a fixed tree: on an entry, or on none, as it is at first and past either end. */
export class FixedCursor {
  readonly #pager: Pager;
  readonly #path: FixedPath;
  readonly #entry = new FixedEntry();
  readonly #words = new Uint32Array(WORDS);
  readonly #longs = new BigUint64Array(this.#words.buffer);
  #entries = 0;
  #index = -1;

  /**
   * A cursor on no entry.
   *
   * @param pager Where the pages are.
   * @param tree The id of the tree.
   * @param root Its root page.
   */
  constructor(pager: Pager, tree: number, root: number) {
    this.#pager = pager;
    this.#path = new FixedPath(pager, tree, root);
  }

  /** Goes to the least key; false if there is none. */
  first(): boolean {
    return this.seek(0);
  }

  /** Goes to the greatest key; false if there is none. */
  last(): boolean {
    return this.seekBack(U64_MAX);
  }

  /**
   * Goes to the least key that is not less than this one; false if there is none.
   *
   * @throws {RangeError} The key is not an integer in 0..2^64-1.
   */
  seek(key: number | bigint): boolean {
    this.#entry.setKey(key, "seek");
    return this.#seekForward();
  }

  /**
   * Goes to the greatest key that is not greater than this one; false if there is none.
   *
   * @throws {RangeError} The key is not an integer in 0..2^64-1.
   */
  seekBack(key: number | bigint): boolean {
    this.#entry.setKey(key, "seek");
    return this.#seekBack();
  }

  /** Goes to the next greater key; false if there is none, or the cursor was on no entry. */
  next(): boolean {
    if (this.#index < 0) return false;
    if (++this.#index < this.#entries) return true;
    this.#takeKey(this.#entries - 1);
    return this.#entry.increment() ? this.#seekForward() : this.#leave();
  }

  /** Goes to the next smaller key; false if there is none, or the cursor was on no entry. */
  previous(): boolean {
    if (this.#index < 0) return false;
    if (--this.#index >= 0) return true;
    this.#takeKey(0);
    return this.#entry.decrement() ? this.#seekBack() : this.#leave();
  }

  /** The key. */
  get key(): bigint {
    this.#checkPosition();
    return this.#longs[this.#index]!;
  }

  /** The value. */
  get value(): bigint {
    this.#checkPosition();
    return this.#longs[CAPACITY + this.#index]!;
  }

  /** The key as a number; a `RangeError` when it exceeds 2^53-1. */
  get keyNumber(): number {
    return this.#numberAt(this.#index << 1);
  }

  /** The value as a number; a `RangeError` when it exceeds 2^53-1. */
  get valueNumber(): number {
    return this.#numberAt(TO_VALUE_WORD + (this.#index << 1));
  }

  #numberAt(word: number): number {
    this.#checkPosition();
    const high = this.#words[word + 1]!;
    if (high <= HIGH_SAFE_MAX) return high * TWO_32 + this.#words[word]!;
    throw new RangeError("Cannot read as a number: it exceeds 2^53-1; read it as a BigInt");
  }

  #checkPosition(): void {
    if (this.#index < 0) throw new TypeError("Cannot read an entry: the cursor is on none");
  }

  #takeKey(index: number): void {
    this.#entry.words[0]! = this.#words[index << 1]!;
    this.#entry.words[1]! = this.#words[(index << 1) + 1]!;
  }

  #seekForward(): boolean {
    let place = this.#path.seek(this.#entry.words);
    const frame = this.#frame(place);
    let index = lowerBound(frame, place & SLOT_MASK, this.#entry.words);
    if (index === entriesOf(frame, place & SLOT_MASK)) {
      place = this.#path.right();
      if (place < 0) return this.#leave();
      index = 0;
    }
    this.#arrive(place, index);
    if (this.#longs[index]! >= this.#entry.longs[0]!) return true;
    return this.#misplaced(index);
  }

  #seekBack(): boolean {
    let place = this.#path.seek(this.#entry.words);
    const frame = this.#frame(place);
    let index = lowerBound(frame, place & SLOT_MASK, this.#entry.words);
    if (!holdsKey(frame, place & SLOT_MASK, index, this.#entry.words)) index--;
    if (index < 0) {
      place = this.#path.left();
      if (place < 0) return this.#leave();
      index = entriesOf(this.#frame(place), place & SLOT_MASK) - 1;
    }
    this.#arrive(place, index);
    if (this.#longs[index]! <= this.#entry.longs[0]!) return true;
    return this.#misplaced(index);
  }

  #arrive(place: number, index: number): void {
    const { u32 } = this.#frame(place);
    const word = (place & SLOT_MASK) << PAGE_WORD_SHIFT;
    this.#words.set(u32.subarray(word, word + WORDS));
    this.#entries = entriesOf(this.#frame(place), place & SLOT_MASK);
    this.#index = index;
  }

  #leave(): false {
    this.#index = -1;
    return false;
  }

  #misplaced(index: number): never {
    this.#leave();
    const page = this.#path.pages[this.#path.depth]!;
    corrupt(page, index << 3, "keys overlap those of a neighbour");
  }

  #frame(place: number): Frame {
    return this.#pager.frames[place >>> CHUNK_SHIFT]!;
  }
}

/**
 * The entries of a range, by a cursor that nobody else uses.
 *
 * @throws {TypeError} A bound is neither a number nor a BigInt.
 * @throws {RangeError} A bound is not an integer in 0..2^64-1.
 */
export function scan(
  cursor: FixedCursor,
  range: FixedRange,
): Generator<[bigint, bigint], void, undefined> {
  const { gt, gte, lt, lte, reverse = false } = range;
  let from = gte === undefined ? 0n : checkU64(gte, "scan", "bound gte");
  let to = lte === undefined ? U64_MAX : checkU64(lte, "scan", "bound lte");
  if (gt !== undefined) from = greater(from, checkU64(gt, "scan", "bound gt") + 1n);
  if (lt !== undefined) to = less(to, checkU64(lt, "scan", "bound lt") - 1n);
  return reverse ? backward(cursor, from, to) : forward(cursor, from, to);
}

function greater(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function less(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function* forward(
  cursor: FixedCursor,
  from: bigint,
  to: bigint,
): Generator<[bigint, bigint], void, undefined> {
  if (from > to) return;
  for (let found = cursor.seek(from); found && cursor.key <= to; found = cursor.next()) {
    yield [cursor.key, cursor.value];
  }
}

function* backward(
  cursor: FixedCursor,
  from: bigint,
  to: bigint,
): Generator<[bigint, bigint], void, undefined> {
  if (from > to) return;
  for (let found = cursor.seekBack(to); found && cursor.key >= from; found = cursor.previous()) {
    yield [cursor.key, cursor.value];
  }
}
