/**
 * A database as users meet it: opening, trees, transactions, closing.
 */

import {
  type Census,
  census,
  type ChunkCensus,
  chunkCensus,
  NAME_BYTES_MAX,
} from "../btree/mod.ts";
import { openPager, type PagerOptions, type PagerStats } from "../pager/mod.ts";
import { Session } from "./session.ts";
import { Tree } from "./tree.ts";

const encoder = new TextEncoder();

/** How to open a database. */
export type OpenOptions = PagerOptions;

/** What a database has done and holds. */
export interface DatabaseStats extends PagerStats {
  /** The last committed version. */
  readonly version: number;
  /** Pages of the file, of 8192 bytes. */
  readonly pageCount: number;
  /** The size of the file on disk, in bytes. */
  readonly fileBytes: number;
}

/**
 * Opens a database, which is made when it is missing, and locks it.
 *
 * Needs permission to read and write that one path. What is written is on disk after `checkpoint`
 * or `close`.
 *
 * ```ts
 * import { open } from "../mod.ts";
 *
 * using db = open(":memory:");
 * const cities = db.tree("cities");
 * cities.set("Lisboa", new Uint8Array([1]));
 * console.assert(cities.has("Lisboa"));
 * ```
 *
 * @param path Where the file is, or `":memory:"`.
 * @throws {LockedError} Another handle has it open.
 * @throws {CorruptionError} It is not a Quire database, or is damaged. It is left as it is.
 * @throws {IoError} The system refused.
 * @throws {TypeError} The path or an option is of a wrong type.
 * @throws {RangeError} An option is out of its range.
 */
export function open(path: string, options: OpenOptions = {}): Database {
  if (typeof path !== "string") throw new TypeError(`Cannot open: the path is ${typeof path}`);
  checkOptions(options);
  return new Database(new Session(openPager(path, options)));
}

/** An open database. Get one by `open`. */
export class Database {
  readonly #session: Session;
  readonly #trees = new Map<string, Tree>();

  /**
   * Made by `open`.
   *
   * @param session What its trees share.
   */
  constructor(session: Session) {
    this.#session = session;
  }

  /** The last committed version: it goes up with every transaction that changes something. */
  get version(): number {
    return this.#session.pager.meta.version;
  }

  /**
   * The tree of a name. It comes into being with its first entry.
   *
   * @param name 1 to 1024 bytes of UTF-8.
   */
  tree(name: string): Tree {
    this.#session.checkOpen();
    checkName(name);
    let tree = this.#trees.get(name);
    if (tree === undefined) this.#trees.set(name, tree = new Tree(this.#session, name));
    return tree;
  }

  /** The names of all trees, in the order of their bytes in UTF-8. */
  trees(): string[] {
    this.#session.checkOpen();
    return this.#session.catalog.names();
  }

  /** Gives a tree another name. */
  renameTree(from: string, to: string): void {
    checkName(from);
    checkName(to);
    this.#session.write(() => this.#session.catalog.rename(from, to));
    this.#session.epoch++;
  }

  /** Removes a tree and all its entries; whether there was one. */
  dropTree(name: string): boolean {
    checkName(name);
    const { catalog } = this.#session;
    const dropped = this.#session.write(() => catalog.drop(name));
    this.#session.epoch++;
    while (this.#session.write(() => catalog.sweep()));
    return dropped;
  }

  /**
   * Runs a callback as one transaction: if it throws, nothing of it has happened. Nested calls are
   * savepoints, each all or nothing.
   *
   * @param callback Runs at once, to its end; a callback that returns a promise is refused.
   * @returns What the callback returned.
   * @throws {TypeError} The callback is asynchronous, or the database was opened read-only.
   * @throws {IoError} An earlier write failed.
   */
  writeSync<T>(callback: () => T): T {
    return this.#session.write(callback);
  }

  /**
   * Writes all that is committed to the file, and returns when it is on the medium.
   *
   * @throws {IoError} The system refused; the handle writes no more.
   */
  checkpoint(): void {
    this.#session.checkOpen();
    this.#refuseInside("take a checkpoint");
    this.#session.pager.checkpoint();
  }

  /** What the file is made of, from its page headers alone: 1/256 of it is read. */
  census(): Census {
    this.#session.checkOpen();
    this.#refuseInside("take a census");
    return census(this.#session.pager);
  }

  /** The same chunk by chunk, page by page. */
  chunks(): Generator<ChunkCensus> {
    this.#session.checkOpen();
    this.#refuseInside("take a census");
    return chunkCensus(this.#session.pager);
  }

  /** What the database has done and holds. */
  stats(): DatabaseStats {
    this.#session.checkOpen();
    const { pager } = this.#session;
    const { version, pageCount } = pager.meta;
    return { ...pager.stats(), version, pageCount, fileBytes: pager.fileBytes() };
  }

  /**
   * Writes everything and closes the file. Closing again does nothing.
   *
   * @throws {IoError} Something committed could not be written.
   */
  close(): void {
    if (this.#session.closed) return;
    this.#refuseInside("close");
    this.#session.close();
  }

  /** As `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #refuseInside(action: string): void {
    if (this.#session.pager.depth === 0) return;
    throw new TypeError(`Cannot ${action}: a transaction is open`);
  }
}

function checkName(name: unknown): void {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot name a tree: ${typeof name} is no text`);
  }
  if (!name.isWellFormed()) throw new TypeError("Cannot name a tree: it has a lone surrogate");
  const { length } = encoder.encode(name);
  if (length === 0 || length > NAME_BYTES_MAX) {
    throw new RangeError(`Cannot name a tree: ${length} bytes are not 1..${NAME_BYTES_MAX}`);
  }
}

const OPTION_TYPES = {
  cacheBytes: "number",
  create: "boolean",
  lockTimeoutMs: "number",
  readOnly: "boolean",
};

function checkOptions(options: OpenOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError("Cannot open: the options are no object");
  }
  for (const [name, value] of Object.entries(options)) {
    const type = OPTION_TYPES[name as keyof typeof OPTION_TYPES];
    if (type === undefined) throw new TypeError(`Cannot open: unknown option ${name}`);
    if (value !== undefined && typeof value !== type) {
      throw new TypeError(`Cannot open: ${name} is ${typeof value}, not ${type}`);
    }
  }
  const { lockTimeoutMs = 0 } = options;
  if (!(lockTimeoutMs >= 0)) {
    throw new RangeError(`Cannot open: lockTimeoutMs ${lockTimeoutMs} is no time to wait`);
  }
}
