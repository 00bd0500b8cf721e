/**
 * Queries in the manner of index/between, commute, delete, in, orderby, random and view: equal
 * tables with different indexes, nested conditions, views.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, type ScriptStep, shuffled, some, statement } from "./family.ts";

const TABLES = ["tab0", "tab1", "tab2", "tab3", "tab4"];
const COLUMNS = ["col0", "col1", "col3", "col4"];

/** Makes the family. */
export function indexFamily(random: Random): Family {
  return new IndexFamily(random);
}

class IndexFamily implements Family {
  readonly #random: Random;
  #views: string[] = [];
  #made = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  setup(): string[] {
    const columns = "pk INTEGER PRIMARY KEY, col0 INTEGER, col1 FLOAT, col2 TEXT, col3 INTEGER, " +
      "col4 FLOAT, col5 TEXT";
    const statements = [`CREATE TABLE tab0(${columns})`];
    for (let pk = 0; pk < 40; pk++) {
      const values = [
        pk,
        this.#random.below(900),
        this.#real(),
        `'${this.#word()}'`,
        this.#random.below(900),
        this.#real(),
        `'${this.#word()}'`,
      ];
      statements.push(`INSERT INTO tab0 VALUES(${values.join()})`);
    }
    for (const table of TABLES.slice(1)) {
      statements.push(`CREATE TABLE ${table}(${columns})`);
      const indexes = Array.from({ length: 1 + this.#random.below(4) }, (_, i) => {
        const parts = shuffled(this.#random, COLUMNS).slice(0, 1 + this.#random.below(3))
          .map((column) => column + (this.#random.once(2) ? " DESC" : ""));
        const unique = this.#random.once(6) ? "UNIQUE " : "";
        return `CREATE ${unique}INDEX idx_${table}_${i} ON ${table} (${parts.join(", ")})`;
      });
      const insert = `INSERT INTO ${table} SELECT * FROM tab0`;
      statements.push(...(this.#random.once(2) ? [insert, ...indexes] : [...indexes, insert]));
    }
    return statements;
  }

  #real(): string {
    return `${this.#random.below(900)}.${this.#random.below(100)}`;
  }

  #word(): string {
    return Array.from(
      { length: 5 },
      () => String.fromCharCode(97 + this.#random.below(26)),
    ).join("");
  }

  #value(column: string): string {
    return column === "col1" || column === "col4" ? this.#real() : String(this.#random.below(900));
  }

  #condition(depth: number): string {
    const random = this.#random;
    if (depth > 0 && random.once(2)) {
      const parts = Array.from(
        { length: 2 + random.below(3) },
        () => this.#condition(depth - 1),
      );
      return `(${parts.join(random.pick([" AND ", " OR "]))})`;
    }
    const column = random.pick(COLUMNS);
    const value = () => this.#value(column);
    switch (random.below(8)) {
      case 0:
        return `${column} IS NULL`;
      case 1:
        return `(${column} BETWEEN ${value()} AND ${value()})`;
      case 2: {
        const list = Array.from({ length: 1 + random.below(6) }, value);
        return `${column} IN (${list.join()})`;
      }
      case 3:
        return `${column} IN (SELECT ${random.pick(COLUMNS)} FROM tab0 WHERE ${
          this.#condition(depth - 1)
        })`;
      case 4:
        return `${value()} ${random.pick(["<", ">", "<=", ">=", "="])} ${column}`;
      default:
        return `${column} ${random.pick(["<", ">", "<=", ">=", "="])} ${value()}`;
    }
  }

  next(): ScriptStep {
    const random = this.#random;
    const table = random.pick([...TABLES, ...this.#views]);
    const kind = random.below(30);
    if (kind === 0) return this.#view();
    if (kind === 1 && this.#views.length > 0) {
      return statement(`DROP VIEW ${this.#views.pop()}`);
    }
    if (kind === 2) return statement(`DELETE FROM ${table} WHERE ${this.#condition(2)}`);
    if (kind === 3) {
      return statement(
        `UPDATE ${table} SET ${random.pick(COLUMNS)} = ${random.below(900)} WHERE ${
          this.#condition(1)
        }`,
      );
    }
    if (kind === 4) return statement(`INSERT OR REPLACE INTO ${table} SELECT * FROM tab0`);
    return this.#query(table);
  }

  #view(): ScriptStep {
    const table = this.#random.pick(TABLES);
    const name = `view_${++this.#made}_${table}`;
    this.#views.push(name);
    return statement(
      `CREATE VIEW ${name} AS SELECT pk, ${COLUMNS.join(", ")} FROM ${table} WHERE ${
        this.#condition(2)
      }`,
    );
  }

  #query(table: string): ScriptStep {
    const random = this.#random;
    const where = ` WHERE ${random.once(5) ? "NOT " : ""}(${this.#condition(3)})`;
    if (random.once(4)) {
      const column = random.pick(COLUMNS);
      const aggregates = [`count(*)`, `min(${column})`, `max(${column})`, `sum(${column})`];
      return query(
        `SELECT ${shuffled(random, aggregates).slice(0, 2).join(", ")} FROM ${table}${where}`,
        "RR",
      );
    }
    const columns = shuffled(random, ["pk", ...COLUMNS]).slice(0, 1 + random.below(3));
    const results = random.once(4) ? columns.map((c) => `+ ${c} * ${random.below(90)}`) : columns;
    const isOrdered = random.once(2);
    const terms = [random.pick(columns), "pk"].map((term) =>
      term + random.pick(["", " DESC", " ASC"])
    );
    const order = isOrdered ? ` ORDER BY ${terms.join(", ")}` : "";
    const limit = isOrdered && random.once(4) ? ` LIMIT ${random.below(9)}` : "";
    const types = columns.map((column) => /1|4/.test(column) ? "R" : "I").join("");
    return query(
      `SELECT ${results.join(", ")} FROM ${table}${where}${order}${limit}`,
      types,
      isOrdered,
    );
  }
}

/** Makes groups, extremes and joins over columns that indexes sort, whole or not. */
export function orderedFamily(random: Random): Family {
  return new OrderedFamily(random);
}

const SORTED = ["a", "b", "c", "a COLLATE NOCASE", "id", "c COLLATE BINARY"];

class OrderedFamily implements Family {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  setup(): string[] {
    const random = this.#random;
    const value = () =>
      random.pick(["NULL", "0", "1", "2", "2.5", "-3", "'a'", "'A'", "'b'", "'1'", "x'61'"]);
    // Some values are in so many rows that a scan searches for the next one.
    const most = random.once(3) ? value() : undefined;
    const often = () => most !== undefined && random.below(8) > 0 ? most : value();
    const rows = Array.from(
      { length: 3 + random.below(most === undefined ? 30 : 90) },
      (_, i) => `(${3 * i}, ${often()}, ${often()}, ${often()})`,
    );
    const others = Array.from(
      { length: random.below(12) },
      (_, i) => `INSERT INTO u VALUES(${i}, ${value()}, ${value()})`,
    );
    const indexes = shuffled(random, [
      "CREATE INDEX ta ON t(a)",
      "CREATE INDEX tab ON t(a, b)",
      "CREATE INDEX tbd ON t(b DESC, a)",
      "CREATE INDEX tcab ON t(c, a, b)",
      "CREATE INDEX tan ON t(a COLLATE NOCASE, c)",
      "CREATE INDEX tap ON t(a, c) WHERE a > 0",
      "CREATE INDEX ux ON u(x, y)",
      "CREATE INDEX uy ON u(y)",
    ]).slice(0, random.below(6));
    return [
      "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b INT, c TEXT COLLATE NOCASE)",
      "CREATE TABLE u(k INTEGER PRIMARY KEY, x, y INT)",
      ...indexes,
      `INSERT INTO t VALUES ${rows.join(", ")}`,
      ...others,
    ];
  }

