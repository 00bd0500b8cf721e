/**
 * Writes a segment to a store: its parts as they fill up, and its own object last, so that the
 * segment exists when all of it is there.
 */

import { crc32 } from "node:zlib";
import { assert, joinBytes } from "../../../pager/mod.ts";
import type { ByteSink } from "../../backup/sinks.ts";
import { partName, type Segment, segmentName } from "./segment.ts";
import { encodeSegment, type PartSum } from "./segment_head.ts";

/** A part ends before it exceeds this, unless a single piece does. */
const PART_BYTES_MAX = 4 * 1024 * 1024;

/** Writes a segment. */
export class SegmentWriter implements ByteSink {
  readonly isImmediate = false;
  bytesWritten = 0;
  readonly #put: (name: string, bytes: Uint8Array) => Promise<void>;
  readonly #segment: Omit<Segment, "sum">;
  readonly #database: { readonly databaseId: Uint8Array; readonly history: number };
  readonly #parts: PartSum[] = [];
  /** The segment, once it is complete. */
  #whole: Segment | undefined;
  #pieces: Uint8Array[] = [];
  #length = 0;

  /**
   * Begins a segment.
   *
   * @param put Puts an object.
   * @param segment What its name says.
   * @param database The id and the history of the database.
   */
  constructor(
    put: (name: string, bytes: Uint8Array) => Promise<void>,
    segment: Omit<Segment, "sum">,
    database: { readonly databaseId: Uint8Array; readonly history: number },
  ) {
    this.#put = put;
    this.#segment = segment;
    this.#database = database;
  }

  /** The segment, which is complete. */
  get segment(): Segment {
    assert(this.#whole !== undefined, "a segment has its sum once it is complete");
    return this.#whole;
  }

  /** Takes a piece of the content; `drained` puts what has become a part. */
  append(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.#length += bytes.length;
  }

  /** Puts the parts that are full; the last piece remains for the object of the segment. */
  async drained(): Promise<void> {
    while (this.#length > PART_BYTES_MAX && this.#pieces.length > 1) await this.#putPart();
  }

  async complete(): Promise<void> {
    await this.drained();
    const parts = this.#parts;
    const content = joinBytes(this.#pieces);
    const { databaseId, history } = this.#database;
    const segment = this.#segment;
    const fields = { segment, databaseId, history, members: [], parts, content };
    const { bytes, sum } = encodeSegment(fields);
    const whole = { ...segment, sum };
    await this.#put(segmentName(whole), bytes);
    this.bytesWritten += bytes.length;
    this.#whole = whole;
  }

  abandon(): void {}

  async #putPart(): Promise<void> {
    let [count, length] = [1, this.#pieces[0]!.length];
    while (
      count < this.#pieces.length - 1 && length + this.#pieces[count]!.length <= PART_BYTES_MAX
    ) {
      length += this.#pieces[count++]!.length;
    }
    const bytes = joinBytes(this.#pieces.splice(0, count));
    this.#length -= length;
    const sum = crc32(bytes);
    const { from, to } = this.#segment;
    await this.#put(partName({ from, to, index: this.#parts.length, sum }), bytes);
    this.#parts.push({ bytes: length, sum });
    this.bytesWritten += length;
  }
}
