/**
 * Scripts in the manner of each family of SQLite's sqllogictest have the same results here and in
 * `node:sqlite`.
 *
 * QUIRE_SQL_STEPS=N compares N statements of each family; QUIRE_SEED=N chooses them.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FAMILIES } from "./families/all_families.ts";
import { compareFamily } from "./families/compare_family.ts";

const STEPS = Number(Deno.env.get("QUIRE_SQL_STEPS") ?? "40");
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? "1");
/** Statements of one schema: at least two schemas, so that both amounts of memory are tried. */
const PER_SEED = Math.min(400, Math.ceil(STEPS / 2));

describe("families of sqllogictest", () => {
  for (const [name, make] of Object.entries(FAMILIES)) {
    it(`${name} has the same results`, () => {
      let compared = 0;
      for (let seed = SEED * 100_000; compared < STEPS; seed++) {
        const steps = Math.min(PER_SEED, STEPS - compared);
        // Every other seed has hardly any memory for rows.
        const bytes = seed % 2 === 0 ? undefined : 500;
        const { differences } = compareFamily(make, seed, steps, bytes);
        assertEquals(differences.slice(0, 3), [], `seed ${seed}`);
        compared += steps;
      }
      console.log(`families of sqllogictest: ${name}, ${compared} statements compared`);
    });
  }
});
