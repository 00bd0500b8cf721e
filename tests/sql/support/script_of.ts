/**
 * Writes scripts in the format of sqllogictest from families of statements, with the results that
 * `node:sqlite` has.
 */

import { DatabaseSync } from "node:sqlite";
import { Real } from "../../../sql/mod.ts";
import type { SqlValue } from "../../../sql/value/value.ts";
import { Random } from "../../support/random.ts";
import type { MakeFamily, ScriptStep } from "../families/family.ts";
import { digestOf, formatted, sorted } from "./logic_script.ts";

/** Results of more values are a count and a digest. */
const THRESHOLD = 8;

/** A script of a family from a seed. */
export function scriptOf(make: MakeFamily, seed: number, steps: number): string {
  const family = make(new Random(seed));
  using db = new DatabaseSync(":memory:");
  const setup = family.setup().map((text): ScriptStep => ({
    text,
    types: undefined,
    isOrdered: false,
  }));
  // A record of a script is one statement.
  const records = [...setup, ...Array.from({ length: steps }, () => family.next())]
    .filter(({ isScript }) => isScript !== true)
    .map((step, i) => recordOf(db, step, i));
  return `hash-threshold ${THRESHOLD}\n\n${records.join("\n\n")}\n`;
}

function recordOf(db: DatabaseSync, { text, types, isOrdered }: ScriptStep, index: number): string {
  const rows = rowsOf(db, text);
  const isQuery = types !== undefined && types !== "" && rows?.[0] !== undefined &&
    !text.startsWith("PRAGMA");
  if (rows === undefined) return `statement error\n${text}`;
  if (!isQuery) return `statement ok\n${text}`;
  const letters = rows[0]!.map((_, i) => types[i] ?? "T").join("");
  const sort = isOrdered ? "nosort" : index % 2 === 0 ? "rowsort" : "valuesort";
  const shown = rows.map((row) => row.map((value, i) => formatted(value, letters[i]!)));
  const values = sorted(shown, sort);
  const result = values.length > THRESHOLD ? digestOf(values) : values.join("\n");
  return `query ${letters} ${sort} label-${index}\n${text}\n----\n${result}`;
}

/** The rows of a statement; undefined if it fails. */
function rowsOf(db: DatabaseSync, text: string): SqlValue[][] | undefined {
  try {
    const prepared = db.prepare(text) as ReturnType<DatabaseSync["prepare"]> & {
      setReturnArrays(enabled: boolean): void;
    };
    prepared.setReadBigInts(true);
    prepared.setReturnArrays(true);
    const rows = prepared.all() as unknown as (SqlValue | number)[][];
    return rows.map((row) =>
      row.map((value) => typeof value === "number" ? new Real(value) : value)
    );
  } catch {
    return undefined;
  }
}
