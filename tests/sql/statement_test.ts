/**
 * SQL for programs: statements, parameters, values, errors with their places, transactions, and
 * the trees that hold it all.
 */

import { Buffer } from "node:buffer";
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, type Database, open, tuple } from "../../mod.ts";
import { isCompleteSql, type Sql, sql, SqlError } from "../../sql/mod.ts";
import { inTempDir } from "../support/temp.ts";

function withSql(body: (query: Sql, db: Database) => void): () => void {
  return () => {
    using db = open(":memory:");
    body(sql(db), db);
  };
}

/** The rows of a query, without names. */
function rowsOf(query: Sql, text: string): unknown[][] {
  return query.all(text).map((row) => Object.values(row));
}

/** A query of common tables, each of which reads the one before it twice. */
function doubled(select: string): string {
  const tables = Array.from(
    { length: 40 },
    (_, i) => `t${i + 1} AS (${select} t${i} AS a, t${i} AS b)`,
  );
  return `WITH t0 AS (SELECT 1 AS x), ${tables.join()} SELECT * FROM t40`;
}

describe("a statement", () => {
  it(
    "is refused with an error of SQL if it is nested too deeply or has too many parts",
    withSql((query) => {
      const deep = (open: string, close: string) =>
        `SELECT ${open.repeat(5_000)}1${close.repeat(5_000)}`;
      const texts = [
        deep("(", ")"),
        deep("abs(", ")"),
        deep("(SELECT ", ")"),
        deep("", "+1"),
        deep("", " AND 1"),
        deep("", " UNION ALL SELECT 1"),
        deep("", " ISNULL"),
        `SELECT * FROM ${"(".repeat(5_000)}`,
        `SELECT * FROM ${Array.from({ length: 201 }, () => "(SELECT 1)").join()}`,
        doubled("SELECT a.x FROM"),
        doubled("SELECT max(a.x) AS x FROM"),
      ];
      for (const text of texts) assertThrows(() => query.all(text), SqlError);
      assertEquals(rowsOf(query, `SELECT ${"abs(".repeat(300)}1${")".repeat(300)}`), [[1]]);
      assertEquals(rowsOf(query, `SELECT 1${"+1".repeat(900)}`), [[901]]);
    }),
  );

  it(
    "that fails counts the changes that stay, as sums forget an overflow before a REAL",
    withSql((query) => {
      query.exec("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)");
      assertThrows(() => query.run("INSERT OR FAIL INTO t VALUES (2), (3), (1)"), SqlError);
      assertEquals(rowsOf(query, "SELECT changes(), total_changes()"), [[2, 3]]);
      const sum = (last: string) =>
        `SELECT sum(column1) FROM (VALUES (9223372036854775807), (1), (${last}))`;
      assertThrows(() => query.all(sum("1")), SqlError, "integer overflow");
      assertEquals(rowsOf(query, sum("0.5")), [[2 ** 63]]);
    }),
  );

  it(
    "of several rows that fails at one of them adds none, inside of a transaction too",
    withSql((query) => {
      query.exec(`
        CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b NOT NULL);
        CREATE INDEX t_b ON t (b);
        CREATE TABLE k (x TEXT PRIMARY KEY, y);
        INSERT INTO t VALUES (1, 1, 1), (50, 50, 50);
        INSERT INTO k VALUES ('m', 1);
      `);
      const failing = [
        "INSERT INTO t VALUES (2, 2, 2), (3, 3, 3), (1, 4, 4)",
        "INSERT INTO t VALUES (2, 2, 2), (3, 50, 3)",
        "INSERT INTO t VALUES (2, 2, 2), (2, 3, 3)",
        "INSERT INTO t VALUES (2, 2, 2), (3, 2, 3)",
        "INSERT INTO t VALUES (2, 2, 2), (3, 3, NULL)",
        "INSERT INTO t VALUES (2, 2, 2), (3, 3, abs(-9223372036854775807 - 1))",
        "INSERT INTO t VALUES (2, 2, 2), (60, 3, 3) RETURNING abs(-9223372036854775748 - id)",
        "INSERT INTO k VALUES ('a', 1), ('z', 2), ('m', 3)",
      ];
      const state = () => ["t", "k"].map((table) => rowsOf(query, `SELECT * FROM ${table}`));
      const before = state();
      query.transaction(() => {
        for (const text of failing) {
          assertThrows(() => query.all(text), SqlError);
          assertEquals([text, state()], [text, before]);
          assertEquals(rowsOf(query, "PRAGMA integrity_check"), [["ok"]]);
          assertEquals(rowsOf(query, "SELECT changes()"), [[0]]);
        }
        query.run("INSERT INTO t VALUES (2, 2, 2), (3, 3, 3)");
      });
      assertEquals(rowsOf(query, "SELECT id FROM t"), [[1], [2], [3], [50]]);
      assertEquals(rowsOf(query, "PRAGMA integrity_check"), [["ok"]]);
    }),
  );

  it(
    "is refused by an error of SQL where text or bytes are longer than JavaScript has",
    withSql((query) => {
      const texts = [
        "SELECT replace(hex(zeroblob(1000000)), '0', hex(zeroblob(10000)))",
        "SELECT printf('%2000000000d', 1)",
        "SELECT printf('%300000000d', 1) || printf('%300000000d', 1)",
        "SELECT zeroblob(2000000000)",
      ];
      for (const text of texts) {
        const { code } = assertThrows(() => query.all(text), SqlError, "string or blob too big");
        assertEquals(code, "VALUE");
      }
    }),
  );

  it(
    "that adds a column checks the rows, and one that creates a view its name",
    withSql((query) => {
      query.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
      const add = (check: string) =>
        query.exec(`ALTER TABLE t ADD COLUMN b DEFAULT 3 CHECK (${check})`);
      assertThrows(() => add("b > a + 5"), SqlError, "CHECK constraint failed: b > a + 5");
      assertEquals(rowsOf(query, "SELECT * FROM t"), [[1]]);
      add("b > a");
      assertEquals(rowsOf(query, "SELECT * FROM t"), [[1, 3]]);
      const reserved = "object name reserved for internal use: sqlite_v";
      assertThrows(() => query.exec("CREATE VIEW sqlite_v AS SELECT 1"), SqlError, reserved);
      const trigger = "CREATE TRIGGER sqlite_v AFTER INSERT ON t BEGIN SELECT 1; END";
      assertThrows(() => query.exec(trigger), SqlError, reserved);
    }),
  );

  it(
    "returns blobs that are the caller's own",
    withSql((query) => {
      query.exec("CREATE TABLE t (a, b DEFAULT x'0102')");
      const insert = query.prepare<{ b: Uint8Array }>("INSERT INTO t (a) VALUES (1) RETURNING b");
      insert.get()!.b.fill(7);
      (insert.rows().rows[0]![0] as Uint8Array).fill(7);
      insert.run();
      const read = query.prepare<{ x: Uint8Array; y: Uint8Array }>("SELECT b AS x, b AS y FROM t");
      for (const { x, y } of read.iterate()) {
        assertEquals(y, new Uint8Array([1, 2]));
        x.fill(7);
        assertEquals(y, new Uint8Array([1, 2]));
      }
    }),
  );

  it(
    "ends soon with a pattern of many wildcards, and refuses one that is too complex",
    withSql((query) => {
      const text = "a".repeat(300);
      for (const pattern of ["%a", "%_a", "%a%b"]) {
        const like = pattern.repeat(60);
        const glob = like.replaceAll("%", "*").replaceAll("_", "[a-c]");
        const found = query.get(
          "SELECT ?1 LIKE ?2||'b' AS l, ?1||'b' GLOB ?3 AS g",
          text,
          like,
          glob,
        );
        assertEquals({ ...found }, { l: 0, g: 0 });
      }
      assertEquals(query.get("SELECT 'xaybz' LIKE '%a%b%' AS l")?.["l"], 1);
      for (const part of ["%a", "_", "a_%"]) {
        const long = part.repeat(40_000);
        const refused = () => query.get("SELECT ? LIKE ? AS l", text, long);
        assertThrows(refused, SqlError, "LIKE or GLOB pattern too complex");
      }
    }),
  );

  it(
    "has the bytes of a parameter as they were, and gives none of their memory out",
    withSql((query) => {
      const bytes = Buffer.of(1);
      const rows = query.prepare("SELECT ? AS b UNION ALL SELECT ?1").iterate(bytes);
      const [first] = [rows.next().value];
      bytes.fill(9);
      assertEquals([first, rows.next().value], [{ b: Uint8Array.of(1) }, { b: Uint8Array.of(1) }]);
    }),
  );

  it("needs an open database, options that exist, and text", () => {
    using db = open(":memory:");
    const refuse = (db: unknown, options: unknown, says: string) =>
      assertThrows(() => sql(db as never, options as never), TypeError, `Cannot use SQL: ${says}`);
    refuse("a.quire", {}, "a string is not a Database; open() returns one");
    refuse(undefined, {}, "undefined is not a Database");
    refuse(db, null, "null is not an object of options");
    refuse(db, { durable: "sync" }, '"durable" is an unknown option');
    const query = sql(db);
    for (const run of [query.prepare, query.all, query.exec]) {
      assertThrows(() => run(5 as never), TypeError, "Cannot use SQL: a number is no text");
    }
  });

  it(
    "takes parameters by place and by name",
    withSql((query) => {
      assertEquals(query.get("SELECT ? AS a, ?2 AS b", 1, "x"), {
        __proto__: null,
        a: 1,
        b: "x",
      } as unknown as Record<string, never>);
      const named = query.prepare("SELECT :a || $b || @c AS all_of_them");
      assertEquals(named.get({ a: 1, $b: 2, "@c": 3 })?.["all_of_them"], "123");
      assertThrows(() => named.get({ a: 1 }), SqlError, "parameter $b has no value");
      assertThrows(() => named.get({ d: 1 }), SqlError, "there is no parameter d");
      assertThrows(() => query.get("SELECT ?", 1, 2), SqlError, "2 values for 1 parameters");
      assertThrows(() => query.get("SELECT ?"), SqlError, "parameter ?1 has no value");
    }),
  );

  it(
    "keeps the values of each class",
    withSql((query) => {
      query.exec("CREATE TABLE v (x)");
      const values = [null, 1, 1.5, 2n ** 62n, "a\0\u00e9\u{1f600}", new Uint8Array([0, 1, 255])];
      for (const value of values) query.run("INSERT INTO v VALUES (?)", value);
      assertEquals(query.all("SELECT x FROM v ORDER BY rowid").map(({ x }) => x), values);
      const classes = query.all("SELECT typeof(x) AS c FROM v ORDER BY rowid").map(({ c }) => c);
      assertEquals(classes, ["null", "integer", "real", "integer", "text", "blob"]);
      assertThrows(() => query.run("INSERT INTO v VALUES (?)", 2n ** 63n), RangeError, "64 bits");
      const strange = Symbol("x") as unknown as string;
      assertThrows(() => query.run("INSERT INTO v VALUES (?)", strange), TypeError, "symbol");
    }),
  );

  it(
    "binds the values of a template",
    withSql((query) => {
      query.exec("CREATE TABLE t (a, b)");
      const text = "it's";
      query`INSERT INTO t VALUES (${1}, ${text})`;
      assertEquals(query`SELECT b FROM t WHERE a = ${1}`.map(({ b }) => b), [text]);
    }),
  );

  it(
    "says where its text is wrong",
    withSql((query) => {
      const error = assertThrows(() => query.exec("SELECT 1;\nSELECT a FRM t"), SqlError);
      assertEquals([error.code, error.line, error.column], ["SYNTAX", 2, 14]);
      assertThrows(() => query.all("SELECT nosuch"), SqlError, "no such column: nosuch, at line 1");
      assertThrows(() => query.prepare("SELECT 1; SELECT 2"), SqlError, "several statements");
      assertThrows(() => query.prepare(" -- nothing"), SqlError, "no statement");
    }),
  );

  it(
    "refuses by name what is not supported",
    withSql((query) => {
      query.exec("CREATE TABLE t (a)");
      const refused: [string, RegExp][] = [
        ["CREATE VIRTUAL TABLE v USING fts5(a)", /virtual tables are not supported/],
        ["ATTACH 'x' AS y", /ATTACH is not supported/],
        ["PRAGMA secure_delete", /PRAGMA secure_delete is not supported/],
        ["PRAGMA journal_mode = off", /journal_mode with the value off is not supported/],
        ["VACUUM", /VACUUM .* is not supported/],
        ["DELETE FROM t ORDER BY a LIMIT 1", /ORDER BY and LIMIT in .* not supported/],
      ];
      for (const [text, message] of refused) {
        const error = assertThrows(() => query.exec(text), SqlError);
        assertMatch(error.message, message);
        assertEquals(error.code, "UNSUPPORTED", text);
      }
    }),
  );

  it(
    "has the same rows one at a time, where loops cannot run inside a visit",
    withSql((query) => {
      query.exec(`
        CREATE TABLE t (a INTEGER PRIMARY KEY, b INT, c TEXT);
        CREATE INDEX tb ON t (b, c);
        WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 700)
        INSERT INTO t SELECT i, i % 13, 'text ' || i % 50 FROM n;
      `);
      const texts = [
        "SELECT * FROM t WHERE c LIKE '%4%' AND b > 3",
        "SELECT x.a, y.b AS z FROM t x LEFT JOIN t y ON y.b = x.a AND y.c LIKE 'TEXT 1%'",
        "SELECT b, sum(a) AS s, max(b) AS m FROM t GROUP BY b ORDER BY s DESC LIMIT 4",
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE u.b = t.a) ORDER BY c, a LIMIT 9",
        "SELECT a FROM t UNION ALL SELECT b FROM t WHERE a > (SELECT avg(a) FROM t)",
        "SELECT a, b FROM t ORDER BY a DESC LIMIT 5 OFFSET 2",
        "SELECT x.a, y.a AS z FROM t x JOIN t y ON y.b > x.b FULL JOIN t w ON w.a = x.a LIMIT 50",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9) SELECT * FROM n",
      ];
      for (const text of texts) {
        const rows = query.all(text);
        assertEquals([...query.iterate(text)], rows, text);
        // The first row ends all loops around it.
        assertEquals(query.get(text), rows[0], text);
      }
      assertEquals(query.get("SELECT a FROM t WHERE b > 50"), undefined);
    }),
  );

  it(
    "computes generated columns, and refuses to set them",
    withSql((query) => {
      query.exec(`
        CREATE TABLE g (a, b AS (a * 2), c TEXT GENERATED ALWAYS AS (b || '!') STORED NOT NULL);
        INSERT INTO g VALUES (1), (2);
      `);
      assertEquals(query.all("SELECT b, c FROM g WHERE c > '2'").map(Object.values), [
        [2, "2!"],
        [4, "4!"],
      ]);
      const refused = [
        ["INSERT INTO g(a, b) VALUES (1, 2)", 'cannot INSERT into generated column "b"'],
        ["UPDATE g SET c = 1", 'cannot UPDATE generated column "c"'],
        ["INSERT INTO g VALUES (NULL)", "NOT NULL constraint failed: g.c"],
        ["CREATE TABLE h (a AS (b), b AS (a), c)", "generated column loop"],
        ["CREATE TABLE h (a AS (1))", "must have at least one non-generated column"],
        ["CREATE TABLE h (a, b AS (a) PRIMARY KEY)", "cannot be part of the PRIMARY KEY"],
        ["CREATE TABLE h (a, b AS (random()))", "non-deterministic functions prohibited"],
        ["CREATE TABLE h (a, b AS ((SELECT 1)))", "subqueries prohibited"],
        ["CREATE TABLE h (a, b AS (x + 1))", "no such column: x"],
        ["ALTER TABLE g ADD COLUMN d AS (a) STORED", "cannot add a STORED column"],
        ["ALTER TABLE g ADD COLUMN d AS (x)", "no such column: x"],
      ];
      for (const [text, message] of refused) {
        assertThrows(() => query.exec(text!), SqlError, message, text);
      }
      query.exec("ALTER TABLE g ADD COLUMN d AS (c || b)");
      assertEquals(
        query.get("SELECT d FROM g WHERE a = 2"),
        { __proto__: null, d: "4!4" } as object,
      );
    }),
  );

  it(
    "is compiled anew after the schema has changed",
    withSql((query) => {
      query.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
      const all = query.prepare("SELECT * FROM t");
      assertEquals(Object.keys(all.get()!), ["a"]);
      query.exec("ALTER TABLE t ADD COLUMN b DEFAULT 'x'");
      assertEquals(Object.values(all.get()!), [1, "x"]);
      query.exec("DROP TABLE t");
      assertThrows(() => all.get(), SqlError, "no such table: t");
    }),
  );

  it(
    "reads more rows than one batch of a scan has, and rows of any size",
    withSql((query) => {
      query.exec("CREATE TABLE t (a INTEGER PRIMARY KEY, b); CREATE INDEX i ON t (b, a)");
      query.transaction(() => {
        for (let i = 0; i < 3000; i++) query.run("INSERT INTO t VALUES (?, ?)", i, i % 7);
      });
      const expected = Array.from({ length: 3000 }, (_, i) => i);
      const found = (text: string) => query.all(text).map(({ a }) => a);
      assertEquals(found("SELECT a FROM t"), expected);
      assertEquals(found("SELECT a FROM t ORDER BY a DESC"), expected.toReversed());
      const third = expected.filter((i) => i % 7 === 3);
      assertEquals(found("SELECT a FROM t WHERE b = 3"), third);
      assertEquals(found("SELECT a FROM t WHERE b = 3 AND a > 100"), third.slice(14));
      query.exec("CREATE TABLE large (a INTEGER PRIMARY KEY, b, c)");
      for (let i = 0; i < 6; i++) {
        query.run("INSERT INTO large VALUES (?, zeroblob(?), ?)", i, i * 200_000, "end");
      }
      const rows = query.all("SELECT a, length(b) AS n, c FROM large");
      assertEquals(
        rows.map(({ a, n, c }) => [a, n, c]),
        [0, 1, 2, 3, 4, 5].map((i) => [
          i,
          i * 200_000,
          "end",
        ]),
      );
    }),
  );

  it(
    "iterates over one version",
    withSql((query) => {
      query.exec("CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)");
      const seen: unknown[] = [];
      for (const { a } of query.iterate("SELECT a FROM t")) {
        query.run("DELETE FROM t");
        seen.push(a);
      }
      assertEquals(seen, [1, 2, 3]);
      assertEquals(query.all("SELECT a FROM t"), []);
    }),
  );

  it(
    "describes the schema of one version while it iterates",
    withSql((query) => {
      query.exec(`
        CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT, a); CREATE INDEX i ON s (a);
        INSERT INTO s (a) VALUES (1), (2)`);
      const described = query.iterate(`
        SELECT n.value AS n, t.name AS name, x.name AS part, q.seq AS seq FROM
          generate_series(1, 2) n, sqlite_sequence q, pragma_table_info('s') t,
          pragma_index_info('i') x
        WHERE t.name = 'a'`);
      assertEquals({ ...described.next().value }, { n: 1, name: "a", part: "a", seq: 2 });
      query.exec("INSERT INTO s (a) VALUES (3); ALTER TABLE s RENAME a TO b; DROP INDEX i");
      assertEquals([...described].map((row) => ({ ...row })), [
        { n: 2, name: "a", part: "a", seq: 2 },
      ]);
    }),
  );
});

