// The explorer's query: what it returns is what the database does, and it changes nothing.

import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Database, open, tuple } from "../../../mod.ts";
import { sql } from "../../../sql/mod.ts";
import { explore } from "../../mod.ts";
import type { Refusal, SqlInfo } from "../api_types.ts";
import { runsOf } from "./sql_info.ts";

/** The response to a query, as text. */
type Run = (text: string) => Promise<{ status: number; body: string }>;

/** Runs a test with an explorer of a database with one table. */
async function withTable(body: (run: Run, db: Database) => Promise<void>): Promise<void> {
  using db = open(":memory:");
  sql(db).exec(`
    CREATE TABLE city (name TEXT PRIMARY KEY, people INTEGER);
    INSERT INTO city VALUES ('Lisboa', 545000), ('Porto', 232000), ('<b>', NULL);
  `);
  const explorer = explore(db);
  const [base, token] = explorer.url.split("/#token=");
  try {
    await body(async (text) => {
      const response = await fetch(`${base}/api/sql?${new URLSearchParams({ text })}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      assertStringIncludes(response.headers.get("content-type")!, "application/json");
      return { status: response.status, body: await response.text() };
    }, db);
  } finally {
    await explorer.close();
  }
}

describe("explorer: a query", () => {
  it("has its program, its rows, and the pages of each step", () =>
    withTable(async (run, db) => {
      const { status, body } = await run("SELECT people FROM city WHERE name = 'Porto'");
      assertEquals(status, 200, body);
      const info: SqlInfo = JSON.parse(body);
      assertEquals([info.columns, info.rows, info.limit], [["people"], [["232000"]], ""]);
      const key = tuple.encode([false, "Porto"]);
      const path = db.inspect().descend("sql/table/city", key).steps.map(({ page }) => page);
      const touched = info.steps.flatMap(({ pages }) => pages).flatMap(([first, count]) =>
        Array.from({ length: count }, (_, i) => first + i)
      );
      assertEquals(touched.slice(-path.length), path);
      for (const { address } of info.steps) assert(info.instructions[address] !== undefined);
      assertEquals(info.steps.filter(({ row }) => row === 0).length, 1);
    }));

  it("is bounded, and says so", () =>
    withTable(async (run) => {
      const endless = "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n)";
      const rows: SqlInfo = JSON.parse((await run(`${endless} SELECT x FROM n`)).body);
      assert(["rows", "ms"].includes(rows.limit), rows.limit);
      assert(rows.rows.length <= 100);
      const { body } = await run(`${endless} SELECT count(*) FROM n`);
      const steps: SqlInfo = JSON.parse(body);
      assert(["steps", "ms"].includes(steps.limit), steps.limit);
      assert(steps.steps.length <= 2000);
      assertLess(body.length, 2_000_000);
    }));

  it("is refused in one line, with the place, unless it only reads", () =>
    withTable(async (run, db) => {
      const before = [db.version, ...db.trees()];
      const refused = [
        ["SELECT *\nFROM nothing", "no such table: nothing, at line 2, column 6"],
        ['SELECT * FROM "no\nsuch"', "no such table: no such, at line 1, column 15"],
        ["DELETE FROM city", "only a query can be traced, not DELETE, at line 1, column 1"],
        ["SELECT 1; DELETE FROM city", "another statement, at line 1, column 11"],
        ["WITH a AS (SELECT 1) DELETE FROM city", "not DELETE"],
        ["PRAGMA foreign_keys = 0", "not PRAGMA"],
      ];
      for (const [text, message] of refused) {
        const { status, body } = await run(text!);
        assertEquals(status, 400, body);
        const { error }: Refusal = JSON.parse(body);
        assertStringIncludes(error, message!);
        assert(/^Cannot [^:\n]+: [^\n]+$/.test(error), error);
      }
      assertEquals([db.version, ...db.trees()], before);
    }));
});

describe("runsOf", () => {
  it("joins adjacent pages, and keeps the order", () => {
    assertEquals(runsOf([]), []);
    assertEquals(runsOf([3, 9, 10, 11, 4, 5, 3]), [[3, 1], [9, 3], [4, 2], [3, 1]]);
  });
});
