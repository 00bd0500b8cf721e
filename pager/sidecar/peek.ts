/**
 * Looks from outside at who shares a file, for a process that only follows it. It needs permission
 * to read the files beside it, and changes nothing.
 */

import { isShared, readSideFile } from "../file/share_files.ts";
import { type Participant, Pins } from "./pins.ts";

/**
 * The processes that share a file; undefined if none does, or this process may not look. One that
 * was killed is among them while others share the file, for it cannot be told at one look.
 */
export function peekShare(path: string): readonly Participant[] | undefined {
  if (!isShared(path)) return undefined;
  const side = readSideFile(`${path}-shared`);
  if (side === undefined) return undefined;
  try {
    return new Pins(side, 0).participants();
  } finally {
    side.close();
  }
}
