/**
 * Parts of the language that the other families leave out, at random: generated columns,
 * table-valued functions, aggregates with an order, NULLS FIRST and LAST, IS DISTINCT FROM, the
 * operators of JSON, dates, recursive queries with an order, and UPDATE with FROM.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, type ScriptStep, statement } from "./family.ts";

/** Makes the family. */
export function languageFamily(random: Random): Family {
  return new LanguageFamily(random);
}

const COLUMNS = ["id", "a", "b", "v", "s", "w"];
const JSON_TEXTS = [
  "'[1, 2.5, \"x\", null, true]'",
  '\'{"a": 1, "b": [1, {"c": 2}], "d e": "f"}\'',
  '\'{"a": {"b": {"c": [1, [2, 3]]}}}\'',
  "'[]'",
  "'{}'",
  "'7'",
  "'\"text\"'",
  "'null'",
  "NULL",
];
const TIMES = [
  "'2024-02-29 12:34:56'",
  "'2023-12-31'",
  "'2000-01-01T00:00:00.5'",
  "'1999-06-15 23:59:59.999'",
  "'12:00'",
  "2460000.5",
  "'nonsense'",
  "NULL",
];
const MODIFIERS = [
  "'+1 day'",
  "'-1 month'",
  "'+1 year'",
  "'start of month'",
  "'start of year'",
  "'start of day'",
  "'weekday 0'",
  "'+3.5 hours'",
  "'-90 seconds'",
  "'+00:30'",
  "'floor'",
  "'ceiling'",
  "'+0001-02-03'",
  "'-0002-11-30 04:05'",
];

