/**
 * How a session continues the journal of another one, from which it leaves chunks to be replayed
 * later: behind the batches, of which an empty one confirms those before it, and with the
 * checkpoint that the other session had begun.
 *
 * Not after a torn commit, whose batches would lie behind the end; nor where the file has become
 * shorter since the replay point; nor without room for the empty batch.
 */

import { batchBytes } from "../batch/batch.ts";
import { BatchWriter } from "../batch/batch_writer.ts";
import type { BegunCheckpoint } from "../flush/checkpoint.ts";
import { Meta, type MetaFields } from "../format/meta.ts";
import type { Superblock } from "../format/superblock.ts";
import type { JournalEnd } from "../journal/journal.ts";
import type { Areas, BatchChain, ReadBatch } from "./batch_chain.ts";
import type { DeferredReplay } from "./deferred_replay.ts";

/** The bytes of an empty batch. */
const EMPTY_BYTES = batchBytes(0);
const NOTHING = new Uint8Array(0);

/** The state of a file in which recovery has left chunks. */
export interface ContinuedState {
  /** The replay of the chunks. */
  readonly replay: DeferredReplay;
  /** The end of the journal, and the facts about the file. */
  readonly end: JournalEnd;
  /** Syncs completed. */
  readonly syncCount: number;
  /** The bytes of the other area that recovery needs. */
  readonly otherEnd: number;
  /** The checkpoint to go on with, if the journal had switched to its other area. */
  readonly begun: BegunCheckpoint | undefined;
}

/** The continuation of a journal. */
export class Continuation {
  readonly #chain: BatchChain;
  readonly #areas: Areas;
  readonly #superblock: Superblock;
  readonly #next: Superblock;
  /** The last batch before the switch of areas, if there is one and the journal has switched. */
  readonly #before: ReadBatch | undefined;

  /**
   * A continuation.
   *
   * @param chain All batches.
   * @param superblock The superblock that they follow.
   * @param next The facts about the file after them.
   */
  constructor(chain: BatchChain, areas: Areas, superblock: Superblock, next: Superblock) {
    this.#chain = chain;
    this.#areas = areas;
    this.#superblock = superblock;
    this.#next = next;
    const { replayGeneration } = superblock;
    this.#before = this.#hasSwitched
      ? chain.batches.findLast(({ header }) => header.generation === replayGeneration)
      : undefined;
  }

  /** Whether the batches continue in the other area. */
  get #hasSwitched(): boolean {
    return this.#chain.generation !== this.#superblock.replayGeneration;
  }

  /** The lowest count of pages where a replay may begin, and where it ends. */
  get pageCountMin(): number {
    const { pageCount } = this.#superblock;
    const end = this.#chain.last?.pageCount ?? pageCount;
    return Math.min(pageCount, this.#before?.header.pageCount ?? pageCount, end);
  }

  /** Claims the bytes of the empty batch; whether the journal can be continued. */
  claim(): boolean {
    const { pageCount } = this.#next;
    const { generation, offset } = this.#chain;
    if (pageCount < this.#superblock.pageCount) return false;
    if (pageCount < (this.#before?.header.pageCount ?? 0)) return false;
    const area = this.#areas[generation & 1]!;
    return offset + EMPTY_BYTES <= area.capacity && area.tryClaim(EMPTY_BYTES, offset);
  }

  /** Writes the empty batch, once the file is as long as it says. */
  confirm(replay: DeferredReplay): ContinuedState {
    const { generation, offset, sequence, batches } = this.#chain;
    const meta = new Meta();
    meta.assign(this.#next);
    const { syncCount, databaseId } = this.#next;
    const writer = new BatchWriter(databaseId, sequence);
    writer.continueAfter(sequence, batches.at(-1)!.sum);
    writer.write(NOTHING, meta, {
      area: this.#areas[generation & 1]!,
      offset,
      generation,
      pageCountMax: meta.pageCount,
      syncCount,
      durableSequence: sequence,
      continues: false,
      through: true,
    });
    const end = {
      generation,
      offset: offset + EMPTY_BYTES,
      sequence: writer.sequence,
      sum: writer.lastSum,
      durableSequence: writer.sequence,
      durableVersion: meta.version,
      meta,
    };
    const otherEnd = this.#before === undefined
      ? 0
      : this.#before.header.offset + this.#before.length;
    const begun = this.#hasSwitched ? this.#begun() : undefined;
    return { replay, end, syncCount, otherEnd, begun };
  }

  /** The checkpoint that began with the switch. */
  #begun(): BegunCheckpoint {
    const { sequence = this.#superblock.replaySequence } = this.#before?.header ?? {};
    const { version, pageCount, catalogRoot, nextTreeId }: MetaFields = this.#before?.header ??
      this.#superblock;
    const { allocatorHint } = this.#next;
    return { meta: { version, pageCount, catalogRoot, nextTreeId, allocatorHint }, sequence };
  }
}
