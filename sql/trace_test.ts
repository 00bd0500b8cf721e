// The trace of a query: the steps, pages and rows of a run, and its limits.

import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Database, open, tuple } from "../mod.ts";
import { sql, SqlError, traceQuery } from "./mod.ts";

/** The root of the catalog in a new file. */
const CATALOG_ROOT = 3;

/** A database with a table of many pages, and one of a few rows. */
function openSample(): Database {
  const db = open(":memory:");
  const query = sql(db);
  query.exec(`
    CREATE TABLE word (name TEXT PRIMARY KEY, meaning TEXT);
    CREATE TABLE pair (a INTEGER PRIMARY KEY, b);
    INSERT INTO pair VALUES (1, 'one'), (2, NULL), (3, x'0a');
  `);
  query.transaction(() => {
    const insert = query.prepare("INSERT INTO word VALUES (?, ?)");
    for (let i = 0; i < 4000; i++) insert.run(`word ${i}`, "-".repeat(i % 90));
  });
  return db;
}

describe("traceQuery", () => {
  it("shows the pages of a point query from the root to the leaf, in the step that seeks", () => {
    using db = openSample();
    const inspector = db.inspect();
    const points: [text: string, tree: string, key: Uint8Array, row: string][] = [
      [
        "SELECT meaning FROM word WHERE name = 'word 77'",
        "sql/table/word",
        tuple.encode([false, "word 77"]),
        `'${"-".repeat(77)}'`,
      ],
      ["SELECT b FROM pair WHERE a = 1", "sql/table/pair", tuple.encode([1n]), "'one'"],
    ];
    for (const [text, tree, key, row] of points) {
      const { steps, rows, instructions, limit } = traceQuery(db, text);
      const lookup = inspector.descend(tree, key);
      assert(lookup.found, text);
      const path = lookup.steps.map(({ page }) => page);
      // The catalog, where the root is found, comes before.
      const [step, ...others] = steps.filter(({ pages }) => pages.length > 0);
      assertEquals(step!.pages, [CATALOG_ROOT, ...path], text);
      assert(["Scan", "SeekRowid"].includes(instructions[step!.address]!.opcode), text);
      assertEquals(others, [], text);
      assertEquals([rows, limit], [[[row]], undefined], text);
    }
    assertGreater(inspector.descend("sql/table/word", points[0]![2]).steps.length, 1);
  });

  it("records each instruction in order, the registers that change, and the rows", () => {
    using db = openSample();
    const trace = traceQuery(db, "SELECT a, b FROM pair WHERE a > 1");
    const { instructions, steps, columns, rows } = trace;
    assertEquals(columns, ["a", "b"]);
    assertEquals(rows, [["2", "NULL"], ["3", "X'0A'"]]);
    assertEquals(
      rows.flat(),
      sql(db).prepare("SELECT quote(a) x, quote(b) y FROM pair WHERE a > 1")
        .all().flatMap(Object.values),
    );
    assertEquals(steps.map(({ row }) => row).filter((row) => row >= 0), [0, 1]);
    for (const { address, row } of steps) {
      if (row >= 0) assertEquals(instructions[address]!.opcode, "Result");
    }
    assertEquals(instructions[steps.at(-1)!.address]!.opcode, "Halt");
    const made = steps.findIndex(({ row }) => row === 1);
    const values = new Map(steps.slice(0, made).flatMap(({ registers }) => registers));
    assert([...values.values()].includes("X'0A'"));
    const listed = sql(db).prepare("EXPLAIN SELECT a, b FROM pair WHERE a > 1").all();
    assertEquals(
      instructions.map(({ opcode }) => opcode),
      listed.map((row) => row["opcode"]).filter((opcode) => opcode !== "Constant"),
    );
  });

  it("returns the rows of a query of any form", () => {
    using db = openSample();
    const texts = [
      "SELECT b, count(*) FROM pair GROUP BY b ORDER BY 1",
      "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n LIMIT 9) SELECT x FROM n",
      "SELECT p.a, q.a FROM pair p JOIN pair q ON p.a < q.a ORDER BY p.a DESC",
      "SELECT a, (SELECT max(a) FROM pair q WHERE q.a <= p.a) FROM pair p UNION SELECT 7, 8",
      "SELECT a, sum(a) OVER (ORDER BY a) FROM pair",
      "SELECT value FROM json_each('[1, \"two\", null]')",
      "SELECT count(*) FROM word WHERE name LIKE 'word 39%'",
      "VALUES (1, 'it''s'), (2.5, zeroblob(2))",
    ];
    for (const text of texts) {
      const { rows, limit } = traceQuery(db, text, [], { steps: 1e6, rows: 1e3, ms: 1e9 });
      const names = Array.from({ length: rows[0]!.length }, (_, i) => `c${i}`);
      const quotes = names.map((name) => `quote(${name})`).join();
      const outer = `WITH r(${names.join()}) AS (${text}) SELECT ${quotes} FROM r`;
      const expected = sql(db).prepare(outer).rows().rows;
      assertEquals(rows.toSorted(), expected.map((row) => row.map(String)).toSorted(), text);
      assertEquals(limit, undefined, text);
    }
  });

  it("ends at each limit, and reports which", () => {
    using db = openSample();
    const endless = "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) ";
    const many = traceQuery(db, `${endless} SELECT count(*) FROM n`);
    assertEquals([many.limit, many.steps.length, many.rows.length], ["steps", 2000, 0]);
    const rows = traceQuery(db, `${endless} SELECT x FROM n`, [], { rows: 3 });
    assertEquals([rows.limit, rows.rows], ["rows", [["1"], ["2"], ["3"]]]);
    assertEquals(rows.steps.filter(({ row }) => row >= 0).length, 3);
    const soon = traceQuery(db, `${endless} SELECT x FROM n`, [], { ms: 0 });
    assertEquals([soon.limit, soon.steps], ["ms", []]);
    const large = traceQuery(db, "SELECT * FROM word", [], { size: 5000 });
    assertEquals(large.limit, "size");
    const size = large.rows.flat().join("").length;
    assert(size < 6000, `${size}`);
    const exact = traceQuery(db, "SELECT a FROM pair", [], { rows: 3 });
    assertEquals([exact.limit, exact.rows.length], [undefined, 3]);
  });

  it("cuts long values", () => {
    using db = openSample();
    const text =
      "SELECT replace(hex(zeroblob(2500)), '0', 'x'), zeroblob(5000), 'a' || char(128512)";
    const [row] = traceQuery(db, text).rows;
    assertEquals(row, [
      `'${"x".repeat(120)}'...`,
      `X'${"00".repeat(48)}'...`,
      `'a${String.fromCodePoint(128512)}'`,
    ]);
  });

  it("refuses anything but a query, with the place, and changes nothing", () => {
    using db = openSample();
    const refused: [text: string, message: string, code: string][] = [
      ["", "there is no statement", "MISUSE"],
      ["\n DELETE FROM pair", "not DELETE, at line 2, column 2", "MISUSE"],
      ["INSERT INTO pair VALUES (9, 9)", "not INSERT, at line 1, column 1", "MISUSE"],
      ["UPDATE pair SET b = 1 RETURNING a", "not UPDATE", "MISUSE"],
      ["CREATE TABLE x (a)", "not CREATE TABLE", "MISUSE"],
      ["DROP TABLE pair", "not DROP", "MISUSE"],
      ["PRAGMA user_version", "not PRAGMA", "MISUSE"],
      ["EXPLAIN SELECT 1", "not EXPLAIN", "MISUSE"],
      ["BEGIN", "not BEGIN", "MISUSE"],
      ["ANALYZE", "not ANALYZE", "MISUSE"],
      ["SELECT 1; DROP TABLE pair", "another statement, at line 1, column 11", "MISUSE"],
      ["SELECT * FROM nothing", "no such table: nothing, at line 1, column 15", "SYNTAX"],
      ["SELECT FROM", "at line 1, column", "SYNTAX"],
      ["SELECT ?", "parameter ?1 has no value", "MISUSE"],
    ];
    const before = [db.version, ...db.trees()];
    for (const [text, message, code] of refused) {
      const error = assertThrows(() => traceQuery(db, text), SqlError, message, text);
      assertEquals(error.code, code, text);
    }
    assertEquals([db.version, ...db.trees()], before);
    assertEquals(sql(db).all("SELECT a FROM pair").length, 3);
  });

  it("makes no trees in a database without SQL, and frees its snapshot", () => {
    using db = open(":memory:");
    const { rows, steps } = traceQuery(db, "SELECT 1 + 1 AS two");
    assertEquals(rows, [["2"]]);
    assert(steps.every(({ pages }) => pages.length === 0));
    assertThrows(() => traceQuery(db, "SELECT abs(-9223372036854775807 - 1)"), SqlError);
    assertEquals([db.version, db.trees().length], [0, 0]);
    assertThrows(() => db.inspect().takeTrace(), TypeError, "none is on");
  });
});
