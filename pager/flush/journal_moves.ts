/**
 * When the journal moves to the end of the data, and which way.
 *
 * An empty journal moves whole: it is created anew behind the data (`renewal`). One that is never
 * empty moves an area at a time, with checkpoints (`chunkForCheckpoint`). Neither happens while a
 * snapshot may see free pages, or on a disk that is nearly full.
 */

import type { Writeback } from "../cache/writeback.ts";
import type { Disk } from "../file/disk.ts";
import type { ChunkNumber } from "../format/units.ts";
import type { LiveSnapshots } from "../journal/commit_hooks.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import type { Journal } from "../journal/journal.ts";
import type { Steps } from "../journal/synced_steps.ts";
import type { AreaGrowth } from "./area_growth.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DiskRoom } from "./disk_room.ts";
import type { FileEnd } from "./file_end.ts";
import type { JournalLocation } from "./journal_location.ts";
import type { JournalSavings } from "./journal_savings.ts";

/** Instead of the chunk that an area moves to. */
const STAYS = -1;

/** Decides on moves of the journal. */
export class JournalMoves {
  readonly #disk: Disk;
  readonly #superblock: CurrentSuperblock;
  readonly #journal: Journal;
  readonly #writeback: Writeback;
  readonly #snapshots: LiveSnapshots;
  readonly #room: DiskRoom;
  readonly #fileEnd: FileEnd;
  readonly #location: JournalLocation;
  readonly #savings: JournalSavings;
  readonly #growth: AreaGrowth;
  readonly #checkpoint: Checkpoint;

  /** The moves of a journal. */
  constructor(
    parts: {
      disk: Disk;
      superblock: CurrentSuperblock;
      journal: Journal;
      writeback: Writeback;
      snapshots: LiveSnapshots;
      room: DiskRoom;
      fileEnd: FileEnd;
      location: JournalLocation;
      savings: JournalSavings;
      growth: AreaGrowth;
      checkpoint: Checkpoint;
    },
  ) {
    this.#disk = parts.disk;
    this.#superblock = parts.superblock;
    this.#journal = parts.journal;
    this.#writeback = parts.writeback;
    this.#snapshots = parts.snapshots;
    this.#room = parts.room;
    this.#fileEnd = parts.fileEnd;
    this.#location = parts.location;
    this.#savings = parts.savings;
    this.#growth = parts.growth;
    this.#checkpoint = parts.checkpoint;
  }

  /**
   * Moves the end of the file for the checkpoint that begins; returns the chunk that the area which
   * it frees moves to, or -1.
   *
   * @param tailChunks The free chunks that the journal may keep from the end of the file.
   */
  chunkForCheckpoint(tailChunks: number): ChunkNumber {
    if (this.#snapshots.snapshotCount > 0) return STAYS;
    // It looks for room behind the page count of the superblocks, so it precedes the cut.
    const mayMove = !this.#room.mayBeFull && this.#savings.keepsTail(tailChunks) &&
      this.#fileEnd.hasPlenty();
    // The state of the switch lacks the pending commits, and has the pages that they freed.
    const { freedEnd } = this.#journal.pending;
    this.#fileEnd.moveToDataEnd(this.#journal.chunks.flat(), freedEnd);
    if (!mayMove || !this.#savings.keepsTail(tailChunks)) return STAYS;
    return this.#savings.firstFreeChunk;
  }

  /** Whether the journal can be created anew: everything committed is in the pages of the file. */
  get canRenew(): boolean {
    if (!this.#superblock.isOpen || this.#room.mayBeFull || this.#growth.isRunning) return false;
    if (this.#checkpoint.isRunning || this.#snapshots.snapshotCount > 0) return false;
    return this.#writeback.dirtyChunks.size === 0 && this.#journal.isEmpty;
  }

  /** Whether it can be, and that saves a number of chunks. */
  isRenewalDue(enough: number): boolean {
    if (!this.canRenew) return false;
    return this.#savings.most >= enough && this.#fileEnd.hasPlenty();
  }

  /** Creates the journal anew behind the data. On a full disk the file then has none. */
  *renewal(): Steps {
    try {
      yield* this.#location.renew();
    } catch (error) {
      this.#disk.checkWritable();
      // The next commit tries again to create the journal.
      if (!this.#room.noteFull(error)) throw error;
    }
  }
}
