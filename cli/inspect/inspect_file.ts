/**
 * Opens a file for inspection: read-only with its lock if no other process has it open for writing.
 * Otherwise it follows the file, and where not even that is possible, it reads without the lock.
 */

import type { Inspector } from "../../inspect.ts";
import { BusyError, CorruptionError, type Database, LockedError, open } from "../../mod.ts";
import { pathOf } from "../../pager/mod.ts";
import { UnlockedInspector } from "./unlocked_inspector.ts";

/** The inspection of a file, whether or not another process has it locked. */
export type Inspection = Pick<Inspector, "file" | "trees" | "header" | "headers" | "page">;

/** A file open for inspection. */
export interface Inspected {
  /** The inspection of the file. */
  readonly inspection: Inspection;
  /** The database, read-only or followed; undefined if it is neither. */
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
    return inspected(open(path, { ...options, readOnly: true }));
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    return inspectBusy(path, options);
  }
}

function inspected(database: Database): Inspected {
  return { inspection: database.inspect(), database, close: () => database.close() };
}

function inspectBusy(path: string | URL, options: InspectOptions): Inspected {
  try {
    return inspected(open(path, { ...options, follow: true }));
  } catch (error) {
    // A process that is creating or recovering the file may leave nothing that can be followed.
    if (!(error instanceof BusyError) && !(error instanceof CorruptionError)) throw error;
    const inspection = new UnlockedInspector(pathOf("open", path));
    return { inspection, database: undefined, close: () => inspection.close() };
  }
}
