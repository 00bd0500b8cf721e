/**
 * Where the bytes of a copy go: a new file on disk, or a stream.
 *
 * A new file gets its name when it is complete and on the medium. A stream is closed at the end,
 * and aborted by an error.
 */

import { Disk, IoError, NewFile, openUnnamedDiskFile } from "../../pager/mod.ts";
import { untilAborted } from "./waiting.ts";

/** Takes the bytes of a copy in order. */
export interface ByteSink {
  /** Whether it takes bytes at once, so that none wait in memory. */
  readonly isImmediate: boolean;
  /** The bytes taken so far. */
  readonly bytesWritten: number;
  /** Takes bytes behind those before; they are valid during the call. */
  append(bytes: Uint8Array): void;
  /** Resolves when more bytes may follow. */
  drained(): Promise<void>;
  /** Completes the copy. */
  complete(): Promise<void>;
  /** Removes what was written, if it is not complete. */
  abandon(reason: unknown): void;
}

/** A new file. */
export class FileSink implements ByteSink {
  readonly isImmediate = true;
  /** The file, for writes out of order. */
  readonly disk: Disk;
  readonly #path: string;
  readonly #newFile: NewFile;
  #length = 0;
  #isOpen = true;

  /**
   * Creates the file under a temporary name.
   *
   * @param path Its final path, which must not exist.
   * @param copyOf The path of the source, whose permissions limit those of the file.
   * @param replaces Whether a file of the final path is replaced.
   * @throws {IoError} The path exists, or the system refused.
   */
  constructor(path: string, copyOf: string | undefined, replaces = false) {
    this.#path = path;
    this.#newFile = new NewFile(path, { copyOf, replaces });
    try {
      this.disk = new Disk(openUnnamedDiskFile(this.#newFile.path));
    } catch (error) {
      this.#newFile.abandon();
      throw error;
    }
  }

  get bytesWritten(): number {
    return this.disk.figures.bytesWritten;
  }

  append(bytes: Uint8Array): void {
    this.disk.write(bytes, 0, bytes.length, this.#length);
    this.#length += bytes.length;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  async complete(): Promise<void> {
    this.disk.checkWritable();
    this.#close();
    // It syncs the file before it gives it its name.
    await this.#newFile.finishLater();
  }

  abandon(): void {
    this.#close();
    this.#newFile.abandon();
  }

  /** Adds the path to an error, if it is of this file and not of the source. */
  named(error: unknown): unknown {
    const { failure } = this.disk;
    if (failure === undefined || !(error instanceof IoError)) return error;
    // A write behind a failed sync is refused because of that.
    if (error !== failure && error.cause !== failure) return error;
    const { message, cause } = failure;
    const state = `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
    return new IoError(`Cannot write ${this.#path}: ${state}`, { cause });
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.disk.close();
  }
}

/** A stream. */
export class StreamSink implements ByteSink {
  readonly isImmediate = false;
  bytesWritten = 0;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  #waiting: Uint8Array[] = [];

  /**
   * Begins to write a stream.
   *
   * @param stream The stream, which nobody else writes to.
   * @param signal Ends the wait for a reader of the stream.
   */
  constructor(stream: WritableStream<Uint8Array>, signal: AbortSignal | undefined) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {});
    this.#signal = signal;
  }

  append(bytes: Uint8Array): void {
    // The reader of the stream may keep the bytes.
    this.#waiting.push(bytes.slice());
    this.bytesWritten += bytes.length;
  }

  async drained(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) await untilAborted(this.#writer.write(bytes), this.#signal);
  }

  async complete(): Promise<void> {
    await this.drained();
    await untilAborted(this.#writer.close(), this.#signal);
  }

  abandon(reason: unknown): void {
    this.#writer.abort(reason).catch(() => {});
  }
}
