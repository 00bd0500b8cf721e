/**
 * SQL on a file that others write too: each statement uses the schema as it is when it reads or
 * writes, whoever changed it, so an index has the rows of its table whatever the handles do.
 *
 * The handles of a test share one thread. A transaction begins with what others have committed;
 * reads see it in the next turn of the event loop.
 */

import { setImmediate } from "node:timers";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Database, open } from "../../mod.ts";
import { type Sql, sql, SqlError, traceQuery } from "../../sql/mod.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Runs a body with two handles of one file. */
function withTwo(
  body: (one: Sql, other: Sql, dbs: readonly Database[]) => Promise<void> | void,
): () => Promise<void> {
  return () =>
    inTempDir(async (dir) => {
      using a = open(`${dir}/a.quire`, { shared: true });
      using b = open(`${dir}/a.quire`, { shared: true });
      await body(sql(a), sql(b), [a, b]);
    });
}

function rowsOf(query: Sql, text: string): unknown[][] {
  return query.all(text).map((row) => Object.values(row));
}

describe("SQL on a shared file", () => {
  it(
    "writes the entries of an index that another handle made after the statement was prepared",
    withTwo(async (one, other) => {
      one.exec("CREATE TABLE t (a, b)");
      await turn();
      const insert = other.prepare("INSERT INTO t VALUES (?, ?)");
      const update = other.prepare("UPDATE t SET b = b + 10 WHERE a = ?");
      insert.run(1, 2);
      one.exec("CREATE INDEX i ON t (b)");
      insert.run(3, 4);
      one.exec("DROP INDEX i; CREATE INDEX j ON t (b) WHERE b > 10");
      update.run(3);
      assertEquals(rowsOf(other, "SELECT a FROM t INDEXED BY j WHERE b > 10"), [[3]]);
      assertEquals(rowsOf(other, "PRAGMA integrity_check"), [["ok"]]);
      await turn();
      assertEquals(rowsOf(one, "PRAGMA integrity_check"), [["ok"]]);
    }),
  );

  it(
    "reads tables that were dropped and made anew, and refuses what no longer fits",
    withTwo(async (one, other) => {
      one.exec(
        "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2); CREATE VIEW v AS SELECT b FROM t",
      );
      await turn();
      const all = other.prepare("SELECT * FROM t");
      const view = other.prepare("SELECT * FROM v");
      const insert = other.prepare("INSERT INTO t VALUES (1, 2)");
      assertEquals([all.all().length, view.get()?.["b"]], [1, 2]);
      one.exec(`
        DROP TABLE t; CREATE TABLE t (b PRIMARY KEY, c, d); INSERT INTO t VALUES (7, 8, 9);
        CREATE TABLE log (b); CREATE TRIGGER r AFTER INSERT ON t BEGIN
          INSERT INTO log VALUES (new.b); END`);
      assertThrows(() => insert.run(), SqlError, "t has 3 columns but 2 values were supplied");
      other.run("INSERT INTO t VALUES (?, 0, 0)", 1);
      assertEquals(rowsOf(other, "SELECT * FROM log"), [[1]]);
      assertEquals(all.columns().map(({ name }) => name), ["b", "c", "d"]);
      assertEquals(view.all().map(({ b }) => b), [1, 7]);
      assertEquals(other.schema().length, 4);
      one.exec("DROP VIEW v");
      await turn();
      assertThrows(() => view.all(), SqlError, "no such table: v");
    }),
  );

  it(
    "numbers rows after those of others, with AUTOINCREMENT too",
    withTwo(async (one, other) => {
      one.exec("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a); CREATE TABLE u (a)");
      await turn();
      for (const query of [one, other, one, other]) {
        query.run("INSERT INTO t (a) VALUES (?)", 0);
        query.run("INSERT INTO u VALUES (?)", 0);
        if (query === other) query.run("DELETE FROM t");
      }
      const { lastInsertRowid } = one.run("INSERT INTO t (a) VALUES (?)", 0);
      assertEquals(lastInsertRowid, 5);
      assertEquals(rowsOf(one, "SELECT count(*), max(rowid) FROM u"), [[4, 4]]);
    }),
  );

  it(
    "forgets a schema that has rolled back, although another handle made the next one",
    withTwo(async (one, other, [, db]) => {
      one.exec("CREATE TABLE t (a)");
      await turn();
      const insert = other.prepare("INSERT INTO t VALUES (?)");
      const rollBack = () => {
        other.exec("CREATE INDEX i ON t (a)");
        insert.run(1);
        throw new Error("rolled back");
      };
      assertThrows(() => db!.writeSync(rollBack), Error, "rolled back");
      one.exec("CREATE UNIQUE INDEX i ON t (a DESC)");
      // The next read sees this schema, and not the one before the transaction.
      await turn();
      insert.run(2);
      assertThrows(() => insert.run(2), SqlError, "UNIQUE constraint failed");
      assertThrows(() => other.transaction(rollBack), SqlError, "already exists");
      other.exec("BEGIN; DROP INDEX i; SAVEPOINT s; DROP TABLE t; ROLLBACK TO s; ROLLBACK");
      assertEquals(rowsOf(other, "SELECT a FROM t INDEXED BY i WHERE a = 2"), [[2]]);
      assertEquals(rowsOf(other, "PRAGMA integrity_check"), [["ok"]]);
    }),
  );

  it(
    "iterates over the version and the schema at which it began",
    withTwo(async (one, other, [, db]) => {
      one.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)");
      await turn();
      const rows = other.prepare("SELECT * FROM t");
      const before = rows.iterate();
      assertEquals({ ...before.next().value }, { a: 1 });
      one.exec("DROP TABLE t; CREATE TABLE t (b, c); INSERT INTO t VALUES (3, 4)");
      await turn();
      assertEquals([...rows.iterate()].map((row) => ({ ...row })), [{ b: 3, c: 4 }]);
      assertEquals([...before].map((row) => ({ ...row })), [{ a: 2 }]);
      assertEquals(traceQuery(db!, "SELECT c FROM t").rows, [["4"]]);
    }),
  );

  it(
    "refuses a schema with the name of a temporary table, until it is gone",
    withTwo(async (one, other) => {
      other.exec("CREATE TEMP TABLE t (a); INSERT INTO t VALUES (1)");
      one.exec("CREATE TABLE t (a); CREATE INDEX i ON t (a)");
      await turn();
      const error = assertThrows(() => other.all("SELECT * FROM t"), SqlError, "temporary object");
      assertEquals(error.code, "CONFLICT");
      one.exec("DROP TABLE t");
      await turn();
      assertEquals(rowsOf(other, "SELECT * FROM t"), [[1]]);
    }),
  );

  it(
    "keeps each index like its table while two handles define and change at random",
    withTwo(async (one, other) => {
      const random = new Random(23);
      const schema = () => `
        DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY, a, b);
        DELETE FROM counts; INSERT INTO counts VALUES (0);
        CREATE TRIGGER added AFTER INSERT ON t BEGIN UPDATE counts SET n = n + 1; END;`;
      one.exec(`CREATE TABLE counts (n); ${schema()}`);
      await turn();
      let refused = 0;
      const steps: ((query: Sql) => void)[] = [
        (query) => query.transaction(() => query.exec(schema())),
        (query) => query.exec(`CREATE INDEX i${random.below(3)} ON t (${"ab"[random.below(2)]})`),
        (query) => query.exec(`DROP INDEX i${random.below(3)}`),
        (query) =>
          query.exec("BEGIN; CREATE INDEX i0 ON t (a, b); INSERT INTO t (a) VALUES (1); ROLLBACK"),
        (query) => void query.run("UPDATE t SET a = a + 1, b = ? WHERE a = ?", 1, random.below(9)),
        ...new Array(4).fill((query: Sql) => {
          query.run("INSERT INTO t (a, b) VALUES (?, ?)", random.below(9), random.below(9));
        }),
      ];
      for (let i = 0; i < 160; i++) {
        const query = random.below(2) === 0 ? one : other;
        try {
          steps[random.below(steps.length)]!(query);
        } catch (error) {
          assert(
            error instanceof SqlError && /exists|no such index/.test(error.message),
            `${error}`,
          );
          refused++;
        }
        if (random.below(4) === 0) await turn();
        const text = "SELECT (SELECT count(*) FROM t) = (SELECT n FROM counts)";
        assertEquals(rowsOf(query, text), [[1]], `step ${i}`);
      }
      assert(refused < 80);
      assertEquals(rowsOf(other, "PRAGMA integrity_check"), [["ok"]]);
    }),
  );
});
