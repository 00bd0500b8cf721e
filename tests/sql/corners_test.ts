/**
 * Queries whose answer is easily wrong, because they meet a plan, a cursor or a memory of a
 * statement that was made for others. Each has the answer of `node:sqlite`.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { sql, SqlError } from "../../sql/mod.ts";
import { unlike } from "./support/alike.ts";

/** Tests that statements do the same in both. */
function isAlike(statements: readonly string[]): () => void {
  return () => assertEquals(unlike(statements), []);
}

/** Enough rows for a coin to fall on both sides. */
const COINS = [
  "CREATE TABLE coin (n INTEGER PRIMARY KEY)",
  `INSERT INTO coin WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200)
   SELECT n FROM c`,
];

describe("a plan", () => {
  it(
    "takes the order of the rowid from no index on an expression",
    isAlike([
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)",
      "INSERT INTO t VALUES (1, 5, 1), (2, 4, 1), (3, 3, 1), (4, 3, 1), (5, 3, 2)",
      "CREATE INDEX by_size ON t (abs(a), b)",
      "SELECT id, a FROM t WHERE abs(a) > 2 ORDER BY id",
      "SELECT id, a FROM t WHERE abs(a) > 2 ORDER BY rowid DESC",
      "SELECT id, a FROM t WHERE abs(a) = 3 ORDER BY id DESC",
      "SELECT id, a FROM t WHERE abs(a) = 3 ORDER BY b, id DESC",
      "SELECT id, a FROM t WHERE abs(a) = 3 AND b = 1 ORDER BY id DESC",
    ]),
  );

  it(
    "checks the ON of a left join whatever names a query inside it has",
    isAlike([
      "CREATE TABLE a (x)",
      "CREATE TABLE b (x, w)",
      "CREATE TABLE c (y)",
      "CREATE TABLE d (y)",
      "INSERT INTO a VALUES (1), (2)",
      "INSERT INTO b VALUES (1, 1), (2, 2), (3, 3)",
      "INSERT INTO c VALUES (1), (2)",
      "INSERT INTO d VALUES (2), (3)",
      "SELECT * FROM a LEFT JOIN b ON b.x = (SELECT max(y) FROM d) LEFT JOIN c ON c.y = a.x",
      "SELECT * FROM a LEFT JOIN b ON b.x IN (SELECT y FROM d) JOIN c ON c.y = a.x",
      "SELECT * FROM a LEFT JOIN b ON EXISTS (SELECT 1 FROM d WHERE y > b.x) JOIN c ON c.y = a.x",
      "SELECT * FROM a LEFT JOIN b ON b.x = (SELECT y FROM d WHERE y > a.x) LEFT JOIN c ON 1",
      "SELECT * FROM a LEFT JOIN b ON a.x = c.y JOIN c",
      "SELECT * FROM a LEFT JOIN b ON b.x = a.x AND c.y = 1, c",
      "SELECT * FROM a JOIN b ON a.x = c.y JOIN c",
      "SELECT * FROM a JOIN b ON (SELECT max(y) FROM d) < b.x FULL JOIN c ON 1",
      "SELECT * FROM a JOIN b ON (SELECT max(y) FROM d) < b.x RIGHT JOIN c ON 1",
      "SELECT * FROM a FULL JOIN b ON (SELECT max(y) FROM d) < b.x FULL JOIN c ON a.x",
      "SELECT * FROM a FULL JOIN b ON a.x = b.x JOIN c ON c.y = d.y JOIN d",
      "SELECT * FROM a JOIN b ON a.x = c.y FULL JOIN c ON a.x = c.y",
    ]),
  );

  it(
    "evaluates random functions for each row",
    isAlike([
      ...COINS,
      "SELECT count(*) BETWEEN 60 AND 140 FROM coin WHERE random() > 0",
      "SELECT count(*) BETWEEN 60 AND 140 FROM coin WHERE abs(random() % 2) = 0 AND 1 = 1",
      "SELECT count(*) BETWEEN 60 AND 140 FROM (SELECT n FROM coin WHERE random() > 0)",
      `SELECT count(*) BETWEEN 60 AND 140
       FROM coin a LEFT JOIN coin b ON b.n = a.n AND random() > 0 WHERE b.n`,
      "DELETE FROM coin WHERE random() > 0",
      "SELECT count(*) BETWEEN 60 AND 140 FROM coin",
      "SELECT count(*) FROM coin WHERE random() IS NULL",
    ]),
  );
});

