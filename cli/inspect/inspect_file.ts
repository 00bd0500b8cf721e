/**
 * Opens a file for inspection: read-only with its lock if no other process has it open for writing,
 * and otherwise without the lock.
 */

import { pathOf } from "../../pager/mod.ts";
import type { Inspector } from "../../inspect.ts";
import { type Database, LockedError, open } from "../../mod.ts";
import { UnlockedInspector } from "./unlocked_inspector.ts";

/** The inspection of a file, whether or not another process has it locked. */
export type Inspection = Pick<Inspector, "file" | "trees" | "header" | "headers" | "page">;

/** A file open for inspection. */
export interface Inspected {
  /** The inspection of the file. */
  readonly inspection: Inspection;
  /** The database, read-only; undefined if another process has the lock. */
  readonly database: Database | undefined;
  /** Closes it. */
  close(): void;
}

/** How to open a file for inspection. */
export interface InspectOptions {
  /** The most memory for pages, in bytes. Default that of `open`. */
  readonly cacheBytes?: number | undefined;
}

/**
 * Opens a file for inspection. The file is not changed.
 *
 * @param path A path or a `file:` URL.
 * @throws {CorruptionError} It is not a Quire database, or is damaged.
 * @throws {IoError} The file does not exist, or cannot be opened.
 */
export function inspectFile(path: string | URL, options: InspectOptions = {}): Inspected {
  try {
    const database = open(path, { ...options, readOnly: true });
    return { inspection: database.inspect(), database, close: () => database.close() };
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    const inspection = new UnlockedInspector(pathOf("open", path));
    return { inspection, database: undefined, close: () => inspection.close() };
  }
}
