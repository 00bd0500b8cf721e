/**
 * The databases from which hostile files are made, each small, with everything that the format has:
 * closed, interrupted with batches in both journal areas, and with high trees.
 */

import { MemoryFile } from "../../../pager/mod.ts";
import {
  bytesOf,
  change,
  type Content,
  contentOf,
  openBoth,
  openOn,
} from "../../support/databases/database.ts";
import { FaultyFile } from "../../support/files/faulty_file.ts";
import { fixChance } from "../../support/fixed_chance.ts";
import { fillSample, makeSample } from "../../support/trees/sample.ts";

/** A file, and its content. */
export interface Base {
  readonly bytes: Uint8Array;
  readonly content: Content;
  /** Its content before each of its last commits, the newest first. */
  readonly earlier: readonly Content[];
}

/** The names of the databases. */
export const BASE_NAMES = ["closed", "open", "deep"] as const;

/** The name of a database. */
export type BaseName = typeof BASE_NAMES[number];

/** All of them, the same bytes in every run. */
export function makeBases(): Record<BaseName, Base> {
  const { getRandomValues } = crypto;
  fixChance(1);
  try {
    return { closed: { ...makeSample(), earlier: [] }, open: makeOpen(), deep: makeDeep() };
  } finally {
    crypto.getRandomValues = getRandomValues;
  }
}

/** Interrupted in a checkpoint, after a commit: both areas have needed batches. */
function makeOpen(): Base {
  const content = new MemoryFile();
  const file = new FaultyFile(content);
  const { db, session } = openBoth(file);
  fillSample(db);
  db.checkpoint();
  const states: Content[] = [contentOf(db)];
  const commit = (i: number) => {
    db.writeSync((tx) => {
      const tall = tx.tree("tall");
      tall.set(`key ${i}`, bytesOf(100 + i, 300));
      tall.delete(`key ${20 + i}`);
      tx.tree("runs").set(`run ${i}`, bytesOf(i, 2100 + 1000 * i));
      tx.tree(`tree ${i}`).set("new", bytesOf(i, 10));
    });
    states.unshift(contentOf(db));
  };
  for (let i = 0; i < 3; i++) commit(i);
  session.pager.checkpointSlice();
  // The flush of the last commit ends it.
  session.pager.flights.requestCheckpoint();
  let bytes: Uint8Array = new Uint8Array(0);
  file.fault = (operation) => {
    // The batch of the last commit is in the journal, but not in the superblocks.
    if (operation === "sync" && bytes.length === 0) bytes = content.content();
    return "none";
  };
  commit(3);
  return { bytes, content: states[0]!, earlier: states.slice(1) };
}

/** Long keys, so that few entries make a tree of many levels; 64 pages in total. */
function makeDeep(): Base {
  const file = new MemoryFile();
  const db = openOn(file);
  change(db, "deep", (deep) => {
    for (let i = 0; i < 90; i++) deep.set(longKey(i), bytesOf(i, i % 9 === 0 ? 5000 : 700));
  });
  change(db, "other", (other) => {
    for (let i = 0; i < 26; i++) other.set(longKey(i * 3), bytesOf(i, i % 5 === 1 ? 2200 : 500));
  });
  db.close();
  const again = openOn(file, { readOnly: true });
  const content = contentOf(again);
  again.close();
  return { bytes: file.content(), content, earlier: [] };
}

/** A key that differs from its neighbours only near its end, so that separators are long. */
function longKey(i: number): Uint8Array {
  const key = new Uint8Array(1800).fill(97, 0, 4).fill(98, 4);
  // The first word differs, so that nodes share no long prefix.
  new DataView(key.buffer).setUint32(0, Math.floor(i / 2) * 0x0101);
  key[1799] = i & 1;
  return key;
}