describe("a query of WITH", () => {
  it(
    "may name columns around the query that reads it",
    isAlike([
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)",
      "CREATE TABLE u (k, x)",
      "CREATE INDEX by_b ON t (b)",
      "INSERT INTO t VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)",
      "INSERT INTO u VALUES (1, 'one'), (2, 'two'), (3, 'three')",
      ...[
        "SELECT b FROM t WHERE b > 1 AND EXISTS (SELECT * FROM q)",
        "SELECT b, (SELECT x FROM q) FROM t WHERE b > 1",
        "SELECT t.b, t2.b FROM t JOIN t AS t2 ON t2.b = t.b AND (SELECT x FROM q) > 'p'",
        "SELECT max(b), (SELECT x FROM q) FROM t",
        "SELECT b, (SELECT x FROM r) FROM t WHERE b IN (1, 3) AND (SELECT 1 FROM r)",
      ].map((text) =>
        `WITH q AS (SELECT x FROM u WHERE u.k = t.a), r AS (SELECT x FROM q) ${text}`
      ),
    ]),
  );
});

describe("a collation", () => {
  it(
    "that COLLATE gives to a part is that of the whole expression",
    isAlike([
      "CREATE TABLE t (a TEXT, b TEXT COLLATE NOCASE)",
      "INSERT INTO t VALUES ('x', 'X'), ('X', 'x'), ('y', 'z'), (NULL, 'q')",
      "SELECT count(*) FROM t WHERE lower(a COLLATE NOCASE) = 'X'",
      "SELECT count(*) FROM t WHERE 'X' = lower(a COLLATE NOCASE)",
      "SELECT count(*) FROM t WHERE ifnull(a COLLATE NOCASE, '') = 'X'",
      "SELECT count(*) FROM t WHERE coalesce(a, b COLLATE BINARY) = 'X'",
      "SELECT count(*) FROM t WHERE coalesce(a, b) = 'X'",
      "SELECT count(*) FROM t WHERE (a || 'b' COLLATE NOCASE) || 'c' = 'XBC'",
      "SELECT count(*) FROM t WHERE CASE WHEN 1 THEN a ELSE '' COLLATE NOCASE END = 'X'",
      "SELECT count(*) FROM t WHERE CASE a COLLATE NOCASE WHEN 'X' THEN 'k' END = 'K'",
      "SELECT count(*) FROM (SELECT DISTINCT trim(a COLLATE NOCASE) FROM t)",
      "SELECT count(*) FROM t GROUP BY ifnull(a, '' COLLATE NOCASE) ORDER BY 1",
      "SELECT a, b FROM t ORDER BY ifnull(a COLLATE NOCASE, 'y'), b COLLATE BINARY",
      "SELECT max(ifnull(a COLLATE NOCASE, '')) = 'Y', min(upper(a) COLLATE NOCASE) = 'x' FROM t",
      "SELECT count(*) FROM t WHERE 'Z' IN (SELECT b FROM t)",
      "SELECT count(*) FROM t WHERE upper(a) IN (SELECT b FROM t WHERE b = 'x')",
      "SELECT count(*) FROM t WHERE a IN (SELECT b FROM t)",
      "SELECT count(*) FROM t WHERE ('Z', 1) IN (SELECT b, 1 FROM t)",
      "SELECT count(*) FROM t WHERE b IN (SELECT upper(a) FROM t)",
      "SELECT b = 'Z', b || '' = 'Z', -b = 'q', +b = 'Z', CAST(b AS TEXT) = 'Z' FROM t ORDER BY b",
    ]),
  );
});

