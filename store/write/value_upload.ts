/**
 * Uploads: sets a value from a stream, atomically, at any size, in little memory.
 *
 * It gathers chunks until they fill a run, appends the run in its own transaction, and only then
 * reads more of the stream. Between two parts it yields to the event loop. The last transaction
 * makes all parts the value of the key, which keeps its old value until then. A value that fits one
 * part needs only that transaction. On failure the parts are released and the stream is cancelled.
 */

import { setImmediate } from "node:timers";
import { type BTree, VALUE_BYTES_MAX } from "../../btree/mod.ts";
import { ClosedError, CorruptionError, format, IoError, LimitError } from "../../pager/mod.ts";
import { aKindOf, checkAttached } from "../codec/mod.ts";
import type { Session } from "./session.ts";
import type { TreeNaming } from "./tree_directory.ts";

/** The size of a part: the longest run. */
const PART_BYTES = format.RUN_PAGES_MAX * format.PAGE_BYTES;

/**
 * Sets the value of a key to the bytes of a stream, read to its end.
 *
 * The tree is created if it does not exist. Memory use is one part, about 2 MiB, for any length of
 * value, and 24 KiB for each part in the last transaction.
 *
 * @param session The session of the database.
 * @param name The name of the tree.
 * @param format Its codecs.
 * @param key The bytes of the key, which must not change.
 * @param stream The bytes of the value, at most 2 GiB; locked until the promise settles.
 * @returns The length of the value, at the durability of the database.
 * @throws {TypeError} A chunk is not bytes, the stream is locked, or a transaction is open.
 * @throws {RangeError} Key or value is too long, or the tree was dropped or replaced meanwhile.
 * @throws {ClosedError} The database was closed meanwhile.
 * @throws {IoError} The system refused.
 */
export async function setStream(
  session: Session,
  name: string,
  format: TreeNaming,
  key: Uint8Array,
  stream: ReadableStream<Uint8Array>,
): Promise<number> {
  session.checkOpen();
  if (!(stream instanceof ReadableStream)) {
    throw new TypeError(`Cannot set: ${aKindOf(stream)} is not a stream`);
  }
  if (session.pager.depth > 0) throw new TypeError("Cannot set a stream: a transaction is open");
  const upload = new Upload(session, name, format, key, stream.getReader());
  return await upload.run();
}

/** The upload of one value. */
class Upload {
  readonly #session: Session;
  readonly #name: string;
  readonly #format: TreeNaming;
  readonly #key: Uint8Array;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** The number of the unfinished value; 0 = nothing was appended. */
  #number = 0;
  #part = new Uint8Array(0);
  /** Bytes gathered in the current part. */
  #filled = 0;
  /** Bytes in earlier parts. */
  #done = 0;
  /** The number of the tree that owns the earlier parts. */
  #tree = 0;
  /** Whether the database is being closed, which may take turns. */
  #hasEnded = false;

  constructor(
    session: Session,
    name: string,
    format: TreeNaming,
    key: Uint8Array,
    reader: ReadableStreamDefaultReader<Uint8Array>,
  ) {
    this.#session = session;
    this.#name = name;
    this.#format = format;
    this.#key = key;
    this.#reader = reader;
    session.uploads.add(this);
  }

  /** Reads the stream to its end. Resolves at the durability of the database. */
  async run(): Promise<number> {
    try {
      await this.#readAll();
      await this.#session.write(() => this.#finish());
      return this.#done + this.#filled;
    } catch (error) {
      this.#giveBack();
      // The stream receives the reason; an error of its cancellation is ignored.
      this.#reader.cancel(error).catch(() => {});
      throw error;
    } finally {
      this.#session.uploads.delete(this);
      this.#reader.releaseLock();
    }
  }

