/**
 * What the pager needs of the path of its commits to the medium, which is `CommitPath`, or the one
 * of a file that several processes write.
 */

import type { CommitLog } from "../journal/commit_hooks.ts";
import type { CommitPath } from "./commit_path.ts";

/** A path of commits. */
export type PagerPath = Pick<
  CommitPath,
  | keyof CommitLog
  | "afterRollback"
  | "beginCheckpoint"
  | "beginMove"
  | "checkpoint"
  | "checkpointSlice"
  | "checkpointState"
  | "close"
  | "closeLater"
  | "durableVersion"
  | "figures"
  | "flush"
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
>;
