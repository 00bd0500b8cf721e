/**
 * Reads of a file that do not block the thread. Their bytes are dropped: they only bring the bytes
 * into the cache of the system, so that a later read is quick.
 *
 * The calls on one descriptor run one after another, so each concurrent read has a descriptor of
 * its own. They are opened when they are first needed, because most programs need none, and can be,
 * because nothing depends on these reads: if the path leads to another file by then, or may no
 * longer be read, they end without reading.
 *
 * Invariant: a descriptor is not closed under a call in flight, because its number could be used
 * again. `close` closes the idle ones, and the end of its last call each of the others.
 */

import * as fs from "node:fs";

/** The most reads in flight; others wait. */
const READS_MAX = 16;
/** The most bytes of one call. */
const BYTES_MAX = 256 * 1024;
const NO_DESCRIPTOR = -1;

/** Reads of a file whose bytes are dropped. */
export class BackgroundReads {
  readonly #path: string;
  /** A descriptor of the file, by which it is recognized. */
  readonly #descriptor: number;
  readonly #idle: number[] = [];
  readonly #waiting: ((descriptor: number) => void)[] = [];
  /** The number of open descriptors. */
  #opened = 0;
  #mayOpen = true;
  #isClosed = false;
  /** All reads write to the same memory, because nothing looks at it. */
  #dropped: Uint8Array | undefined;

  /**
   * Begins without a descriptor.
   *
   * @param path The path of the file.
   * @param descriptor A descriptor of the file, open until `close`.
   */
  constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
  }

  /** Reads bytes. Resolves when they are read, or cannot be. */
  async read(position: number, length: number): Promise<void> {
    const descriptor = await this.#take();
    if (descriptor === NO_DESCRIPTOR) return;
    for (let done = 0; done < length && !this.#isClosed; done += BYTES_MAX) {
      await this.#readPart(descriptor, Math.min(BYTES_MAX, length - done), position + done);
    }
    this.#giveBack(descriptor);
  }

  /** Closes the idle descriptors. Reads in flight end, and those that wait do not begin. */
  close(): void {
    this.#isClosed = true;
    for (const descriptor of this.#idle.splice(0)) fs.closeSync(descriptor);
  }

  /** A descriptor that no call uses, as soon as there is one. */
  #take(): number | Promise<number> {
    if (this.#isClosed) return NO_DESCRIPTOR;
    const idle = this.#idle.pop() ?? this.#open();
    if (idle !== NO_DESCRIPTOR || this.#opened === 0) return idle;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #giveBack(descriptor: number): void {
    const resolve = this.#waiting.shift();
    if (resolve !== undefined) resolve(descriptor);
    else if (this.#isClosed) fs.closeSync(descriptor);
    else this.#idle.push(descriptor);
  }

  /** Opens a descriptor, unless there are enough, or the file cannot be opened again. */
  #open(): number {
    if (!this.#mayOpen || this.#opened === READS_MAX) return NO_DESCRIPTOR;
    const descriptor = openAgain(this.#path, this.#descriptor);
    if (descriptor === NO_DESCRIPTOR) this.#mayOpen = false;
    else this.#opened++;
    return descriptor;
  }

  /** Reads once; an error does not matter. */
  #readPart(descriptor: number, length: number, position: number): Promise<void> {
    const into = this.#dropped ??= new Uint8Array(BYTES_MAX);
    return new Promise((resolve) => {
      fs.read(descriptor, into, 0, length, position, () => resolve());
    });
  }
}

/** Opens a path once more for reading, if it still leads to the file of a descriptor. */
function openAgain(path: string, descriptor: number): number {
  try {
    // A prompt for permission would stop the program.
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") {
      return NO_DESCRIPTOR;
    }
    const { dev, ino } = fs.fstatSync(descriptor);
    const isSame = (other: fs.Stats) => other.dev === dev && other.ino === ino;
    // Opening a FIFO would wait for its other end, so the path is checked first.
    if (!isSame(fs.statSync(path))) return NO_DESCRIPTOR;
    const opened = fs.openSync(path, "r");
    let isRight = false;
    try {
      isRight = isSame(fs.fstatSync(opened));
    } finally {
      if (!isRight) fs.closeSync(opened);
    }
    if (isRight) return opened;
  } catch {
    // It is missing, or the process has too many descriptors.
  }
  return NO_DESCRIPTOR;
}