  /** Ends the upload with the session: releases the parts, and reads nothing more. */
  end(): void {
    this.#hasEnded = true;
    this.#giveBack();
    // Not before the session has ended, because the stream may run any code.
    queueMicrotask(() => this.#reader.cancel(closedError()).catch(() => {}));
  }

  /** Throws if the value must not be set: a stream that was cancelled ends like a whole one. */
  #checkOpen(): void {
    this.#session.checkOpen();
    if (this.#hasEnded) throw closedError();
  }

  async #readAll(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      this.#checkOpen();
      if (done) return;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(`Cannot set: a chunk of type ${typeof value} is not bytes`);
      }
      checkAttached(value, "set");
      if (this.#done + this.#filled + value.length > VALUE_BYTES_MAX) {
        throw new RangeError(`Cannot set: the stream has more than ${VALUE_BYTES_MAX} bytes`);
      }
      await this.#take(value);
    }
  }

  /** Takes a chunk, and appends each part that it fills. */
  async #take(chunk: Uint8Array): Promise<void> {
    const { length } = chunk;
    for (let at = 0; at < length;) {
      if (this.#filled === PART_BYTES) await this.#append();
      // Other code has run meanwhile.
      if (chunk.length !== length) throw new TypeError("Cannot set: a chunk changed its length");
      at += this.#gather(chunk, at);
    }
  }

  /** Copies bytes of a chunk into the part. Returns the number copied. */
  #gather(chunk: Uint8Array, from: number): number {
    const length = Math.min(PART_BYTES - this.#filled, chunk.length - from);
    this.#makeRoom(this.#filled + length);
    this.#part.set(chunk.subarray(from, from + length), this.#filled);
    this.#filled += length;
    return length;
  }

  /** Grows the part's buffer as needed, so that a short value needs little memory. */
  #makeRoom(bytes: number): void {
    const before = this.#part;
    if (before.length >= bytes) return;
    this.#part = new Uint8Array(Math.min(Math.max(bytes, before.length * 2), PART_BYTES));
    this.#part.set(before);
  }

  /** Appends a full part, and yields to the event loop. */
  async #append(): Promise<void> {
    // Until this commits, the value has no number: another process may take the same one.
    this.#number = this.#session.writeSync(() => this.#appendPart(), "none");
    this.#done += this.#filled;
    this.#filled = 0;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#checkOpen();
  }

  /** Appends what is gathered, and returns the number of the unfinished value. */
  #appendPart(): number {
    const { unfinished } = this.#session;
    const isNew = this.#session.findTree(this.#name) === undefined;
    const { id } = this.#openTree();
    this.#tree = id;
    const part = this.#part.subarray(0, this.#filled);
    const createdTree = isNew ? this.#name : "";
    const number = this.#number || unfinished.begin();
    unfinished.append(number, this.#done, id, part, createdTree);
    return number;
  }

  #finish(): void {
    this.#checkOpen();
    if (this.#done === 0) {
      this.#openTree().put(this.#key, this.#part.subarray(0, this.#filled));
      return;
    }
    if (this.#filled > 0) this.#appendPart();
    this.#session.unfinished.finish(this.#number, this.#openTree(), this.#key);
  }

  /** The tree, which must be the one that owns the earlier parts. */
  #openTree(): BTree {
    if (this.#done === 0) return this.#session.openTree(this.#name, this.#format);
    const found = this.#session.findTree(this.#name)?.btree;
    if (found?.id === this.#tree) return found;
    throw new RangeError(`Cannot set: tree ${this.#name} was dropped or replaced meanwhile`);
  }

  /** Releases the parts. If this fails, the next open for writing releases them. */
  #giveBack(): void {
    const { closed, pager, unfinished } = this.#session;
    if (this.#number === 0 || closed || pager.depth > 0) return;
    try {
      while (this.#session.writeSync(() => unfinished.release(this.#number), "none"));
      this.#session.treesChanged();
      for (const tree of [...this.#session.catalog.dropped()]) this.#session.releaseTree(tree);
    } catch (error) {
      const isExpected = error instanceof IoError || error instanceof LimitError ||
        error instanceof CorruptionError;
      if (!isExpected) throw error;
    }
  }
}

function closedError(): ClosedError {
  return new ClosedError("Cannot set the stream: the database was closed");
}
