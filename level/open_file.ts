/**
 * Opens the file of a database as the options of abstract-level request.
 */

import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type Database, open, type OpenOptions } from "../mod.ts";
import { isMissing, LevelError, levelError } from "./errors.ts";
import type { LevelOpenOptions } from "./options.ts";

/**
 * Opens a file. A missing folder is created with it.
 *
 * @throws {LevelError} It is locked or damaged, the system refused, or `createIfMissing` or
 *   `errorIfExists` exclude it.
 */
export function openFile(path: string, options: LevelOpenOptions): Database {
  const { createIfMissing: create = true, errorIfExists, quire } = options;
  if (errorIfExists === true && existsSync(path)) {
    throw new LevelError("LEVEL_IO_ERROR", `Cannot open ${path}: it exists`);
  }
  const settings: OpenOptions = { durability: "buffered", ...quire, create };
  try {
    return open(path, settings);
  } catch (error) {
    if (!isMissing(error)) throw levelError(error);
    if (!create || settings.readOnly === true) {
      throw new LevelError("LEVEL_IO_ERROR", `Cannot open ${path}: it does not exist`, error);
    }
  }
  try {
    mkdirSync(dirname(path), { recursive: true });
    return open(path, settings);
  } catch (error) {
    throw levelError(error);
  }
}
