/**
 * The bytes of a simulated file, in blocks that many images of the file share.
 *
 * A fork costs one array of pointers; a block is copied when one of its sharers writes into it.
 * Each block keeps a hash of its bytes, so that equal images are found without comparing them.
 */

import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";

/** Bytes of a block, and the larger of the two units in which writes tear. */
export const BLOCK_BYTES = 4096;

const BLOCK_WORDS = BLOCK_BYTES / 4;
const ZEROS = new Uint8Array(BLOCK_BYTES);

/** Bytes shared by many files; only the file with the `owner` may change them. */
class Block {
  readonly bytes: Uint8Array;
  owner: object | undefined;
  #low = 0;
  #high = 0;
  #hashed = false;

  constructor(bytes: Uint8Array, owner: object | undefined) {
    this.bytes = bytes;
    this.owner = owner;
  }

  /** Half of the hash; both are 0 for a block of zeros. */
  get low(): number {
    if (!this.#hashed) this.#hash();
    return this.#low;
  }

  /** The other half. */
  get high(): number {
    if (!this.#hashed) this.#hash();
    return this.#high;
  }

  /** Recomputes the hash. Must be called after a change. */
  forget(): void {
    this.#hashed = false;
  }

  #hash(): void {
    const words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, BLOCK_WORDS);
    let high = 0x811c9dc5;
    let any = 0;
    for (let i = 0; i < BLOCK_WORDS; i++) {
      any |= words[i]!;
      high = Math.imul(high ^ words[i]!, 0x85ebca6b);
      high = (high << 13) | (high >>> 19);
    }
    this.#low = any === 0 ? 0 : crc32(this.bytes);
    this.#high = any === 0 ? 0 : high;
    this.#hashed = true;
  }
}

/** Bytes divided into blocks once, to be put into many files. */
export type Cut = readonly Block[];

/** The bytes of a file. */
export class Blocks {
  readonly #blocks: (Block | undefined)[] = [];
  #token = {};
  #size = 0;

  /** The size in bytes. */
  get size(): number {
    return this.#size;
  }

  /** Returns a file with the same bytes; later changes affect only one of the two. */
  fork(): Blocks {
    const other = new Blocks();
    for (const block of this.#blocks) other.#blocks.push(block);
    other.#size = this.#size;
    this.#token = {};
    return other;
  }

  /** Copies bytes out; unwritten bytes are zeros. */
  read(target: Uint8Array, start: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#size - position));
    for (let done = 0; done < count;) {
      const at = position + done;
      const from = at % BLOCK_BYTES;
      const part = Math.min(count - done, BLOCK_BYTES - from);
      const block = this.#blocks[Math.floor(at / BLOCK_BYTES)];
      if (block === undefined) target.fill(0, start + done, start + done + part);
      else if (part === BLOCK_BYTES) target.set(block.bytes, start + done);
      else target.set(block.bytes.subarray(from, from + part), start + done);
      done += part;
    }
    return count;
  }

  /** Copies bytes in; the file grows as needed. */
  write(source: Uint8Array, start: number, length: number, position: number): void {
    for (let done = 0; done < length;) {
      const at = position + done;
      const from = at % BLOCK_BYTES;
      const part = Math.min(length - done, BLOCK_BYTES - from);
      const index = Math.floor(at / BLOCK_BYTES);
      const bytes = source.subarray(start + done, start + done + part);
      if (part < BLOCK_BYTES) this.#own(index).set(bytes, from);
      else this.#replace(index, bytes);
      done += part;
    }
    this.extend(position + length);
  }

  /** Inserts whole blocks at a block boundary, without copying them. */
  share(blocks: Cut, position: number): void {
    const first = position / BLOCK_BYTES;
    for (let i = 0; i < blocks.length; i++) this.#blocks[first + i] = blocks[i];
    this.extend(position + blocks.length * BLOCK_BYTES);
  }

  /** Extends the file to at least a length, with zeros. */
  extend(size: number): void {
    if (size > this.#size) this.#size = size;
    const count = Math.ceil(this.#size / BLOCK_BYTES);
    // Without holes, so that the array stays a fast one.
    while (this.#blocks.length < count) this.#blocks.push(undefined);
  }

  /** Truncates the file, or extends it with zeros. */
  truncate(size: number): void {
    if (size < this.#size) {
      this.#blocks.length = Math.ceil(size / BLOCK_BYTES);
      this.#size = size;
      const within = size % BLOCK_BYTES;
      if (within > 0) this.#own(Math.floor(size / BLOCK_BYTES)).fill(0, within);
    }
    this.extend(size);
  }

  /** A hash of the file. */
  hash(): number {
    let low = this.#size | 0;
    let high = Math.floor(this.#size / 2 ** 32);
    for (let i = 0; i < this.#blocks.length; i++) {
      const block = this.#blocks[i];
      if (block === undefined || (block.low === 0 && block.high === 0)) continue;
      const mixed = Math.imul(block.low ^ Math.imul(i + 1, 0x9e3779b1), 0xcc9e2d51);
      low = (low + (mixed ^ (mixed >>> 15))) | 0;
      high = (high + Math.imul(block.high ^ Math.imul(i + 1, 0x85ebca6b), 0x1b873593)) | 0;
    }
    high = Math.imul(high ^ (high >>> 16), 0xc2b2ae35) ^ low;
    return (high >>> 11) * 2 ** 32 + (low >>> 0);
  }

  /** A copy of all the bytes. */
  content(): Uint8Array {
    const bytes = new Uint8Array(this.#size);
    this.read(bytes, 0, this.#size, 0);
    return bytes;
  }

  /** Hands out the blocks that are not all zeros, as far as the file has them. */
  writeTo(write: (bytes: Uint8Array, position: number) => void): void {
    this.#blocks.forEach((block, index) => {
      if (block === undefined) return;
      const position = index * BLOCK_BYTES;
      write(block.bytes.subarray(0, this.#size - position), position);
    });
  }

  /** Replaces a whole block; zeros take no memory. */
  #replace(index: number, bytes: Uint8Array): void {
    while (this.#blocks.length <= index) this.#blocks.push(undefined);
    const isZero = Buffer.compare(bytes, ZEROS) === 0;
    this.#blocks[index] = isZero ? undefined : new Block(bytes.slice(), this.#token);
  }

  /** The bytes of a block, which may be changed. */
  #own(index: number): Uint8Array {
    while (this.#blocks.length <= index) this.#blocks.push(undefined);
    const block = this.#blocks[index];
    if (block !== undefined && block.owner === this.#token) {
      block.forget();
      return block.bytes;
    }
    const bytes = new Uint8Array(BLOCK_BYTES);
    if (block !== undefined) bytes.set(block.bytes);
    this.#blocks[index] = new Block(bytes, this.#token);
    return bytes;
  }
}

/** Divides the whole blocks at the beginning of some bytes, which must not change afterwards. */
export function cutBlocks(bytes: Uint8Array): Cut {
  const blocks: Block[] = [];
  for (let at = 0; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) {
    blocks.push(new Block(bytes.subarray(at, at + BLOCK_BYTES), undefined));
  }
  return blocks;
}
