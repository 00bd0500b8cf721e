/**
 * The runner of sqllogictest's scripts takes every record of that format as SQLite's own does, and
 * notices what differs.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../../mod.ts";
import { sql } from "../../../sql/mod.ts";
import { type LogicFailure, runLogicScript } from "./logic_script.ts";

const TABLE = "statement ok\nCREATE TABLE t(x, y)\n\n" +
  "statement ok\nINSERT INTO t VALUES (2, 'b'), (10, NULL), (1, '')\n\n";

/** Runs a script on a table of three rows, and returns the lines that failed. */
function failuresOf(script: string, asSqlite = false): readonly LogicFailure[] {
  using db = open(":memory:");
  return runLogicScript(sql(db), TABLE + script, asSqlite).failures;
}

function assertHolds(script: string, asSqlite = false): void {
  assertEquals(failuresOf(script, asSqlite), []);
}

function assertFails(script: string): void {
  assertEquals(failuresOf(script).length, 1, script);
}

describe("the runner of sqllogictest", () => {
  it("sorts by rows and by values, as bytes", () => {
    assertHolds(
      "query IT nosort\nSELECT x, y FROM t ORDER BY x\n----\n1\n(empty)\n2\nb\n10\nNULL\n",
    );
    assertHolds("query IT rowsort\nSELECT x, y FROM t\n----\n1\n(empty)\n10\nNULL\n2\nb\n");
    assertHolds("query IT valuesort\nSELECT x, y FROM t\n----\n(empty)\n1\n10\n2\nNULL\nb\n");
    assertFails("query IT nosort\nSELECT x, y FROM t ORDER BY x\n----\n1\n2\n10\n");
  });

  it("formats integers, reals in three digits, and printable text", () => {
    assertHolds("query III\nSELECT 4294967297, '12x', 2.9\n----\n4294967297\n12\n2\n");
    assertHolds("query RRR\nSELECT 1, '2.5', 2.0005\n----\n1.000\n2.500\n2.001\n");
    assertHolds("query TT\nSELECT 'a' || char(9, 228), ''\n----\na@@\n(empty)\n");
  });

  it("formats as SQLite's own runner where it is asked to", () => {
    assertHolds("query III\nSELECT 4294967297, '12x', 2.9\n----\n1\n12\n2\n", true);
    assertHolds("query RRR\nSELECT 1, 2.0005, 1e9\n----\n1.000\n2.001\n1000000000.000\n", true);
    assertHolds("query TT\nSELECT 'a' || char(9, 228), char(97, 0, 98)\n----\na@@@\na\n", true);
  });

  it("takes digests, whatever the threshold", () => {
    const digest = "3 values hashing to 91ff90854a35e9226df03b9b06c2f9c8";
    assertHolds(`query I rowsort\nSELECT x FROM t\n----\n${digest}\n`);
    assertHolds(`hash-threshold 2\n\nquery I rowsort\nSELECT x FROM t\n----\n${digest}\n`);
    assertFails(`query I rowsort\nSELECT x + 1 FROM t\n----\n${digest}\n`);
  });

  it("takes carriage returns, and comments wherever they are", () => {
    const script = "# before\n\nskipif mysql # not there\n# between\nquery I rowsort\nSELECT x\n" +
      "# inside\nFROM t\n----\n1\n# of results\n10\n2\n\n# behind";
    assertHolds(script);
    assertHolds(script.replaceAll("\n", "\r\n"));
  });

  it("runs what is for SQLite alone, and halts", () => {
    assertHolds("onlyif mssql\nhalt\n\nonlyif SQLite\nskipif oracle\nstatement ok\nSELECT 1\n");
    assertHolds("skipif sqlite\nstatement ok\nno statement\n\nskipif mysql\nhalt\n\nno record\n");
    assertFails("onlyif mssql\nhalt\n\nstatement ok\nno statement\n");
  });

  it("compares labels, also with results that are skipped", () => {
    const first = "query I nosort label-1\nSELECT 1\n----\n1\n\n";
    assertHolds(`${first}query I nosort label-1\nSELECT 2 - 1\n----\n1\n`);
    assertFails(`${first}query I nosort label-1\nSELECT 2\n----\n2\n`);
    assertFails(`${first}onlyif mysql\nquery I nosort label-1\nSELECT 2\n----\n2\n`);
  });

  it("refuses records that it does not know", () => {
    assertFails("statement maybe\nSELECT 1\n");
    assertFails("query X\nSELECT 1\n----\n1\n");
    assertFails("query I upsort\nSELECT 1\n----\n1\n");
    assertFails("query II\nSELECT 1\n----\n1\n");
    assertFails("DROP TABLE t\n");
    assertFails("statement error\nSELECT 1\n");
  });

  it("runs a statement of a foreign script without its kind", () => {
    assertHolds("skipif mssql\nDROP TABLE\nt\n\nstatement error\nSELECT * FROM t\n", true);
    assertHolds("onlyif mssql\nDROP TABLE t\n\nstatement ok\nSELECT * FROM t\n", true);
    assertEquals(failuresOf("simple\nSELECT 1\n", true).length, 1);
  });

  it("compares no result that a foreign script does not state", () => {
    const script = "query I\nSELECT sum(x) FROM (SELECT 1 << 62 AS x FROM t)\n----\n\n";
    assertEquals(failuresOf(script, true), []);
    assertFails(script);
  });
});
