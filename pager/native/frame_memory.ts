/**
 * Memory for frames, 2 MiB each: from the heap, one buffer a frame, or from segments that many
 * frames share.
 *
 * A frame that is given back may be taken again. Nothing is taken after `close`.
 */

import { CHUNK_BYTES } from "../format/format.ts";
import { freeMemory } from "../format/free_memory.ts";

/** Frames of a segment. */
const SEGMENT_FRAMES = 128;

/** Memory for frames. */
export interface FrameMemory {
  /** 2 MiB of zeros. */
  take(): Uint8Array<ArrayBuffer>;
  /** Gives the memory of a frame back; no view of it may be used after that. */
  giveBack(bytes: Uint8Array<ArrayBuffer>): void;
  /** Makes the memory of a frame zeros, and gives the system what it can of it. */
  clear(bytes: Uint8Array<ArrayBuffer>): void;
  /** Releases all memory that the garbage collector does not. */
  close(): void;
}

/** A buffer of the heap for each frame. */
export class HeapMemory implements FrameMemory {
  take(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(CHUNK_BYTES);
  }

  giveBack(bytes: Uint8Array<ArrayBuffer>): void {
    freeMemory(bytes);
  }

  clear(bytes: Uint8Array<ArrayBuffer>): void {
    bytes.fill(0);
  }

  close(): void {}
}

/** Zeroed memory for several frames. */
export interface Segment {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Releases it, and empties all views of it. */
  release(): void;
}

/** Segments of many frames each. Frames beyond a limit are from the heap. */
export class SegmentMemory implements FrameMemory {
  readonly #allocate: (bytes: number) => Segment;
  readonly #heap = new HeapMemory();
  readonly #segments: Segment[] = [];
  readonly #buffers = new Set<ArrayBuffer>();
  /** Frames that were given back; they have old bytes. */
  readonly #used: Uint8Array<ArrayBuffer>[] = [];
  /** Frames of the last segment that were never taken. */
  #fresh = 0;
  /** Frames that no segment has yet. */
  #left: number;

  /**
   * Takes no memory yet.
   *
   * @param frames The most frames from segments.
   * @param allocate Allocates a segment. The system provides its pages when they are touched.
   */
  constructor(frames: number, allocate: (bytes: number) => Segment) {
    this.#left = frames;
    this.#allocate = allocate;
  }

  take(): Uint8Array<ArrayBuffer> {
    const used = this.#used.pop();
    if (used !== undefined) return used.fill(0);
    if (this.#fresh === 0 && this.#left > 0) this.#addSegment();
    if (this.#fresh === 0) return this.#heap.take();
    const { bytes } = this.#segments.at(-1)!;
    const end = bytes.byteLength - --this.#fresh * CHUNK_BYTES;
    return bytes.subarray(end - CHUNK_BYTES, end);
  }

  giveBack(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#buffers.has(bytes.buffer)) this.#used.push(bytes);
    else this.#heap.giveBack(bytes);
  }

  clear(bytes: Uint8Array<ArrayBuffer>): void {
    bytes.fill(0);
  }

  close(): void {
    this.#left = 0;
    this.#fresh = 0;
    this.#used.length = 0;
    for (const segment of this.#segments) segment.release();
    this.#segments.length = 0;
  }

  #addSegment(): void {
    const frames = Math.min(this.#left, SEGMENT_FRAMES);
    const segment = this.#allocate(frames * CHUNK_BYTES);
    this.#segments.push(segment);
    this.#buffers.add(segment.bytes.buffer);
    this.#left -= frames;
    this.#fresh = frames;
  }
}
