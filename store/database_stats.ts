/**
 * The figures of a database: those of its pager, and where it stands.
 */

import type { PagerStats, RecoveryReport } from "../pager/mod.ts";

/** What a database has done and holds. */
export interface DatabaseStats extends PagerStats {
  /** The last committed version. */
  readonly version: number;
  /** The last version that is on the medium. */
  readonly durableVersion: number;
  /** What recovery did when the file was opened, if it had not been closed. */
  readonly recovery: RecoveryReport | undefined;
  /** Pages of the file, of 8192 bytes. */
  readonly pageCount: number;
  /** The size of the file on disk, in bytes. */
  readonly fileBytes: number;
}
