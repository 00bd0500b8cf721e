/**
 * Searches at random in columns of mixed types with NULLs: keys of all kinds, indexes that are
 * partial, descending, on expressions and under other collations; joins, correlated queries,
 * compounds, filtered and distinct aggregates over them.
 *
 * Results are ids and what is counted of them: SQLite may go on with the converted value of a
 * comparison, and which of equal values stands for a group depends on the order of rows.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, type ScriptStep, shuffled, some, statement } from "./family.ts";

/** Makes the family. */
export function searchFamily(random: Random): Family {
  return new SearchFamily(random);
}

const TABLES = ["p", "q", "r"];
const COLUMNS = ["a", "b", "c"];
const TYPES = ["INT", "INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "", ""];
const COLLATIONS = ["", "", "", " COLLATE NOCASE", " COLLATE RTRIM", " COLLATE BINARY"];
const OPERATORS = ["=", "=", "==", "<", "<=", ">", ">=", "<>", "IS", "IS NOT"];
const EXPRESSIONS = [
  "a + 1",
  "lower(b)",
  "length(c)",
  "a || b",
  "coalesce(a, b)",
  "-c",
  "b COLLATE NOCASE",
  "a IS NULL",
  "abs(a)",
  "typeof(b)",
];
const VALUES = [
  "NULL",
  "0",
  "1",
  "2",
  "3",
  "7",
  "-1",
  "1.0",
  "2.5",
  "-0.0",
  "'1'",
  "'2'",
  "'2.0'",
  "' 3'",
  "'a'",
  "'A'",
  "'a '",
  "'b'",
  "'Ab'",
  "''",
  "x'61'",
  "x''",
  "9007199254740993",
  "9007199254740992.0",
  "9223372036854775807",
  "9223372036854775808.0",
  "1e300",
];

const PATTERNS = [
  ...["a%", "A_", "ab%", "1%", "2.%", "%a", "a", "", "-%"].map((text) => `'${text}'`),
  ...["'a' || '%'", "'%' || 'a'", "'!a%' ESCAPE '!'", "'a!%' ESCAPE '!'", "'a%b' ESCAPE 'a'"],
];
const GLOBS = [
  ...["a*", "A?", "Ab*", "1*", "2.?", "*a", "a", "[aA]*", "a[", "", "-*"].map((text) =>
    `'${text}'`
  ),
  ...["'a' || '*'", "'*' || 'a'"],
];

class SearchFamily implements Family {
  readonly #random: Random;
  #rows = 0;
  #indexes = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  setup(): string[] {
    return TABLES.flatMap((table) => [
      this.#table(table),
      ...Array.from({ length: this.#random.below(4) }, () => this.#index(table)),
      ...Array.from({ length: 2 + this.#random.below(12) }, () => this.#insert(table)),
    ]);
  }

  #table(table: string): string {
    const random = this.#random;
    const columns = COLUMNS.map((name) =>
      `${name} ${random.pick(TYPES)}${random.pick(COLLATIONS)}`
    );
    const parts = () =>
      some(random, COLUMNS, 2).map((part) => part + random.pick(COLLATIONS) + this.#direction());
    const [id, end] = random.pick([
      () => ["id INTEGER PRIMARY KEY", ")"],
      () => ["id INT UNIQUE", ")"],
      () => ["id INT", `, PRIMARY KEY(${parts().join()}, id)) WITHOUT ROWID`],
      () => ["id INT PRIMARY KEY", ") WITHOUT ROWID"],
      () => ["id INT", `, UNIQUE(${parts().join()}))`],
    ])();
    return `CREATE TABLE ${table}(${id}, ${columns.join(", ")}${end}`;
  }

  #direction(): string {
    return this.#random.pick(["", "", " DESC", " ASC"]);
  }

  #index(table: string): string {
    const random = this.#random;
    const parts = shuffled(random, [...COLUMNS, random.pick(EXPRESSIONS), random.pick(EXPRESSIONS)])
      .slice(0, 1 + random.below(3))
      .map((part) => (part.length > 1 ? `(${part})` : part + random.pick(COLLATIONS)));
    const where = random.once(3) ? ` WHERE ${this.#restriction("")}` : "";
    const list = parts.map((part) => part + this.#direction()).join(", ");
    return `CREATE INDEX i${++this.#indexes} ON ${table}(${list})${where}`;
  }

  /** A condition such as partial indexes have. */
  #restriction(prefix: string): string {
    const column = prefix + this.#random.pick(COLUMNS);
    return this.#random.pick([
      `${column} IS NOT NULL`,
      `${column} > 1`,
      `${column} = 'a'`,
      `${column} < 3 AND ${prefix}a IS NOT NULL`,
      `${column} IS NULL`,
      `${column} IN (1, 2, 'a')`,
      `${column} BETWEEN 0 AND 5`,
    ]);
  }

  #insert(table: string): string {
    const values = COLUMNS.map(() => this.#value());
    return `INSERT OR IGNORE INTO ${table}(id, a, b, c) VALUES(${++this.#rows}, ${values})`;
  }

  #value(): string {
    return this.#random.once(3) ? String(this.#random.below(5)) : this.#random.pick(VALUES);
  }

  /** A value, or an expression of constants. */
  #constant(): string {
    const random = this.#random;
    const value = this.#value();
    return random.once(6)
      ? random.pick([
        `CAST(${value} AS ${random.pick(["TEXT", "INT", "REAL", "NUMERIC", "BLOB"])})`,
        `(${value} COLLATE ${random.pick(["NOCASE", "RTRIM", "BINARY"])})`,
        `+${value}`,
        `(SELECT ${value})`,
        `(${value} || '')`,
      ])
      : value;
  }

  #operand(names: readonly string[]): string {
    const random = this.#random;
    const name = random.pick(names);
    const column = `${name}.${random.pick(COLUMNS)}`;
    if (random.once(7)) {
      return random.pick(EXPRESSIONS).replace(/\b[abc]\b/g, (letter) => `${name}.${letter}`);
    }
    return random.once(6)
      ? column + random.pick([" COLLATE NOCASE", " COLLATE RTRIM", " COLLATE BINARY"])
      : random.once(12)
      ? `+${column}`
      : column;
  }

  /** A condition about some tables. */
  #condition(names: readonly string[], depth: number): string {
    const random = this.#random;
    const operand = () => this.#operand(names);
    if (depth > 0 && random.once(3)) {
      const parts = Array.from(
        { length: 2 + random.below(2) },
        () => this.#condition(names, depth - 1),
      );
      const all = `(${parts.join(random.pick([" AND ", " AND ", " OR "]))})`;
      return random.once(7) ? `NOT ${all}` : all;
    }
    const not = random.pick(["", "", "NOT "]);
    switch (random.below(12)) {
      case 0:
        return `${operand()} ${not}BETWEEN ${this.#constant()} AND ${this.#constant()}`;
      case 1: {
        const list = Array.from({ length: 1 + random.below(5) }, () => this.#constant());
        return `${operand()} ${not}IN (${list.join(", ")})`;
      }
      case 2:
        return `${operand()} IS ${not}NULL`;
      case 3:
        return `${operand()} ${random.pick(OPERATORS)} ${operand()}`;
      case 4:
        return this.#restriction(`${random.pick(names)}.`);
      case 5:
        return depth > 0 ? this.#subquery(names) : this.#restriction(`${random.pick(names)}.`);
      case 6: {
        const left = `${operand()}, ${operand()}`;
        const right = `${this.#constant()}, ${this.#constant()}`;
        return `(${left}) ${random.pick(["=", "<", ">=", "IS", "<>"])} (${right})`;
      }
      case 7:
        return `${this.#constant()} ${random.pick(OPERATORS)} ${operand()}`;
      case 8: {
        const [operator, patterns] = random.pick([["LIKE", PATTERNS], ["GLOB", GLOBS]] as const);
        return `${operand()} ${not}${operator} ${random.pick<string>(patterns)}`;
      }
      default:
        return `${operand()} ${random.pick(OPERATORS)} ${this.#constant()}`;
    }
  }

  #subquery(names: readonly string[]): string {
    const random = this.#random;
    const inner = `z${names.length}`;
    const from = `FROM ${random.pick(TABLES)} ${inner}`;
    const where = random.once(5) ? "" : ` WHERE ${this.#condition([...names, inner], 1)}`;
    const column = `${inner}.${random.pick(COLUMNS)}${random.pick(COLLATIONS)}`;
    const not = random.pick(["", "NOT "]);
    const count = `count(${random.pick(["*", `DISTINCT ${column}`, column])})`;
    return random.pick([
      `${not}EXISTS (SELECT 1 ${from}${where})`,
      `${this.#operand(names)} ${not}IN (SELECT ${column} ${from}${where})`,
      `(SELECT ${count} ${from}${where}) ${random.pick(OPERATORS)} ${random.below(4)}`,
      `(SELECT ${inner}.id ${from}${where} ORDER BY ${inner}.id LIMIT 1) > ${this.#constant()}`,
      `(${this.#operand(names)}, 1) ${not}IN (SELECT ${column}, ${inner}.a ${from}${where})`,
      `(SELECT sum(${names[0]}.id + ${inner}.id) ${from}${where}) > ${random.below(30)}`,
    ]);
  }

  next(): ScriptStep {
    const random = this.#random;
    if (random.once(25)) return statement(this.#change());
    const joined = this.#joined();
    const where = random.once(6) ? "" : ` WHERE ${this.#condition(joined.names, 2)}`;
    const ids = joined.names.map((name) => `${name}.id`);
    const from = `FROM ${joined.text}${where}`;
    switch (random.below(8)) {
      case 0:
        return this.#aggregates(joined.names, from);
      case 1:
        return this.#compound();
      case 2:
        return this.#ordered(joined.names, from);
      case 3: {
        const distinct = `SELECT DISTINCT ${this.#operand(joined.names)} ${from}`;
        return query(`SELECT count(*) FROM (${distinct})`, "I");
      }
      default:
        return query(`SELECT ${ids.join(", ")} ${from}`, "I".repeat(ids.length));
    }
  }

  #change(): string {
    const random = this.#random;
    const table = random.pick(TABLES);
    const where = ` WHERE ${table}.id = ${1 + random.below(this.#rows)}`;
    return random.pick([
      this.#insert(table),
      `UPDATE OR IGNORE ${table} SET ${random.pick(COLUMNS)} = ${this.#value()}${where}`,
      `DELETE FROM ${table}${where}`,
      `DELETE FROM ${table} WHERE ${this.#condition([table], 1)} AND id % 3 = 0`,
      "ANALYZE",
    ]);
  }

  #joined(): { text: string; names: string[] } {
    const random = this.#random;
    const names = ["x"];
    let text = `${random.pick(TABLES)} x`;
    for (let i = random.pick([0, 0, 0, 1, 1, 2]); i > 0; i--) {
      const name = "yw"[names.length - 1]!;
      const join = random.pick([", ", " JOIN ", " LEFT JOIN ", " LEFT JOIN ", " CROSS JOIN "]);
      names.push(name);
      const on = join.endsWith(" JOIN ") ? ` ON ${this.#on(names)}` : "";
      text += `${join}${random.pick(TABLES)} ${name}${on}`;
    }
    return { text, names };
  }

  #on(names: readonly string[]): string {
    const random = this.#random;
    const last = `${names.at(-1)}.${random.pick(COLUMNS)}`;
    const other = `${random.pick(names.slice(0, -1))}.${random.pick(COLUMNS)}`;
    const equal = random.once(2) ? `${last} = ${other}` : `${other} = ${last}`;
    const more = random.once(3) ? ` AND ${this.#condition(names, 1)}` : "";
    return random.once(5) ? this.#condition(names, 1) : equal + more;
  }

  #aggregates(names: readonly string[], from: string): ScriptStep {
    const random = this.#random;
    const filter = () => random.once(2) ? ` FILTER (WHERE ${this.#condition(names, 1)})` : "";
    const operand = () => this.#operand(names);
    const calls = Array.from({ length: 1 + random.below(3) }, () =>
      random.pick([
        `count(*)`,
        `count(${operand()})`,
        `count(DISTINCT ${operand()})`,
        `sum(DISTINCT ${names[0]}.id)`,
        `min(${names.at(-1)}.id)`,
        `max(${names[0]}.id)`,
        `typeof(max(${operand()}))`,
        `total(${names[0]}.id)`,
      ].map((call) => call + (call.startsWith("typeof") ? "" : filter()))));
    const group = random.once(2) ? ` GROUP BY ${operand()}` : "";
    const having = group !== "" && random.once(3) ? ` HAVING count(*)${filter()} > 1` : "";
    return query(`SELECT ${calls.join(", ")} ${from}${group}${having}`, "T".repeat(calls.length));
  }

  #compound(): ScriptStep {
    const random = this.#random;
    const parts = Array.from({ length: 2 + random.below(2) }, () => {
      const where = random.once(5) ? "" : ` WHERE ${this.#condition(["x"], 1)}`;
      return `SELECT x.id % 5 AS k, x.id FROM ${random.pick(TABLES)} x${where}`;
    });
    const text = parts.reduce((all, part) =>
      `${all} ${random.pick(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])} ${part}`
    );
    if (random.once(3)) return query(text, "II");
    const order = random.pick(["1, 2", "k DESC, 2", "2 DESC", "id, 1", "2 COLLATE NOCASE DESC"]);
    const limit = random.once(2) ? ` LIMIT ${random.below(6)} OFFSET ${random.below(3)}` : "";
    return query(`${text} ORDER BY ${order}${limit}`, "II", true);
  }

  #orderTerms(names: readonly string[]): string[] {
    const random = this.#random;
    return Array.from(
      { length: 1 + random.below(2) },
      () =>
        this.#operand(names) + this.#direction() +
        random.pick(["", "", "", " NULLS FIRST", " NULLS LAST"]),
    );
  }

  #ordered(names: readonly string[], from: string): ScriptStep {
    const random = this.#random;
    const ids = names.map((name) => `${name}.id`);
    const order = random.once(3)
      ? [this.#operand(names), ...ids].map((term) => `${term} DESC`).join(", ")
      : [...this.#orderTerms(names), ...ids].join(", ");
    const limit = random.once(2) ? ` LIMIT ${random.below(7)} OFFSET ${random.below(3)}` : "";
    const text = `SELECT ${ids.join(", ")} ${from} ORDER BY ${order}${limit}`;
    return query(text, "I".repeat(ids.length), true);
  }
}
