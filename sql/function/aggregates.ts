/**
 * All aggregate functions by name.
 */

import { type AggregateDefinition, PLAIN_AGGREGATES } from "./aggregate.ts";
import { JSON_AGGREGATES } from "./json.ts";

/** The aggregate functions. */
export const AGGREGATES: ReadonlyMap<string, AggregateDefinition> = new Map(
  Object.entries({ ...PLAIN_AGGREGATES, ...JSON_AGGREGATES }),
);