class LanguageFamily implements Family {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  #value(): string {
    return this.#random.pick(["NULL", "'3'", "'x'", "1.5", "-2", "0", "1", "2", "3", "7", "'Xy'"]);
  }

  setup(): string[] {
    const random = this.#random;
    const stored = random.pick(["STORED", "VIRTUAL", ""]);
    const other = random.pick(["STORED", "VIRTUAL"]);
    const type = random.pick(["INT", "TEXT", ""]);
    return [
      `CREATE TABLE g(id INTEGER PRIMARY KEY, a INT, b, v ${type} AS (a * 2 + id) ${stored}, ` +
      `s TEXT GENERATED ALWAYS AS (coalesce(b, 'none') || v) ${other}, w AS (length(s)) VIRTUAL)`,
      ...(random.once(2) ? ["CREATE INDEX gv ON g(v)"] : []),
      ...(random.once(2) ? ["CREATE INDEX gs ON g(s, w)"] : []),
      ...(random.once(3) ? ["CREATE UNIQUE INDEX gu ON g(w, v)"] : []),
      ...Array.from({ length: 12 }, () => this.#insert()),
      "CREATE TABLE j(id INTEGER PRIMARY KEY, text)",
      ...JSON_TEXTS.map((text) => `INSERT INTO j(text) VALUES(${text})`),
    ];
  }

  #insert(): string {
    const columns = this.#random.once(3) ? "" : "(a, b)";
    const values = columns === "" ? `NULL, ${this.#value()}` : this.#value();
    return `INSERT OR IGNORE INTO g${columns} VALUES(${values}, ${this.#value()})`;
  }

  next(): ScriptStep {
    const random = this.#random;
    const steps = [
      () => this.#change(),
      () => this.#generated(),
      () => this.#ordered(),
      () => this.#json(),
      () => this.#dates(),
      () => this.#others(),
    ];
    return random.pick(steps)();
  }

  #change(): ScriptStep {
    const random = this.#random;
    return statement(random.pick([
      this.#insert(),
      this.#insert(),
      `UPDATE g SET a = ${this.#value()} WHERE ${random.pick(COLUMNS)} > ${random.below(9)}`,
      `UPDATE g SET b = j.id FROM j WHERE j.id = g.id AND g.a > ${random.below(3)}`,
      `UPDATE g SET v = 3`,
      `INSERT INTO g(id, s) VALUES(90, 'x')`,
      `DELETE FROM g WHERE w = ${random.below(5)}`,
      "INSERT INTO g DEFAULT VALUES",
    ]));
  }

  #generated(): ScriptStep {
    const random = this.#random;
    const [column, other] = [random.pick(COLUMNS), random.pick(COLUMNS)];
    const operator = random.pick([
      "=",
      "<",
      ">",
      "IS",
      "IS NOT",
      "IS DISTINCT FROM",
      "IS NOT DISTINCT FROM",
    ]);
    const where = `${column} ${operator} ${this.#value()}`;
    return random.pick([
      query("SELECT * FROM g", "TTTTTT"),
      query(`SELECT ${column}, ${other} FROM g WHERE ${where}`, "TT"),
      query(`SELECT x.${column} FROM g x JOIN g y ON x.${column} = y.${other}`, "T"),
      query(`SELECT count(*), ${column} FROM g GROUP BY ${column}`, "TT"),
      query(
        `SELECT ${column}, id FROM g ORDER BY ${column} ${random.pick(["", "DESC"])} ${
          random.pick(["", "NULLS FIRST", "NULLS LAST"])
        }, id LIMIT 7`,
        "TT",
        true,
      ),
      query(`SELECT name, hidden FROM pragma_table_xinfo('g')`, "TT"),
      query(`SELECT name, pk FROM pragma_table_info('${random.pick(["g", "j"])}')`, "TT"),
    ]);
  }

  #ordered(): ScriptStep {
    const random = this.#random;
    const [column, key] = [random.pick(COLUMNS), random.pick(COLUMNS)];
    const order = `ORDER BY ${key} ${random.pick(["", "DESC", "ASC"])}, id`;
    const filter = random.once(3) ? ` FILTER (WHERE a > ${random.below(4)})` : "";
    const call = random.pick([
      `group_concat(${column}, '-' ${order})`,
      `group_concat(${column} ${order})`,
      `json_group_array(${column} ${order})`,
      `count(${column} ${order})`,
      `max(a ${order})`,
      `string_agg(b, '/' ${order})`,
      `group_concat(DISTINCT w ORDER BY w DESC)`,
    ]);
    return random.once(2)
      ? query(`SELECT ${call}${filter} FROM g`, "T")
      : query(`SELECT a, ${call}${filter} FROM g GROUP BY a`, "TT");
  }

  #json(): ScriptStep {
    const random = this.#random;
    const text = random.pick(JSON_TEXTS);
    const path = random.pick(["'$'", "'$.a'", "'$.b'", "'$[1]'", "'$.b[1]'", "'$.a.b'", "'$.x'"]);
    const name = random.pick(["json_each", "json_tree"]);
    const columns = "key, value, type, atom, id, parent, fullkey, path";
    return random.pick([
      query(`SELECT ${columns} FROM ${name}(${text})`, "TTTTTTTT"),
      query(`SELECT * FROM ${name}(${text}, ${path})`, "TTTTTTTT"),
      query(`SELECT j.id, e.key, e.value FROM j, ${name}(j.text) AS e`, "TTT"),
      query(
        `SELECT j.id, e.key FROM j LEFT JOIN ${name}(j.text, ${path}) e ON e.type <> 'null'`,
        "TT",
      ),
      query(`SELECT id FROM j WHERE EXISTS (SELECT 1 FROM json_each(j.text) WHERE value = 1)`, "T"),
      query(`SELECT ${text} -> ${path}, ${text} ->> ${path}`, "TT"),
      query(`SELECT json_pretty(${text}), json_pretty(${text}, ${path})`, "TT"),
      query(`SELECT ${text} -> ${random.pick(["'a'", "0", "1", "'b'", "-1"])}`, "T"),
      query(`SELECT sum(value) FROM j JOIN ${name}(text) WHERE atom IS NOT NULL AND key > 0`, "R"),
    ]);
  }

  #dates(): ScriptStep {
    const random = this.#random;
    const count = random.below(3);
    const modifiers = Array.from({ length: count }, () => `, ${random.pick(MODIFIERS)}`).join("");
    const at = `${random.pick(TIMES)}${modifiers}`;
    const format = random.pick([
      "'%Y-%m-%d'",
      "'%H:%M:%f'",
      "'%j %w %W'",
      "'%s'",
      "'%e %k %l %I %p %P'",
      "'%G-W%V-%u %U'",
      "'%F %T %R'",
      "'%J'",
      "'%d%%'",
    ]);
    return random.pick([
      query(`SELECT date(${at}), time(${at}), datetime(${at})`, "TTT"),
      query(`SELECT julianday(${at}), unixepoch(${at})`, "RR"),
      query(`SELECT strftime(${format}, ${at})`, "T"),
      query(`SELECT timediff(${random.pick(TIMES)}, ${random.pick(TIMES)})`, "T"),
    ]);
  }

  #others(): ScriptStep {
    const random = this.#random;
    const [x, y] = [this.#value(), this.#value()];
    const order = random.pick(["ORDER BY 2", "ORDER BY 2 DESC", "ORDER BY 1", ""]);
    return random.pick([
      query(`SELECT ${x} IS DISTINCT FROM ${y}, ${x} IS NOT DISTINCT FROM ${y}`, "TT"),
      query(
        `WITH RECURSIVE t(n, d) AS (VALUES(1, 0) UNION ALL SELECT n * 2 + i, d + 1 FROM t, ` +
          `(SELECT 0 AS i UNION ALL SELECT 1) WHERE d < 3 ${order} LIMIT ${
            1 + random.below(15)
          }) ` +
          "SELECT n, d FROM t",
        "TT",
        order !== "",
      ),
      query(`SELECT count(*) FILTER (WHERE a IS NOT NULL), total(a) FROM g`, "RR"),
      query(
        `SELECT b, id FROM g ORDER BY b ${random.pick(["NULLS LAST", "DESC NULLS FIRST"])}, id`,
        "TT",
        true,
      ),
      query(`UPDATE g SET b = ${x} WHERE id = ${random.below(9)} RETURNING id, v, s, w`, "TTTT"),
      query(`INSERT OR IGNORE INTO g(a, b) VALUES(${x}, ${y}) RETURNING *`, "TTTTTT"),
    ]);
  }
}