  next(): ScriptStep {
    const random = this.#random;
    const where = random.once(2) ? "" : ` WHERE ${this.#condition()}`;
    const keys = some(random, SORTED, 2);
    const aggregate = random.pick([
      "count(*)",
      "count(b)",
      "sum(b)",
      "min(a)",
      "lower(max(c))",
      "total(id)",
    ]);
    switch (random.below(9)) {
      case 6:
        return this.#distinct(where);
      case 7: {
        const page = `LIMIT ${random.below(9)} OFFSET ${random.below(60)}`;
        const direction = random.pick(["", " DESC"]);
        const order = random.pick(["a", "b", "c"]) + direction;
        const text = `SELECT id, b FROM t${where} ORDER BY ${order}, id${direction} ${page}`;
        return query(text, "IT", true);
      }
      case 8:
        return query(`SELECT count(*) FROM (SELECT a FROM t${where} LIMIT 50 OFFSET 7)`, "I");
      case 0: {
        const text = `SELECT lower(${
          keys[0]
        }), ${aggregate} FROM t${where} GROUP BY ${keys.join()}`;
        return query(text, "TT");
      }
      case 1: {
        const extreme = `${random.pick(["min", "max"])}(${random.pick(SORTED)})`;
        return query(`SELECT lower(${extreme}), typeof(${extreme}) FROM t${where}`, "TT");
      }
      case 2: {
        const inner = `SELECT ${random.pick(["min", "max"])}(${random.pick(["a", "b", "id"])})`;
        const on = random.pick(["a = u.x", "a = u.x AND b > u.y", "b = u.y", "id < u.k"]);
        return query(`SELECT k, (${inner} FROM t WHERE ${on}) FROM u`, "IT");
      }
      case 3: {
        const join = random.pick(["JOIN", "LEFT JOIN"]);
        const on = random.pick(["u.k = t.b + 1", "u.k = t.b", "u.x = t.a", "t.id = u.y * 3"]);
        const text = `SELECT count(*), count(u.k), sum(u.y), max(t.b) FROM t ${join} u ON ${on}`;
        return query(text + where.replaceAll(/\b[abc]\b/g, "t.$&"), "IIII");
      }
      case 4: {
        const page = `LIMIT ${random.below(9)} OFFSET ${random.below(20)}`;
        return query(`SELECT id, a FROM t${where} ORDER BY id ${page}`, "IT", true);
      }
      default: {
        const text = `SELECT count(*), count(u.y) FROM u LEFT JOIN t ON t.a = u.x AND t.b >= u.y`;
        return query(`${text} GROUP BY u.k % ${1 + random.below(4)}`, "II");
      }
    }
  }

