/**
 * Queries in the manner of select4 and select5: compounds over many tables, and joins of up to 64.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, type ScriptStep, shuffled, some, statement } from "./family.ts";

const COMPOUNDS = ["UNION", "UNION ALL", "INTERSECT", "EXCEPT"];
const OPERATORS = ["=", "=", "<", ">", "<>"];

/** As select4: nine tables with indexes, compounds, joins of a few tables. */
export function compoundFamily(random: Random): Family {
  return new CompoundFamily(random);
}

class CompoundFamily implements Family {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  setup(): string[] {
    const statements: string[] = [];
    for (let t = 1; t <= 9; t++) {
      const columns = ["a", "b", "c", "d", "e"].map((column) => `${column}${t}`);
      const key = this.#random.once(3) ? " UNIQUE" : "";
      const defined = columns.map((name, i) => `${name} INTEGER${i === 2 ? key : ""}`);
      statements.push(`CREATE TABLE t${t}(${defined.join(", ")}, x${t} VARCHAR(30))`);
      for (const column of some(this.#random, columns, 4)) {
        const other = this.#random.once(2) ? `,${this.#random.pick(columns)}` : "";
        const parts = other.includes(column) ? column : `${column} DESC${other}`;
        statements.push(`CREATE INDEX i${column} ON t${t}(${parts})`);
      }
      for (let row = 1; row <= 20; row++) {
        const values = columns.map((_, i) => i === 2 ? row * 7 + t : this.#random.below(60));
        const text = `'table tn${t} row ${row}'`;
        statements.push(`INSERT OR IGNORE INTO t${t} VALUES(${values.join()},${text})`);
      }
    }
    return statements;
  }

  next(): ScriptStep {
    return this.#random.once(2) ? this.#compound() : this.#join();
  }

  #column(t: number): string {
    return `${this.#random.pick(["a", "b", "c", "d", "e"])}${t}`;
  }

  #condition(t: number): string {
    const column = this.#column(t);
    const list = Array.from({ length: 1 + this.#random.below(6) }, () => this.#random.below(60));
    return this.#random.pick([
      `${column} in (${list.join()})`,
      `${column} not in (${list.join()})`,
      `${column} ${this.#random.pick(OPERATORS)} ${list[0]}`,
      `(${column}=${list[0]} OR ${list.map((n) => `${n}=${column}`).join(" OR ")})`,
      `${column} between ${list[0]} and ${list[0]! + 15}`,
      `${column}=(SELECT max(${this.#column(t)}) FROM t${t})`,
    ]);
  }

  #compound(): ScriptStep {
    const random = this.#random;
    const isText = random.once(4);
    const parts = Array.from({ length: 2 + random.below(5) }, () => {
      const t = 1 + random.below(9);
      const conditions = some(random, [1, 2, 3], 3).map(() => this.#condition(t));
      const what = isText ? `x${t}` : this.#column(t);
      return `SELECT ${what} FROM t${t} WHERE ${random.once(3) ? "NOT " : ""}(${
        conditions.join(random.pick([" AND ", " OR "]))
      })`;
    });
    const text = parts.reduce((all, part) => `${all} ${random.pick(COMPOUNDS)} ${part}`);
    const isOrdered = random.once(2);
    return query(text + (isOrdered ? " ORDER BY 1" : ""), isText ? "T" : "I", isOrdered);
  }

  #join(): ScriptStep {
    const random = this.#random;
    const tables = some(random, [1, 2, 3, 4, 5, 6, 7, 8, 9], 7);
    const conditions = tables.slice(1).map((t, i) => {
      const other = tables[random.below(i + 1)]!;
      return `${this.#column(t)}=${this.#column(other)}`;
    });
    for (const t of tables) if (random.once(2)) conditions.push(this.#condition(t));
    const where = conditions.length === 0
      ? ""
      : ` WHERE ${shuffled(random, conditions).join(" AND ")}`;
    const results = shuffled(random, tables).map((t) =>
      random.once(2) ? `x${t}` : `${this.#column(t)}*${10 + t}`
    );
    const types = results.map((result) => result.startsWith("x") ? "T" : "I").join("");
    const from = shuffled(random, tables).map((t) => `t${t}`).join(", ");
    const distinct = random.once(6) ? "DISTINCT " : "";
    return query(`SELECT ${distinct}${results.join(", ")} FROM ${from}${where}`, types);
  }
}

/** As select5: 64 tables, joined along a tree of equal columns. */
export function manyTablesFamily(random: Random): Family {
  return new ManyTables(random);
}

class ManyTables implements Family {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  setup(): string[] {
    return Array.from({ length: 64 }, (_, i) => i + 1).flatMap((t) => {
      const values = shuffled(this.#random, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      const rows = values.map((value, row) => `(${row + 1},${value},'table t${t} row ${row + 1}')`);
      const columns = `a${t} INTEGER PRIMARY KEY, b${t} INTEGER, x${t} VARCHAR(40)`;
      return [`CREATE TABLE t${t}(${columns})`, `INSERT INTO t${t} VALUES ${rows.join(",")}`];
    });
  }

  next(): ScriptStep {
    const random = this.#random;
    const count = random.pick([4, 8, 9, 12, 16, 20, 32, 48, 64]);
    const tables = shuffled(random, Array.from({ length: 64 }, (_, i) => i + 1)).slice(0, count);
    const isChain = random.once(2);
    const conditions = tables.slice(1).map((t, i) => {
      const other = tables[isChain ? i : random.below(i + 1)]!;
      const both = [`b${t}`, `a${other}`];
      return shuffled(random, both).join("=");
    });
    conditions.push(`a${random.pick(tables)}=${1 + random.below(10)}`);
    const text = `SELECT ${shuffled(random, tables).map((t) => `x${t}`).join()} FROM ${
      shuffled(random, tables).map((t) => `t${t}`).join(",")
    } WHERE ${shuffled(random, conditions).join(" AND ")}`;
    return random.once(40)
      ? statement(`UPDATE t${tables[0]} SET b${tables[0]}=b${tables[0]}`)
      : query(text, "T".repeat(count));
  }
}
