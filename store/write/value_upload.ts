/**
 * Setting a value from a stream: a value of any size, in little memory, all of it or nothing.
 *
 * What comes is gathered until it fills a run, and then appended in a transaction of its own, and
 * only then the stream is asked for more. Between two parts others have their turn. The last
 * transaction makes all parts the value of the key, which has kept its old value until then; what
 * fits one part needs no other transaction. When anything fails, the parts are given back, and the
 * source is cancelled.
 */

import { setImmediate } from "node:timers";
import { type BTree, VALUE_BYTES_MAX } from "../../btree/mod.ts";
import { ClosedError, CorruptionError, format, IoError, LimitError } from "../../pager/mod.ts";
import { checkAttached } from "../codec/mod.ts";
import type { Session } from "./session.ts";
import type { TreeNaming } from "./tree_directory.ts";

/** One run, as long as runs can be. */
const PART_BYTES = format.RUN_PAGES_MAX * format.PAGE_BYTES;

/**
 * Sets the value of a key to all bytes of a stream, which it reads to its end.
 *
 * The tree is made if there is none. Memory for one part, about 2 MiB, is needed, however long the
 * value is, and 24 KiB for each such part in the last transaction.
 *
 * @param session What the trees of the database share.
 * @param name The name of the tree.
 * @param format Its codecs.
 * @param key The bytes of the key, which nobody changes.
 * @param stream Where the value comes from, at most 2 GiB; locked until the promise settles.
 * @returns How many bytes there were, when the value is as safe as the database promises.
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
    throw new TypeError(`Cannot set: a ${typeof stream} is no stream`);
  }
  if (session.pager.depth > 0) throw new TypeError("Cannot set a stream: a transaction is open");
  const upload = new Upload(session, name, format, key, stream.getReader());
  return await upload.run();
}

/** A value on its way from a stream into a tree. */
class Upload {
  readonly #session: Session;
  readonly #name: string;
  readonly #format: TreeNaming;
  readonly #key: Uint8Array;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** The number of the unfinished value, 0 = nothing was appended. */
  #number = 0;
  #part = new Uint8Array(0);
  /** Bytes gathered in the part. */
  #filled = 0;
  /** Bytes in the parts before. */
  #done = 0;
  /** The number of the tree that has the parts before. */
  #tree = 0;

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

  /** Reads the stream to its end; resolves when the value is as safe as was asked. */
  async run(): Promise<number> {
    try {
      await this.#readAll();
      await this.#session.write(() => this.#finish());
      return this.#done + this.#filled;
    } catch (error) {
      this.#giveBack();
      // The source is told why, and what it says to that is nobody's concern.
      this.#reader.cancel(error).catch(() => {});
      throw error;
    } finally {
      this.#session.uploads.delete(this);
      this.#reader.releaseLock();
    }
  }

  /** The session ends: what was appended is given back, and nothing more is read. */
  end(): void {
    this.#giveBack();
    const reason = new ClosedError("Cannot set the stream: the database was closed");
    // Not before the session has ended, since the source may do anything.
    queueMicrotask(() => this.#reader.cancel(reason).catch(() => {}));
  }

  async #readAll(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      this.#session.checkOpen();
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
      // Others have had their turn.
      if (chunk.length !== length) throw new TypeError("Cannot set: a chunk changed its length");
      at += this.#gather(chunk, at);
    }
  }

  /** Takes bytes of a chunk into the part; returns how many. */
  #gather(chunk: Uint8Array, from: number): number {
    const length = Math.min(PART_BYTES - this.#filled, chunk.length - from);
    this.#makeRoom(this.#filled + length);
    this.#part.set(chunk.subarray(from, from + length), this.#filled);
    this.#filled += length;
    return length;
  }

  /** Makes the part's memory as long as is needed; a short value needs little. */
  #makeRoom(bytes: number): void {
    const before = this.#part;
    if (before.length >= bytes) return;
    this.#part = new Uint8Array(Math.min(Math.max(bytes, before.length * 2), PART_BYTES));
    this.#part.set(before);
  }

  /** Appends a full part, and lets others have their turn. */
  async #append(): Promise<void> {
    if (this.#number === 0) this.#number = this.#session.unfinished.begin();
    this.#session.writeSync(() => this.#appendPart(), "none");
    this.#done += this.#filled;
    this.#filled = 0;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#session.checkOpen();
  }

  #appendPart(): void {
    const isNew = this.#session.findTree(this.#name) === undefined;
    const { id } = this.#openTree();
    this.#tree = id;
    const part = this.#part.subarray(0, this.#filled);
    const createdTree = isNew ? this.#name : "";
    this.#session.unfinished.append(this.#number, this.#done, id, part, createdTree);
  }

  #finish(): void {
    if (this.#done === 0) {
      this.#openTree().put(this.#key, this.#part.subarray(0, this.#filled));
      return;
    }
    if (this.#filled > 0) this.#appendPart();
    this.#session.unfinished.finish(this.#number, this.#openTree(), this.#key);
  }

  /** The tree, which must be the one that has the parts before. */
  #openTree(): BTree {
    if (this.#done === 0) return this.#session.openTree(this.#name, this.#format);
    const found = this.#session.findTree(this.#name)?.entries;
    if (found?.id === this.#tree) return found;
    throw new RangeError(`Cannot set: tree ${this.#name} was dropped or replaced meanwhile`);
  }

  /** Gives back what was appended. What cannot be now is when the file is opened again. */
  #giveBack(): void {
    const { closed, pager, unfinished } = this.#session;
    if (this.#number === 0 || closed || pager.depth > 0) return;
    try {
      while (this.#session.writeSync(() => unfinished.release(this.#number), "none"));
      this.#session.treesChanged();
      while (this.#session.writeSync(() => this.#session.catalog.sweep(), "none"));
    } catch (error) {
      const isExpected = error instanceof IoError || error instanceof LimitError ||
        error instanceof CorruptionError;
      if (!isExpected) throw error;
    }
  }
}
