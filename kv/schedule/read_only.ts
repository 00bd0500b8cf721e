/**
 * Databases that take no changes.
 */

import type { Database } from "../../mod.ts";

/**
 * Refuses a database that takes no changes: it is read-only, or follows another process.
 *
 * @throws {TypeError} It takes none.
 */
export function refuseReadOnly(db: Database): void {
  try {
    db.writeSync(() => {}, { durability: "none" });
  } catch (error) {
    // Other failures may pass.
    if (error instanceof TypeError) throw error;
  }
}

/** Whether a database takes no changes. */
export function isReadOnly(db: Database): boolean {
  try {
    refuseReadOnly(db);
    return false;
  } catch {
    return true;
  }
}
