/**
 * How far a sharing process has read: the superblock that it follows, its position in the journal,
 * and what is known to be on the medium.
 */

import type { BatchReader, Group, Position } from "../follow/batch_reader.ts";
import { endOfChunks } from "../format/format.ts";
import type { MetaFields } from "../format/meta.ts";
import type { Superblock } from "../format/superblock.ts";
import type { Version } from "../format/units.ts";

/** The state in which the journal switched to another area. */
export interface Switch {
  /** The facts about the file then. */
  readonly meta: MetaFields;
  /** The last sequence before it. */
  readonly sequence: number;
  /** The generation that began. */
  readonly generation: number;
}

/** A commit that is not known to be on the medium. */
interface Written {
  readonly sequence: number;
  readonly version: Version;
}

/** How far a sharing process has read. */
export class SharePosition {
  /** The superblock that it follows. */
  superblock: Superblock;
  /** Where the next batch is expected. */
  at: Position;
  /** The facts about the file after the last batch. */
  meta: MetaFields;
  /** The last sequence that is known to be on the medium. */
  durable: number;
  /** The last version that is known to be on the medium. */
  durableVersion: Version;
  /** The switches of areas, by the generation that began. The superblock may be behind them. */
  readonly #switches = new Map<number, Switch>();
  /** The bytes that each area was written up to, as far as was read. */
  readonly ends: number[] = [0, 0];
  #written: Written[] = [];
  /** The last sequence that changed the version. */
  #changed: number;
  /** The last sequence that a batch or the superblock names as being on the medium. */
  #named: number;

  /** Begins at a superblock. */
  constructor(superblock: Superblock) {
    this.superblock = superblock;
    this.meta = superblock;
    this.at = replayPoint(superblock);
    this.durable = superblock.replaySequence;
    this.durableVersion = superblock.version;
    this.#changed = this.#named = superblock.replaySequence;
  }

  /** Begins anew at a superblock. */
  begin(superblock: Superblock): void {
    this.superblock = superblock;
    this.meta = superblock;
    this.at = replayPoint(superblock);
    this.durable = superblock.replaySequence;
    this.durableVersion = superblock.version;
    this.#switches.clear();
    this.ends.fill(0);
    this.#written = [];
    this.#changed = this.#named = superblock.replaySequence;
  }

  /** Whether the file says that the last commit is on the medium, so that followers show it. */
  get isConfirmed(): boolean {
    return this.#named >= this.#changed;
  }

  /** The switch of areas since the replay point: a checkpoint is running. */
  get switched(): Switch | undefined {
    return this.#switches.get(this.superblock.replayGeneration + 1);
  }

  /** The lowest page count that leaves both areas inside the file. */
  get pageCountMin(): number {
    return endOfChunks(this.superblock.journals.flat());
  }

  /**
   * Reads on, up to a sequence, as far as there are whole transactions. The caller passes each to
   * `note`, or to none of them.
   *
   * @param end Where the commit word says that the area ends, if it says so.
   */
  readOn(reader: BatchReader, limit: number, end = 0): Group[] {
    reader.readAhead(this.at, end);
    try {
      return this.#readOn(reader, limit);
    } finally {
      reader.endAhead();
    }
  }

  #readOn(reader: BatchReader, limit: number): Group[] {
    const groups: Group[] = [];
    for (let at = this.at; at.sequence < limit;) {
      const group = reader.next(at);
      if (group === undefined) break;
      groups.push(group);
      at = group.end;
    }
    return groups;
  }

  /** Moves behind a transaction. */
  note(group: Group): void {
    const { meta, sequence, generation } = group;
    // The batch that begins an area is the only one of its transaction, and has no records.
    if (!this.#switches.has(generation)) {
      this.#switches.set(generation, { meta, sequence: sequence - 1, generation });
    }
    if (meta.version !== this.meta.version) this.#changed = sequence;
    this.#named = Math.max(this.#named, group.durableSequence);
    this.at = group.end;
    this.meta = meta;
    const area = group.generation & 1;
    this.ends[area] = Math.max(this.ends[area]!, group.end.offset);
    this.#written.push({ sequence: group.sequence, version: group.meta.version });
    this.noteDurable(group.durableSequence);
  }

  /** Notes that everything up to a sequence is on the medium. */
  noteDurable(sequence: number): void {
    this.durable = Math.max(this.durable, Math.min(sequence, this.at.sequence));
    while (this.#written.length > 0 && this.#written[0]!.sequence <= this.durable) {
      this.durableVersion = this.#written.shift()!.version;
    }
  }

  /**
   * Follows a newer superblock; false if this position is behind it, so that batches before its
   * replay point may be gone.
   */
  adopt(found: Superblock): boolean {
    if (this.at.sequence < found.replaySequence) return false;
    this.superblock = found;
    if (this.at.generation < found.replayGeneration) this.at = replayPoint(found);
    for (const generation of this.#switches.keys()) {
      if (generation <= found.replayGeneration) this.#switches.delete(generation);
    }
    this.#named = Math.max(this.#named, found.replaySequence);
    this.noteDurable(found.replaySequence);
    return true;
  }
}

function replayPoint(superblock: Superblock): Position {
  const { replayGeneration, replaySequence } = superblock;
  return { generation: replayGeneration, offset: 0, sequence: replaySequence, sum: undefined };
}
