/**
 * What the pager needs of its flusher: `Flusher`, or `SharedFlusher` in a file that several
 * processes write.
 */

import type { CommitLog } from "../journal/commit_hooks.ts";
import type { Flusher } from "./flusher.ts";

/** Takes commits to the medium. */
export type PagerFlusher = Pick<
  Flusher,
  | keyof CommitLog
  | "afterRollback"
  | "beginMove"
  | "checkpoint"
  | "checkpointSlice"
  | "checkpointState"
  | "close"
  | "closeLater"
  | "cutTail"
  | "durableVersion"
  | "endFlight"
  | "figures"
  | "flush"
  | "isAhead"
  | "isBehind"
  | "hasTail"
  | "isMoving"
  | "isOverdue"
  | "isSyncLong"
  | "journalState"
  | "land"
  | "beforeTransaction"
  | "mayBeFull"
  | "moveJournalToEnd"
  | "needsFlight"
  | "noteFailure"
  | "requestCheckpoint"
  | "takeOff"
  | "write"
  | "writeAhead"
  | "writeConfirmed"
>;