  /** Values that are counted or shown once: only what equal values share. */
  #distinct(where: string): ScriptStep {
    const random = this.#random;
    const columns = some(random, ["a", "b", "c"], 2).join();
    const [first] = columns;
    switch (random.below(4)) {
      case 0:
        return query(`SELECT count(DISTINCT ${first}) FROM t${where}`, "I");
      case 1:
        return query(
          `SELECT count(*) FROM (SELECT ${columns} FROM t${where} GROUP BY ${columns})`,
          "I",
        );
      case 2: {
        const order = ` ORDER BY b${random.pick(["", " DESC"])}`;
        const limit = random.once(2) ? ` LIMIT ${random.below(5)} OFFSET ${random.below(3)}` : "";
        return query(`SELECT DISTINCT b FROM t${where}${order}${limit}`, "T", true);
      }
      default:
        return query(`SELECT count(*) FROM (SELECT DISTINCT ${columns} FROM t${where})`, "I");
    }
  }

  #condition(): string {
    const random = this.#random;
    const constant = () => random.pick(["0", "1", "2.5", "'a'", "'A'", "'b'"]);
    const one = () => `${random.pick(["a", "b", "c"])} ${random.pick(["=", ">", "<=", "IS NOT"])} `;
    const first = one() + constant();
    return random.once(2) ? first : `${first} AND ${one()}${constant()}`;
  }
}
