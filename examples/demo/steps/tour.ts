/**
 * A tour of a tree: exact look-ups, a prefix, a reverse range, counts.
 */

import type { Range, Tree } from "../../../mod.ts";
import { CITIES } from "../cities.ts";
import { cityKey, cityText } from "../keys.ts";
import type { Records } from "../records.ts";
import { count, readable } from "../text.ts";

interface Tour {
  /** Keys to look up; one of them does not exist. */
  readonly lookups: readonly Key[];
  /** Ranges whose first entries are shown. */
  readonly ranges: readonly { readonly title: string; readonly range: Range }[];
  /** Prefixes whose entries are counted. */
  readonly counted: readonly { readonly title: string; readonly prefix: Key }[];
}

type Key = Uint8Array | string;

const SHOWN_MAX = 5;
const KEY_COLUMNS = 32;
const VALUE_COLUMNS = 44;

const CITY_TOUR: Tour = {
  lookups: [
    cityKey("ES", "Madrid", 1),
    cityKey("JP", "Tokyo", 1),
    cityKey("MX", "Emiliano Zapata", 2),
    cityKey("GR", "Atlantis", 1),
  ],
  ranges: [
    {
      title: "Prefix: cities of PT that begin with Vila",
      range: { prefix: cityText("PT", "Vila") },
    },
    {
      title: "Reverse: cities of JP before Tokyo, the last first",
      range: { gte: cityText("JP", ""), lt: cityText("JP", "Tokyo"), reverse: true },
    },
  ],
  counted: ["ES", "JP", "PT"].map((country) => ({
    title: `in ${country}`,
    prefix: cityText(country, ""),
  })),
};

/** Prints the tour. */
export function printTour(tree: Tree, records: Records): void {
  const tour = records.tree === CITIES ? CITY_TOUR : tourOf(records);
  console.log("\nExact look-ups");
  for (const key of tour.lookups) printEntry(key, tree.get(key));
  for (const { title, range } of tour.ranges) {
    console.log(`\n${title}`);
    for (const [key, value] of tree.entries({ limit: SHOWN_MAX, ...range })) printEntry(key, value);
  }
  console.log("\nCounts");
  console.log(`  ${count(tree.count())} in all, from page headers`);
  for (const { title, prefix } of tour.counted) {
    console.log(`  ${count(countKeys(tree, { prefix }))} ${title}, by walking the keys`);
  }
}

/** A tour of the user's own data, around its first, middle and last key. */
function tourOf({ entries }: Records): Tour {
  const [first] = entries[0]!;
  const [middle] = entries[entries.length >> 1]!;
  const [last] = entries[entries.length - 1]!;
  const prefix = [...new TextDecoder().decode(middle)].slice(0, 2).join("");
  const title = `that begin with "${readable(new TextEncoder().encode(prefix))}"`;
  return {
    lookups: [first, middle, last, "no such key\0"],
    ranges: [
      { title: `Prefix: keys ${title}`, range: { prefix } },
      { title: "Reverse: the last keys, the last first", range: { reverse: true } },
    ],
    counted: [{ title, prefix }],
  };
}

function printEntry(key: Key, value: Uint8Array | undefined): void {
  const bytes = typeof key === "string" ? new TextEncoder().encode(key) : key;
  const shown = value === undefined ? "(not there)" : readable(value, VALUE_COLUMNS);
  console.log(`  ${readable(bytes, KEY_COLUMNS).padEnd(KEY_COLUMNS)}  ${shown}`);
}

function countKeys(tree: Tree, range: Range): number {
  let keys = 0;
  for (const _ of tree.keys(range)) keys++;
  return keys;
}