describe("a group", () => {
  it(
    "has the rowid that a query inside its result asks for",
    isAlike([
      "CREATE TABLE t (a, b)",
      "CREATE TABLE u (k, x)",
      "INSERT INTO t VALUES (1, 1), (1, 2), (2, 3)",
      "INSERT INTO u VALUES (1, 'one'), (2, 'two'), (3, 'three')",
      "SELECT a, max(b), (SELECT x FROM u WHERE k = t.rowid) FROM t GROUP BY a ORDER BY a",
      "SELECT a, max(b), (SELECT x FROM u WHERE k = t.oid) FROM t AS t GROUP BY a ORDER BY a",
      `SELECT max(b), (SELECT x FROM u WHERE k = t.rowid)
       FROM (SELECT * FROM t) AS s JOIN t USING (b)`,
      "SELECT (SELECT x FROM u WHERE k = t.rowid), row_number() OVER () FROM t ORDER BY 2",
      "SELECT a FROM t GROUP BY a HAVING max(b) AND (SELECT x FROM u WHERE k = t.rowid) = 'two'",
    ]),
  );

  it("may be of long blobs", () => {
    const texts = [
      "SELECT count(*) AS n FROM (SELECT DISTINCT x FROM v)",
      "SELECT count(*) AS n FROM (SELECT 1 FROM v GROUP BY x)",
      "SELECT count(*) AS n FROM (SELECT x FROM v UNION SELECT x FROM v)",
      "SELECT 2 * (zeroblob(300000) IN (SELECT x FROM v)) AS n",
      "SELECT count(DISTINCT x) AS n FROM v",
    ];
    using db = open(":memory:");
    const query = sql(db);
    query.exec(`CREATE VIEW v AS SELECT zeroblob(300000) AS x UNION ALL SELECT zeroblob(300001)
      UNION ALL SELECT zeroblob(300000)`);
    assertEquals(texts.map((text) => query.get(text)!["n"]), texts.map(() => 2));
  });
});

describe("a window", () => {
  it(
    "has offsets that are computed, large, or text",
    isAlike([
      "CREATE TABLE t (a, b)",
      ...["1 + 1", "abs(-1)", "-1", "'x'", "NULL"].map((offset) =>
        `SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN ${offset} PRECEDING AND 1 FOLLOWING) FROM t`
      ),
      "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)",
      ...["1 + 1", "'1'", "1.0", "1.5", "-1", "'x'", "NULL", "9223372036854775807"].flatMap(
        (offset) => [
          `SELECT sum(a) OVER (ORDER BY b ROWS ${offset} PRECEDING) FROM t ORDER BY 1`,
          `SELECT sum(a) OVER (ORDER BY b GROUPS ${offset} PRECEDING) FROM t ORDER BY 1`,
          `SELECT sum(a) OVER (ORDER BY b RANGE ${offset} PRECEDING) FROM t ORDER BY 1`,
          `SELECT lag(a, ${offset}, 9) OVER (ORDER BY b) FROM t ORDER BY 1`,
          `SELECT lead(a, ${offset}, 9) OVER (ORDER BY b) FROM t ORDER BY 1`,
          `SELECT ntile(${offset}) OVER (ORDER BY b) FROM t ORDER BY 1`,
          `SELECT nth_value(a, ${offset}) OVER (ORDER BY b) FROM t ORDER BY 1`,
        ],
      ),
    ]),
  );
});

