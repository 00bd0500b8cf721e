/**
 * The value of LIMIT and OFFSET: an integer, or what converts to one without loss.
 */

import { applyAffinity } from "../value/affinity.ts";
import { SqlError } from "../value/error.ts";
import type { SqlValue } from "../value/value.ts";

/**
 * A LIMIT as a number; less than 0 means all. An OFFSET of less than 0 is 0.
 *
 * @throws {SqlError} It is not an integer.
 */
export function castLimit(value: SqlValue, isOffset: boolean): number {
  const integer = applyAffinity(value, "INTEGER");
  if (typeof integer !== "number" && typeof integer !== "bigint") {
    throw new SqlError("VALUE", "datatype mismatch: LIMIT and OFFSET are integers");
  }
  const number = Number(integer);
  return number < 0 ? (isOffset ? 0 : -1) : number;
}
