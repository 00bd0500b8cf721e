/**
 * Opens a file to look into it: read-only with its lock where nobody writes to it, and without the
 * lock where somebody does.
 */

import { pathOf } from "../../pager/mod.ts";
import type { Inspector } from "../../inspect.ts";
import { type Database, LockedError, open } from "../../mod.ts";
import { UnlockedInspector } from "./unlocked_inspector.ts";

/** What can be told of a file, locked by another process or not. */
export type Inspection = Pick<Inspector, "file" | "trees" | "header" | "headers" | "page">;

/** A file that is open to be looked into. */
export interface Inspected {
  /** What tells of it. */
  readonly inspection: Inspection;
  /** The database, read-only; undefined where another process has the lock. */
  readonly database: Database | undefined;
  /** Closes it. */
  close(): void;
}

/** How to open a file to look into it. */
export interface InspectOptions {
  /** The most memory for pages, in bytes. Default that of `open`. */
  readonly cacheBytes?: number | undefined;
}

/**
 * Opens a file to look into it. It is left as it is.
 *
 * @param path Where it is, as a path or a `file:` URL.
 * @throws {CorruptionError} It is not a Quire database, or is damaged.
 * @throws {IoError} The system refused, or there is no file.
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
