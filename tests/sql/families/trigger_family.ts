/**
 * Triggers at random: before and after changes of tables, instead of changes of a view, with WHEN,
 * OLD and NEW, RAISE, and statements that run other triggers. After every change all tables are
 * compared.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, type ScriptStep, statement } from "./family.ts";

const TABLES = ["ta", "tb", "tc"];
const COLUMNS = ["a", "b", "c"];

/** Makes the family. */
export function triggerFamily(random: Random): Family {
  return new TriggerFamily(random);
}

class TriggerFamily implements Family {
  readonly #random: Random;
  #triggers: string[] = [];
  #made = 0;
  #looks: ScriptStep[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  setup(): string[] {
    return [
      "CREATE TABLE ta(a INTEGER PRIMARY KEY, b INT, c TEXT UNIQUE)",
      "CREATE TABLE tb(a INT, b INT NOT NULL, c TEXT DEFAULT 'x' CHECK(length(c) < 9))",
      "CREATE TABLE tc(a TEXT, b INT, c, PRIMARY KEY(a, b)) WITHOUT ROWID",
      "CREATE TABLE log(n INTEGER PRIMARY KEY, what, x, y, z)",
      "CREATE VIEW v AS SELECT a, b AS bb, c || '' AS cc FROM tb WHERE a IS NOT NULL",
      ...TABLES.flatMap((table) =>
        Array.from({ length: 5 }, () => `INSERT OR IGNORE INTO ${table} VALUES(${this.#row()})`)
      ),
    ];
  }

  #value(): string {
    const { below, once, pick } = {
      below: (n: number) => this.#random.below(n),
      once: (n: number) => this.#random.once(n),
      pick: <T>(items: readonly T[]) => this.#random.pick(items),
    };
    if (once(12)) return "NULL";
    return once(3) ? pick(["'p'", "'q'", "'rr'", "'7'", "2.5"]) : String(below(9));
  }

  #row(): string {
    return COLUMNS.map((_, i) => i === 1 ? String(this.#random.below(9)) : this.#value()).join();
  }

  next(): ScriptStep {
    const look = this.#looks.pop();
    if (look !== undefined) return look;
    if (this.#random.once(4)) return statement(this.#trigger());
    if (this.#triggers.length > 4 && this.#random.once(8)) {
      const [dropped] = this.#triggers.splice(this.#random.below(this.#triggers.length), 1);
      return statement(`DROP TRIGGER ${dropped}`);
    }
    this.#looks = [
      ...TABLES.map((table) => query(`SELECT * FROM ${table} ORDER BY 1, 2, 3`, "TTT", true)),
      query("SELECT what, x, y, z FROM log ORDER BY n", "TTTT", true),
      query("SELECT changes(), last_insert_rowid()", "II"),
    ];
    return statement(this.#change());
  }

  #change(): string {
    const random = this.#random;
    const table = random.pick(TABLES);
    const column = random.pick(COLUMNS);
    switch (random.below(9)) {
      case 0:
      case 1:
        return `INSERT INTO ${table} VALUES(${this.#row()})`;
      case 2:
        return `INSERT OR ${
          random.pick(["REPLACE", "IGNORE", "FAIL", "ABORT"])
        } INTO ${table} VALUES(${this.#row()}),(${this.#row()})`;
      case 3:
        return `INSERT INTO ta(b, c) VALUES(${this.#value()}, ${this.#value()})`;
      case 4:
        return `DELETE FROM ${table} WHERE ${column} = ${this.#value()}`;
      case 5:
        return random.pick([
          `INSERT INTO v VALUES(${this.#row()})`,
          `UPDATE v SET bb = bb + 1 WHERE a > 3`,
          `DELETE FROM v WHERE a = ${this.#value()}`,
        ]);
      default:
        return `UPDATE ${table} SET ${column} = ${this.#value()} WHERE a = ${this.#value()}`;
    }
  }

  #trigger(): string {
    const random = this.#random;
    const isView = random.once(5);
    const table = isView ? "v" : random.pick(TABLES);
    const event = random.pick(["INSERT", "UPDATE", "DELETE"]);
    const time = isView ? "INSTEAD OF" : random.pick(["BEFORE", "AFTER", "AFTER", ""]);
    const columns = isView ? ["a", "bb", "cc"] : COLUMNS;
    const of = event === "UPDATE" && random.once(3) ? ` OF ${random.pick(columns)}` : "";
    const sides = event === "INSERT" ? ["NEW"] : event === "DELETE" ? ["OLD"] : ["OLD", "NEW"];
    const value = () =>
      random.once(4) ? this.#value() : `${random.pick(sides)}.${random.pick(columns)}`;
    const when = random.once(3)
      ? ` WHEN ${value()} ${random.pick(["=", "<", "IS NOT"])} ${value()}`
      : "";
    const count = 1 + random.below(2);
    const name = `r${++this.#made}`;
    this.#triggers.push(name);
    const body = Array.from({ length: count }, () => this.#step(name, value)).join("; ");
    return `CREATE TRIGGER ${name} ${time} ${event}${of} ON ${table}${when} BEGIN ${body}; END`;
  }

  #step(name: string, value: () => string): string {
    const random = this.#random;
    const table = random.pick(TABLES);
    switch (random.below(9)) {
      case 0:
        return `INSERT OR IGNORE INTO ${table} VALUES(${value()}, ${value()}, ${value()})`;
      case 1:
        return `UPDATE ${table} SET c = ${value()} WHERE a = ${value()}`;
      case 2:
        return `DELETE FROM ${table} WHERE b = ${value()} AND a = ${value()}`;
      case 3:
        return `SELECT RAISE(${
          random.pick(["IGNORE", "ABORT, 'no'", "FAIL, 'stop'", "ROLLBACK, 'all'"])
        }) WHERE ${value()} = ${value()}`;
      case 4:
        return `SELECT CASE WHEN ${value()} = 3 THEN RAISE(IGNORE) END`;
      default: {
        const count = `(SELECT count(*) FROM ${table} WHERE b = ${value()})`;
        const values = [`'${name}'`, value(), value(), count];
        return `INSERT INTO log(what, x, y, z) SELECT ${values.join(", ")}`;
      }
    }
  }
}
