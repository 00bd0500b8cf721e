/**
 * The records of one chunk, in the order in which a replay applies them.
 */

import { CHANGED, type LogReader, PUBLISHED, WHOLE } from "../batch/log_record.ts";
import { CHUNK_PAGES, SLOT_MASK } from "../format/format.ts";

/** The records of a chunk. */
export class ChunkRecords {
  /** Their positions, in order: pairs of group and byte offset. */
  readonly positions: number[] = [];
  /** 1 for each slot whose first record applies to its bytes in the file. */
  readonly changed: Uint8Array = new Uint8Array(CHUNK_PAGES);
  /** 1 for each slot that has a record of its bytes. */
  readonly #seen = new Uint8Array(CHUNK_PAGES);

  /** Adds the record that a reader has read at an offset of a group. */
  add(group: number, at: number, { type, page }: LogReader): void {
    this.positions.push(group, at);
    const slot = page & SLOT_MASK;
    if (type !== CHANGED && type !== WHOLE && type !== PUBLISHED) return;
    if (this.#seen[slot] === 0 && type === CHANGED) this.changed[slot] = 1;
    this.#seen[slot] = 1;
  }
}
