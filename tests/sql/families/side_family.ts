/**
 * Right and full joins at random, beside left and inner ones: with ON, USING and NATURAL, over
 * tables, queries, views and joins in parentheses.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, type ScriptStep, statement } from "./family.ts";

/** Makes the family. */
export function sideFamily(random: Random): Family {
  return new SideFamily(random);
}

const TABLES = ["r0", "r1", "r2", "r3"];
const JOINS = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "RIGHT JOIN", "FULL OUTER JOIN"];

class SideFamily implements Family {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  setup(): string[] {
    const random = this.#random;
    const value = () =>
      random.pick(["NULL", "1.0", "2.5", "'1'", "'a'", "'A'", ...["0", "1", "2", "3", "4"]]);
    const shapes = [
      "CREATE TABLE r0(k INTEGER PRIMARY KEY, x INT, y TEXT)",
      "CREATE TABLE r1(x TEXT COLLATE NOCASE, y INT, z)",
      "CREATE TABLE r2(y TEXT, z INT, PRIMARY KEY(y, z)) WITHOUT ROWID",
      "CREATE TABLE r3(x, k INT)",
    ];
    const fills = TABLES.flatMap((table, i) =>
      Array.from({ length: random.below(7) }, () => {
        const values = Array.from({ length: [2, 3, 2, 2][i]! }, value);
        const list = i === 0 ? ["NULL", ...values] : values;
        return `INSERT OR IGNORE INTO ${table} VALUES(${list.join()})`;
      })
    );
    const index = random.once(2)
      ? ["CREATE INDEX r1x ON r1(x)", "CREATE INDEX r3k ON r3(k, x)"]
      : [];
    return [...shapes, ...fills, ...index, "CREATE VIEW r4 AS SELECT x, z, y AS w FROM r1"];
  }

  next(): ScriptStep {
    const random = this.#random;
    if (random.once(25)) {
      return statement(`UPDATE r1 SET z = ${random.below(5)} WHERE x = '${random.below(4)}'`);
    }
    return random.once(3) ? this.#merged() : this.#joined();
  }

  /** A table under an alias, with the columns that it has. */
  #table(alias: string): { text: string; columns: string[] } {
    const random = this.#random;
    const columns = [["k", "x", "y"], ["x", "y", "z"], ["y", "z"], ["x", "k"], ["x", "z", "w"]];
    const index = random.below(5);
    const own = columns[index]!;
    const name = index === 4 ? "r4" : TABLES[index]!;
    const limit = random.once(2) ? "" : ` WHERE ${own[0]} IS NOT 2`;
    const source = random.once(4) ? `(SELECT ${own.join()} FROM ${name}${limit})` : name;
    return { text: `${source} AS ${alias}`, columns: own.map((column) => `${alias}.${column}`) };
  }

  #condition(before: readonly string[], own: readonly string[]): string {
    const random = this.#random;
    const first = `${random.pick(own)} = ${random.pick(before)}`;
    const more = random.pick([
      "",
      "",
      ` AND ${random.pick(own)} > ${random.below(3)}`,
      ` AND ${random.pick(before)} IS NOT NULL`,
      ` OR ${random.pick(before)} = ${random.below(3)}`,
    ]);
    return random.pick([
      first + more,
      first,
      `${random.pick(own)} < ${random.pick(before)}`,
      "1",
      "0",
    ]);
  }

  #joined(): ScriptStep {
    const random = this.#random;
    const first = this.#table("a");
    let { text } = first;
    const columns = [...first.columns];
    const count = 1 + random.below(3);
    for (let i = 0; i < count; i++) {
      const alias = "bcde"[i]!;
      let added = this.#table(alias);
      if (random.once(5)) {
        const other = this.#table(`${alias}2`);
        const on = this.#condition(added.columns, other.columns);
        const join = random.pick(JOINS);
        added = {
          text: `(${added.text} ${join} ${other.text} ON ${on})`,
          columns: [...added.columns, ...other.columns],
        };
      }
      const join = random.pick(JOINS);
      text += ` ${join} ${added.text} ON ${this.#condition(columns, added.columns)}`;
      columns.push(...added.columns);
    }
    const where = random.once(3)
      ? ` WHERE ${random.pick(columns)} ${random.pick(["IS NULL", "> 1", "IS NOT NULL", "= 'a'"])}`
      : "";
    if (random.once(4)) {
      const key = random.pick(columns);
      return query(
        `SELECT count(*), count(${key}), max(${random.pick(columns)}) FROM ${text}${where}`,
        "III",
      );
    }
    if (random.once(4)) return query(`SELECT * FROM ${text}${where}`, "T".repeat(columns.length));
    const results = Array.from({ length: 3 }, () => random.pick(columns));
    return query(`SELECT ${results.join(", ")} FROM ${text}${where}`, "TTT");
  }

  /** Joins by USING and NATURAL, whose columns are merged. */
  #merged(): ScriptStep {
    const random = this.#random;
    const [first, second, third] = random.pick([
      ["r0", "r1", "r3"],
      ["r1", "r3", "r0"],
      ["r3", "r0", "r1"],
      ["r1", "r0", "r4"],
      ["r0", "r3", "r4"],
    ]);
    const join = () => random.pick(JOINS);
    const one = random.once(3)
      ? `${first} NATURAL ${join()} ${second}`
      : `${first} ${join()} ${second} USING(x)`;
    const all = random.once(2) ? one : `${one} ${join()} ${third} USING(x)`;
    const result = random.pick(["*", "x", `x, ${first}.x, ${second}.x`, `${second}.*, x`]);
    const where = random.once(3)
      ? ` WHERE x ${random.pick(["> 0", "IS NULL", "= 1", "= 'A'"])}`
      : "";
    return query(`SELECT ${result} FROM ${all}${where}`, "TTTTTTTTTT");
  }
}
