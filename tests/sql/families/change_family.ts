/**
 * Changes at random of tables that refuse some: upserts with RETURNING, all conflict actions,
 * UNIQUE under collations and in partial indexes, CHECK, NOT NULL, WITHOUT ROWID, STRICT, and
 * transactions with savepoints. After every change all tables are compared.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, script, type ScriptStep, some, statement } from "./family.ts";

/** Makes the family. */
export function changeFamily(random: Random): Family {
  return new ChangeFamily(random);
}

const TABLES = ["m", "n", "o"];
const COLUMNS = ["k", "u", "v", "w"];
const VALUES = ["NULL", "'a'", "'A'", "'a '", "'b'", "1.0", "2.5", "'1'", "x'61'", "'x y'", "-0.0"];

class ChangeFamily implements Family {
  readonly #random: Random;
  #looks: ScriptStep[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  setup(): string[] {
    const random = this.#random;
    const action = () => random.once(4) ? " ON CONFLICT REPLACE" : "";
    const type = () => random.pick(["INT", "TEXT", "REAL", "NUMERIC", "", "BLOB"]);
    const strict = () => random.pick(["INT", "TEXT", "REAL", "ANY", "BLOB", "INTEGER"]);
    const collate = () => random.pick(["", "", " COLLATE NOCASE", " COLLATE RTRIM"]);
    const unique = () => random.once(2) ? ` UNIQUE${action()}` : "";
    const check = random.pick(["", ` CHECK(w IS NOT 3)`, ` CHECK(typeof(w) <> 'blob')`]);
    const indexes = TABLES.flatMap((table) =>
      Array.from({ length: random.below(3) }, (_, i) => {
        const parts = some(random, ["u", "v", "w", "u || v", "lower(v)"], 2)
          .map((part) => (part.length > 1 ? `(${part})` : part + collate()));
        const kind = random.once(2) ? "UNIQUE " : "";
        const where = random.once(3) ? ` WHERE ${random.pick(["u > 1", "v IS NOT NULL"])}` : "";
        return `CREATE ${kind}INDEX ${table}${i} ON ${table}(${parts.join(", ")})${where}`;
      })
    );
    return [
      `CREATE TABLE m(k INTEGER PRIMARY KEY${random.once(3) ? " AUTOINCREMENT" : ""}, ` +
      `u ${type()}${collate()}${unique()}, v ${type()} DEFAULT 'd', ` +
      `w ${type()} NOT NULL${action()} DEFAULT 7${check})`,
      `CREATE TABLE n(k ${type()}${collate()}, u ${type()} NOT NULL, v ${type()}${unique()}, ` +
      `w AS (coalesce(u, 0) || k), PRIMARY KEY(k${collate()}, u${random.pick(["", " DESC"])})` +
      `${action()}) WITHOUT ROWID`,
      `CREATE TABLE o(k ${strict()} PRIMARY KEY, u ${strict()}${unique()}, ` +
      `v ${strict()}${collate()}, w ${strict()} DEFAULT NULL) STRICT`,
      ...indexes,
      ...TABLES.flatMap((table) => Array.from({ length: 5 }, () => this.#insert(table, "IGNORE"))),
    ];
  }

  #value(): string {
    return this.#random.once(2) ? String(this.#random.below(6)) : this.#random.pick(VALUES);
  }

