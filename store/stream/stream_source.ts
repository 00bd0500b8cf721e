/**
 * The streams that a replica follows: one, or one after another from a function, which learns the
 * position to continue after.
 */

import { IoError } from "../../pager/mod.ts";
import type { ArchivePosition } from "../archive/archive_position.ts";
import { createReplicaOf, type ReplicaFile } from "../archive/replica_file.ts";
import { untilAborted } from "../backup/waiting.ts";
import { positionText } from "./position.ts";
import { ReceivedObjects } from "./received_objects.ts";

/**
 * Opens a stream of `replicate` that continues after a position, or begins with all pages if there
 * is none.
 */
export type StreamOpener = (
  after: string | undefined,
) => ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>>;

/** The position of the file of a replica. */
export function positionOf({ state }: ReplicaFile): ArchivePosition {
  const { databaseId, meta: { version }, link, time } = state;
  return { databaseId, version, link, time };
}

/** The streams that a replica follows. */
export class StreamSource {
  /** The streams that failed, or could not be opened. */
  failures = 0;
  readonly #from: ReadableStream<Uint8Array> | StreamOpener;
  readonly #path: string;
  /** The stream that is being received. */
  #received: ReceivedObjects | undefined;
  #isOver = false;

  /**
   * Begins without a stream.
   *
   * @param from The stream, or a function that opens one.
   * @param path The path of the replica.
   */
  constructor(from: ReadableStream<Uint8Array> | StreamOpener, path: string) {
    this.#from = from;
    this.#path = path;
  }

  /** Whether no stream follows. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Creates the file of the replica from the pages with which a stream begins.
   *
   * @throws {RangeError} The stream begins otherwise, or ends before. No file is left.
   * @throws {CorruptionError} It is damaged. No file is left.
   */
  async create(signal: AbortSignal | undefined): Promise<void> {
    const received = await this.#open(undefined, signal);
    try {
      const segment = await untilAborted(received.next(), signal);
      if (segment?.kind !== "base") {
        const what = segment === undefined ? "ends" : `goes on after version ${segment.from}`;
        throw new RangeError(`Cannot create the replica: the stream ${what}, and has no pages`);
      }
      await createReplicaOf(this.#path, received, [segment], signal);
    } catch (error) {
      await this.cancel(error);
      throw error;
    }
  }

  /**
   * Applies what a stream has to the file, until it ends.
   *
   * @param changed Is called after each segment.
   * @throws {IoError} The stream has ended, and no other follows.
   * @throws An error of the stream, or of what it has.
   */
  async follow(file: ReplicaFile, signal: AbortSignal, changed: () => void): Promise<void> {
    const cancel = () => void this.cancel(signal.reason);
    signal.addEventListener("abort", cancel);
    try {
      const received = this.#received ?? await this.#open(positionText(positionOf(file)), signal);
      for (;;) {
        const segment = await received.next();
        signal.throwIfAborted();
        if (segment === undefined) break;
        await file.receive(received, segment, signal);
        changed();
      }
    } catch (error) {
      this.failures++;
      await this.cancel(error);
      throw error;
    } finally {
      signal.removeEventListener("abort", cancel);
      this.#received = undefined;
    }
    if (this.#isOver) throw new IoError("Cannot follow the stream: it has ended");
  }

  /** Ends the stream that is being received. */
  async cancel(reason: unknown): Promise<void> {
    await this.#received?.cancel(reason);
  }

  async #open(after: string | undefined, signal?: AbortSignal): Promise<ReceivedObjects> {
    let stream: ReadableStream<Uint8Array>;
    if (this.#from instanceof ReadableStream) {
      this.#isOver = true;
      stream = this.#from;
    } else {
      stream = await untilAborted(Promise.resolve(this.#from(after)), signal);
    }
    return this.#received = new ReceivedObjects(stream, this.#path);
  }
}
