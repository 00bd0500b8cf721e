/**
 * Compares a database with the records that were loaded: every record by key, then all of them in
 * order, then their count.
 */

import type { Tree } from "../../../mod.ts";
import { withProgress } from "../progress.ts";
import { type Records, sameBytes } from "../records.ts";
import { count, readable } from "../text.ts";

/** The result of a comparison. */
export interface Verdict {
  /** One line for each difference, up to a limit. */
  readonly differences: readonly string[];
  /** How long the look-ups took, in milliseconds. */
  readonly getMs: number;
  /** How long the scan took. */
  readonly scanMs: number;
}

const DIFFERENCES_MAX = 10;

/** Compares all records of a tree with those that were loaded into it. */
export function checkEveryRecord(tree: Tree, records: Records): Verdict {
  const started = performance.now();
  const differences = compareByKey(tree, records);
  const looked = performance.now();
  differences.push(...compareInOrder(tree, records));
  const scanned = performance.now();
  const stored = tree.count();
  if (stored !== records.entries.length) {
    differences.push(
      `count() returns ${count(stored)} records, not ${count(records.entries.length)}`,
    );
  }
  return { differences, getMs: looked - started, scanMs: scanned - looked };
}

function compareByKey(tree: Tree, { entries }: Records): string[] {
  const differences: string[] = [];
  for (const [key, value] of withProgress(entries, "checking")) {
    const stored = tree.get(key);
    if (stored !== undefined && sameBytes(stored, value)) continue;
    const what = stored === undefined ? "is missing" : "has another value";
    differences.push(`the record ${readable(key)} ${what}`);
    if (differences.length === DIFFERENCES_MAX) break;
  }
  return differences;
}

/** The first difference between a scan and the records in order, if any. */
function compareInOrder(tree: Tree, { entries }: Records): string[] {
  let at = 0;
  for (const [key, value] of tree) {
    if (at === entries.length) return [`a scan continues after the last record: ${readable(key)}`];
    const [wantedKey, wantedValue] = entries[at++]!;
    if (!sameBytes(key, wantedKey)) {
      return [`a scan finds ${readable(key)} where ${readable(wantedKey)} should be`];
    }
    if (!sameBytes(value, wantedValue)) return [`a scan finds a changed value at ${readable(key)}`];
  }
  return at === entries.length ? [] : [`a scan ends before ${readable(entries[at]![0])}`];
}
