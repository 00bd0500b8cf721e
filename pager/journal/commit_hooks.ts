/**
 * The interfaces between a commit, the log that takes its records, and the layer above that follows
 * the ends of transactions.
 */

import type { LogBuffer } from "../batch/log_record.ts";
import type { Meta, MetaFields } from "../format/meta.ts";
import type { ChunkNumber, PageNumber, Version } from "../format/units.ts";

/** Follows the ends of transactions and snapshots. Its methods neither read a file nor throw. */
export interface TransactionListener {
  /** The outermost commit is complete. */
  committed(): void;
  /** A rollback restored the bits of a chunk. */
  rolledBack(chunk: ChunkNumber): void;
  /** A snapshot has ended. */
  snapshotEnded(): void;
  /** The journal took a chunk of the file, or gave it back. */
  chunkChanged(chunk: ChunkNumber): void;
  /** The journal will take or give back a chunk: until it has, no page of it is free. */
  chunkReserved(chunk: ChunkNumber): void;
}

/** Passes the ends of transactions on to one listener, which may come later or never. */
export class TransactionEnds implements TransactionListener {
  /** The listener, once there is one. */
  listener: TransactionListener | undefined;

  /** The outermost commit is complete. */
  committed(): void {
    this.listener?.committed();
  }

  /** A rollback restored the bits of a chunk. */
  rolledBack(chunk: ChunkNumber): void {
    this.listener?.rolledBack(chunk);
  }

  /** A snapshot has ended. */
  snapshotEnded(): void {
    this.listener?.snapshotEnded();
  }

  /** The journal took a chunk of the file, or gave it back. */
  chunkChanged(chunk: ChunkNumber): void {
    this.listener?.chunkChanged(chunk);
  }

  /** The journal will take or give back a chunk: until it has, no page of it is free. */
  chunkReserved(chunk: ChunkNumber): void {
    this.listener?.chunkReserved(chunk);
  }
}

/** Follows each commit with its records. Its methods neither read a file nor throw. */
export interface CommitTap {
  /**
   * A commit is visible.
   *
   * @param meta The facts about the file after it.
   * @param log The pending records, those of the commit last; undefined without a journal.
   * @param from Where the records of the commit begin.
   */
  committed(meta: Meta, log: LogBuffer | undefined, from: number): void;
  /**
   * Commits of another process, one batch of them, were taken over.
   *
   * @param before The version before them.
   * @param meta The facts about the file after them.
   * @param records Their records, valid during the call.
   */
  takenOver(before: Version, meta: MetaFields, records: Uint8Array): void;
  /** The state is another one, and the commits that lead there are not known. */
  missed(): void;
}

/** Holds the tap of a file, while there is one. */
export class TapHolder {
  /** The tap. */
  tap: CommitTap | undefined;
}

/** The snapshots that may see free pages. */
export interface LiveSnapshots {
  /** The number of live snapshots. */
  readonly snapshotCount: number;
}

/** Where commits are logged. */
export interface CommitLog {
  /** The records of commits that are not written yet; a commit appends its own. */
  readonly pending: LogBuffer;
  /** Marks the file open in the superblocks, before the session's first write. */
  begin(meta: Meta): void;
  /** Notes that pages were claimed: the next durable batch follows a sync of them. */
  claimed(): void;
  /**
   * Puts the release of free pages on the medium, before they are overwritten.
   *
   * @param end The page after the last of them.
   */
  beforeBypass(meta: Meta, end: PageNumber): void;
  /** Whether `beforeBypass` would wait for the medium although a flight is in the air. */
  isBypassSlow(end: PageNumber): boolean;
  /**
   * Gives pending records room in the journal, before their commit becomes visible.
   *
   * @param grows Whether the commit takes pages into use. One that does not may use the room that
   * the journal keeps for it on a full disk.
   * @throws {IoError} The disk is full.
   */
  reserve(meta: Meta, grows: boolean): void;
}
