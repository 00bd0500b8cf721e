/**
 * Scripts in the format of SQLite's sqllogictest, in `tests/sql/logic`, have the results that they
 * state.
 *
 * QUIRE_LOGIC=FOLDER runs the scripts of another folder, such as SQLite's own, and reports counts.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { sql } from "../../sql/mod.ts";
import { runLogicScript } from "./support/logic_script.ts";

const OWN = fromFileUrl(new URL("./logic", import.meta.url));
const FOLDER = Deno.env.get("QUIRE_LOGIC") ?? OWN;

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
      const { ran, failures } = runLogicScript(sql(db), Deno.readTextFileSync(path));
      if (FOLDER !== OWN) console.log(`${path}: ${ran} run, ${failures.length} failed`);
      assertEquals(failures.slice(0, 5), []);
      assertGreater(ran, 0);
    });
  }
});
