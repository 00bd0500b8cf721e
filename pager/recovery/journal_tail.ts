/**
 * What follows the chain of batches in a journal: tells a torn tail from a rotten batch.
 *
 * A torn batch belongs to a commit that the crash interrupted; it was never on the medium, and is
 * counted and discarded. A rotten batch was on the medium and was damaged later; the file is
 * refused. Both end the chain, so what follows them decides: a later batch whose `durableSequence`
 * covers the missing one, or a batch of a generation that the superblock does not know yet, proves
 * rot. If no batch follows, the cases look the same, and the batch counts as torn.
 */

import {
  BATCH_ALIGN,
  BATCH_HEADER_BYTES,
  batchBytes,
  type BatchHeader,
  decodeBatch,
  mayBeginAt,
} from "../batch/batch.ts";
import type { Superblock } from "../format/superblock.ts";
import { type Areas, type BatchChain, corruptJournal } from "./batch_chain.ts";

/** The bytes of the tail that are read at a time. */
const PIECE_BYTES = 256 * 1024;

/**
 * Checks what follows a chain, and drops the batches at its end whose group is not complete.
 *
 * @returns The bytes of torn batches.
 * @throws {CorruptionError} A batch is rotten.
 */
export function checkTail(chain: BatchChain, areas: Areas, superblock: Superblock): number {
  const tail = new JournalTail(chain, areas, superblock);
  tail.check(chain.generation, chain.offset);
  tail.check(chain.generation + 1, 0);
  return tail.tornBytes + chain.dropTornGroup();
}

class JournalTail {
  /** The bytes of torn batches found so far. */
  tornBytes = 0;
  readonly #chain: BatchChain;
  readonly #areas: Areas;
  readonly #superblock: Superblock;

  constructor(chain: BatchChain, areas: Areas, superblock: Superblock) {
    this.#chain = chain;
    this.#areas = areas;
    this.#superblock = superblock;
  }

  /** Checks every header of an area from an offset on; reads the area in large pieces. */
  check(generation: number, from: number): void {
    const area = this.#areas[generation & 1]!;
    const piece = new Uint8Array(Math.min(PIECE_BYTES, area.capacity - from));
    for (let start = from; start < area.capacity; start += piece.length) {
      const length = Math.min(piece.length, area.capacity - start);
      area.read(piece, length, start);
      for (let at = 0; at < length; at += BATCH_ALIGN) {
        if (!mayBeginAt(piece, at)) continue;
        const bytes = piece.subarray(at, at + BATCH_HEADER_BYTES);
        const header = decodeBatch(bytes, this.#superblock.databaseId);
        if (header !== undefined) this.#checkHeader(header, generation, start + at);
      }
    }
  }

  /** Refuses a header that shows that a batch before it had been on the medium. */
  #checkHeader(header: BatchHeader, generation: number, at: number): void {
    const { replayGeneration } = this.#superblock;
    const { sequence } = this.#chain;
    if (header.generation < replayGeneration) return;
    const isNewer = header.generation > replayGeneration + 1;
    const missesOne = header.sequence > sequence && header.durableSequence > sequence;
    if (!isNewer && !missesOne) {
      if (header.sequence > sequence) this.tornBytes += batchBytes(header.payloadBytes);
      return;
    }
    const rule = isNewer
      ? "the journal is newer than the superblock"
      : `batch ${sequence + 1} was on the medium and is not whole any more`;
    corruptJournal(this.#areas, generation, at, rule);
  }
}
