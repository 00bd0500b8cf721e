/**
 * Window functions at random: partitions, orders, frames of all units, EXCLUDE, FILTER, named
 * windows, over rows and over groups. Every order ends with a key, where the result depends on it.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, type ScriptStep, statement } from "./family.ts";

/** Makes the family. */
export function windowFamily(random: Random): Family {
  return new WindowFamily(random);
}

const KEYS = ["a", "b", "c", "t"];

class WindowFamily implements Family {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  setup(): string[] {
    const random = this.#random;
    const value = () => random.once(8) ? "NULL" : String(random.below(10) - 2);
    const rows = Array.from({ length: 5 + random.below(30) }, (_, i) => {
      const text = random.once(8) ? "NULL" : `'${random.pick(["x", "Y", "zz", "10"])}'`;
      const any = random.pick([text, value(), `${random.below(9)}.5`, value()]);
      return `(${i + 1}, ${value()}, ${value()}, ${any}, ${text})`;
    });
    return [
      "CREATE TABLE w(id INTEGER PRIMARY KEY, a INT, b INT, c, t TEXT COLLATE NOCASE)",
      `INSERT INTO w VALUES ${rows.join(", ")}`,
      ...(random.once(2) ? ["CREATE INDEX wab ON w(a, b DESC)"] : []),
    ];
  }

  #order(isTotal: boolean): string {
    const random = this.#random;
    const terms = [random.pick(KEYS), ...(random.once(2) ? [random.pick(KEYS)] : [])].map((key) =>
      key + random.pick(["", "", " DESC", " ASC"]) +
      random.pick(["", "", " NULLS FIRST", " NULLS LAST"])
    );
    if (isTotal) terms.push(random.pick(["id", "id DESC"]));
    return `ORDER BY ${terms.join(", ")}`;
  }

  #bound(side: string): string {
    return this.#random.once(3)
      ? `UNBOUNDED ${side}`
      : `${this.#random.pick(["0", "1", "2", "3", "7"])} ${side}`;
  }

  #between(): string {
    const random = this.#random;
    return random.pick([
      () => `BETWEEN ${this.#bound("PRECEDING")} AND CURRENT ROW`,
      () => `BETWEEN ${this.#bound("PRECEDING")} AND ${this.#bound("FOLLOWING")}`,
      () => `BETWEEN CURRENT ROW AND ${this.#bound("FOLLOWING")}`,
      () => `BETWEEN ${this.#bound("PRECEDING")} AND ${random.below(3)} PRECEDING`,
      () => `BETWEEN ${random.below(3)} FOLLOWING AND ${this.#bound("FOLLOWING")}`,
      () => this.#bound("PRECEDING"),
      () => "CURRENT ROW",
      () => "BETWEEN CURRENT ROW AND CURRENT ROW",
    ])();
  }

  #exclude(): string {
    return this.#random.pick([
      "",
      "",
      "",
      " EXCLUDE NO OTHERS",
      " EXCLUDE CURRENT ROW",
      " EXCLUDE GROUP",
      " EXCLUDE TIES",
    ]);
  }

  /** A window; `isTotal` if its rows must have one order. */
  #window(isTotal: boolean): string {
    const random = this.#random;
    const partition = random.once(2)
      ? `PARTITION BY ${random.pick(["a", "b", "t", "a % 2", "a, b"])} `
      : "";
    switch (random.below(5)) {
      case 0:
        return partition + (isTotal ? this.#order(true) : "");
      case 1:
        return partition + this.#order(isTotal);
      case 2:
        return `${partition}${this.#order(true)} ROWS ${this.#between()}${this.#exclude()}`;
      case 3: {
        const unit = `GROUPS ${this.#between()}`;
        return `${partition}${this.#order(isTotal)} ${unit}${this.#exclude()}`;
      }
      default: {
        const key = isTotal ? "id" : random.pick(KEYS);
        const order = `ORDER BY ${key}${random.pick(["", " DESC"])}${
          random.pick(["", "", " NULLS LAST", " NULLS FIRST"])
        }`;
        return `${partition}${order} RANGE ${this.#between()}${this.#exclude()}`;
      }
    }
  }

  #function(): { call: string; isTotal: boolean } {
    const random = this.#random;
    const arg = () => random.pick(["a", "b", "c", "id", "a + b", "t"]);
    const filter = random.once(4) ? ` FILTER (WHERE ${arg()} > ${random.below(5)})` : "";
    const [call, isTotal] = random.pick<readonly [string, boolean]>([
      ["row_number()", true],
      ["rank()", false],
      ["dense_rank()", false],
      ["percent_rank()", false],
      ["cume_dist()", false],
      [`ntile(${1 + random.below(5)})`, true],
      [`lag(${arg()})`, true],
      [`lead(${arg()}, ${random.below(4)}, ${arg()})`, true],
      [`lag(${arg()}, ${random.below(3)})`, true],
      [`first_value(${arg()})`, true],
      [`last_value(${arg()})`, true],
      [`nth_value(${arg()}, ${1 + random.below(4)})`, true],
      [`sum(a)${filter}`, false],
      [`count(*)${filter}`, false],
      [`count(c)${filter}`, false],
      [`min(${arg()})${filter}`, false],
      [`max(b)${filter}`, false],
      [`total(b)${filter}`, false],
      [`avg(a)${filter}`, false],
      [`group_concat(id, '.')${filter}`, true],
      [`json_group_array(a)${filter}`, true],
    ]);
    return { call, isTotal };
  }

  next(): ScriptStep {
    const random = this.#random;
    if (random.once(30)) {
      return statement(`UPDATE w SET a = ${random.below(9)} WHERE id = ${1 + random.below(30)}`);
    }
    return random.once(5) ? this.#grouped() : this.#plain();
  }

  #plain(): ScriptStep {
    const random = this.#random;
    const count = 1 + random.below(3);
    const named = random.once(4) ? this.#window(true) : undefined;
    const results = Array.from({ length: count }, () => {
      const { call, isTotal } = this.#function();
      const over = named !== undefined && random.once(2) ? "win" : `(${this.#window(isTotal)})`;
      return `${call} OVER ${over}${random.once(5) ? " + 0" : ""}`;
    });
    const where = random.once(3) ? ` WHERE b ${random.pick(["<", ">"])} ${random.below(6)}` : "";
    const window = named === undefined ? "" : ` WINDOW win AS (${named})`;
    const order = random.once(2) ? ` ORDER BY ${count + 1}, id` : "";
    const limit = order !== "" && random.once(3) ? ` LIMIT ${random.below(9)}` : "";
    const text = `SELECT ${results.join(", ")}, id FROM w${where}${window}${order}${limit}`;
    return query(text, "T".repeat(count + 1), order !== "");
  }

  #grouped(): ScriptStep {
    const random = this.#random;
    const key = random.pick(["a", "b", "t"]);
    const order = random.pick([`ORDER BY ${key}`, `ORDER BY count(*), ${key}`, ""]);
    const call = random.pick([
      `sum(count(*)) OVER (${order})`,
      `max(sum(a)) OVER (${order})`,
      `rank() OVER (ORDER BY sum(b))`,
      `count(*) OVER (PARTITION BY count(*))`,
      `row_number() OVER (ORDER BY ${key})`,
    ]);
    const having = random.once(3) ? " HAVING count(*) > 1" : "";
    return query(`SELECT ${key}, count(*), ${call} FROM w GROUP BY ${key}${having}`, "TTT");
  }
}
