/**
 * Who has to do with a commit besides the writer: the log that takes its records, and whoever hears
 * of its end.
 */

import type { LogBuffer } from "./log_record.ts";
import type { Meta } from "../format/meta.ts";

/** Hears of the end of transactions. */
export interface TransactionListener {
  /** The outermost commit has happened. */
  committed(): void;
  /** The bits of a chunk have gone back to what they were. */
  rolledBack(chunk: number): void;
  /** A snapshot has ended. */
  snapshotEnded(): void;
}

/** Where commits are logged. */
export interface CommitLog {
  /** Takes the records of a commit. */
  readonly pending: LogBuffer;
  /** Makes sure that the file may be written: the superblocks say that it is open. */
  begin(meta: Meta): void;
  /** Hears that pages were claimed: they are on the medium before the next commit is. */
  claimed(): void;
  /** Makes sure that free pages may be overwritten: that they are free is on the medium. */
  beforeBypass(meta: Meta): void;
  /**
   * Makes sure that what is pending has a place on disk; the commit is not visible yet.
   *
   * @param grows Whether the commit takes pages into use: one that does not may have what is kept
   * back on a full disk.
   */
  reserve(meta: Meta, grows: boolean): void;
}
