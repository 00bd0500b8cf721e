/**
 * A small database with one of each kind of content: a catalog, a tree with a branch, trees of one
 * leaf, an empty tree, values in runs, a free page inside the file, and a dropped tree.
 */

import { MemoryFile } from "../../../pager/mod.ts";
import type { Database } from "../../../store/database.ts";
import { bytesOf, change, type Content, contentOf, openOn } from "../databases/database.ts";

/** A file and what is in it. */
export interface Sample {
  readonly bytes: Uint8Array;
  readonly content: Content;
}

/** Makes the small database, closed clean. */
export function makeSample(): Sample {
  const file = new MemoryFile();
  const db = openOn(file);
  fillSample(db);
  db.close();
  const again = openOn(file, { readOnly: true });
  const content = contentOf(again);
  again.close();
  return { bytes: file.content(), content };
}

/** Puts the content of the small database into an empty one. */
export function fillSample(db: Database): void {
  change(db, "tall", (tall) => {
    for (let i = 0; i < 40; i++) tall.set(`key ${i}`, bytesOf(i, 400));
  });
  change(db, "dropped", (dropped) => dropped.set("gone", bytesOf(1, 100)));
  db.writeSync((tx) => {
    const runs = tx.tree("runs");
    runs.set("short", new Uint8Array(0));
    runs.set("long", bytesOf(2, 16_000));
    runs.set("longer", bytesOf(3, 16_000));
    tx.tree("empty").set("gone", bytesOf(4, 1));
  });
  db.dropTree("dropped");
  change(db, "runs", (runs) => runs.delete("long"));
  change(db, "empty", (empty) => empty.clear());
  change(db, "short", (short) => short.set(new Uint8Array(0), bytesOf(5, 3)));
}
