/**
 * Foreign keys that wait for the end of their transaction, and the pragma that finds broken ones,
 * do the same here and in `node:sqlite`. Each text is one call of `exec`; what it leaves open in
 * SQLite is rolled back.
 */

import { DatabaseSync } from "node:sqlite";
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { sql, SqlError } from "../../sql/mod.ts";

const SCHEMA = `
  CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE, UNIQUE (id, name));
  CREATE TABLE c (
    id INTEGER PRIMARY KEY,
    p INT REFERENCES p DEFERRABLE INITIALLY DEFERRED,
    name REFERENCES p (name) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
  );
  CREATE TABLE now (p INT REFERENCES p, q INT REFERENCES p ON DELETE RESTRICT);
  CREATE TABLE self (id INTEGER PRIMARY KEY, up INT REFERENCES self DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE w (a TEXT PRIMARY KEY, b INT REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED)
    WITHOUT ROWID;
  INSERT INTO p VALUES (1, 'one'), (2, 'two'), (3, 'three');
  INSERT INTO now VALUES (3, NULL);
  CREATE TABLE late (x INT REFERENCES later (y) DEFERRABLE INITIALLY DEFERRED);
`;
const TABLES = ["p", "c", "now", "self", "w"];

/** Texts that run one after the other on one database. */
const TEXTS = [
  "INSERT INTO c VALUES (1, 9, NULL)",
  "BEGIN; INSERT INTO c VALUES (1, 9, NULL); COMMIT",
  "BEGIN; INSERT INTO c VALUES (1, 9, NULL); INSERT INTO p VALUES (9, 'nine'); COMMIT",
  "BEGIN; INSERT INTO c VALUES (2, 8, NULL), (3, 8, NULL); DELETE FROM c WHERE p = 8; COMMIT",
  "BEGIN; INSERT INTO c VALUES (2, 8, NULL); UPDATE c SET p = 2 WHERE p = 8; COMMIT",
  "BEGIN; DELETE FROM p WHERE id = 9; COMMIT",
  "BEGIN; DELETE FROM p WHERE id = 9; INSERT INTO p VALUES (9, 'new'); COMMIT",
  "BEGIN; UPDATE p SET id = 10 WHERE id = 9; UPDATE c SET p = 10 WHERE p = 9; COMMIT",
  "DELETE FROM p WHERE id = 10",
  "INSERT INTO c VALUES (4, NULL, 'ONE')",
  "INSERT INTO c VALUES (5, NULL, 'none')",
  "UPDATE p SET name = 'uno' WHERE id = 1",
  "BEGIN; INSERT INTO c VALUES (6, 7, NULL); SAVEPOINT s; " +
  "INSERT INTO p VALUES (7, 'seven'); RELEASE s; COMMIT",
  "BEGIN; SAVEPOINT s; INSERT INTO c VALUES (7, 77, NULL); ROLLBACK TO s; RELEASE s; COMMIT",
  "SAVEPOINT s; INSERT INTO c VALUES (7, 77, NULL); RELEASE s",
  "SAVEPOINT s; INSERT INTO c VALUES (7, 77, NULL); SAVEPOINT t; RELEASE t; " +
  "DELETE FROM c WHERE p = 77; RELEASE s",
  "BEGIN; INSERT INTO self VALUES (1, 2); INSERT INTO self VALUES (2, 1); COMMIT",
  "BEGIN; DELETE FROM self WHERE id = 1; COMMIT",
  "BEGIN; DELETE FROM self; COMMIT",
  "INSERT INTO self VALUES (3, 3)",
  "BEGIN; INSERT INTO now VALUES (50, NULL); INSERT INTO p VALUES (50, 'x'); COMMIT",
  "PRAGMA defer_foreign_keys = ON; BEGIN; INSERT INTO now VALUES (50, NULL); " +
  "INSERT INTO p VALUES (50, 'x'); COMMIT",
  "BEGIN; PRAGMA defer_foreign_keys = 1; INSERT INTO now VALUES (51, NULL); " +
  "INSERT INTO p VALUES (51, 'y'); COMMIT",
  "BEGIN; INSERT INTO now VALUES (52, NULL); INSERT INTO p VALUES (52, 'z'); COMMIT",
  "BEGIN; PRAGMA defer_foreign_keys = 1; INSERT INTO now VALUES (60, NULL); COMMIT",
  "INSERT INTO now VALUES (NULL, 2)",
  "BEGIN; DELETE FROM p WHERE id = 2; INSERT INTO p VALUES (2, 'two'); COMMIT",
  "BEGIN; PRAGMA defer_foreign_keys = 1; DELETE FROM p WHERE id = 2; " +
  "INSERT INTO p VALUES (2, 'two'); COMMIT",
  "INSERT INTO w VALUES ('a', 40)",
  "BEGIN; INSERT INTO c VALUES (8, 88, NULL); CREATE TABLE other (a); COMMIT",
  "BEGIN; INSERT INTO c VALUES (8, 88, NULL); CREATE TABLE other (a); " +
  "INSERT INTO p VALUES (88, 'q'); COMMIT",
  "BEGIN; INSERT INTO c VALUES (9, 89, NULL); ALTER TABLE c RENAME TO d; " +
  "DELETE FROM d WHERE p = 89; ALTER TABLE d RENAME TO c; COMMIT",
  "BEGIN; INSERT INTO c VALUES (9, 89, NULL); ROLLBACK; INSERT INTO p VALUES (89, 'r')",
  "BEGIN; DROP TABLE p; COMMIT",
];

