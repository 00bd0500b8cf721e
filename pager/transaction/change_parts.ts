/**
 * What the parts of a writer change pages with, and all of them share. It has no behaviour.
 */

import type { Bypass } from "./bypass.ts";
import type { Cache } from "../cache/cache.ts";
import type { TransactionSize } from "./transaction_size.ts";
import type { UndoLog } from "./undo_log.ts";
import type { VersionStore } from "./version_store.ts";

/** What the parts of a writer change pages with. */
export interface ChangeParts {
  /** Where pages are changed. */
  readonly cache: Cache;
  /** What was done to them. */
  readonly undo: UndoLog;
  /** What snapshots see of them. */
  readonly versions: VersionStore;
  /** The new ones that went straight to the file. */
  readonly bypass: Bypass;
  /** How much the transaction keeps in memory. */
  readonly size: TransactionSize;
}
