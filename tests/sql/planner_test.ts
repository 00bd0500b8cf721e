/**
 * The planner of SQL: how it reaches rows, as EXPLAIN shows it.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { type Sql, sql, traceQuery } from "../../sql/mod.ts";

function withSql(body: (query: Sql) => void): () => void {
  return () => {
    using db = open(":memory:");
    body(sql(db));
  };
}

/** The rows of a query, without names. */
function rowsOf(query: Sql, text: string): unknown[][] {
  return query.all(text).map((row) => Object.values(row));
}

describe("the planner", () => {
  const planOf = (query: Sql, text: string) =>
    query.all(`EXPLAIN QUERY PLAN ${text}`).map(({ detail }) => detail);

  it(
    "searches by keys and indexes, and orders by them",
    withSql((query) => {
      query.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, k INT, v TEXT)");
      query.exec("CREATE INDEX by_k ON t (k, v); CREATE TABLE u (k INT, w INT)");
      query.transaction(() => {
        for (let i = 0; i < 300; i++) query.run("INSERT INTO t VALUES (?, ?, ?)", i, i % 50, "x");
        for (let i = 0; i < 300; i++) query.run("INSERT INTO u VALUES (?, ?)", i, i % 7);
      });
      assertEquals(planOf(query, "SELECT * FROM t WHERE id = 5"), [
        "SEARCH t USING PRIMARY KEY (rowid=?)",
      ]);
      assertEquals(planOf(query, "SELECT * FROM t WHERE k = 5 AND v > 'a'"), [
        "SEARCH t USING INDEX by_k (k=? AND v>?)",
      ]);
      assertEquals(planOf(query, "SELECT * FROM t ORDER BY id DESC LIMIT 3"), ["SCAN t"]);
      assertEquals(planOf(query, "SELECT * FROM t ORDER BY k LIMIT 3"), [
        "SCAN t USING INDEX by_k",
      ]);
      assertEquals(planOf(query, "SELECT count(*) FROM t"), ["COUNT t"]);
      const joined = planOf(query, "SELECT t.v FROM t, u WHERE t.id = u.w AND u.k = 3");
      assertEquals(joined, ["SCAN u", "SEARCH t USING PRIMARY KEY (rowid=?)"]);
      assertEquals(planOf(query, "SELECT * FROM t, u WHERE t.k = u.k").length, 2);
    }),
  );

  it(
    "searches a key for each value of IN, and of a column that equals one value OR another",
    withSql((query) => {
      query.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, k INT, v TEXT)");
      query.exec("CREATE INDEX by_k ON t (k, v); CREATE TABLE u (id INT, k INT, v TEXT)");
      const byId = "SEARCH t USING PRIMARY KEY (rowid=?)";
      const isSearched: [string, string][] = [
        ["id IN (1, ?)", byId],
        ["id = 1 OR 3 = id OR id IN (7)", byId],
        ["id IN (SELECT id FROM u WHERE v = 'x')", byId],
        ["k IN (1, 2) AND v > 'a'", "SEARCH t USING INDEX by_k (k=? AND v>?)"],
        ["k = 1 AND v IN (SELECT v FROM u)", "SEARCH t USING INDEX by_k (k=? AND v=?)"],
        // The query of each row is another, or the values are.
        ["id IN (SELECT id FROM u WHERE u.v = t.v)", "SCAN t"],
        ["id IN (k, 3)", "SCAN t"],
        ["id NOT IN (1, 2)", "SCAN t"],
        ["id = 1 OR v = 'x'", "SCAN t"],
        ["id = 1 OR k = 1 AND random() > 0", "SCAN t"],
        ["v COLLATE NOCASE IN ('a') AND k + 0 IN (1)", "SCAN t"],
      ];
      for (const [where, plan] of isSearched) {
        assertEquals(planOf(query, `SELECT * FROM t WHERE ${where}`)[0], plan, where);
      }
      // Names of the query that other tables of the join have too are its own.
      const joined = "SELECT * FROM u AS o, t WHERE o.k = t.k AND t.id IN (SELECT id FROM u)";
      assertEquals(planOf(query, joined)[0], byId);
    }),
  );

  it(
    "searches several indexes for the sides of an OR, and finds each row once, by its key",
    withSql((query) => {
      query.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, k INT, v TEXT)");
      query.exec("CREATE INDEX by_k ON t (k, v); CREATE INDEX by_v ON t (v)");
      query.exec("INSERT INTO t VALUES (3, 1, 'x'), (2, 1, 'y'), (1, 2, 'x'), (4, 2, 'z')");
      const text = "SELECT id FROM t WHERE v = 'x' OR k = 1 AND v < 'z' ORDER BY id";
      assertEquals(planOf(query, text), [
        "MULTI-INDEX OR t",
        "SEARCH t USING INDEX by_v (v=?)",
        "SEARCH t USING INDEX by_k (k=? AND v<?)",
      ]);
      assertEquals(rowsOf(query, text), [[1], [2], [3]]);
      query.run("UPDATE t SET k = k + 1 WHERE k = 1 OR v = 'x' OR id = 4");
      assertEquals(rowsOf(query, "SELECT k FROM t ORDER BY id"), [[3], [2], [2], [3]]);
    }),
  );

  it(
    "searches an index for the texts and the blobs that a pattern may match",
    withSql((query) => {
      query.exec("CREATE TABLE t (v TEXT, n TEXT COLLATE NOCASE, w INT)");
      query.exec(
        "CREATE INDEX by_v ON t (v); CREATE INDEX by_n ON t (n); CREATE INDEX by_w ON t (w)",
      );
      query.exec("INSERT INTO t VALUES ('ab', 'AB', 1), (x'6163', x'4143', 10), ('Ab', 'b', 2)");
      const searched: [string, string, number][] = [
        ["v GLOB 'a*'", "SEARCH t USING INDEX by_v (v>? AND v<?)", 2],
        ["n LIKE 'a%'", "SEARCH t USING INDEX by_n (n>? AND n<?)", 2],
        ["v LIKE 'a%'", "SCAN t", 3],
        ["n GLOB 'A*'", "SCAN t", 2],
        ["v GLOB '*b'", "SCAN t", 2],
        ["n LIKE '!a%' ESCAPE '!'", "SEARCH t USING INDEX by_n (n>? AND n<?)", 2],
        ["n LIKE '!%%' ESCAPE '!'", "SEARCH t USING INDEX by_n (n>? AND n<?)", 0],
        ["v GLOB 'a' || '*'", "SEARCH t USING INDEX by_v (v>? AND v<?)", 2],
        ["v GLOB '*' || 'b'", "SCAN t", 2],
        ["v NOT GLOB 'a*'", "SCAN t", 1],
        // A number matches as text.
        ["w GLOB '1*'", "SCAN t", 2],
      ];
      for (const [where, plan, count] of searched) {
        assertEquals(planOf(query, `SELECT * FROM t WHERE ${where}`), [plan], where);
        assertEquals(rowsOf(query, `SELECT count(*) FROM t WHERE ${where}`), [[count]], where);
      }
      const ordered = "SELECT v FROM t WHERE v GLOB 'a*' ORDER BY v DESC";
      assertEquals(planOf(query, ordered), ["SEARCH t USING INDEX by_v (v>? AND v<?)"]);
      assertEquals(rowsOf(query, ordered), [[new Uint8Array([0x61, 0x63])], ["ab"]]);
    }),
  );

  it(
    "searches for the prefix of a pattern that is a parameter, and scans if it has none",
    withSql((query) => {
      query.exec("CREATE TABLE t (v TEXT, w); CREATE INDEX by_v ON t (v)");
      query.exec("INSERT INTO t VALUES ('ab', 1), ('b', 2), ('1', 3), (x'6163', 4), (NULL, 5)");
      const text = "SELECT sum(w) AS s FROM t WHERE v GLOB ? || '*'";
      assertEquals(planOf(query, text), ["SEARCH t USING INDEX by_v (v>? AND v<?)"]);
      const statement = query.prepare<{ s: number | null }>(text);
      const sums = ["a", "", "*b", "b", 1, null, "[a1]", "z"].map((v) => statement.get(v)?.s);
      assertEquals(sums, [5, 10, 3, 2, 3, null, 8, null]);
      const escaped = query.prepare<{ s: number }>(
        "SELECT sum(w) AS s FROM t WHERE v LIKE ? ESCAPE ?",
      );
      assertEquals(["!", "b"].map((v) => escaped.get("ab", v)?.s), [1, null]);
    }),
  );

  it(
    "visits one row of each value for DISTINCT, and skips rows without a look at them",
    withSql((query) => {
      query.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, k INT, v)");
      query.exec("CREATE INDEX by_k ON t (k)");
      query.transaction(() => {
        for (let i = 0; i < 200; i++) query.run("INSERT INTO t VALUES (?, ?, 'x')", i, i % 3);
      });
      const visited = (text: string) => {
        const { steps, instructions } = traceQuery(query.db, text);
        return steps.filter(({ address }) => instructions[address]!.opcode === "Next").length;
      };
      const distinct = "SELECT DISTINCT k FROM t";
      assertEquals(planOf(query, distinct), ["SCAN t USING INDEX by_k"]);
      assertEquals(rowsOf(query, distinct), [[0], [1], [2]]);
      assertEquals([...query.iterate(distinct)].length, 3);
      assertEquals(rowsOf(query, `${distinct} ORDER BY k DESC`), [[2], [1], [0]]);
      assertEquals(rowsOf(query, "SELECT count(DISTINCT k) FROM t"), [[3]]);
      assertEquals(rowsOf(query, "SELECT k FROM t WHERE k > 0 GROUP BY k"), [[1], [2]]);
      assertEquals(visited(distinct), 3);
      assertEquals(visited("SELECT v FROM t LIMIT 2 OFFSET 150"), 1);
      assertEquals(rowsOf(query, "SELECT id FROM t ORDER BY k DESC LIMIT 2 OFFSET 66"), [[199], [
        196,
      ]]);
      // The order of an index that has all columns costs no sort.
      assertEquals(planOf(query, "SELECT id, k FROM t ORDER BY k"), ["SCAN t USING INDEX by_k"]);
    }),
  );

  it(
    "reads only an index that has all columns",
    withSql((query) => {
      query.exec("CREATE TABLE t (a INT, b INT, c); CREATE INDEX i ON t (a, b)");
      query.exec("INSERT INTO t VALUES (1, 2, 3)");
      const opcodes = query.all("EXPLAIN SELECT b FROM t WHERE a = 1").map(({ opcode }) => opcode);
      assertEquals(opcodes.includes("Part") && !opcodes.includes("SeekEntry"), true);
      assertEquals(rowsOf(query, "SELECT b FROM t WHERE a = 1"), [[2]]);
    }),
  );

  it(
    "reads groups, an extreme, and what a join searches in the order of an index",
    withSql((query) => {
      query.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, k INT, v INT, w)");
      query.exec("CREATE INDEX by_k ON t (k, v)");
      const orders: [string, string][] = [
        ["SELECT k, sum(v) FROM t GROUP BY k", "SCAN t USING INDEX by_k"],
        ["SELECT max(k) FROM t", "SCAN t USING INDEX by_k"],
        [
          "SELECT count(b.id) FROM t a LEFT JOIN t b ON b.id = a.k * 2",
          "SCAN t AS a USING INDEX by_k",
        ],
        // The row of each entry would be searched.
        ["SELECT k, sum(w) FROM t GROUP BY k", "SCAN t"],
        ["SELECT max(k) FROM t WHERE w = 1", "SCAN t"],
        ["SELECT group_concat(k) FROM t", "SCAN t"],
      ];
      for (const [text, plan] of orders) assertEquals(planOf(query, text)[0], plan, text);
    }),
  );

  it(
    "stops at the first row for a MIN or a MAX in the order of a key",
    withSql((query) => {
      query.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, k INT, v INT)");
      query.exec("CREATE INDEX by_k ON t (k, v); INSERT INTO t VALUES (1, 1, NULL), (2, 1, 5)");
      query.exec("INSERT INTO t VALUES (3, 1, 7), (4, 2, 9)");
      const seen = (text: string) => {
        const { steps, instructions } = traceQuery(query.db, text);
        const opcodes = steps.map(({ address }) => instructions[address]!.opcode);
        return opcodes.filter((opcode) => opcode === "NotNull").length;
      };
      assertEquals(rowsOf(query, "SELECT max(v) FROM t WHERE k = 1"), [[7]]);
      assertEquals(seen("SELECT max(v) FROM t WHERE k = 1"), 1);
      // A NULL is no minimum.
      assertEquals(rowsOf(query, "SELECT min(v) FROM t WHERE k = 1"), [[5]]);
      assertEquals(seen("SELECT min(v) FROM t WHERE k = 1"), 2);
      assertEquals(seen("SELECT max(id) FROM t"), 1);
    }),
  );
});
