/**
 * ALTER TABLE RENAME where SQLite refuses or changes what a view or trigger means. What both do
 * alike is in `programs/rename.sql`.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { type Sql, sql, SqlError } from "../../sql/mod.ts";

const TABLES = "CREATE TABLE t(x INTEGER PRIMARY KEY, z); CREATE TABLE u(x, q);";

/** The statements of the schema, by name. */
function texts(db: Sql): Record<string, string> {
  return Object.fromEntries(db.schema().map(({ name, sql }) => [name, sql]));
}

/** The statement of `o` after a rename. */
function renamed(create: string, rename: string): string | undefined {
  using db = open(":memory:");
  const here = sql(db);
  here.exec(`${TABLES} ${create}; ALTER TABLE ${rename}`);
  return texts(here)["o"];
}

/** Asserts that a rename is refused, and that the schema stays as it was. */
function assertRefused(create: string, rename: string, message: string): void {
  using db = open(":memory:");
  const here = sql(db);
  here.exec(`${TABLES} INSERT INTO t VALUES (1, 2); ${create}`);
  const before = texts(here);
  assertThrows(() => here.exec(`ALTER TABLE ${rename}`), SqlError, message);
  assertEquals(texts(here), before);
  assertEquals(here.prepare("SELECT x, z FROM t").rows().rows, [[1, 2]]);
}

describe("ALTER TABLE RENAME", () => {
  it("rewrites a table after IN", () => {
    assertEquals(
      renamed("CREATE VIEW o AS SELECT q FROM u WHERE (q, x) IN t", "t RENAME TO n"),
      'CREATE VIEW o AS SELECT q FROM u WHERE (q, x) IN "n"',
    );
  });

  it("leaves the row of an upsert, aliases and the rowid as they are", () => {
    const trigger = (body: string) => `CREATE TRIGGER o AFTER INSERT ON u BEGIN ${body}; END`;
    const upsert = "(x) VALUES (1) ON CONFLICT (x) DO UPDATE SET x = excluded.x WHERE k.x > rowid";
    assertEquals(
      renamed(trigger(`INSERT INTO t AS k${upsert}`), "t RENAME TO n"),
      trigger(`INSERT INTO "n" AS k${upsert}`),
    );
    assertEquals(
      renamed(trigger("UPDATE t AS k SET (z, x) = (k.x, rowid)"), "t RENAME x TO y"),
      trigger("UPDATE t AS k SET (z, y) = (k.y, rowid)"),
    );
  });

  it("rewrites temporary views and triggers", () => {
    using db = open(":memory:");
    const here = sql(db);
    here.exec(`${TABLES} CREATE TEMP VIEW v AS SELECT x FROM t WHERE t.x > 0;
      CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO u VALUES (new.x, 1); END;
      ALTER TABLE t RENAME TO n; ALTER TABLE n RENAME x TO y; INSERT INTO n VALUES (7, 8)`);
    assertEquals(here.prepare("SELECT y, u.x FROM v, u").rows().rows, [[7, 7]]);
  });

  for (
    const [create, rename, message] of [
      ["CREATE VIEW v AS SELECT (SELECT z FROM u) FROM t", "t RENAME z TO q", "view v would mean"],
      ["CREATE VIEW v AS SELECT z AS y FROM t WHERE y > 1", "t RENAME x TO y", "view v would mean"],
      ["CREATE VIEW v AS SELECT z FROM t NATURAL JOIN u", "t RENAME x TO y", "view v would mean"],
      [
        "CREATE VIEW v AS SELECT z FROM t, u WHERE q = z",
        "t RENAME z TO q",
        "error in view v after",
      ],
      [
        "CREATE VIEW v AS WITH n(z) AS (SELECT 1) SELECT z FROM t",
        "t RENAME TO n",
        "view v would mean",
      ],
      [
        "CREATE TRIGGER r AFTER INSERT ON u BEGIN SELECT new.x, t.x FROM t; END",
        "t RENAME TO new",
        "trigger r would mean",
      ],
      [
        "CREATE TRIGGER r AFTER UPDATE OF q ON u BEGIN DELETE FROM t WHERE x = old.nope; END",
        "t RENAME TO n",
        "error in trigger r: no such column: old.nope",
      ],
    ] as const
  ) {
    it(`refuses ${rename} with ${create}`, () => assertRefused(create, rename, message));
  }
});
