/**
 * Databases whose trees of SQL another program wrote: anything but a schema and rows is refused
 * with an error that says so, and nothing runs without end.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { json, type KeyCodec, string, tuple } from "../../mod.ts";
import { MemoryFile } from "../../pager/file/memory_file.ts";
import { type Sql, sql, SqlError } from "../../sql/mod.ts";
import { openOn } from "../support/databases/database.ts";

const TABLE = { type: "table", name: "t", table: "t", sql: "CREATE TABLE t (a, b)" };
const INDEX = { type: "index", name: "i", table: "t", sql: "CREATE INDEX i ON t (a)" };
const KEYED = { ...TABLE, sql: "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b)" };

/** A codec of the name of tuples that takes any bytes. */
const anyBytes: KeyCodec<Uint8Array> = {
  name: "tuple",
  ordered: true,
  encode: (bytes) => bytes,
  decode: (bytes) => bytes,
};

interface Foreign {
  readonly schema?: readonly unknown[];
  /** Values of other trees of JSON, by tree and key. */
  readonly values?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Entries of trees of rows. */
  readonly rows?: Readonly<Record<string, readonly [key: number[], value: number[]][]>>;
}

/** Runs a body on a database that another program wrote. */
function withForeign(
  { schema = [TABLE], values = {}, rows = {} }: Foreign,
  body: (query: Sql) => void,
) {
  const file = new MemoryFile();
  {
    using db = openOn(file);
    const objects = db.tree("sql/schema", { key: tuple.as<[number]>(), value: json });
    db.writeSync((tx) => {
      schema.forEach((object, i) => tx.tree(objects).set([i + 1], object as string));
      for (const [name, entries] of Object.entries(values)) {
        const tree = tx.tree(db.tree(name, { key: string, value: json }));
        for (const [key, value] of Object.entries(entries)) tree.set(key, value as string);
      }
      for (const [name, entries] of Object.entries(rows)) {
        const tree = tx.tree(db.tree(name, { key: anyBytes, value: anyBytes }));
        for (const [key, value] of entries) tree.set(new Uint8Array(key), new Uint8Array(value));
      }
    });
  }
  using db = openOn(file);
  body(sql(db));
}

/** Views, each of which reads the one before it. */
function views(count: number, select: (before: string) => string) {
  const first = { type: "view", name: "v0", table: "v0", sql: "CREATE VIEW v0 AS SELECT 1 AS x" };
  const others = Array.from({ length: count }, (_, i) => {
    const name = `v${i + 1}`;
    const text = `CREATE VIEW ${name} AS ${select(`v${i}`)}`;
    return { type: "view", name, table: name, sql: text };
  });
  return [first, ...others];
}

describe("a schema that others wrote", () => {
  const objects = [
    null,
    5,
    [],
    { type: "table", name: "t", table: "t" },
    { ...TABLE, sql: 7 },
    { ...TABLE, name: 7 },
    { ...TABLE, type: "__proto__" },
    { ...TABLE, sql: "CREATE TABLE t (" },
    { ...TABLE, sql: "DROP TABLE t" },
    { ...TABLE, sql: `CREATE TABLE t (a CHECK (${"(".repeat(9_000)}1${")".repeat(9_000)}))` },
    { ...INDEX, table: "u" },
  ];
  for (const object of objects) {
    const text = JSON.stringify(object).slice(0, 60);
    it(`is refused: ${text}`, () => {
      assertThrows(() => withForeign({ schema: [object] }, () => {}), SqlError, "malformed schema");
    });
  }

  it("has views in circles, and views that double those below them", () => {
    const circle = (text: string) => ({ type: "view", name: "v", table: "v", sql: text });
    for (
      const schema of [
        [circle("CREATE VIEW v AS SELECT * FROM v")],
        [circle("CREATE VIEW v AS SELECT (SELECT x FROM v) AS x")],
        [circle("CREATE VIEW v(x) AS SELECT 1 FROM v AS a LEFT JOIN v AS b ON 1")],
      ]
    ) {
      withForeign({ schema }, (query) => {
        assertThrows(() => query.all("SELECT * FROM v"), SqlError, "nested too deeply");
      });
    }
    withForeign({ schema: views(40, (v) => `SELECT x + x AS x FROM ${v}`) }, (query) => {
      assertEquals({ ...query.get("SELECT x FROM v40") }, { x: 2 ** 40 });
    });
  });

  it("has sequences that are not numbers", () => {
    for (const kept of [null, 5, "abc", "1e5", "9999999999999999999", "99999999999999999999"]) {
      const values = { "sql/sequences": { "sql/table/t": kept } };
      withForeign({ schema: [KEYED], values }, (query) => {
        for (const text of ["INSERT INTO t (b) VALUES (1)", "SELECT * FROM sqlite_sequence"]) {
          assertThrows(() => query.all(text), SqlError, "is not a rowid");
        }
      });
    }
    withForeign({ values: { "sql/settings": { user_version: "x" } } }, (query) => {
      assertThrows(() => query.all("PRAGMA user_version"), SqlError);
    });
    for (const kept of [null, {}, { rows: "x", distinct: 7 }, { rows: -1, distinct: [0] }]) {
      const values = { "sql/statistics": { "sql/table/t": kept, "sql/index/i": kept } };
      withForeign({ schema: [TABLE, INDEX], values }, (query) => {
        assertEquals(query.all("SELECT * FROM t WHERE a = b || 'x'"), []);
      });
    }
  });
});

describe("rows that others wrote", () => {
  const key = [0x40, 0x80, 1, 5];
  const rows: readonly (readonly [string, number[], number[]])[] = [
    ["a key that is not a rowid", [1], [0x50]],
    ["a value that is not a row", key, [1]],
    ["a text without an end", key, [0x20, 65]],
    ["an integer of more than 64 bits", key, [0x40, 0x80, 8, ...new Array(8).fill(0xff)]],
    ["an integer without its bytes", key, [0x40]],
    ["a REAL that is NaN", key, [0x30, 0xff, 0xf8, 0, 0, 0, 0, 0, 1]],
  ];
  for (const [what, key, value] of rows) {
    it(`are refused when they are read, and found by a check: ${what}`, () => {
      withForeign({ schema: [TABLE, INDEX], rows: { "sql/table/t": [[key, value]] } }, (query) => {
        for (
          const text of [
            "SELECT rowid, * FROM t",
            "SELECT rowid, sum(a) FROM t GROUP BY a",
            "UPDATE t SET b = 1",
          ]
        ) assertThrows(() => query.all(text), TypeError, "Cannot read a row");
        const [found] = query.all<{ integrity_check: string }>("PRAGMA integrity_check");
        assertEquals(found!.integrity_check, "row 1 of table t is malformed");
      });
    });
  }

  it("have entries of indexes without a row", () => {
    const entry = [0x30, 0xc0, 0, 0, 0, 0, 0, 0, 0, ...key];
    const foreign = { schema: [TABLE, INDEX], rows: { "sql/index/i": [[entry, []]] } };
    withForeign(foreign as unknown as Foreign, (query) => {
      assertThrows(() => query.all("SELECT * FROM t WHERE a > 0"), SqlError, "without a row");
      assert(query.all("PRAGMA integrity_check").length === 1);
    });
  });
});
