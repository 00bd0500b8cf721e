/**
 * A database for the explorer: trees of small and of large values, branches, free pages, several
 * versions, and a journal in use.
 */

import { type Database, json, open, string, tuple } from "../../../mod.ts";

const COUNTRIES = ["DE", "ES", "FR", "PT"];
const CITIES = 24_000;
const WORDS = 30_000;
const PHOTOS = 24;

/** Fills a database at a path, and keeps it open. */
export function openExplorerSample(path: string): Database {
  const db = open(path, { cacheBytes: 16 * 2 ** 20 });
  const cities = db.tree("cities", { key: tuple, value: json });
  const words = db.tree("words", { key: string, value: string });
  db.writeSync((tx) => {
    const inside = tx.tree(cities);
    for (let i = 0; i < CITIES; i++) {
      const value = { population: (i * 7919) % 1_000_003, area: i % 977 };
      inside.set([COUNTRIES[i % COUNTRIES.length]!, `city ${i}`], value);
    }
  });
  db.writeSync((tx) => {
    const inside = tx.tree(words);
    for (let i = 0; i < WORDS; i++) {
      inside.set(`word ${(i * 7919) % WORDS}`, `meaning ${i}, `.repeat(1 + i % 12));
    }
  });
  db.writeSync((tx) => {
    const photos = tx.tree("photos");
    for (let i = 0; i < PHOTOS; i++) photos.set(`${i}.jpg`, new Uint8Array(60_000 + i * 9000));
  });
  db.writeSync((tx) => {
    for (let i = 0; i < PHOTOS; i += 3) tx.tree("photos").delete(`${i}.jpg`);
    tx.tree(words).deleteRange({ gte: "word 2000", lt: "word 22" });
  });
  db.checkpoint();
  for (let round = 0; round < 20; round++) {
    db.writeSync((tx) => tx.tree(words).set(`word ${round * 97}`, `changed ${round}`));
  }
  return db;
}
