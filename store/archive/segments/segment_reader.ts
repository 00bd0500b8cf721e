/**
 * Reads a segment from a store: its object, then its parts one at a time, each checked against its
 * sum. A store that gives other bytes than were put is refused.
 */

import { crc32 } from "node:zlib";
import { CorruptionError, type IncrementSource } from "../../../pager/mod.ts";
import type { ArchiveStore } from "../archive_store.ts";
import { partName, type Segment, segmentName } from "./segment.ts";
import { damagedObject, decodeSegment, type SegmentHead } from "./segment_head.ts";

/** The objects that are read before their turn. */
const AHEAD_MAX = 8;
const LACKS = "the archive lacks the object";

/** The object of a segment is missing or damaged; nothing of it was used. */
export class UnreadableSegmentError extends CorruptionError {}

/**
 * A store whose segments are read before their turn, several at once: an archive may have tens of
 * thousands, each a round trip to a service.
 */
export class SegmentsAhead implements ArchiveStore {
  readonly #store: ArchiveStore;
  readonly #names: readonly string[];
  readonly #started = new Map<string, Promise<Uint8Array | undefined>>();
  #next = 0;

  /**
   * Begins before the first segment.
   *
   * @param chain The segments, in the order in which they will be read, once each.
   */
  constructor(store: ArchiveStore, chain: readonly Segment[]) {
    this.#store = store;
    this.#names = chain.map(segmentName);
  }

  get(name: string): Promise<Uint8Array | undefined> {
    const started = this.#started.get(name);
    this.#started.delete(name);
    if (started === undefined && name !== this.#names[this.#next]) return this.#store.get(name);
    const object = started ?? this.#start();
    this.#started.delete(name);
    while (this.#started.size < AHEAD_MAX - 1 && this.#next < this.#names.length) this.#start();
    return object;
  }

  #start(): Promise<Uint8Array | undefined> {
    const name = this.#names[this.#next++]!;
    const object = this.#store.get(name);
    // Where an earlier one fails, nobody waits for this one.
    object.catch(() => {});
    this.#started.set(name, object);
    return object;
  }

  list(): Promise<readonly string[]> {
    return this.#store.list();
  }

  put(name: string, bytes: Uint8Array): Promise<void> {
    return this.#store.put(name, bytes);
  }

  delete(name: string): Promise<void> {
    return this.#store.delete(name);
  }
}

/** Part of the content of a segment, and where it begins in it. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/**
 * Reads the object of a segment.
 *
 * @throws {UnreadableSegmentError} It is missing, or damaged.
 */
export async function readSegment(store: ArchiveStore, segment: Segment): Promise<SegmentHead> {
  const name = segmentName(segment);
  const bytes = await getBytes(store, name);
  if (bytes === undefined) throw new UnreadableSegmentError(0, 0, LACKS, name);
  try {
    return decodeSegment(bytes, segment);
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    throw new UnreadableSegmentError(error.page, error.offset, error.rule, name);
  }
}

/**
 * The content of a segment, a part at a time.
 *
 * @throws {CorruptionError} A part is missing, or damaged.
 */
export async function* piecesOf(
  store: ArchiveStore,
  { segment: { from, to }, parts, content }: SegmentHead,
): AsyncGenerator<Piece> {
  let offset = 0;
  for (const [index, part] of parts.entries()) {
    const name = partName({ from, to, index, sum: part.sum });
    const bytes = await getBytes(store, name);
    if (bytes === undefined) throw damagedObject(0, LACKS, name);
    if (bytes.length !== part.bytes || crc32(bytes) !== part.sum) {
      throw damagedObject(0, "the sum of the part does not match", name);
    }
    yield { bytes, offset };
    offset += bytes.length;
  }
  yield { bytes: content, offset };
}

async function getBytes(store: ArchiveStore, name: string): Promise<Uint8Array | undefined> {
  const bytes = await store.get(name);
  if (bytes === undefined || bytes instanceof Uint8Array) return bytes;
  throw new TypeError(`Cannot read ${name}: the store gave ${typeof bytes}, not a Uint8Array`);
}

/** Pieces of a segment, fed ahead of the reads of an `IncrementReader`. */
export class FedPieces implements IncrementSource {
  readonly #pieces: AsyncGenerator<Piece>;
  #fed: Piece[] = [];
  #end = 0;
  #isOver = false;

  /**
   * Begins before the first piece.
   *
   * @param pieces The content of the segment.
   */
  constructor(pieces: AsyncGenerator<Piece>) {
    this.#pieces = pieces;
  }

  /** Feeds pieces until a reader at a position has some bytes ahead, or all. */
  async feed(position: number, ahead: number): Promise<void> {
    this.#fed = this.#fed.filter(({ bytes, offset }) => offset + bytes.length > position);
    while (!this.#isOver && this.#end < position + ahead) {
      const { done, value } = await this.#pieces.next();
      if (done === true) {
        this.#isOver = true;
      } else {
        this.#fed.push(value);
        this.#end = value.offset + value.bytes.length;
      }
    }
  }

  /** Where the last read ended. */
  position = 0;

  read(target: Uint8Array, start: number, length: number, position: number): number {
    let done = 0;
    for (const { bytes, offset } of this.#fed) {
      const from = position + done - offset;
      if (from < 0 || from >= bytes.length) continue;
      const count = Math.min(length - done, bytes.length - from);
      target.set(bytes.subarray(from, from + count), start + done);
      done += count;
      if (done === length) break;
    }
    this.position = position + done;
    return done;
  }
}
