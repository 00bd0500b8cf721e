/**
 * `quire sql` in its own process: scripts through a pipe, with transactions, modes, errors, and
 * control characters in values.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { sql } from "../../sql/mod.ts";
import { quire } from "../support/programs/cli.ts";
import { inTempDir } from "../support/temp.ts";

/** Runs a script on a new file, whose table `t` has two rows. */
async function run(dir: string, lines: readonly string[]) {
  const path = `${dir}/a.quire`;
  {
    using db = open(path);
    sql(db).exec("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, name TEXT)");
    sql(db).exec("INSERT OR IGNORE INTO t VALUES (1, 'ant'), (2, 'b' || char(27) || '[2J')");
  }
  return await quire(["sql", path], { input: lines.join("\n") });
}

describe("sql: a script", () => {
  it("prints rows as JSON, tables or CSV, and knows short statements", () =>
    inTempDir(async (dir) => {
      const { code, out, err } = await run(dir, [
        "insert 3 x'y",
        "insert 4 'it''s one' ",
        "INSERT  INTO t",
        "VALUES (5, 'two blanks');",
        "SELECT",
        "  id,",
        "  name FROM t WHERE id <> 2;",
        "SELECT x'00ff' AS b, 9007199254740993 AS n, 1.0 AS r, NULL AS z;",
        ".mode csv",
        "select 'a,b' AS c, 2 AS d;",
        ".mode table",
        "SELECT name FROM t WHERE id = 2;",
        ".tables",
      ]);
      assertEquals([code, err], [0, ""]);
      assertEquals(out.split("\n"), [
        '{"id":1,"name":"ant"}',
        '{"id":3,"name":"x\'y"}',
        '{"id":4,"name":"it\'s one"}',
        '{"id":5,"name":"two blanks"}',
        '{"b":{"blob":"00ff"},"n":9007199254740993,"r":1.0,"z":null}',
        "c,d",
        '"a,b",2',
        "name",
        "----------",
        "b\\u001b[2J",
        "(1 row)",
        "t",
        "",
      ]);
    }));

  it("may be an argument", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const script = "CREATE TABLE t (a);\nINSERT INTO t VALUES (1); SELECT a FROM t;\nSELECT no";
      const { code, out, err } = await quire(["sql", path, script], { input: "SELECT 2;" });
      assertEquals([code, out], [5, '{"a":1}\n']);
      assertMatch(err, /^line 3, column 8: no such column: no\n$/);
    }));

  it("stops at its first error, and rolls back what is open", () =>
    inTempDir(async (dir) => {
      const failed = await run(dir, [
        "BEGIN;",
        "DELETE FROM t;",
        "SELECT",
        "  nosuch;",
        "COMMIT;",
      ]);
      assertEquals([failed.code, failed.out], [5, ""]);
      assertMatch(failed.err, /^line 4, column 3: no such column: nosuch\n$/);
      const open = await run(dir, ["BEGIN;", "DELETE FROM t;"]);
      assertEquals(open.code, 5);
      assertMatch(open.err, /a transaction is open at the end/);
      const unfit = await run(dir, ["insert 6 too many", "SELECT 1;"]);
      assertEquals([unfit.code, unfit.out], [5, ""]);
      assertMatch(unfit.err, /^line 1, column 8: near "6": syntax error/);
      const unknown = await run(dir, [".nosuch"]);
      assertEquals(unknown.code, 2);
      const kept = await run(dir, ["SELECT count(*) AS n FROM t;"]);
      assertEquals(kept.out, '{"n":2}\n');
    }));
});