describe("a database that is closed", () => {
  it("refuses every statement, also one that reads no table", () => {
    const db = open(":memory:");
    const query = sql(db);
    const statement = query.prepare("SELECT 1");
    db.close();
    assertThrows(() => statement.all(), ClosedError);
    assertThrows(() => statement.get(), ClosedError);
    for (const text of ["SELECT 1", "VALUES (1)", "PRAGMA table_list", "EXPLAIN SELECT 1"]) {
      assertThrows(() => query.all(text), ClosedError);
      assertThrows(() => query.exec(text), ClosedError);
    }
    assertThrows(() => [...query.iterate("SELECT * FROM generate_series(1, 2)")], ClosedError);
    assertThrows(() => query.all("SELECT * FROM generate_series(1, 2)"), ClosedError);
  });
});

describe("a trigger", () => {
  it(
    "ends with END in a script",
    () => {
      const begin = "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1;";
      assertEquals(isCompleteSql(begin), false);
      assertEquals(isCompleteSql(`${begin} SELECT 2; END;`), true);
      assertEquals(isCompleteSql("SELECT 'CREATE TRIGGER x'; SELECT 1;"), true);
    },
  );

  it(
    "rolls back the whole transaction where it says so",
    withSql((query) => {
      query.exec("CREATE TABLE t (a)");
      query.exec(`CREATE TRIGGER x BEFORE INSERT ON t WHEN NEW.a = 3
        BEGIN SELECT RAISE(ROLLBACK, 'not three'); END`);
      assertThrows(
        () =>
          query.transaction(() => {
            query.run("INSERT INTO t VALUES (1)");
            assertThrows(() => query.run("INSERT INTO t VALUES (3)"), SqlError, "not three");
            query.run("INSERT INTO t VALUES (2)");
          }),
        SqlError,
        "not three",
      );
      assertEquals(rowsOf(query, "SELECT a FROM t"), []);
      query.run("INSERT INTO t VALUES (4)");
      assertEquals(rowsOf(query, "SELECT a FROM t"), [[4]]);
    }),
  );

  it(
    "is lost with the transaction that created it",
    withSql((query) => {
      query.exec("CREATE TABLE t (a); CREATE TABLE log (a)");
      assertThrows(() =>
        query.transaction(() => {
          query.exec("CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); END");
          query.exec("CREATE TEMP TABLE kept (a); INSERT INTO kept VALUES (1)");
          throw new Error("not this");
        })
      );
      query.run("INSERT INTO t VALUES (1)");
      assertEquals(rowsOf(query, "SELECT count(*) FROM log"), [[0]]);
      assertThrows(() => query.all("SELECT * FROM kept"), SqlError, "no such table");
      query.exec("CREATE TEMP TABLE kept (a)");
      assertEquals(rowsOf(query, "SELECT count(*) FROM kept"), [[0]]);
    }),
  );
});

