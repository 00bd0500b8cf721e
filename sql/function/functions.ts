/**
 * All scalar and aggregate functions by name.
 */

import { SqlError } from "../value/error.ts";
import { Real } from "../value/value.ts";
import { type AggregateDefinition, PLAIN_AGGREGATES } from "./aggregate.ts";
import { TIME_FUNCTIONS } from "./date_time.ts";
import { FORMAT_FUNCTIONS } from "./format.ts";
import { JSON_AGGREGATES, JSON_FUNCTIONS } from "./json.ts";
import { MATH_FUNCTIONS } from "./math.ts";
import { TEXT_FUNCTIONS } from "./text.ts";
import { define, type ScalarDefinition } from "./types.ts";

export type { FunctionContext, ScalarDefinition, ScalarFunction } from "./types.ts";

/** The version of SQLite whose dialect this is. */
const DIALECT = "3.53.2";

const STATE_FUNCTIONS: Readonly<Record<string, ScalarDefinition>> = {
  changes: define(0, 0, (_, { counts }) => counts.changes),
  last_insert_rowid: define(0, 0, (_, { counts }) => counts.lastRowid),
  likelihood: define(2, 2, ([value, chance]) => {
    if (chance instanceof Real && chance.value >= 0 && chance.value <= 1) return value!;
    throw new SqlError(
      "VALUE",
      "second argument to likelihood() must be a constant between 0.0 and 1.0",
    );
  }),
  likely: define(1, 1, ([value]) => value!),
  sqlite_version: define(0, 0, () => DIALECT),
  total_changes: define(0, 0, (_, { counts }) => counts.total),
  unlikely: define(1, 1, ([value]) => value!),
};

/** The scalar functions. */
export const SCALARS: ReadonlyMap<string, ScalarDefinition> = new Map(
  Object.entries({
    ...TEXT_FUNCTIONS,
    ...MATH_FUNCTIONS,
    ...TIME_FUNCTIONS,
    ...FORMAT_FUNCTIONS,
    ...JSON_FUNCTIONS,
    ...STATE_FUNCTIONS,
  }),
);

/** The aggregate functions. */
export const AGGREGATES: ReadonlyMap<string, AggregateDefinition> = new Map(
  Object.entries({ ...PLAIN_AGGREGATES, ...JSON_AGGREGATES }),
);
