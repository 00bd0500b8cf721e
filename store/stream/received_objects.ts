/**
 * The receiving end of a stream of objects: it waits for the next segment, and is the store that
 * this segment is read from. Parts, which come before their segment, wait in a folder beside the
 * replica; a segment is at most a few megabytes, in memory.
 */

import { Folder } from "../../pager/mod.ts";
import type { ArchiveStore } from "../archive/archive_store.ts";
import { parsePart, parseSegment, type Segment } from "../archive/segments/segment.ts";
import {
  checkStreamHead,
  damagedStream,
  decodeObjectHead,
  OBJECT_HEAD_BYTES,
  STREAM_HEAD_BYTES,
} from "./stream_format.ts";

const PARTS = ".parts";

/** A stream that is received. */
export class ReceivedObjects implements ArchiveStore {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #parts: Folder;
  /** The names of the parts in the folder. */
  readonly #partNames = new Set<string>();
  #segment: { name: string; bytes: Uint8Array } | undefined;
  /** Bytes that were received and not taken. */
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Where the next byte to take is in the stream. */
  #offset = 0;

  /**
   * Begins to receive.
   *
   * @param stream The stream, which nobody else reads.
   * @param path The path of the replica.
   * @throws {TypeError} The stream is locked.
   */
  constructor(stream: ReadableStream<Uint8Array>, path: string) {
    this.#reader = stream.getReader();
    this.#parts = new Folder(`${path}${PARTS}`);
  }

  /**
   * The next segment, whose objects can then be read; undefined at the end of the stream. The one
   * before it is forgotten.
   *
   * @throws {CorruptionError} It is no such stream, or ends inside an object.
   * @throws An error of the stream.
   */
  async next(): Promise<Segment | undefined> {
    await this.#forget();
    if (this.#offset === 0) {
      if (!await this.#has(STREAM_HEAD_BYTES)) throw this.#cut();
      checkStreamHead(this.#take(STREAM_HEAD_BYTES));
    }
    for (;;) {
      if (!await this.#has(OBJECT_HEAD_BYTES)) {
        if (this.#length === 0) return undefined;
        throw this.#cut();
      }
      const offset = this.#offset;
      const { nameBytes, contentBytes } = decodeObjectHead(this.#take(OBJECT_HEAD_BYTES), offset);
      if (!await this.#has(nameBytes + contentBytes)) throw this.#cut();
      const name = new TextDecoder().decode(this.#take(nameBytes));
      const bytes = this.#take(contentBytes);
      const segment = parseSegment(name);
      if (segment !== undefined) {
        this.#segment = { name, bytes };
        return segment;
      }
      if (parsePart(name) === undefined) throw damagedStream(offset, "an object of another kind");
      await this.#keepPart(name, bytes);
    }
  }

  async #keepPart(name: string, bytes: Uint8Array): Promise<void> {
    if (this.#partNames.size === 0) {
      // A process that was killed may have left some.
      for (const left of await this.#parts.names()) await this.#parts.remove(left);
    }
    this.#partNames.add(name);
    await this.#parts.write(name, bytes);
  }

  #cut(): Error {
    return damagedStream(this.#offset, "the stream ends inside an object");
  }

  /** Ends the stream, and removes what it left. */
  async cancel(reason: unknown): Promise<void> {
    await this.#reader.cancel(reason).catch(() => {});
    await this.#forget().catch(() => {});
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    if (name === this.#segment?.name) return this.#segment.bytes;
    return this.#partNames.has(name) ? await this.#parts.read(name) : undefined;
  }

  list(): Promise<string[]> {
    return Promise.resolve(this.#segment === undefined ? [] : [this.#segment.name]);
  }

  put(): Promise<void> {
    return Promise.reject(new TypeError("Cannot write to a stream that is received"));
  }

  delete(): Promise<void> {
    return Promise.resolve();
  }

  async #forget(): Promise<void> {
    this.#segment = undefined;
    const names = [...this.#partNames];
    this.#partNames.clear();
    for (const name of names) await this.#parts.remove(name);
    if (names.length > 0) await this.#parts.removeItself();
  }

  /** Whether the stream has that many more bytes. */
  async #has(length: number): Promise<boolean> {
    while (this.#length < length) {
      const { done, value } = await this.#reader.read();
      if (done) return false;
      if (!(value instanceof Uint8Array)) {
        throw damagedStream(this.#offset, `a chunk is ${typeof value}, not a Uint8Array`);
      }
      this.#chunks.push(value);
      this.#length += value.length;
    }
    return true;
  }

  /** Takes bytes that are there, as memory of their own. */
  #take(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const chunk = this.#chunks[0]!;
      const count = Math.min(chunk.length, length - done);
      bytes.set(chunk.subarray(0, count), done);
      done += count;
      if (count === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(count);
    }
    this.#length -= length;
    this.#offset += length;
    return bytes;
  }
}
