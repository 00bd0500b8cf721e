/**
 * What exceeds the memory of a statement goes to trees, and comes back in the same order: sorters,
 * sets, buckets and groups keep no more bytes than they may, except for one row.
 */

import { assertEquals, assertGreater, assertLessOrEqual, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Database, open } from "../../mod.ts";
import { AGGREGATES } from "../function/functions.ts";
import { sql } from "../mod.ts";
import { compare } from "../value/compare.ts";
import { Real, type SqlValue } from "../value/value.ts";
import { Buckets } from "./buckets.ts";
import { Groups } from "./groups.ts";
import { RowSet } from "./row_set.ts";
import { Sorter } from "./sorter.ts";
import { bytesOfRow, Memory, Spill } from "./spill.ts";

const BYTES = 20_000;
const ROWS = 3000;
/** The largest row, a text of 1,100 letters in a set, which keeps it twice. */
const ROW_BYTES_MAX = 4600;

/** Rows in no order, with many equal ones and all classes of values. */
function rowAt(i: number): SqlValue[] {
  const mixed = (i * 7919) % 1009;
  const values: SqlValue[] = [mixed, `text ${mixed}`, new Real(mixed / 2), null, 2n ** 60n];
  return [values[mixed % 5]!, i];
}

function withMemory(body: (memory: Memory, database: Database) => void): () => void {
  return () => {
    using database = open(":memory:");
    const memory = new Memory(new Spill({ database, bytes: BYTES }));
    body(memory, database);
    assertLessOrEqual(memory.peak, BYTES + ROW_BYTES_MAX);
    assertGreater(memory.peak, BYTES / 2);
    assertEquals([memory.used, database.trees()], [0, []]);
  };
}

describe("rows that exceed the memory", () => {
  it(
    "are sorted in runs",
    withMemory((memory) => {
      const terms = [{ collation: "BINARY", isDescending: true, nullsLast: true }] as const;
      const sorter = new Sorter(terms, Infinity, memory);
      let most = 0;
      for (let i = 0; i < ROWS; i++) {
        sorter.add(rowAt(i));
        most = Math.max(most, sorter.rows.length * bytesOfRow(rowAt(0)));
      }
      assertLessOrEqual(most, 2 * BYTES);
      sorter.sort();
      const expected = Array.from({ length: ROWS }, (_, i) => rowAt(i));
      // NULL is below all other values, and equal rows keep their order.
      expected.sort(([a], [b]) => -compare(a!, b!));
      const found: SqlValue[][] = [];
      for (let is = sorter.rewind(); is; is = sorter.next()) found.push(sorter.row);
      assertEquals(found, expected);
      sorter.close();
    }),
  );

  it(
    "are found in a set",
    withMemory((memory) => {
      const set = new RowSet(["BINARY"], memory);
      const plain = new RowSet(["BINARY"]);
      for (let i = 0; i < ROWS; i++) {
        // Rows of long texts have keys that are digests.
        const row = i % 50 === 0 ? [`${i % 500}`.padEnd(1100, "x")] : rowAt(i % 900);
        assertEquals(set.addFrom(row, 0), plain.addFrom(row, 0));
      }
      assertEquals(set.delete([rowAt(1)[0]!], 0), true);
      assertEquals(set.has([rowAt(1)[0]!], 0), false);
      plain.delete([rowAt(1)[0]!], 0);
      let count = 0;
      set.sort();
      for (let is = set.rewind(); is; is = set.next(), count++) {
        assertEquals(plain.has(set.row, 0), true);
      }
      plain.sort();
      assertEquals(count, plain.rows.length);
      set.close();
    }),
  );

  it(
    "are found in the buckets of a join",
    withMemory((memory) => {
      const buckets = new Buckets(["NOCASE"], memory);
      for (let i = 0; i < ROWS; i++) {
        buckets.addUnder([i % 2 ? `k${i % 70}` : `K${i % 70}`], 0, [i]);
      }
      for (let k = 0; k < 70; k++) {
        const found: SqlValue[] = [];
        for (let is = buckets.find([`k${k}`], 0); is; is = buckets.next()) {
          found.push(buckets.row[0]!);
        }
        const expected = Array.from({ length: ROWS }, (_, i) => i).filter((i) => i % 70 === k);
        assertEquals(found.sort((a, b) => (a as number) - (b as number)), expected);
      }
      assertEquals(buckets.find(["none"], 0), false);
      buckets.close();
    }),
  );

  it(
    "are grouped, with their aggregates",
    withMemory((memory) => {
      const names = ["count", "sum", "avg", "min", "group_concat", "json_group_array"];
      const states = names.map((name) => () => AGGREGATES.get(name)!.make("BINARY", []));
      const groups = new Groups(["BINARY"], states, memory);
      const plain = new Groups(["BINARY"], states);
      for (let i = 0; i < ROWS; i++) {
        for (const each of [groups, plain]) {
          if (!each.find([(i * 31) % 400], 0)) each.group.kept[0] = i;
          names.forEach((_, state) => each.add(state, [i % 3 ? i : new Real(i / 4), ","], 0, 1));
        }
      }
      const results = (of: Groups) => {
        const rows: SqlValue[][] = [];
        for (let is = of.rewind(); is; is = of.next()) {
          const { key, kept, states } = of.group;
          rows.push([...key, ...kept, ...states.map((state) => state.result())]);
        }
        return rows;
      };
      assertEquals(results(groups), results(plain));
      groups.close();
    }),
  );

  it("go to trees from queries in FROM and from partitions of window functions too", () => {
    using db = open(":memory:");
    using database = open(":memory:");
    const plain = sql(db);
    plain.exec(`
      CREATE TABLE t (a INTEGER PRIMARY KEY, b, c);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
      INSERT INTO t SELECT i, i * 7 % 90, 'the text of ' || i FROM n;
    `);
    const queries = [
      "SELECT x.a, y.c FROM t x JOIN (SELECT b, max(c) AS c FROM t GROUP BY b) y ON y.b > x.a",
      "SELECT a, sum(a) OVER (PARTITION BY b ORDER BY a), rank() OVER (ORDER BY c) FROM t",
      "WITH RECURSIVE n(i) AS (SELECT a FROM t UNION ALL SELECT i + 1 FROM n WHERE i < 50) " +
      "SELECT count(*), sum(i) FROM n",
      "SELECT l.a, r.a FROM t l FULL JOIN (SELECT a + 5 AS a FROM t WHERE b > 4) r ON l.a = r.a",
    ];
    const expected = queries.map((text) => JSON.stringify(plain.all(text)));
    const query = sql(db, { spill: { database, bytes: 2000 } });
    const before = database.version;
    queries.forEach((text, i) => {
      assertEquals(JSON.stringify(query.all(text)), expected[i], text);
      assertEquals(database.trees(), []);
    });
    assertGreater(database.version, before);
  });

  it("need a database of their own, where trees that were left are dropped", () => {
    using db = open(":memory:");
    assertThrows(() => sql(db, { spill: { database: db } }), TypeError, "database of their own");
    using database = open(":memory:");
    database.writeSync((tx) =>
      tx.tree(database.tree("sql/spill/9")).set("left", new Uint8Array(1))
    );
    const query = sql(db, { spill: { database, bytes: 1000 } });
    assertEquals(database.trees(), []);
    query.exec("CREATE TABLE t (a); INSERT INTO t VALUES (3), (1), (2)");
    const rows = query.all("SELECT a FROM t ORDER BY a DESC").map(({ a }) => a);
    assertEquals([rows, database.trees()], [[3, 2, 1], []]);
  });
});
