/**
 * Random schemas, rows, queries and changes in the dialect of SQLite, from a seed.
 *
 * What is made is deterministic in its result: a LIMIT comes with an order by all columns, and no
 * function of the clock or of chance occurs. A query is a tree of texts, so that it can be shrunk.
 */

/** Chooses at random. */
export interface Chance {
  /** A whole number from 0 on, below a limit. */
  below(limit: number): number;
}

/** A generator of statements. */
export class RandomSql {
  readonly #chance: Chance;
  readonly #tables: TableShape[] = [];

  /** Creates a generator. */
  constructor(chance: Chance) {
    this.#chance = chance;
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#chance.below(items.length)]!;
  }

  #oneIn(count: number): boolean {
    return this.#chance.below(count) === 0;
  }

  /** Statements that make tables, indexes and rows. */
  schema(): string[] {
    const statements: string[] = [];
    const count = 1 + this.#chance.below(3);
    for (let i = 0; i < count; i++) {
      const table = this.#table(i);
      this.#tables.push(table);
      statements.push(table.create, ...this.#indexes(table));
      for (let row = this.#chance.below(25); row > 0; row--) {
        statements.push(this.#insertRow(table));
      }
    }
    return statements;
  }

  #table(index: number): TableShape {
    const name = `t${index}`;
    const columns = Array.from({ length: 2 + this.#chance.below(4) }, (_, i) => ({
      name: `c${i}`,
      type: this.#pick(TYPES),
    }));
    const key = this.#pick(["", "rowid", "rowid", "text", "pair"] as const);
    const shapes = columns.map(({ name, type }, i) => {
      const collate = type === "TEXT" && this.#oneIn(4) ? " COLLATE NOCASE" : "";
      if (i === 0 && key === "rowid") return `${name} INTEGER PRIMARY KEY`;
      const notNull = i < 2 && (key === "text" && i === 0 || key === "pair") ? " NOT NULL" : "";
      const extra = notNull === "" && this.#oneIn(8) ? " UNIQUE" : "";
      return `${name} ${type}${collate}${notNull}${extra}`;
    });
    if (key === "text") shapes.push("PRIMARY KEY (c0)");
    if (key === "pair") shapes.push("PRIMARY KEY (c1, c0)");
    const clustered = key === "text" || key === "pair" ? " WITHOUT ROWID" : "";
    return { name, columns, create: `CREATE TABLE ${name} (${shapes.join(", ")})${clustered}` };
  }

  #indexes({ name, columns }: TableShape): string[] {
    return Array.from({ length: this.#chance.below(3) }, (_, i) => {
      const parts = Array.from({ length: 1 + this.#chance.below(2) }, () => {
        const column = this.#pick(columns).name;
        return this.#oneIn(6) ? `${column} COLLATE NOCASE` : column;
      });
      const where = this.#oneIn(4) ? ` WHERE ${this.#pick(columns).name} IS NOT NULL` : "";
      return `CREATE INDEX ${name}_i${i} ON ${name} (${[...new Set(parts)].join(", ")})${where}`;
    });
  }

  #values({ create, columns }: TableShape): string[] {
    // A rowid is small, so that a new one follows the greatest.
    const isRowid = create.includes("INTEGER PRIMARY KEY");
    const rowid = () => this.#oneIn(3) ? "NULL" : String(this.#chance.below(30));
    return columns.map((_, i) => isRowid && i === 0 ? rowid() : this.#value());
  }

  #insertRow(table: TableShape): string {
    const { name } = table;
    const values = this.#values(table);
    return `INSERT OR ${this.#pick(["IGNORE", "REPLACE"])} INTO ${name} VALUES (${
      values.join(", ")
    })`;
  }

  #value(): string {
    if (this.#oneIn(2)) return String(this.#chance.below(12) - 2);
    return this.#pick(VALUES);
  }

  /** A query. */
  query(depth = 2): string {
    if (depth > 0 && this.#oneIn(8)) return this.#compound(depth - 1);
    if (this.#oneIn(4)) return this.#grouped(depth);
    const from = this.#from(depth);
    const columns = Array.from({ length: 1 + this.#chance.below(3) }, () => this.#expr(from, 2));
    const distinct = this.#oneIn(6) ? "DISTINCT " : "";
    const where = this.#oneIn(4) ? "" : ` WHERE ${this.#condition(from, 2, depth)}`;
    const order = this.#order(columns.length);
    return `SELECT ${distinct}${columns.join(", ")} FROM ${from.text}${where}${order}`;
  }

  #order(columns: number): string {
    if (this.#oneIn(2)) return "";
    const terms = Array.from(
      { length: columns },
      (_, i) => `${i + 1}${this.#pick(["", " DESC", " ASC"])}`,
    );
    const limit = this.#oneIn(3) ? ` LIMIT ${this.#chance.below(6)}` : "";
    const offset = limit !== "" && this.#oneIn(3) ? ` OFFSET ${this.#chance.below(3)}` : "";
    return ` ORDER BY ${terms.join(", ")}${limit}${offset}`;
  }

  #compound(depth: number): string {
    const from = this.#from(depth);
    const part = () => {
      const where = this.#oneIn(3) ? "" : ` WHERE ${this.#condition(from, 1, 0)}`;
      return `SELECT ${this.#column(from)} FROM ${from.text}${where}`;
    };
    const operator = this.#pick(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]);
    return `${part()} ${operator} ${part()}`;
  }

  #grouped(depth: number): string {
    const from = this.#from(depth);
    const key = this.#oneIn(5) ? "" : this.#column(from);
    const aggregates = Array.from(
      { length: 1 + this.#chance.below(2) },
      () => this.#aggregate(from),
    );
    const where = this.#oneIn(3) ? ` WHERE ${this.#condition(from, 1, 0)}` : "";
    if (key === "") return `SELECT ${aggregates.join(", ")} FROM ${from.text}${where}`;
    const having = this.#oneIn(3)
      ? ` HAVING ${this.#aggregate(from)} > ${this.#chance.below(4)}`
      : "";
    return `SELECT ${key}, ${
      aggregates.join(", ")
    } FROM ${from.text}${where} GROUP BY ${key}${having}`;
  }

  #aggregate(from: FromShape): string {
    const column = this.#oneIn(3) ? this.#expr(from, 1) : this.#column(from);
    return this.#pick([
      "count(*)",
      `count(${column})`,
      `count(DISTINCT ${column})`,
      `sum(${column})`,
      `min(${column})`,
      `max(${column})`,
      `total(${column})`,
      `avg(${column})`,
    ]);
  }

  #from(depth: number): FromShape {
    const aliases: { alias: string; columns: readonly string[] }[] = [];
    let text = "";
    const count = 1 + (this.#oneIn(2) ? 1 : 0) + (this.#oneIn(5) ? 1 : 0);
    for (let i = 0; i < count; i++) {
      const table = this.#pick(this.#tables);
      const alias = `${"abc"[i]}${2 - depth}`;
      const columns = table.columns.map(({ name }) => name);
      const source = depth > 0 && this.#oneIn(6)
        ? `(SELECT ${columns.join(", ")} FROM ${table.name}${this.#subWhere(table)})`
        : table.name;
      const before = { text: "", aliases: [...aliases, { alias, columns }] };
      aliases.push({ alias, columns });
      if (i === 0) text = `${source} AS ${alias}`;
      else {
        const join = this.#pick([", ", " JOIN ", " LEFT JOIN ", " JOIN "]);
        const on = join === ", " ? "" : ` ON ${this.#joinCondition(before)}`;
        text += `${join}${source} AS ${alias}${on}`;
      }
    }
    return { text, aliases };
  }

  #subWhere({ columns }: TableShape): string {
    if (this.#oneIn(2)) return "";
    return ` WHERE ${this.#pick(columns).name} ${this.#pick(COMPARISONS)} ${this.#value()}`;
  }

  #joinCondition(from: FromShape): string {
    const last = from.aliases.at(-1)!;
    const other = this.#pick(from.aliases);
    const own = `${last.alias}.${this.#pick(last.columns)}`;
    const extra = this.#oneIn(4) ? ` AND ${this.#condition(from, 1, 0)}` : "";
    return `${own} ${this.#pick(["=", "=", "=", "<"])} ${other.alias}.${
      this.#pick(other.columns)
    }${extra}`;
  }

  #column(from: FromShape): string {
    const { alias, columns } = this.#pick(from.aliases);
    return `${alias}.${this.#pick(columns)}`;
  }

  #expr(from: FromShape, depth: number): string {
    if (depth === 0 || this.#oneIn(3)) return this.#oneIn(4) ? this.#value() : this.#column(from);
    const a = () => this.#expr(from, depth - 1);
    switch (this.#chance.below(12)) {
      case 0:
        return `(${a()} ${this.#pick(["+", "-", "*", "/", "%", "||", "&", "|"])} ${a()})`;
      case 1:
        return `CASE WHEN ${this.#condition(from, depth - 1, 0)} THEN ${a()} ELSE ${a()} END`;
      case 2:
        return `coalesce(${a()}, ${a()})`;
      case 3:
        return `CAST(${a()} AS ${this.#pick(["INTEGER", "REAL", "TEXT", "NUMERIC"])})`;
      case 4:
        return `${this.#pick(["abs", "length", "upper", "typeof", "lower", "hex", "quote"])}(${
          this.#column(from)
        })`;
      case 5:
        return `substr(${a()}, ${this.#chance.below(5) - 2}, ${this.#chance.below(4)})`;
      case 6:
        return `(${this.#condition(from, depth - 1, 0)})`;
      case 7:
        return `-${this.#column(from)}`;
      case 8:
        return `nullif(${a()}, ${a()})`;
      case 9:
        return `CASE ${a()} WHEN ${a()} THEN ${a()} END`;
      case 10:
        return `${this.#pick(["min", "max"])}(${a()}, ${a()})`;
      default:
        return `round(${this.#column(from)}, ${this.#chance.below(3)})`;
    }
  }

  #condition(from: FromShape, depth: number, queries: number): string {
    if (depth > 0 && this.#oneIn(3)) {
      const operator = this.#pick(["AND", "OR"]);
      const left = this.#condition(from, depth - 1, queries);
      const both = `(${left} ${operator} ${this.#condition(from, depth - 1, queries)})`;
      return this.#oneIn(5) ? `NOT ${both}` : both;
    }
    if (queries > 0 && this.#oneIn(5)) return this.#queryCondition(from);
    const column = this.#column(from);
    switch (this.#chance.below(8)) {
      case 0:
        return `${column} IS ${this.#pick(["", "NOT "])}NULL`;
      case 1:
        return `${column} ${this.#pick(["", "NOT "])}BETWEEN ${this.#value()} AND ${this.#value()}`;
      case 2: {
        const items = Array.from({ length: 1 + this.#chance.below(5) }, () => this.#value());
        return `${column} ${this.#pick(["", "NOT "])}IN (${items.join(", ")})`;
      }
      case 3:
        return `${column} LIKE ${this.#pick(["'a%'", "'%b%'", "'_'", "'1%'"])}`;
      case 4:
        return `${column} ${this.#pick(COMPARISONS)} ${this.#column(from)}`;
      case 5:
        return `${this.#expr(from, 1)} ${this.#pick(COMPARISONS)} ${this.#expr(from, 1)}`;
      default:
        return `${column} ${this.#pick(COMPARISONS)} ${this.#value()}`;
    }
  }

  #queryCondition(from: FromShape): string {
    const table = this.#pick(this.#tables);
    const inner = `s.${this.#pick(table.columns).name}`;
    const compared = `s.${this.#pick(table.columns).name}`;
    const where = this.#oneIn(3)
      ? ""
      : ` WHERE ${compared} ${this.#pick(COMPARISONS)} ${this.#column(from)}`;
    const body = `FROM ${table.name} AS s${where}`;
    // SQLite may go on with a value that a comparison has converted, depending on its plan.
    const greatest = inner === compared ? "" : where;
    return this.#pick([
      `EXISTS (SELECT 1 ${body})`,
      `NOT EXISTS (SELECT 1 ${body})`,
      `${this.#column(from)} IN (SELECT ${inner} ${body})`,
      `${this.#column(from)} NOT IN (SELECT ${inner} ${body})`,
      `${this.#column(from)} > (SELECT max(${inner}) FROM ${table.name} AS s${greatest})`,
      `(SELECT count(*) ${body}) ${this.#pick(COMPARISONS)} ${this.#chance.below(4)}`,
    ]);
  }

  /** A statement that changes rows. */
  change(): string {
    const table = this.#pick(this.#tables);
    const { name, columns } = table;
    const from = {
      text: name,
      aliases: [{ alias: name, columns: columns.map(({ name }) => name) }],
    };
    switch (this.#chance.below(6)) {
      case 0:
        return `DELETE FROM ${name} WHERE ${this.#condition(from, 1, 1)}`;
      case 1:
      case 2: {
        const column = this.#pick(columns).name;
        // Not OR IGNORE or OR REPLACE: which row keeps a value depends on the order of rows.
        return `UPDATE ${name} SET ${column} = ${this.#expr(from, 1)} WHERE ${
          this.#condition(from, 1, 1)
        }`;
      }
      case 3:
        return `INSERT INTO ${name} VALUES (${this.#values(table).join(", ")})`;
      case 4:
        return this.#insertRow(table);
      default: {
        const values = this.#values(table).join(", ");
        const set = this.#pick(columns).name;
        return `INSERT INTO ${name} VALUES (${values}) ON CONFLICT DO ${
          this.#pick(["NOTHING", `UPDATE SET ${set} = excluded.${set}`])
        }`;
      }
    }
  }

  /** The names of the tables. */
  get tables(): readonly string[] {
    return this.#tables.map(({ name }) => name);
  }
}

interface TableShape {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly create: string;
}

interface FromShape {
  readonly text: string;
  readonly aliases: readonly { readonly alias: string; readonly columns: readonly string[] }[];
}

const TYPES = ["INTEGER", "INT", "TEXT", "REAL", "NUMERIC", "BLOB", ""];
const COMPARISONS = ["=", "=", "<", "<=", ">", ">=", "<>", "IS", "IS NOT"];
const VALUES = [
  "NULL",
  "NULL",
  "1.5",
  "2.0",
  "-0.5",
  "1e3",
  "'a'",
  "'A'",
  "'ab'",
  "'B'",
  "'abc'",
  "''",
  "'1'",
  "'2'",
  "' 3 '",
  "'1.0'",
  "'7x'",
  "x'61'",
  "x''",
  "x'0102'",
  "9007199254740993",
  "4611686018427387904.0",
];
