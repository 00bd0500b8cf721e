/**
 * A `File` in memory whose bytes are cold until a read brings them into a simulated cache of the
 * system. It counts the reads that block on cold bytes, and those that run off the thread.
 */

import { setImmediate } from "node:timers";
import { MemoryFile } from "../../../pager/mod.ts";

/** The unit of the simulated cache. */
const BLOCK_BYTES = 4096;

/** A `File` with a simulated cache of the system. */
export class ColdFile extends MemoryFile {
  /** Reads that blocked. */
  reads = 0;
  /** Those of them that found cold bytes. */
  coldReads = 0;
  /** Reads off the thread. */
  startedReads = 0;
  /** The most of them in flight at once. */
  mostInFlight = 0;
  /** Runs when a read off the thread ends, before its promise resolves. */
  onEnd: () => void = () => {};

  readonly #warm = new Set<number>();
  #inFlight = 0;

  /** Makes all bytes cold again, and counts from 0. */
  cool(): void {
    this.#warm.clear();
    this.reads =
      this.coldReads =
      this.startedReads =
      this.mostInFlight =
        0;
  }

  /** Reads, and warms what it reads. */
  override readAt(target: Uint8Array, start: number, length: number, position: number): number {
    this.reads++;
    if (this.#warmUp(position, length) > 0) this.coldReads++;
    return super.readAt(target, start, length, position);
  }

  /** Warms bytes in a later turn of the event loop. */
  readonly startRead = async (position: number, length: number): Promise<void> => {
    this.startedReads++;
    this.mostInFlight = Math.max(this.mostInFlight, ++this.#inFlight);
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#inFlight--;
    this.#warmUp(position, length);
    this.onEnd();
  };

  /** Warms bytes; returns the number of blocks that were cold. */
  #warmUp(position: number, length: number): number {
    const before = this.#warm.size;
    const end = Math.ceil((position + length) / BLOCK_BYTES);
    for (let block = Math.floor(position / BLOCK_BYTES); block < end; block++) {
      this.#warm.add(block);
    }
    return this.#warm.size - before;
  }
}
