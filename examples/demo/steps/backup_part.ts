/**
 * The part of the demo on backups: backs up a database while the records are loaded once more, and
 * compares those that were there with the copy.
 */

import { type Database, open } from "../../../mod.ts";
import type { Records } from "../records.ts";
import { count } from "../text.ts";
import { checkEveryRecord } from "./checks.ts";

const BATCH = 2000;
const OTHER = "loaded during the backup";

/** Runs the part in a folder of its own; returns the differences found. */
export async function backUpWhileLoading(
  folder: string,
  path: string,
  records: Records,
): Promise<readonly string[]> {
  const copy = `${folder}/copy.quire`;
  let loaded: number;
  let seconds: number;
  {
    using db = open(path);
    const started = performance.now();
    const backup = db.backup(copy);
    loaded = await loadUntil(backup, db, records);
    await backup;
    seconds = (performance.now() - started) / 1000;
    await db.dropTree(OTHER);
  }
  using db = open(copy, { readOnly: true });
  const { differences } = checkEveryRecord(db.tree(records.tree), records);
  if (differences.length > 0) return differences;
  if (db.trees().includes(OTHER)) return ["the copy has what was loaded after it began"];
  console.log("\nBacked up while records were loaded");
  console.log(`  in ${seconds.toFixed(2)} s, during which ${count(loaded)} were committed`);
  console.log(`  ${count(records.entries.length)} compared: every record is in the copy as it was`);
  return [];
}

/** Loads the records into another tree, in batches, until a promise settles; returns how many. */
async function loadUntil(over: Promise<unknown>, db: Database, records: Records): Promise<number> {
  let isOver = false;
  const noteEnd = () => void (isOver = true);
  over.then(noteEnd, noteEnd);
  let loaded = 0;
  while (!isOver && loaded < records.entries.length) {
    const batch = records.entries.slice(loaded, loaded + BATCH);
    await db.tree(OTHER).setMany(batch);
    loaded += batch.length;
  }
  return loaded;
}