describe("an aggregate in a subquery", () => {
  it(
    "is one over the rows of the innermost query whose columns it names",
    isAlike([
      "CREATE TABLE t (a, b)",
      "CREATE TABLE u (k)",
      "INSERT INTO u VALUES (1), (2)",
      "INSERT INTO t VALUES (1, 1), (1, 2)",
      "SELECT a, (SELECT sum(t.b)) FROM t GROUP BY a",
      "SELECT (SELECT count(a) FROM u) FROM t",
      "SELECT (SELECT sum(k) + max(a + b) FROM u) FROM t",
      "SELECT (SELECT (SELECT sum(k) FROM t) FROM u) FROM t",
      "SELECT (SELECT sum(a) FILTER (WHERE b > 1) FROM u) FROM t",
      "UPDATE t SET a = (SELECT sum(b) FROM u)",
      `SELECT (SELECT sum(k + a) FROM u), (SELECT count(*) FROM u), (SELECT sum(1) FROM u)
       FROM t`,
      "SELECT (SELECT sum(a) FILTER (WHERE k > 1) FROM u), (SELECT max(k, b) FROM u) FROM t",
      "CREATE TRIGGER g AFTER INSERT ON u BEGIN UPDATE t SET b = (SELECT sum(NEW.k) FROM t); END",
      "INSERT INTO u VALUES (5)",
      "SELECT * FROM t",
    ]),
  );

  it("of an alias of an outer column is refused", () => {
    using db = open(":memory:");
    const query = sql(db);
    query.exec("CREATE TABLE t (a, b); CREATE TABLE u (k)");
    const text = "SELECT (SELECT a AS b FROM u GROUP BY k HAVING sum(b) > 1) FROM t";
    assertThrows(() => query.all(text), SqlError, "not supported");
  });
});

describe("a recursive query", () => {
  const recursive = (part: string) =>
    `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL ${part}) SELECT * FROM c LIMIT 9`;

  it(
    "reads its table once, where it is one row",
    isAlike([
      "CREATE TABLE v (x)",
      "INSERT INTO v VALUES (1), (2), (3)",
      recursive("SELECT n + 1 FROM c WHERE n < 5"),
      recursive("SELECT n + 1 FROM v JOIN c ON v.x = c.n"),
      recursive("SELECT n + 1 FROM c LEFT JOIN v ON v.x = c.n WHERE n < 5"),
      recursive("SELECT n + 1 FROM (c JOIN v ON v.x = c.n)"),
      recursive("SELECT n + (SELECT max(x) FROM v WHERE x <= c.n) FROM c WHERE n < 5"),
      recursive("SELECT DISTINCT n + 1 FROM c WHERE n < 3"),
      recursive("SELECT a.n + 1 FROM c AS a, c AS b WHERE a.n < 5"),
      recursive("SELECT x + (SELECT n FROM c) FROM v WHERE (SELECT n FROM c) < 5"),
      recursive("SELECT n + 1 FROM c WHERE n < 5 AND n IN (SELECT n FROM c)"),
      recursive("SELECT s.n + 1 FROM v, (SELECT DISTINCT n FROM c) AS s WHERE s.n < 5"),
      recursive("SELECT max(n) + 1 FROM c WHERE n < 5"),
      recursive("SELECT n + 1 FROM c GROUP BY n HAVING n < 3"),
      recursive("SELECT n + row_number() OVER () FROM c WHERE n < 3"),
      recursive("SELECT x FROM v LEFT JOIN c ON x = c.n + 1 WHERE c.n < 5"),
      recursive("VALUES ((SELECT n FROM c))"),
    ]),
  );
});

describe("the key of a table", () => {
  it(
    "has the collation that its constraint gives it",
    isAlike([
      `CREATE TABLE t (k TEXT, u INT, v TEXT UNIQUE, PRIMARY KEY (k COLLATE RTRIM, u DESC))
       WITHOUT ROWID`,
      "INSERT INTO t VALUES ('a ', 0, 'x'), ('b', 4, 'y')",
      "INSERT INTO t VALUES ('a', 0, 'z')",
      "INSERT OR IGNORE INTO t VALUES ('a', 0, 'z'), ('A', 0, 'w')",
      "SELECT * FROM t WHERE k = 'a'",
      "SELECT * FROM t WHERE k = 'a' COLLATE RTRIM",
      "SELECT * FROM t ORDER BY k, u DESC",
      "SELECT * FROM t ORDER BY k COLLATE RTRIM, u DESC",
      "UPDATE t SET k = 'b  ', u = 4 WHERE k = 'A'",
      "INSERT INTO t VALUES ('b ', 4, 'q') ON CONFLICT (k, u) DO UPDATE SET v = excluded.v",
      "SELECT * FROM t ORDER BY v",
    ]),
  );
});

