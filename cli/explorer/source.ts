/**
 * The source of an explorer: a file, and its open database, if any.
 */

import type { Inspector } from "../../inspect.ts";
import type { Database } from "../../mod.ts";
import type { Inspection } from "../inspect/mod.ts";

/** The source of an explorer. */
export interface Source {
  /** Its name on the page. */
  readonly name: string;
  /** The path of the file, to measure its disk; undefined if unknown. */
  readonly path: string | undefined;
  /** Whether it is the database of a running program. */
  readonly live: boolean;
  /** The inspection of the file. */
  readonly inspection: Inspection;
  /** The database, or one that follows it; undefined if the file cannot be followed. */
  readonly database: Database | undefined;
  /** The inspector of the database; undefined without one. */
  readonly inspector: Inspector | undefined;
}
