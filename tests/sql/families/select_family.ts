/**
 * Queries in the manner of select1 to select3: one table, correlated queries, CASE, BETWEEN and
 * EXISTS, with the rows sorted by the numbers of their columns.
 */

import type { Random } from "../../support/random.ts";
import { type Family, query, type ScriptStep, shuffled, some } from "./family.ts";

const COLUMNS = ["a", "b", "c", "d", "e"];

const RESULTS = [
  ...COLUMNS,
  "a-b",
  "b-c",
  "c-d",
  "d-e",
  "a+b*2",
  "a+b*2+c*3",
  "a+b*2+c*3+d*4",
  "a+b*2+c*3+d*4+e*5",
  "(a+b+c+d+e)/5",
  "abs(a)",
  "abs(b-c)",
  "CASE WHEN c>(SELECT avg(c) FROM t1) THEN a*2 ELSE b*10 END",
  "CASE WHEN a<b-3 THEN 111 WHEN a<=b THEN 222 WHEN a<b+3 THEN 333 ELSE 444 END",
  "CASE a+1 WHEN b THEN 111 WHEN c THEN 222 WHEN d THEN 333 WHEN e THEN 444 ELSE 555 END",
  "(SELECT count(*) FROM t1 AS x WHERE x.b<t1.b)",
  "(SELECT count(*) FROM t1 AS x WHERE x.c>t1.c AND x.d<t1.d)",
  "coalesce(a,b,c,d,e)",
  "(SELECT max(x.a) FROM t1 AS x WHERE x.e=t1.e)",
];

const CONDITIONS = [
  "a>b",
  "b>c",
  "c>d",
  "d>e",
  "a IS NULL",
  "b IS NOT NULL",
  "c BETWEEN b-2 AND d+2",
  "d NOT BETWEEN 110 AND 150",
  "b NOT BETWEEN a AND c",
  "EXISTS(SELECT 1 FROM t1 AS x WHERE x.b<t1.b)",
  "NOT EXISTS(SELECT 1 FROM t1 AS x WHERE x.c=t1.c-1 AND x.a<t1.a)",
  "(e>a AND e<b)",
  "(e>c OR e<d)",
  "(a>b-2 AND a<b+2)",
  "(c<=d-2 OR c>=d+2)",
  "coalesce(a,b,c,d,e)<>0",
  "a IN (SELECT x.b+1 FROM t1 AS x WHERE x.d>t1.c)",
];

/** Makes the family; `hasNulls` as in select2 and select3. */
export function selectFamily(hasNulls: boolean): (random: Random) => Family {
  return (random) => new SelectFamily(random, hasNulls);
}

class SelectFamily implements Family {
  readonly #random: Random;
  readonly #hasNulls: boolean;

  constructor(random: Random, hasNulls: boolean) {
    this.#random = random;
    this.#hasNulls = hasNulls;
  }

  setup(): string[] {
    const statements = [
      "CREATE TABLE t1(a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER)",
    ];
    for (let row = 0; row < 30; row++) {
      const values = shuffled(this.#random, [0, 1, 2, 3, 4]).map((value) =>
        this.#hasNulls && this.#random.once(6) ? "NULL" : String(100 + row * 5 + value)
      );
      const columns = shuffled(this.#random, COLUMNS);
      statements.push(`INSERT INTO t1(${columns.join()}) VALUES(${values.join()})`);
    }
    if (this.#random.once(2)) statements.push("CREATE INDEX t1a ON t1(a)");
    if (this.#random.once(2)) statements.push("CREATE INDEX t1cb ON t1(c DESC, b)");
    return statements;
  }

  next(): ScriptStep {
    const random = this.#random;
    const results = some(random, RESULTS, 7);
    const conditions = random.once(3) ? [] : some(random, CONDITIONS, 4);
    const where = conditions.length === 0
      ? ""
      : ` WHERE ${conditions.join(random.once(3) ? " OR " : " AND ")}`;
    const isOrdered = !random.once(4);
    const order = isOrdered
      ? ` ORDER BY ${
        shuffled(random, results.map((_, i) => `${i + 1}${random.once(8) ? " DESC" : ""}`)).join()
      }`
      : "";
    const text = `SELECT ${results.join(", ")} FROM t1${where}${order}`;
    return query(text, "I".repeat(results.length), isOrdered);
  }
}
