/**
 * The checkpoint: what the journal holds goes to its pages, so that the journal can be used again.
 *
 * It begins by switching areas, then writes a chunk a slice, so that other work can go on in
 * between, and ends with a sync, the superblocks, and only then the old area is free. The
 * superblocks say what was true at the switch: replay begins there.
 *
 * One runs at a time. A failed write or sync is final for the handle (`Disk`).
 */

import { assert } from "../format/assert.ts";
import type { Disk } from "../file/disk.ts";
import type { Journal } from "./journal.ts";
import { Meta } from "../format/meta.ts";
import type { Writeback } from "../cache/writeback.ts";

/** What the superblocks of a checkpoint say. */
export interface CheckpointValues {
  readonly meta: Meta;
  readonly generation: number;
  readonly sequence: number;
}

/** Moves what the journal holds to its pages. */
export class Checkpoint {
  /** Checkpoints completed. */
  completed = 0;

  readonly #disk: Disk;
  readonly #journal: Journal;
  readonly #writeback: Writeback;
  readonly #publish: (values: CheckpointValues) => void;
  readonly #meta = new Meta();
  #chunks: number[] | undefined;
  #sequence = 0;

  /**
   * The checkpoints of a file.
   *
   * @param disk The file.
   * @param journal Its journal.
   * @param writeback Writes its pages.
   * @param publish Writes its superblocks.
   */
  constructor(
    disk: Disk,
    journal: Journal,
    writeback: Writeback,
    publish: (values: CheckpointValues) => void,
  ) {
    this.#disk = disk;
    this.#journal = journal;
    this.#writeback = writeback;
    this.#publish = publish;
  }

  /** Whether one has begun and not ended. */
  get isRunning(): boolean {
    return this.#chunks !== undefined;
  }

  /** Chunks that the running one has not come to. */
  get chunksLeft(): number {
    return this.#chunks?.length ?? 0;
  }

  /**
   * Begins: all commits up to here become durable, and the journal goes on in its other area.
   *
   * They are confirmed too, so that chunks that the file ends before from here on may be emptied.
   */
  begin(meta: Meta): void {
    assert(this.#chunks === undefined, "one checkpoint runs at a time");
    this.#journal.flush(true);
    this.#journal.confirm(this.#journal.durableVersion);
    this.#journal.switchArea(meta);
    this.#meta.assign(meta);
    this.#sequence = this.#journal.sequence;
    this.#chunks = [...this.#writeback.dirtyChunks.keys()].sort((a, b) => b - a);
  }

  /** Writes the next chunk, or ends the checkpoint; call between transactions. */
  slice(): void {
    assert(this.#chunks !== undefined, "a checkpoint is running");
    const chunk = this.#chunks.at(-1);
    if (chunk === undefined) return this.#end();
    if (this.#writeback.dirtyChunks.has(chunk)) this.#clean(chunk);
    this.#chunks.pop();
  }

  /** Writes a chunk; the superblocks must not say that it is written while it is not. */
  #clean(chunk: number): void {
    this.#disk.checkWritable();
    const isClean = this.#writeback.clean(chunk);
    assert(isClean, "a slice is taken between transactions");
  }

  /** Does all that is left of it. */
  finish(): void {
    while (this.#chunks !== undefined) this.slice();
  }

  #end(): void {
    this.#disk.sync();
    this.#writeback.unsyncedChunks.clear();
    const { generation } = this.#journal;
    this.#publish({ meta: this.#meta, generation, sequence: this.#sequence });
    this.#chunks = undefined;
    this.completed++;
  }
}
