/**
 * The checkpoint of a file that several processes write, in steps that no other process holds up.
 *
 * The first step switches to the other area, by a batch that confirms everything before it. The
 * second one places the pages as they were at the switch (`placePages`), once every process has
 * read up to it, as the pins say, and no snapshot of an older version is open; or when the journal
 * is full, past all pins. So the journal is bounded. A process takes a step under the write lock,
 * after a batch of its own that is on the medium.
 */

import type { Disk } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { assert } from "../format/assert.ts";
import { seedOf } from "../format/checksum.ts";
import { CHUNK_BYTES, CHUNK_SHIFT, chunksOf } from "../format/format.ts";
import type { Meta } from "../format/meta.ts";
import type { Version } from "../format/units.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import type { Journal } from "../journal/journal.ts";
import type { VersionStore } from "../transaction/version_store.ts";
import { placePages } from "./place_pages.ts";
import type { Switch } from "./position.ts";
import type { Share } from "./share.ts";

/** An area is bounded by the size of the data too, but by no less than this. */
const BYTES_MAX_MIN = 4 * 1024 * 1024;

/** The parts of a pager that a checkpoint of a shared file drives. */
export interface SharedCheckpointParts {
  readonly disk: Disk;
  readonly meta: Meta;
  readonly superblock: CurrentSuperblock;
  readonly journal: Journal;
  readonly unsynced: UnsyncedChunks;
  readonly versions: VersionStore;
}

/** The checkpoint of a shared file. */
export class SharedCheckpoint {
  /** Checkpoints that this process completed. */
  completed = 0;
  readonly #share: Share;
  readonly #parts: SharedCheckpointParts;
  readonly #journalBytes: number;

  /**
   * The checkpoint of a file.
   *
   * @param share The share in the file.
   * @param parts The parts of the pager.
   * @param journalBytes The bytes of an area from which on a step passes the pins.
   */
  constructor(share: Share, parts: SharedCheckpointParts, journalBytes: number) {
    this.#share = share;
    this.#parts = parts;
    this.#journalBytes = journalBytes;
  }

  /** Whether a checkpoint is running or has to begin, so that a step of it may be due. */
  get isStepDue(): boolean {
    const { journal } = this.#parts;
    const { offset } = this.#share.end;
    return this.#share.switched !== undefined || offset > this.#bytesMax / 2 || journal.isShort;
  }

  /** Takes a step, if one is due; `isForced` takes both, as far as pins allow. */
  step(isForced: boolean): void {
    const { journal } = this.#parts;
    const { offset } = this.#share.position.at;
    const { switched } = this.#share;
    if (switched !== undefined) {
      if (this.#mayPlace(switched.meta.version) || offset > this.#bytesMax || journal.isShort) {
        this.#place(switched);
      }
      return;
    }
    if (!this.isStepDue && !(isForced && offset > 0)) return;
    const begun = this.#switch();
    if (isForced && this.#mayPlace(begun.meta.version)) this.#place(begun);
  }

  /** Lets the journal continue in the other area, behind a batch that confirms the one before. */
  #switch(): Switch {
    this.#parts.journal.switchWithBatch(this.#parts.meta);
    this.#share.readOwn();
    this.#share.noteDurable();
    this.#share.announce();
    const { switched } = this.#share;
    assert(switched !== undefined, "the batch of the switch was read");
    return switched;
  }

  get #bytesMax(): number {
    const dataBytes = chunksOf(this.#parts.meta.pageCount) * CHUNK_BYTES;
    return Math.min(this.#journalBytes, Math.max(BYTES_MAX_MIN, dataBytes));
  }

  /** Whether every process has read up to a version, and no snapshot reads an older one. */
  #mayPlace(version: Version): boolean {
    const { oldest } = this.#parts.versions.snapshots;
    return (oldest?.version ?? Infinity) >= version && this.#share.parts.pins.oldest() >= version;
  }

  /** Places the pages as they were at the switch, and lets the superblock count on them. */
  #place({ meta, sequence, generation }: Switch): void {
    const { superblock, unsynced, journal, versions } = this.#parts;
    const { disk, index } = this.#share.parts;
    versions.snapshots.endBefore(meta.version);
    const { databaseId, pageCount, allocatorHint } = superblock.fields;
    const to = {
      from: disk,
      disk: this.#parts.disk,
      index,
      unsynced,
      seed: seedOf(databaseId),
      pageCount,
    };
    this.#share.notePlacing(meta.version);
    placePages(to, generation, meta.version);
    journal.sync();
    unsynced.clear();
    let hint = Math.min(allocatorHint, meta.allocatorHint);
    for (const page of index.pagesBefore(generation)) hint = Math.min(hint, page >>> CHUNK_SHIFT);
    superblock.replace({
      version: meta.version,
      pageCount: meta.pageCount,
      catalogRoot: meta.catalogRoot,
      nextTreeId: meta.nextTreeId,
      allocatorHint: hint,
      open: true,
      replayGeneration: generation,
      replaySequence: sequence,
      syncCount: journal.syncCount,
    });
    this.#share.noteSuperblock(superblock.fields);
    this.#share.announce();
    this.completed++;
  }
}
