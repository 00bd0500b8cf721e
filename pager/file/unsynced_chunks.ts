/**
 * The chunks written since the last sync of the file. After a failed write or sync the medium may
 * hold older bytes of these chunks, so nothing is read from them.
 */

import type { ChunkNumber } from "../format/units.ts";
import type { Disk } from "./disk.ts";

/** The chunks written since the last sync of the file. */
export class UnsyncedChunks {
  readonly #disk: Disk;
  /** The chunks written since the last sync began. */
  readonly #chunks = new Set<number>();
  /** The chunks written before it. */
  readonly #syncing = new Set<number>();

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
    this.#syncing.clear();
  }

  /** Notes that a sync begins, while chunks may still be written. */
  beginSync(): void {
    for (const chunk of this.#chunks) this.#syncing.add(chunk);
    this.#chunks.clear();
  }

  /** Removes the chunks written before the sync began, after it has completed. */
  endSync(): void {
    this.#syncing.clear();
  }

  /** Whether a write of a chunk has no sync after it. */
  has(chunk: ChunkNumber): boolean {
    return this.#chunks.has(chunk) || this.#syncing.has(chunk);
  }

  /** Whether the file may hold older bytes of a chunk than the cache wrote. */
  mayBeLost(chunk: ChunkNumber): boolean {
    return this.#disk.failure !== undefined && this.has(chunk);
  }
}