describe("an upsert", () => {
  it(
    "checks the keys of ON CONFLICT first, in their order",
    isAlike([
      "CREATE TABLE t (k INTEGER PRIMARY KEY, a UNIQUE, b UNIQUE)",
      "CREATE UNIQUE INDEX ab ON t(a COLLATE NOCASE)",
      "CREATE UNIQUE INDEX part ON t(b) WHERE a > 1",
      "INSERT INTO t VALUES (1, 'x', 10), (2, 'y', 20)",
      "INSERT INTO t VALUES (1, 'z', 20) ON CONFLICT (b) DO UPDATE SET a = 'of b'",
      "SELECT * FROM t ORDER BY k",
      "INSERT INTO t VALUES (1, 'q', 20) ON CONFLICT (k) DO UPDATE SET a = 'of k'",
      "SELECT * FROM t ORDER BY k",
      `INSERT INTO t VALUES (1, 'OF K', 20) ON CONFLICT (a) DO NOTHING
       ON CONFLICT (k) DO UPDATE SET a = 'no'`,
      "SELECT * FROM t ORDER BY k",
      "INSERT INTO t VALUES (9, 'of K', 30) ON CONFLICT (a COLLATE BINARY) DO NOTHING",
      "INSERT INTO t VALUES (9, 'of K', 30) ON CONFLICT (a COLLATE RTRIM) DO NOTHING",
      "INSERT INTO t VALUES (9, 'of K', 30) ON CONFLICT (a COLLATE NOCASE) DO NOTHING",
      "INSERT INTO t VALUES (9, 'r', 30) ON CONFLICT (b) WHERE a > 1 DO NOTHING",
      "DROP TABLE t",
      "CREATE TABLE t (k INTEGER PRIMARY KEY, a, b)",
      "CREATE UNIQUE INDEX part ON t(b) WHERE a > 1",
      "INSERT INTO t VALUES (9, 'r', 30) ON CONFLICT (b) DO NOTHING",
      "INSERT INTO t VALUES (9, 'r', 30) ON CONFLICT (b) WHERE a > 2 DO NOTHING",
      "INSERT INTO t VALUES (9, 'r', 30) ON CONFLICT (b) WHERE a > 1 DO NOTHING",
      "INSERT INTO t VALUES (9, 'r', 30) ON CONFLICT DO NOTHING ON CONFLICT (k) DO NOTHING",
      "INSERT INTO t VALUES (9, 'r', 30) ON CONFLICT (k) DO NOTHING ON CONFLICT DO NOTHING",
    ]),
  );
});

describe("a strict table", () => {
  it(
    "checks types once the rowid of a row is free",
    isAlike([
      "CREATE TABLE t (k INTEGER PRIMARY KEY, v INT, w TEXT UNIQUE) STRICT",
      "INSERT INTO t VALUES (1, 1, 'a')",
      "INSERT OR IGNORE INTO t VALUES (1, 'x', 'a')",
      "INSERT OR IGNORE INTO t VALUES (2, 'x', 'a')",
      "INSERT INTO t VALUES (1, 'x', 'b') ON CONFLICT (k) DO UPDATE SET v = v + 1",
      "UPDATE t SET v = 'x'",
      "UPDATE t SET w = x'61'",
      "SELECT * FROM t",
    ]),
  );
});