describe("a transaction", () => {
  it(
    "refuses a body that would not run in it, and changes nothing",
    withSql((query) => {
      query.exec("CREATE TABLE t (a)");
      const insert = () => query.run("INSERT INTO t VALUES (1)");
      const generator = function* () {
        yield insert();
      };
      const bodies = [generator, async () => await Promise.resolve(insert()), 7, undefined];
      const messages = ["is a generator", "asynchronous", "is number, not a fu", "is undefined"];
      bodies.forEach((body, i) => {
        assertThrows(() => query.transaction(body as never), TypeError, messages[i]!);
      });
      assertEquals(rowsOf(query, "SELECT count(*) FROM t"), [[0]]);
    }),
  );
  it(
    "keeps nothing of a statement whose RETURNING fails",
    withSql((query) => {
      query.exec("CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (7, 7)");
      const fails = "RETURNING abs(b - 9223372036854775807 - 1 - b)";
      query.transaction(() => {
        for (
          const change of [
            "INSERT INTO t VALUES (1, 0)",
            "INSERT INTO t VALUES (7, 0) ON CONFLICT (a) DO UPDATE SET b = 0",
            "UPDATE t SET b = 1 WHERE a = 7",
            "DELETE FROM t WHERE a = 7",
          ]
        ) assertThrows(() => query.run(`${change} ${fails}`), SqlError, "integer overflow");
      });
      assertEquals(query.all("SELECT a, b FROM t").map((row) => ({ ...row })), [{ a: 7, b: 7 }]);
    }),
  );

  it(
    "takes effect wholly or not at all",
    withSql((query) => {
      query.exec("CREATE TABLE t (a UNIQUE)");
      assertThrows(
        () =>
          query.transaction(() => {
            query.run("INSERT INTO t VALUES (1)");
            throw new Error("not this");
          }),
        Error,
        "not this",
      );
      assertEquals(rowsOf(query, "SELECT count(*) FROM t"), [[0]]);
      query.transaction(() => {
        query.run("INSERT INTO t VALUES (1)");
        // A statement that fails has not happened; the transaction goes on.
        const text = "INSERT INTO t VALUES (2), (3), (1)";
        assertThrows(() => query.run(text), SqlError, "UNIQUE constraint failed: t.a");
      });
      assertEquals(rowsOf(query, "SELECT a FROM t"), [[1]]);
    }),
  );

  it(
    "may be a part of a script, with savepoints",
    withSql((query) => {
      query.exec(`
        CREATE TABLE t (a);
        BEGIN;
        INSERT INTO t VALUES (1);
        SAVEPOINT one;
        INSERT INTO t VALUES (2);
        SAVEPOINT two;
        INSERT INTO t VALUES (3);
        ROLLBACK TO one;
        INSERT INTO t VALUES (4);
        RELEASE one;
        COMMIT;
        BEGIN; INSERT INTO t VALUES (5); ROLLBACK;
        SAVEPOINT alone; INSERT INTO t VALUES (6); RELEASE alone;
      `);
      assertEquals(rowsOf(query, "SELECT a FROM t ORDER BY a"), [[1], [4], [6]]);
      assertThrows(() => query.exec("BEGIN; DELETE FROM t"), SqlError, "open at the end");
      assertThrows(() => query.exec("COMMIT"), SqlError, "no transaction is active");
      assertThrows(() => query.exec("BEGIN; BEGIN"), SqlError, "within a transaction");
      assertThrows(() => query.exec("BEGIN; RELEASE x"), SqlError, "no such savepoint: x");
      assertThrows(() => query.run("BEGIN"), SqlError, "use transaction()");
      assertEquals(rowsOf(query, "SELECT count(*) FROM t"), [[3]]);
    }),
  );

  it(
    "that rolls back takes its changes of the schema along",
    withSql((query, db) => {
      const create = () => query.exec("CREATE TABLE t (a UNIQUE); CREATE INDEX i ON t (a)");
      assertThrows(() =>
        query.transaction(() => {
          create();
          query.run("INSERT INTO t VALUES (1)");
          throw new Error("not this");
        })
      );
      assertThrows(() => query.all("SELECT * FROM t"), SqlError, "no such table");
      assertEquals(db.trees().filter((name) => name.startsWith("sql/")), []);
      assertThrows(() =>
        db.writeSync(() => {
          create();
          throw new Error("nor this");
        })
      );
      assertThrows(() => query.all("SELECT * FROM t"), SqlError, "no such table");
      create();
      assertEquals(query.schema().map(({ name }) => name), ["t", "i"]);
    }),
  );
});

