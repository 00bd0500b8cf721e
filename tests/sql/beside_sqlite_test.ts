/**
 * Random schemas, queries and changes have the same results here and in `node:sqlite`.
 *
 * QUIRE_SQL=N compares about N statements; QUIRE_SEED=N chooses them.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { compareSeed, describe as described } from "./support/beside.ts";

const STATEMENTS = Number(Deno.env.get("QUIRE_SQL") ?? "800");
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? "1");
const PER_SCHEMA = 40;

describe("beside SQLite", () => {
  it("random statements have the same results", () => {
    let compared = 0;
    for (let seed = SEED * 100_000; compared < STATEMENTS; seed++) {
      const difference = compareSeed(seed, PER_SCHEMA);
      assertEquals(difference && `seed ${seed}:\n${described(difference)}`, undefined);
      compared += PER_SCHEMA;
    }
    console.log(`beside SQLite: ${compared} statements compared, 0 differences`);
  });
});