describe("rows that are inserted together", () => {
  it(
    "follow each other, also after given rowids and changes by triggers",
    isAlike([
      "CREATE TABLE t (k INTEGER PRIMARY KEY AUTOINCREMENT, a CHECK (a <> 13))",
      "INSERT INTO t VALUES (NULL, 1), (50, 2), (NULL, 3), (7, 4), (NULL, 5)",
      "INSERT INTO t VALUES (NULL, 6), (NULL, 13)",
      "INSERT INTO t VALUES (NULL, 6), (NULL, NULL)",
      "INSERT INTO t(a) SELECT a + 10 FROM t WHERE a > 3",
      "DELETE FROM t WHERE k > 52",
      "INSERT INTO t(a) VALUES (14), (15)",
      "SELECT * FROM t ORDER BY k",
      "SELECT * FROM sqlite_sequence",
      "CREATE TABLE u (k INTEGER PRIMARY KEY, a)",
      `CREATE TRIGGER g AFTER INSERT ON u WHEN NEW.a < 5 BEGIN
         INSERT INTO u VALUES (NEW.k + 10, NEW.a + 10); END`,
      "INSERT INTO u(a) VALUES (1), (2), (30), (3)",
      "SELECT * FROM u ORDER BY k",
      "INSERT INTO t VALUES (9007199254740991, 1), (NULL, 2), (NULL, 3)",
      "SELECT k FROM t ORDER BY k DESC LIMIT 3",
      "INSERT INTO u(a) VALUES (100), (200)",
      "DELETE FROM u",
      "INSERT INTO u(a) VALUES (100), (200)",
      "SELECT * FROM u ORDER BY k",
      "CREATE TABLE n (k INTEGER NOT NULL PRIMARY KEY, a NOT NULL CHECK (a < 9))",
      "INSERT INTO n(a) VALUES (1), (2)",
      "INSERT INTO n(a) VALUES (3), (NULL)",
      "INSERT INTO n(a) VALUES (3), (10)",
      "SELECT * FROM n",
      "CREATE TABLE w (k INTEGER PRIMARY KEY, a CHECK (k < 3))",
      "INSERT INTO w(a) VALUES (1), (2)",
      "INSERT INTO w(a) VALUES (3)",
      "SELECT * FROM w",
    ]),
  );
});

describe("a foreign key", () => {
  it(
    "keeps its children where the key of the parent changes to one that is equal",
    isAlike([
      "CREATE TABLE a (k TEXT COLLATE NOCASE UNIQUE)",
      "CREATE TABLE b (k TEXT REFERENCES a(k) ON UPDATE SET NULL)",
      "CREATE TABLE c (k TEXT REFERENCES a(k) ON UPDATE CASCADE)",
      "CREATE TABLE d (k TEXT REFERENCES a(k) ON UPDATE RESTRICT)",
      "INSERT INTO a VALUES ('p'), ('q')",
      "INSERT INTO b VALUES ('p'), ('q')",
      "INSERT INTO c VALUES ('p'), ('q')",
      "INSERT INTO d VALUES ('p')",
      "UPDATE a SET k = upper(k)",
      "SELECT * FROM a, b, c, d ORDER BY 1, 2, 3",
      "UPDATE a SET k = 'R' WHERE k = 'q'",
      "UPDATE a SET k = 'S' WHERE k = 'p'",
      "SELECT * FROM a, b, c, d ORDER BY 1, 2, 3",
    ]),
  );
});

describe("an update in one pass", () => {
  it(
    "meets no row twice, and keeps what it does not set",
    isAlike([
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT NOT NULL, c REAL, d UNIQUE)",
      "CREATE INDEX by_a ON t (a)",
      "CREATE INDEX by_b ON t (b, c)",
      "INSERT INTO t VALUES (1, 1, 'x', 1, 10), (2, 1, '', 2.5, 20), (3, 2, x'01', NULL, 30)",
      "INSERT INTO t VALUES (4, 3, 'y', -1, NULL), (5, NULL, 'z', 5, 50)",
      "ALTER TABLE t ADD COLUMN e DEFAULT 'new'",
      "ALTER TABLE t ADD COLUMN f",
      ...[
        "c = c + 1 WHERE a >= 1",
        "a = a + 1 WHERE a >= 1",
        "f = e || id WHERE id > 1",
        "b = b || 'w', c = id WHERE a BETWEEN 2 AND 3",
        "d = 30 WHERE id < 4",
        "d = d + 1 WHERE a IS NOT NULL",
        "b = NULL WHERE a > 1",
        "id = id + 1 WHERE id > 3",
        "e = (SELECT max(f) FROM t) WHERE id IN (1, 6)",
        "c = d, d = c WHERE id IN (2, 3, 9)",
        "f = id, c = -c",
      ].flatMap((set) => [`UPDATE t SET ${set}`, "SELECT * FROM t ORDER BY id"]),
      "SELECT id FROM t INDEXED BY by_a WHERE a > 0 ORDER BY id",
      "SELECT id, b, c FROM t INDEXED BY by_b WHERE b > '' ORDER BY id",
      "PRAGMA integrity_check",
    ]),
  );
});

