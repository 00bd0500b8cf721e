/**
 * The part of the demo on archives: archives a database, removes every record, restores the state
 * before that by its time, and compares all records.
 */

import { archive, folderStore, open, restore } from "../../../mod.ts";
import type { Records } from "../records.ts";
import { count } from "../text.ts";
import { checkEveryRecord } from "./checks.ts";

/** Longer than a tick of the clock: two commits with this between them have different times. */
const TICK_MS = 2;

/** Runs the part in a folder of its own; returns the differences found. */
export async function archiveAndRestore(
  folder: string,
  path: string,
  records: Records,
): Promise<readonly string[]> {
  const store = folderStore(`${folder}/archive`);
  const before = await removeAll(path, store, records.tree);
  const restored = `${folder}/restored.quire`;
  const started = performance.now();
  const { version, time } = await restore(restored, { from: store, at: before });
  const seconds = (performance.now() - started) / 1000;
  using db = open(restored, { readOnly: true });
  const { differences } = checkEveryRecord(db.tree(records.tree), records);
  if (differences.length > 0) return differences;
  console.log("\nArchived, emptied, restored to an earlier time");
  console.log(`  version ${version} of ${time.toISOString()}, in ${seconds.toFixed(2)} s`);
  console.log(`  ${count(records.entries.length)} compared: every record is back as it was`);
  return [];
}

/** Archives a database, and removes all records meanwhile; returns a time before that. */
async function removeAll(
  path: string,
  store: ReturnType<typeof folderStore>,
  tree: string,
): Promise<Date> {
  using db = open(path);
  await using shipping = archive(db, store);
  await shipping.flush();
  await tick();
  const before = new Date();
  await tick();
  await db.tree(tree).clear();
  return before;
}

function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