describe("foreign keys", () => {
  it("that are deferred do the same as in SQLite", () => {
    using db = open(":memory:");
    const here = sql(db);
    using there = new DatabaseSync(":memory:");
    here.exec(SCHEMA);
    there.exec(SCHEMA);
    for (const text of TEXTS) {
      const own = outcome(() => here.exec(text));
      const other = outcome(() => there.exec(text));
      outcome(() => there.exec("ROLLBACK"));
      assertEquals([text, own], [text, other]);
      for (const table of TABLES) {
        const query = `SELECT * FROM ${table} ORDER BY 1, 2`;
        assertEquals([text, plain(here.all(query))], [text, plain(there.prepare(query).all())]);
      }
    }
  });

  it("that are broken at the end of a transaction leave it open to a script", () => {
    using db = open(":memory:");
    const query = sql(db);
    query.exec(SCHEMA);
    const texts = ["BEGIN", "INSERT INTO c VALUES (1, 9, NULL)", "COMMIT", "SAVEPOINT s"];
    texts.push("INSERT INTO p VALUES (9, 'nine')", "RELEASE s", "COMMIT");
    const failed: string[] = [];
    const script = query.script({
      next: () => texts.shift(),
      result: () => {},
      failed: (error) => void failed.push(String(error)),
    });
    for (const _ of script);
    assertEquals(failed, ["SqlError: FOREIGN KEY constraint failed"]);
    assertEquals(query.all("SELECT p FROM c"), [{ p: 9 }]);
  });

  it("that are broken at the end of a transaction of a program roll it back", () => {
    using db = open(":memory:");
    const query = sql(db);
    query.exec(SCHEMA);
    const broken = () => query.transaction(() => query.run("INSERT INTO c VALUES (1, 9, NULL)"));
    assertEquals(assertThrows(broken, SqlError, "FOREIGN KEY").code, "CONSTRAINT");
    assertEquals(query.all("SELECT * FROM c"), []);
    query.run("INSERT INTO c VALUES (1, 3, NULL)");
  });

  it("that are broken are found as in SQLite", () => {
    using db = open(":memory:");
    const here = sql(db);
    using there = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
    there.exec(SCHEMA);
    here.exec(SCHEMA);
    const rows = [
      "INSERT INTO c VALUES (1, 9, NULL), (2, 1, 'ONE'), (3, NULL, 'x')",
      "INSERT INTO now VALUES (3, 4), (5, 6)",
      "INSERT INTO w VALUES ('a', 40)",
      "INSERT INTO late VALUES (1), (NULL)",
    ];
    for (const text of rows) there.exec(text);
    // Here they are broken inside of a transaction only, and LATE has no parent to refer to.
    const queries = ["", "(c)", "(now)", "(p)"].map((table) => `PRAGMA foreign_key_check${table}`);
    const found: unknown[] = [];
    assertThrows(() =>
      here.transaction(() => {
        here.exec("PRAGMA defer_foreign_keys = 1");
        for (const text of rows.slice(0, -1)) here.exec(text);
        for (const text of queries) found.push(sorted(plain(here.all(text))));
      }), SqlError);
    const wanted = queries.map((text) =>
      sorted(plain(there.prepare(text).all()).filter(({ table }) => table !== "late"))
    );
    assertEquals(found, wanted);
    assertThrows(() => here.all("PRAGMA foreign_key_check(nosuch)"), SqlError, "no such table");
  });
});

function outcome(run: () => void): string {
  try {
    run();
    return "ok";
  } catch {
    return "failed";
  }
}

function plain(rows: object[]): Record<string, unknown>[] {
  return rows.map((row) => ({ ...row }));
}

function sorted(rows: object[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
