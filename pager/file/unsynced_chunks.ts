/**
 * The chunks written since the last sync of the file. After a failed write or sync the medium may
 * hold older bytes of these chunks, so nothing is read from them.
 */

import type { Disk } from "./disk.ts";
import type { ChunkNumber } from "../format/units.ts";

/** The chunks written since the last sync of the file. */
export class UnsyncedChunks {
  readonly #disk: Disk;
  readonly #chunks = new Set<number>();

  /**
   * Starts with no chunk.
   *
   * @param disk The file.
   */
  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Adds a chunk that is about to be written. */
  add(chunk: ChunkNumber): void {
    this.#chunks.add(chunk);
  }

  /** Removes all chunks, after a sync of the file has completed. */
  clear(): void {
    this.#chunks.clear();
  }

  /** Whether the file may hold older bytes of a chunk than the cache wrote. */
  mayBeLost(chunk: ChunkNumber): boolean {
    return this.#disk.failure !== undefined && this.#chunks.has(chunk);
  }
}
