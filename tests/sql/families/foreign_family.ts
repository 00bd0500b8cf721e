/**
 * Foreign keys at random: all actions, deferred keys, keys of several columns and to the table
 * itself, changes in transactions. After every change all tables are compared.
 *
 * The table that refers to itself has no INSERT OR REPLACE: SQLite lets one of a deferred key with
 * ON DELETE SET NULL leave a row without its parent.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, script, type ScriptStep, statement } from "./family.ts";

/** Makes the family. */
export function foreignFamily(random: Random): Family {
  return new ForeignFamily(random);
}

const TABLES = ["a", "b", "c", "s"];
const ACTIONS = ["CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"];
const VALUES = ["NULL", "1", "2", "3", "'p'", "'P'", "'1'", "4"];

class ForeignFamily implements Family {
  readonly #random: Random;
  #looks: ScriptStep[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  setup(): string[] {
    const random = this.#random;
    const type = () => random.pick(["INT", "TEXT", ""]);
    const collate = random.pick(["", " COLLATE NOCASE"]);
    const parent = random.pick(["1", "9", "NULL"]);
    return [
      `CREATE TABLE a(id INTEGER PRIMARY KEY, k ${type()}${collate} UNIQUE, ` +
      `x ${type()}, y ${type()}, UNIQUE(x, y))`,
      `CREATE TABLE b(id INTEGER PRIMARY KEY, ` +
      `a INT DEFAULT ${parent} REFERENCES a(id)${this.#actions()}, ` +
      `k ${type()} REFERENCES a(k)${this.#actions()})`,
      `CREATE TABLE c(id INT PRIMARY KEY, b INT REFERENCES b${this.#actions()}, ` +
      `x ${type()}, y ${type()} DEFAULT 2, ` +
      `FOREIGN KEY(x, y) REFERENCES a(x, y)${this.#actions()}) WITHOUT ROWID`,
      `CREATE TABLE s(id INTEGER PRIMARY KEY, up INT REFERENCES s(id)${this.#actions()})`,
      ...(random.once(2) ? ["CREATE INDEX bk ON b(k)", "CREATE INDEX cx ON c(x, y)"] : []),
      ...Array.from({ length: 15 }, () => this.#insert()),
    ];
  }

  #actions(): string {
    const random = this.#random;
    const on = (event: string) => random.once(6) ? "" : ` ON ${event} ${random.pick(ACTIONS)}`;
    const deferred = random.once(3) ? " DEFERRABLE INITIALLY DEFERRED" : "";
    return on("DELETE") + on("UPDATE") + deferred;
  }

  #value(): string {
    return this.#random.pick(VALUES);
  }

  #id(): string {
    return String(1 + this.#random.below(5));
  }

  #parent(): string {
    return this.#random.once(8) ? "NULL" : this.#id();
  }

  #insert(): string {
    const random = this.#random;
    const or = random.pick(["", "", " OR IGNORE", " OR REPLACE"]);
    return random.pick([
      `INSERT${or} INTO a VALUES(${this.#id()}, ${this.#value()}, ${this.#value()}, 1)`,
      `INSERT${or} INTO a VALUES(${this.#id()}, NULL, ${this.#value()}, ${this.#value()})`,
      `INSERT${or} INTO b VALUES(${this.#id()}, ${this.#parent()}, ${this.#value()})`,
      `INSERT${or} INTO b(id, k) VALUES(${this.#id()}, ${this.#value()})`,
      `INSERT${or} INTO c VALUES(${this.#id()}, ${this.#parent()}, ${this.#value()}, 1)`,
      // Random values seldom have a parent in both columns.
      `INSERT${or} INTO c SELECT ${this.#id()}, NULL, x, y FROM a WHERE id = ${this.#id()}`,
      `INSERT INTO s VALUES(${this.#id()}, ${this.#parent()})`,
    ]);
  }

  #change(): string {
    const random = this.#random;
    const where = ` WHERE id = ${this.#id()}`;
    return random.pick([
      this.#insert(),
      this.#insert(),
      `DELETE FROM ${random.pick(TABLES)}${where}`,
      `DELETE FROM ${random.pick(TABLES)} WHERE id > ${random.below(4)}`,
      `UPDATE a SET id = ${this.#id()}${where}`,
      `UPDATE a SET k = ${this.#value()}${where}`,
      `UPDATE a SET x = ${this.#value()}, y = ${this.#value()}${where}`,
      `UPDATE a SET ${random.pick(["x", "y"])} = ${this.#value()}${where}`,
      `UPDATE b SET id = ${this.#id()}, a = ${this.#parent()}${where}`,
      `UPDATE b SET k = ${this.#value()}${where}`,
      `UPDATE c SET b = ${this.#parent()}, x = ${this.#value()}${where}`,
      `UPDATE s SET id = ${this.#id()}${where}`,
    ]);
  }

  next(): ScriptStep {
    const look = this.#looks.pop();
    if (look !== undefined) return look;
    const random = this.#random;
    this.#looks = [
      ...TABLES.map((table) => query(`SELECT * FROM ${table} ORDER BY id`, "TTTT", true)),
      query("PRAGMA foreign_key_check", "TTTT"),
      query("PRAGMA integrity_check", "T"),
    ];
    if (!random.once(4)) return statement(this.#change());
    const changes = Array.from({ length: 1 + random.below(4) }, () => this.#change());
    return script(["BEGIN", ...changes, random.pick(["COMMIT", "COMMIT", "ROLLBACK"])].join(";\n"));
  }
}
