/**
 * What an explorer shows: a file, and the database behind it where there is one.
 */

import type { Inspector } from "../../inspect.ts";
import type { Database } from "../../mod.ts";
import type { Inspection } from "../inspect/mod.ts";

/** What an explorer shows. */
export interface Source {
  /** What to call it. */
  readonly name: string;
  /** Where the file is, to measure its disk; undefined where that is not known. */
  readonly path: string | undefined;
  /** Whether it is the database of a program that runs. */
  readonly live: boolean;
  /** What tells of the file. */
  readonly inspection: Inspection;
  /** The database; undefined where another process has the lock. */
  readonly database: Database | undefined;
  /** What looks into it; undefined where another process has the lock. */
  readonly inspector: Inspector | undefined;
}
