/**
 * Runs a family here and in `node:sqlite`: the same statements fail, queries have the same rows in
 * the format of sqllogictest, and values the same storage classes.
 */

import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "@std/assert";
import { open } from "../../../mod.ts";
import { Real, type Sql, sql } from "../../../sql/mod.ts";
import { Random } from "../../support/random.ts";
import type { MakeFamily, ScriptStep } from "./family.ts";

/** What differs. */
export interface FamilyDifference {
  readonly text: string;
  readonly here: string;
  readonly there: string;
}

/** What a run found. */
export interface FamilyReport {
  readonly compared: number;
  /** How often both refused a statement. */
  readonly refused: number;
  readonly differences: readonly FamilyDifference[];
  /** The slowest statement here, in milliseconds. */
  readonly slowest: { readonly ms: number; readonly text: string };
}

/**
 * Runs statements of a family from a seed.
 *
 * @param bytes The memory of a statement, beyond which rows go to a tree; undefined = no bound.
 */
export function compareFamily(
  make: MakeFamily,
  seed: number,
  steps: number,
  bytes?: number,
): FamilyReport {
  const family = make(new Random(seed));
  using db = open(":memory:");
  using database = open(":memory:");
  const here = sql(db, bytes === undefined ? {} : { spill: { database, bytes } });
  using there = new DatabaseSync(":memory:");
  const differences: FamilyDifference[] = [];
  let refused = 0;
  let slowest = { ms: 0, text: "" };
  const setup = family.setup();
  const run = (step: ScriptStep) => {
    const start = performance.now();
    const own = attempt(() => rowsHere(here, step));
    const ms = performance.now() - start;
    if (ms > slowest.ms) slowest = { ms, text: step.text };
    const other = attempt(() => rowsThere(there, step));
    if (own.startsWith("failed") && other.startsWith("failed")) refused++;
    else if (own !== other) differences.push({ text: step.text, here: own, there: other });
  };
  for (const text of setup) run({ text, types: undefined, isOrdered: false });
  for (let i = 0; i < steps; i++) run(family.next());
  assertEquals(database.trees(), [], "trees of rows are left");
  return { compared: setup.length + steps, refused, differences, slowest };
}

function attempt(rows: () => string): string {
  try {
    return rows();
  } catch (error) {
    return `failed: ${error}`;
  }
}

function rowsHere(db: Sql, step: ScriptStep): string {
  if (step.isScript) return ran(() => db.exec(step.text));
  const { rows } = db.prepare(step.text).rows();
  return shown(rows.map((row) => row.map((value) => plain(value))), step);
}

function rowsThere(db: DatabaseSync, step: ScriptStep): string {
  if (step.isScript) return ran(() => runThere(db, step.text));
  // Rows as arrays, as columns may share a name; Deno's types do not have the method yet.
  const prepared = db.prepare(step.text) as ReturnType<DatabaseSync["prepare"]> & {
    setReturnArrays(enabled: boolean): void;
  };
  prepared.setReadBigInts(true);
  prepared.setReturnArrays(true);
  return shown(prepared.all() as unknown as unknown[][], step);
}

function ran(run: () => void): string {
  run();
  return "";
}

/** Runs a script, which here ends with its transaction if it fails. */
function runThere(db: DatabaseSync, text: string): void {
  try {
    db.exec(text);
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** A value as `node:sqlite` gives it with integers as bigints. */
function plain(value: unknown): unknown {
  if (value instanceof Real) return value.value;
  return typeof value === "number" ? BigInt(value) : value;
}

function shown(rows: readonly (readonly unknown[])[], { types, isOrdered }: ScriptStep): string {
  if (types === undefined) return "";
  const texts = rows.map((row) => {
    const values = row.map((value, i) => formatted(value, types[i] ?? "T"));
    return values.join("|");
  });
  return (isOrdered ? texts : texts.sort()).join("\n");
}

/** A value with the letter of its class, as its column shows it. */
function formatted(value: unknown, type: string): string {
  if (value === null) return "NULL";
  if (typeof value === "bigint") return type === "R" ? `i${Number(value).toFixed(3)}` : `i${value}`;
  // Sums of doubles depend on the order of rows in their last digits.
  if (typeof value === "number") {
    return type === "R" ? `r${value.toFixed(3)}` : `r${value.toPrecision(12)}`;
  }
  if (value instanceof Uint8Array) return `b${value.join(".")}`;
  return `t${value}`;
}