describe("the trees", () => {
  it(
    "hold rows and entries of indexes as tuples",
    withSql((query, db) => {
      query.exec("CREATE TABLE City (id INTEGER PRIMARY KEY, name TEXT, size REAL)");
      query.exec("CREATE INDEX by_name ON City (name)");
      query.exec("INSERT INTO City VALUES (7, 'Lisboa', 100.5), (8, NULL, NULL)");
      using snapshot = db.snapshot();
      const codecs = { key: tuple, value: tuple };
      const rows = snapshot.tree("sql/table/city", codecs).entries().toArray();
      assertEquals(rows, [
        [[7n], [false, "Lisboa", 100.5]],
        [[8n], [false, false, false]],
      ]);
      const entries = snapshot.tree("sql/index/by_name", codecs).keys().toArray();
      assertEquals(entries, [[new Uint8Array(0), 8n], [false, "Lisboa", 7n]]);
    }),
  );

  it("lose nothing when a file is opened again", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      {
        using db = open(path);
        sql(db).exec(`
          CREATE TABLE t (a TEXT PRIMARY KEY, b INT CHECK (b > 0)) STRICT;
          CREATE VIEW v AS SELECT b FROM t WHERE a = 'x';
          INSERT INTO t VALUES ('x', 5);
          ANALYZE;
        `);
      }
      using db = open(path);
      assertEquals(rowsOf(sql(db), "SELECT b FROM v"), [[5]]);
      const text = "INSERT INTO t VALUES ('y', 0)";
      assertThrows(() => sql(db).run(text), SqlError, "CHECK constraint failed: b > 0");
    }));

  it("of a followed file show the schema that another process has made", async () => {
    const dir = Deno.makeTempDirSync();
    try {
      const writer = open(`${dir}/a.quire`);
      const query = sql(writer);
      query.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
      writer.checkpoint();
      using follower = open(`${dir}/a.quire`, { follow: true });
      const followed = sql(follower);
      assertEquals(rowsOf(followed, "SELECT * FROM t"), [[1]]);
      query.exec("DROP TABLE t; CREATE TABLE t (b, c); INSERT INTO t VALUES (2, 3)");
      const { version } = writer;
      writer.close();
      while (follower.version < version) await new Promise((done) => setTimeout(done, 5));
      assertEquals(rowsOf(followed, "SELECT * FROM t"), [[2, 3]]);
      assertEquals(followed.schema().map(({ sql }) => sql), ["CREATE TABLE t (b, c)"]);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });

  it(
    "that hold anything but a schema or rows are refused",
    withSql((query, db) => {
      query.exec("CREATE TABLE t (a)");
      const codecs = { key: tuple, value: tuple };
      db.writeSync((tx) => tx.tree("sql/table/t", codecs).set([1n], [true]));
      assertThrows(() => query.all("SELECT a FROM t"), TypeError, "not the parts of one");
    }),
  );
});
