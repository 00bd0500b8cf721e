/**
 * Queries in the manner of random/expr, random/aggregates, random/groupby and random/select:
 * expressions of many signs over constants and columns of small tables.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, type ScriptStep, statement } from "./family.ts";

/** What a query of the family is about. */
export type RandomKind = "expr" | "aggregates" | "groupby" | "select";

/** Makes the family of a kind. */
export function randomFamily(kind: RandomKind): (random: Random) => Family {
  return (random) => new RandomFamily(random, kind);
}

const TABLES = ["tab0", "tab1", "tab2"];

class RandomFamily implements Family {
  readonly #random: Random;
  readonly #kind: RandomKind;

  constructor(random: Random, kind: RandomKind) {
    this.#random = random;
    this.#kind = kind;
  }

  setup(): string[] {
    return TABLES.flatMap((table) => {
      const rows = Array.from({ length: 3 + this.#random.below(4) }, () => {
        const values = [0, 1, 2].map(() => this.#random.once(9) ? "NULL" : this.#number());
        return `INSERT INTO ${table} VALUES(${values.join()})`;
      });
      return [
        `CREATE TABLE ${table}(col0 INTEGER, col1 INTEGER, col2 INTEGER)`,
        ...rows,
      ];
    });
  }

  #number(): string {
    return String(this.#random.below(100));
  }

  next(): ScriptStep {
    if (this.#random.once(60)) return statement(this.#change());
    switch (this.#kind) {
      case "expr":
        return this.#expression();
      case "aggregates":
        return this.#aggregates();
      case "groupby":
        return this.#groups();
      case "select":
        return this.#select();
    }
  }

  #change(): string {
    const table = this.#random.pick(TABLES);
    return this.#random.pick([
      `UPDATE ${table} SET col${this.#random.below(3)} = ${this.#number()} WHERE col0 < 20`,
      `INSERT INTO ${table} SELECT col2, col1, col0 FROM ${
        this.#random.pick(TABLES)
      } WHERE col0 > 90`,
      `DELETE FROM ${table} WHERE col1 IS NULL AND col2 < ${this.#number()}`,
    ]);
  }

  #signs(): string {
    const signs = [];
    for (let i = this.#random.below(4); i > 0; i--) signs.push(this.#random.pick(["-", "+"]));
    return signs.length === 0 ? "" : `${signs.join(" ")} `;
  }

  /** An expression over some atoms. */
  #expr(atoms: readonly string[], depth: number): string {
    const random = this.#random;
    const inner = () => this.#expr(atoms, depth - 1);
    if (depth <= 0) {
      const atom = random.once(3) || atoms.length === 0 ? this.#number() : random.pick(atoms);
      return this.#signs() + atom;
    }
    switch (random.below(14)) {
      case 0:
        return `${this.#signs()}( ${inner()} )`;
      case 1:
        return `COALESCE ( ${inner()}, ${inner()} )`;
      case 2:
        return `NULLIF ( ${inner()}, ${inner()} )`;
      case 3:
        return `CAST ( ${inner()} AS ${random.pick(["INTEGER", "REAL", "TEXT", "SIGNED"])} )`;
      case 4:
        return `ABS ( ${inner()} )`;
      case 5:
        return `CASE ${inner()} WHEN ${inner()} THEN ${inner()} ELSE ${inner()} END`;
      case 6:
        return `CASE WHEN ${this.#condition(atoms, depth - 1)} THEN ${inner()} WHEN NOT ( ${
          this.#condition(atoms, depth - 1)
        } ) THEN ${inner()} END`;
      case 7:
        return `${inner()} / ${inner()}`;
      case 8:
        return random.once(3) ? "NULL" : `${inner()} * ${this.#number()}.${random.below(10)}`;
      default:
        return `${inner()} ${random.pick(["+", "-", "*"])} ${inner()}`;
    }
  }

  #condition(atoms: readonly string[], depth: number): string {
    const random = this.#random;
    const value = () => this.#expr(atoms, Math.max(0, depth - 1));
    const not = random.once(2) ? "NOT " : "";
    switch (random.below(9)) {
      case 0:
        return `${value()} IS ${not}NULL`;
      case 1:
        return `( ${value()} ) ${not}IN ( ${value()}, ${value()}, ${value()} )`;
      case 2:
        return `${value()} ${not}BETWEEN ${value()} AND ${value()}`;
      case 3:
        return `NOT ${value()} ${random.pick(["<", ">", "<=", ">=", "=", "<>"])} ${value()}`;
      case 4:
        return `( NULL ) ${random.pick(["IS", "IS NOT", "=", "<>", "<"])} ${value()}`;
      case 5:
        return `( ${this.#condition(atoms, depth - 1)} ${random.pick(["AND", "OR"])} ${
          this.#condition(atoms, depth - 1)
        } )`;
      case 6:
        return `( NOT ${this.#condition(atoms, depth - 1)} )`;
      default:
        return `${value()} ${random.pick(["<", ">", "<=", ">=", "=", "<>"])} ${value()}`;
    }
  }

  #expression(): ScriptStep {
    const count = 1 + this.#random.below(2);
    const results = Array.from({ length: count }, (_, i) => {
      const alias = this.#random.once(2) ? `${this.#random.once(2) ? " AS" : ""} col${i}` : "";
      return this.#expr(["COUNT ( * )", this.#number()], 3) + alias;
    });
    const plain = results.some((text) => text.includes("COUNT"));
    const distinct = this.#random.pick(["", "ALL ", plain ? "" : "DISTINCT "]);
    return query(`SELECT ${distinct}${results.join(", ")}`, "I".repeat(count));
  }

  #from(): { text: string; columns: string[] } {
    const random = this.#random;
    const first = random.pick(TABLES);
    const alias = random.once(2) ? "cor0" : first;
    const names = [alias];
    let text = alias === first ? first : `${first} ${random.once(2) ? "AS " : ""}cor0`;
    if (random.once(3)) {
      const join = random.pick([", ", " CROSS JOIN ", " JOIN "]);
      const on = join === " JOIN "
        ? ` ON ( ${random.pick(["NULL", "1", "NOT NULL"])} ) IS NULL`
        : "";
      text += `${join}${random.pick(TABLES)} AS cor1${on}`;
      names.push("cor1");
    }
    const columns = names.flatMap((name) => [0, 1, 2].map((i) => `${name}.col${i}`));
    return { text, columns: names.length > 1 ? columns : [...columns, "col0", "col1", "col2"] };
  }

  #where(columns: readonly string[]): string {
    return this.#random.once(2) ? ` WHERE ${this.#condition(columns, 2)}` : "";
  }

  #aggregate(columns: readonly string[]): string {
    const random = this.#random;
    const name = random.pick(["COUNT", "SUM", "MIN", "MAX", "AVG", "TOTAL"]);
    if (name === "COUNT" && random.once(2)) return "COUNT ( * )";
    return `${name} ( ${random.pick(["", "", "DISTINCT ", "ALL "])}${this.#expr(columns, 1)} )`;
  }

  #aggregates(): ScriptStep {
    const { text, columns } = this.#from();
    const count = 1 + this.#random.below(2);
    const results = Array.from({ length: count }, () => {
      const atoms = [this.#aggregate(columns), this.#aggregate(columns)];
      return this.#expr(atoms, 2);
    });
    // At least one aggregate makes it one row.
    results[0] = `${results[0]} * COUNT ( * )`;
    const distinct = this.#random.pick(["", "ALL ", "DISTINCT "]);
    return query(
      `SELECT ${distinct}${results.join(", ")} FROM ${text}${this.#where(columns)}`,
      this.#random.pick(["I", "R"]).repeat(count),
    );
  }

  #groups(): ScriptStep {
    const random = this.#random;
    const { text, columns } = this.#from();
    const keys = [random.pick(columns), ...(random.once(2) ? [random.pick(columns)] : [])];
    const atoms = [...keys, ...keys, this.#aggregate(columns)];
    const count = 1 + random.below(2);
    const results = Array.from(
      { length: count },
      (_, i) => this.#expr(atoms, 2) + (random.once(3) ? ` AS c${i}` : ""),
    );
    const having = random.once(3) ? ` HAVING ${this.#condition(atoms, 2)}` : "";
    return query(
      `SELECT ${random.pick(["", "DISTINCT ", "ALL "])}${results.join(", ")} FROM ${text}${
        this.#where(columns)
      } GROUP BY ${keys.join(", ")}${having}`,
      "I".repeat(count),
    );
  }

  #select(): ScriptStep {
    const random = this.#random;
    const { text, columns } = this.#from();
    const count = 1 + random.below(3);
    const results = Array.from({ length: count }, (_, i) => {
      const alias = random.once(3) ? ` AS col${i}` : "";
      return this.#expr(columns, 2) + alias;
    });
    if (random.once(8)) {
      return query(
        `SELECT ${random.pick(["", "DISTINCT "])}* FROM ${text}${this.#where(columns)}`,
        "I".repeat(text.includes("cor1") ? 6 : 3),
      );
    }
    return query(
      `SELECT ${random.pick(["", "DISTINCT ", "ALL "])}${results.join(", ")} FROM ${text}${
        this.#where(columns)
      }`,
      random.pick(["I", "I", "R", "T"]).repeat(count),
    );
  }
}
