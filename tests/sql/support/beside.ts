/**
 * Runs the same statements here and in `node:sqlite`, and compares what they do.
 */

import { DatabaseSync } from "node:sqlite";
import { type Database, open } from "../../../mod.ts";
import { type Sql, sql } from "../../../sql/mod.ts";
import { Random } from "../../support/random.ts";
import { RandomSql } from "./random_query.ts";

/** A difference between the two. */
export interface Difference {
  /** The statements before, which make the state. */
  readonly before: readonly string[];
  /** The statement with different results. */
  readonly statement: string;
  readonly here: string;
  readonly there: string;
}

/** What a statement did: its rows, each as text, or that it failed. */
interface Outcome {
  readonly rows: readonly string[];
  readonly failed: string | undefined;
}

/** Both databases. */
class Pair {
  readonly #db: Database = open(":memory:");
  readonly #here: Sql = sql(this.#db);
  readonly #there = new DatabaseSync(":memory:");

  /** Runs a statement in both, and describes a difference. */
  differ(statement: string): { here: string; there: string } | undefined {
    const here = attempt(() => this.#here.all(statement).map((row) => Object.values(row)));
    const there = attempt(() => {
      const prepared = this.#there.prepare(statement);
      prepared.setReadBigInts(true);
      return prepared.all().map((row) => Object.values(row as object));
    });
    // Which sum overflows depends on the order of rows.
    if (`${here.failed}${there.failed}`.includes("integer overflow")) return undefined;
    // Which of equal texts stands for a group depends on the order of rows; a whole table is exact.
    const isExact = statement.startsWith("SELECT * FROM ");
    const [own, other] = [here, there].map(({ rows }) => {
      const all = rows.join("\n");
      return isExact ? all : all.toLowerCase().split("\n").sort().join("\n");
    });
    const isSame = (here.failed === undefined) === (there.failed === undefined) && own === other;
    return isSame ? undefined : { here: shown(here), there: shown(there) };
  }

  close(): void {
    this.#db.close();
    this.#there.close();
  }
}

function shown({ rows, failed }: Outcome): string {
  return failed ?? (rows.length > 12 ? `${rows.slice(0, 12).join("; ")} ...` : rows.join("; "));
}

function attempt(rows: () => unknown[][]): Outcome {
  try {
    return { rows: rows().map((row) => row.map(text).join("|")).sort(), failed: undefined };
  } catch (error) {
    return { rows: [], failed: String(error) };
  }
}

/** A value as text; integers and reals of the same number are alike, as JavaScript has both. */
function text(value: unknown): string {
  if (value instanceof Uint8Array) return `x${[...value].join(".")}`;
  if (typeof value === "bigint") return text(Number(value));
  if (typeof value === "number") {
    // Sums of doubles depend on the order of rows in their last digits.
    return Number.isSafeInteger(value) ? String(value + 0) : value.toPrecision(12);
  }
  return value === null ? "NULL" : JSON.stringify(value);
}

/** Runs the statements of a seed, and returns the first difference, shrunk. */
export function compareSeed(seed: number, queries: number): Difference | undefined {
  const random = new RandomSql(new Random(seed));
  const before = random.schema();
  const pair = new Pair();
  try {
    for (const statement of before) {
      const found = pair.differ(statement);
      if (found !== undefined) return shrink(before.slice(0, before.indexOf(statement)), statement);
    }
    for (let i = 0; i < queries; i++) {
      const isChange = i % 5 === 4;
      const statement = isChange ? random.change() : random.query();
      const checks = isChange
        ? ["PRAGMA integrity_check", ...random.tables.map((name) => `SELECT * FROM ${name}`)]
        : [];
      if (pair.differ(statement) !== undefined) return shrink(before, statement);
      if (isChange) before.push(statement);
      const broken = checks.find((check) => pair.differ(check) !== undefined);
      if (broken !== undefined) return shrink(before, broken);
    }
  } finally {
    pair.close();
  }
  return undefined;
}

/** Runs statements, and describes how the last one differs. */
function differenceOf(before: readonly string[], statement: string): Difference | undefined {
  const pair = new Pair();
  try {
    for (const each of before) pair.differ(each);
    const found = pair.differ(statement);
    return found && { before, statement, ...found };
  } finally {
    pair.close();
  }
}

/** Leaves out statements before that are not needed for the difference. */
function shrink(before: readonly string[], statement: string): Difference {
  let best = differenceOf(before, statement);
  if (best === undefined) return { before, statement, here: "differs once", there: "" };
  for (let size = Math.ceil(before.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.before.length;) {
      const fewer: string[] = best.before.filter((_, i) => i < at || i >= at + size);
      const smaller: Difference | undefined = differenceOf(fewer, statement);
      if (smaller === undefined) at += size;
      else best = smaller;
    }
  }
  return best;
}

/** A difference as text. */
export function describe({ before, statement, here, there }: Difference): string {
  return `${[...before, statement].join(";\n")};\n-- here:  ${here}\n-- there: ${there}`;
}
