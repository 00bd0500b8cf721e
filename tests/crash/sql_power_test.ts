/**
 * Power cuts while SQL changes a schema: a table, an index that is being built, a column or a
 * trigger is there wholly or not at all, and each index has exactly the rows of its table.
 *
 * QUIRE_CRASH=N makes N times as many images of each cut.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Database, tuple } from "../../mod.ts";
import { MemoryFile } from "../../pager/mod.ts";
import { sql } from "../../sql/mod.ts";
import { openOn } from "../support/databases/database.ts";
import { makeImage, plansAt } from "../support/files/crash_images.ts";
import { PowerFile, PowerWalk } from "../support/files/power_file.ts";
import { Random } from "../support/random.ts";

const LIMIT = 2 * Number(Deno.env.get("QUIRE_CRASH") ?? "1");

/** Rows enough that the build of an index changes several pages. */
const ROWS = Array.from({ length: 400 }, (_, i) => `(${i}, 'name ${i * 37 % 400}', ${i % 9})`);

const STATEMENTS = [
  "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, kind INT)",
  `INSERT INTO item VALUES ${ROWS.join(", ")}`,
  "CREATE INDEX by_name ON item (name)",
  "CREATE UNIQUE INDEX by_both ON item (kind, id) WHERE kind > 2",
  "CREATE TABLE log (what TEXT, n INT UNIQUE)",
  "CREATE TRIGGER noted AFTER DELETE ON item BEGIN INSERT INTO log VALUES (OLD.name, OLD.id); END",
  "DELETE FROM item WHERE id % 10 = 3",
  "ALTER TABLE item RENAME TO thing",
  "DROP TRIGGER noted",
  "BEGIN; ALTER TABLE thing ADD COLUMN extra DEFAULT 7; CREATE TABLE late (a UNIQUE); COMMIT",
  "REINDEX",
  "ALTER TABLE thing DROP COLUMN extra",
  "DROP INDEX by_name",
  "UPDATE thing SET kind = kind + 1, id = id + 1000 WHERE id < 50",
  "CREATE TABLE copy AS SELECT * FROM thing WHERE kind = 4",
  "ANALYZE",
  "DROP TABLE thing",
];

/** The schema, and the entries of all tables and indexes, as text. */
function stateOf(db: Database): string {
  const lines = sql(db).schema().map((object) => JSON.stringify(object));
  using snapshot = db.snapshot();
  for (const name of db.trees()) {
    if (!/^sql\/(table|index)\//.test(name)) continue;
    const entries = snapshot.tree(name, { key: tuple, value: tuple }).entries();
    lines.push(name, ...entries.map(([key, value]) => `${key}=${value}`));
  }
  return lines.join("\n");
}

/** A statement that was run: the operations up to its end, and the state then. */
interface Ran {
  readonly operations: number;
  readonly state: string;
}

/** Runs the statements; the first state is that of the new file. */
function run(file: PowerFile): Ran[] {
  const db = openOn(file);
  const query = sql(db);
  return ["", ...STATEMENTS].map((text) => {
    query.exec(text);
    return { operations: file.operations.length, state: stateOf(db) };
  });
}

/** The state of an image, in which every table can be read, and an index has what its table has. */
function stateIn(file: MemoryFile): string {
  const db = openOn(file, { readOnly: true });
  const query = sql(db);
  const schema = query.schema();
  for (const { type, name, table } of schema) {
    if (type === "table") query.all(`SELECT * FROM "${name}"`);
    if (name !== "by_name") continue;
    const found = query.all(`SELECT id FROM "${table}" WHERE name >= 'name'`);
    assertEquals(found.length, query.get(`SELECT count(*) AS n FROM "${table}"`)!["n"]);
  }
  return stateOf(db);
}

describe("power cuts while SQL changes a schema", () => {
  it("leave the state before or after each statement", () => {
    const file = new PowerFile();
    const ran = run(file);
    const walk = new PowerWalk(file.start);
    const random = new Random(11);
    const seen = new Set<string>();
    let images = 0;
    let done = 0;
    const states = ran.map(({ state }) => state);
    const judge = (allowed: readonly string[]) => {
      for (const plan of plansAt(walk, { garbage: "none", rotPages: [], limit: LIMIT }, random)) {
        const image = makeImage(walk, plan);
        const key = `${image.hash()} ${done}`;
        if (seen.has(key)) continue;
        seen.add(key);
        images++;
        const state = stateIn(new MemoryFile(image.content()));
        assert(allowed.includes(state), `statement ${done}: ${STATEMENTS[done - 1]}`);
      }
    };
    file.operations.forEach((operation, i) => {
      while (done < ran.length && ran[done]!.operations <= i) done++;
      walk.issue(operation);
      // Other tests cut the power while a file is created.
      if (done > 0) judge(states.slice(done - 1, done + 1));
      walk.complete(operation);
    });
    judge([states.at(-1)!]);
    assertGreater(images, 2 * STATEMENTS.length);
    console.log(`power cuts in SQL: ${images} images of ${file.operations.length} operations`);
  });
});
