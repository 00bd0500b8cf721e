/**
 * Scripts in the format of SQLite's sqllogictest, in `tests/sql/logic`, have the results that they
 * state.
 *
 * QUIRE_LOGIC=FOLDER runs the scripts of another folder, such as SQLite's own, and reports counts.
 * QUIRE_LOGIC_STEPS=N makes longer scripts of the families, with QUIRE_SEED=N.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { sql } from "../../sql/mod.ts";
import { FAMILIES } from "./families/all_families.ts";
import { runLogicScript } from "./support/logic_script.ts";
import { scriptOf } from "./support/script_of.ts";

const OWN = fromFileUrl(new URL("./logic", import.meta.url));
const FOLDER = Deno.env.get("QUIRE_LOGIC") ?? OWN;

const STEPS = Number(Deno.env.get("QUIRE_LOGIC_STEPS") ?? "20");
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? "1");

function scriptsIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return scriptsIn(`${folder}/${name}`);
    return name.endsWith(".test") ? [`${folder}/${name}`] : [];
  }).sort();
}

describe("scripts of sqllogictest", () => {
  for (const path of scriptsIn(FOLDER)) {
    it(path.slice(FOLDER.length + 1), () => {
      using db = open(":memory:");
      const { ran, failures } = runLogicScript(
        sql(db),
        Deno.readTextFileSync(path),
        FOLDER !== OWN,
      );
      if (FOLDER !== OWN) console.log(`${path}: ${ran} run, ${failures.length} failed`);
      assertEquals(failures.slice(0, 5), []);
      assertGreater(ran, 0);
    });
  }
});

describe("scripts of families, with the results of node:sqlite,", () => {
  for (const [name, make] of Object.entries(FAMILIES)) {
    it(`hold: ${name}`, () => {
      using db = open(":memory:");
      const { ran, failures } = runLogicScript(sql(db), scriptOf(make, SEED * 1000, STEPS));
      assertEquals(failures.slice(0, 5), []);
      assertGreater(ran, STEPS);
    });
  }
});