  #columns(table: string): readonly string[] {
    return table === "n" ? COLUMNS.slice(0, 3) : COLUMNS;
  }

  #row(table: string): string {
    return `(${this.#columns(table).map(() => this.#value()).join(", ")})`;
  }

  #insert(table: string, action = this.#random.pick(["ABORT", "IGNORE", "REPLACE", "FAIL"])) {
    const random = this.#random;
    const or = random.once(2) && action === "ABORT" ? "" : ` OR ${action}`;
    if (random.once(5)) {
      const columns = some(random, this.#columns(table), 3);
      const values = columns.map(() => this.#value());
      return `INSERT${or} INTO ${table}(${columns.join(", ")}) VALUES(${values.join(", ")})`;
    }
    const rows = Array.from({ length: random.once(3) ? 3 : 1 }, () => this.#row(table));
    const list = this.#columns(table).join(", ");
    return `INSERT${or} INTO ${table}(${list}) VALUES ${rows.join(", ")}`;
  }

  #upsert(table: string): string {
    const random = this.#random;
    const target = () =>
      random.pick([
        "",
        `(k)`,
        "(u)",
        "(v)",
        table === "n" ? "(k, u)" : "(k)",
        "(u, v)",
        "(lower(v))",
        "(u) WHERE u > 1",
        "(v COLLATE NOCASE)",
      ]);
    const set = () => {
      const column = random.pick(this.#columns(table));
      const value = random.pick([
        `excluded.${random.pick(COLUMNS)}`,
        `${table}.${random.pick(COLUMNS)}`,
        `coalesce(excluded.u, '') || ${random.pick(COLUMNS)}`,
        this.#value(),
        `(SELECT count(*) FROM ${random.pick(TABLES)})`,
      ]);
      return `${column} = ${value}`;
    };
    const where = () =>
      random.once(4) ? ` WHERE excluded.u ${random.pick(["IS NOT", "<", "="])} ${table}.u` : "";
    const actions = Array.from({ length: random.once(4) ? 2 : 1 }, (_, i, all?: unknown) => {
      void all;
      const at = i === 0 && random.once(3) ? "" : target();
      const what = random.once(4) ? "NOTHING" : `UPDATE SET ${set()}${where()}`;
      return ` ON CONFLICT${at} DO ${what}`;
    });
    const rows = Array.from({ length: 1 + random.below(3) }, () => this.#row(table));
    const list = this.#columns(table).join(", ");
    return `INSERT INTO ${table}(${list}) VALUES ${rows.join(", ")}${actions.join("")}`;
  }

  #change(): string {
    const random = this.#random;
    const table = random.pick(TABLES);
    const column = random.pick(this.#columns(table));
    const or = random.once(3) ? ` OR ${random.pick(["IGNORE", "REPLACE", "FAIL", "ABORT"])}` : "";
    // One row at a time, as the order of the others is not that of SQLite.
    const where = `k IS ${this.#value()}${table === "n" ? ` AND u IS ${this.#value()}` : ""}`;
    switch (random.below(7)) {
      case 0:
        return `DELETE FROM ${table} WHERE ${column} ${
          random.pick(["=", ">", "IS"])
        } ${this.#value()}`;
      case 1:
        return `UPDATE${or} ${table} SET ${column} = ${this.#value()} WHERE ${where}`;
      case 2:
        return `UPDATE${or} ${table} SET (${column}, v) = (SELECT u, k FROM m WHERE k = 2) ` +
          `WHERE ${where}`;
      case 3:
      case 4:
        return this.#upsert(table);
      default:
        return this.#insert(table);
    }
  }

  /** A transaction of several changes and savepoints. */
  #transaction(): ScriptStep {
    const random = this.#random;
    const open: string[] = [];
    const parts = Array.from({ length: 3 + random.below(6) }, (_, i) => {
      const name = random.pick(open.length === 0 ? ["s"] : open);
      switch (random.below(6)) {
        case 0:
          open.push(`s${random.once(2) ? "" : i}`);
          return `SAVEPOINT ${open.at(-1)}`;
        case 1:
          if (open.length === 0) break;
          return `ROLLBACK TO ${name}`;
        case 2:
          if (open.length === 0) break;
          open.length = open.lastIndexOf(name);
          return `RELEASE ${name}`;
      }
      return this.#change().replace(/^INSERT OR FAIL/, "INSERT OR IGNORE")
        .replace(/^INSERT (OR ABORT )?INTO(.*\))$/, "INSERT OR REPLACE INTO$2");
    });
    const end = random.pick(["COMMIT", "COMMIT", "END", "ROLLBACK"]);
    return script(["BEGIN", ...parts, end].join(";\n"));
  }

  next(): ScriptStep {
    const look = this.#looks.pop();
    if (look !== undefined) return look;
    const random = this.#random;
    this.#looks = [
      ...TABLES.map((table) =>
        query(`SELECT * FROM ${table} ORDER BY k, u, v, w, typeof(v)`, "TTTT", false)
      ),
      query("SELECT changes()", "I"),
      query("PRAGMA integrity_check", "T"),
    ];
    if (random.once(4)) return this.#transaction();
    const text = this.#change();
    const isReturning = random.once(3) && !/^DELETE/.test(text);
    return isReturning
      ? query(`${text} RETURNING ${random.pick(["*", "k, u, v", "k + 1, typeof(u), w"])}`, "TTTT")
      : statement(text);
  }
}
