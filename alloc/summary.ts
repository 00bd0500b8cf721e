/**
 * The longest free run of every chunk, one byte each, below a tree of maxima over groups of chunks.
 * A search for the first chunk with room takes time proportional to the depth of the tree.
 *
 * A chunk that has not been examined counts as full.
 */

import type { ChunkNumber } from "../pager/mod.ts";

/** In `#first`: not known since the last change. */
const UNKNOWN = -2;

/** RetiredPages the longest free run of every chunk, and searches them. */
export class Summary {
  /** Level 0 has one entry per chunk; each further level, the maxima of pairs of the one below. */
  #levels: Uint8Array[] = [new Uint8Array(1)];
  #size = 0;
  /** What `first` returns, or `UNKNOWN`: each commit asks, and few change it. */
  #first = UNKNOWN;

  /** The number of chunks. */
  get size(): number {
    return this.#size;
  }

  /** Sets the number of chunks; new ones count as full. */
  resize(size: number): void {
    for (let chunk = size; chunk < this.#size; chunk++) this.set(chunk, 0);
    this.#size = size;
    this.#first = UNKNOWN;
    if (size > this.#levels[0]!.length) this.#grow(size);
  }

  /** The longest free run of a chunk. */
  get(chunk: ChunkNumber): number {
    return this.#levels[0]![chunk]!;
  }

  /** Sets the longest free run of a chunk. */
  set(chunk: ChunkNumber, longest: number): void {
    let index = chunk;
    this.#first = UNKNOWN;
    this.#levels[0]![index] = longest;
    for (let level = 1; level < this.#levels.length; level++) {
      const below = this.#levels[level - 1]!;
      index >>>= 1;
      const longer = Math.max(below[index * 2]!, below[index * 2 + 1]!);
      if (this.#levels[level]![index] === longer) return;
      this.#levels[level]![index] = longer;
    }
  }

  /** The first chunk with a free page, or -1. */
  first(): number {
    if (this.#first === UNKNOWN) this.#first = this.find(1, 0);
    return this.#first;
  }

  /** The first chunk at or after `from` whose longest free run has at least `span` pages, or -1. */
  find(span: number, from: number): number {
    let level = from === 0 ? this.#levels.length - 1 : 0;
    let index = from;
    // Go right, and up where a pair ends, until a group has enough; then down to its first chunk.
    while (this.#at(level, index) < span) {
      if (index >= this.#levels[level]!.length) return -1;
      index++;
      while ((index & 1) === 0 && level < this.#levels.length - 1) {
        index >>>= 1;
        level++;
      }
    }
    while (level > 0) {
      level--;
      index *= 2;
      if (this.#levels[level]![index]! < span) index++;
    }
    return index;
  }

  /** The longest free run of any chunk. */
  longest(): number {
    return this.#levels[this.#levels.length - 1]![0]!;
  }

  #at(level: number, index: number): number {
    const groups = this.#levels[level]!;
    return index < groups.length ? groups[index]! : 0;
  }

  #grow(size: number): void {
    let length = this.#levels[0]!.length;
    while (length < size) length *= 2;
    const chunks = new Uint8Array(length);
    chunks.set(this.#levels[0]!);
    this.#levels = [chunks];
    for (; length > 1; length /= 2) {
      const below = this.#levels[this.#levels.length - 1]!;
      const level = new Uint8Array(length / 2);
      for (let i = 0; i < level.length; i++) level[i] = Math.max(below[i * 2]!, below[i * 2 + 1]!);
      this.#levels.push(level);
    }
  }
}
