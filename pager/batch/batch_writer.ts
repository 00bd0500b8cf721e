/**
 * Writes batches to an area: numbers them, chains their sums, and encodes their headers.
 *
 * It does not know whether a batch fits its area, or what is on the medium.
 */

import { crc } from "../format/checksum.ts";
import type { Meta } from "../format/meta.ts";
import { BATCH_HEADER_BYTES, batchBytes, encodeBatch } from "./batch.ts";
import type { JournalArea } from "./journal_area.ts";

const FIRST_BYTES = 64 * 1024;

/** Where a batch is written, and what its header says besides the values of its last commit. */
export interface BatchPosition {
  /** The area. */
  readonly area: JournalArea;
  /** The byte of the area that it begins at. */
  readonly offset: number;
  /** Its generation. */
  readonly generation: number;
  /** Its page count, if the last commit has no lower one. */
  readonly pageCountMax: number;
  /** Syncs completed. */
  readonly syncCount: number;
  /** The last sequence known to be on the medium. */
  readonly durableSequence: number;
  /** Whether the next batch applies together with it. */
  readonly continues: boolean;
  /** Whether it is on the medium when the call returns. */
  readonly through: boolean;
}

/** Writes the batches of a journal. */
export class BatchWriter {
  /** The sequence of the last batch. */
  sequence: number;
  readonly #databaseId: Uint8Array;
  /** The sum of the last batch; 0 if the next one may name any. */
  lastSum = 0;
  #batch = new Uint8Array(FIRST_BYTES);

  /**
   * Continues after the last batch of a file.
   *
   * @param databaseId The id of the database, which each batch has.
   * @param sequence The sequence of the last batch.
   */
  constructor(databaseId: Uint8Array, sequence: number) {
    this.#databaseId = databaseId;
    this.sequence = sequence;
  }

  /** Continues after a batch that another writer appended. */
  continueAfter(sequence: number, sum: number): void {
    this.sequence = sequence;
    this.lastSum = sum;
  }

  /** Writes records, up to those of a commit with a meta, as the next batch; returns its bytes. */
  write(payload: Uint8Array, meta: Meta, place: BatchPosition): number {
    const bytes = batchBytes(payload.length);
    if (this.#batch.length < bytes) this.#batch = new Uint8Array(bytes);
    this.#batch.set(payload, BATCH_HEADER_BYTES);
    this.#batch.fill(0, BATCH_HEADER_BYTES + payload.length, bytes);
    this.#encodeHeader(payload, meta, place);
    if (place.through) place.area.writeThrough(this.#batch, bytes, place.offset);
    else place.area.write(this.#batch, bytes, place.offset);
    return bytes;
  }

  #encodeHeader(payload: Uint8Array, meta: Meta, place: BatchPosition): void {
    const { version, nextTreeId, catalogRoot, allocatorHint } = meta;
    const { generation, syncCount, durableSequence, offset, continues } = place;
    this.sequence++;
    this.lastSum = encodeBatch(
      {
        generation,
        sequence: this.sequence,
        syncCount,
        durableSequence,
        offset,
        version,
        payloadBytes: payload.length,
        payloadSum: crc(payload),
        previousSum: this.lastSum,
        pageCount: Math.min(meta.pageCount, place.pageCountMax),
        nextTreeId,
        catalogRoot,
        allocatorHint,
        continues,
      },
      this.#databaseId,
      this.#batch,
    );
  }
}