describe("a statement that is deep or long", () => {
  it(
    "has queries in queries",
    isAlike([
      `SELECT ${"(SELECT ".repeat(40)}1${")".repeat(40)} AS x`,
      `SELECT ${"(SELECT 1 + ".repeat(30)}1${")".repeat(30)} AS x`,
      `SELECT 2 > ${"(SELECT ".repeat(40)}'1'${")".repeat(40)} AS x`,
    ]),
  );

  it("has a text that is long", () => {
    using db = open(":memory:");
    const text = "a''".padEnd(9_000_000, "b");
    assertEquals(sql(db).all(`SELECT length('${text}') AS x`), [{ x: text.length - 1 }]);
    assertThrows(() => sql(db).all(`SELECT '${text}`), SqlError, "unrecognized token");
  });

  it(
    "has as many arguments as SQLite allows",
    isAlike([1000, 1001].flatMap((count) => {
      const args = Array.from({ length: count }, (_, at) => at + 1).join();
      return ["max", "coalesce", "json_array", "char"].map((name) =>
        `SELECT ${name}(${args}) AS x`
      );
    })),
  );

  it(
    "walks JSON of any depth",
    isAlike(
      ["json_each", "json_tree"].map((name) =>
        `SELECT count(*), max(id), max(length(fullkey)) FROM ${name}('${"[0,".repeat(300)}1${
          "]".repeat(300)
        }')`
      ),
    ),
  );
});

describe("a function", () => {
  it(
    "of dates knows the calendar, and reads times and modifiers as written",
    isAlike([
      `WITH RECURSIVE d(n) AS (SELECT -0.5 UNION ALL SELECT n + 2499.75 FROM d WHERE n < 5373000)
       SELECT datetime(n), julianday(n), strftime('%j %w %V %G', n), date(n, '+1 month') FROM d`,
      ...[
        ["2024-02-30", "+1 day"],
        ["2024-02-29 12:34:56", "-1 year", "floor"],
        ["2024-01-31T00:00:00", "+1 months", "weekday 0"],
        ["2024-01-31 10:20", "START OF DAY", "+0001-02-03 04:05"],
        ["2024-01-31 10:20:30.25Z ", "subsec"],
        ["2024-01-31", ".5 days"],
        ["2024-01-31", "+.5 days"],
        ["2024-01-31", "+24:50"],
        ["+2024-01-31"],
        ["2024-13-01"],
        ["2024-01-31x"],
        ["1706659200.5", "unixepoch", "subsec"],
        ["1706659200", "auto", "start of year"],
        ["__proto__", "constructor"],
      ].map((args) => `SELECT datetime(${args.map((arg) => `'${arg}'`).join()}) AS t`),
    ]),
  );

  it(
    "of JSON finds the value at a path, and refuses a text with a fault anywhere",
    isAlike(
      [
        '{"a": 1, "a": {"b": 2}, "b": [1, {"c": -0.5e+3}, "x\\u0041\\"y"]}',
        '{"\\u0061": {"b": [true, false, null]}, "b": 12345678901234567890}',
        "{a: {b: .5}, 'b': [0x1F, +1,],}",
        '[{"a": 1}, 01]',
        '{"a": 1 "b": 2}',
        '{"a": [1, 2}',
        '{"a": "x\ty"}',
        '{"a": 1.}',
        '{"a": tru}',
        '{"a": 1} x',
        ' "text" ',
        "",
      ].flatMap((text) =>
        ["$.a", "$.a.b", "$.b[1].c", "$.b[2]", "$.b[#-1]", "$[0].a", "$.a.b[2]"].map((path) =>
          `SELECT json_extract('${text}', '${path}') AS v, '${text}' ->> '${path}' AS w,
            json_type('${text}', '${path}') AS t, json_valid('${text}') AS k`
        )
      ),
    ),
  );
});
