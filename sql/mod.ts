/**
 * SQL on Quire, in the dialect of SQLite: tables, indexes, queries and transactions, compiled to
 * programs of a register machine that work on the trees of a database.
 *
 * ```ts
 * import { open } from "../mod.ts";
 * import { sql } from "./mod.ts";
 *
 * using db = open(":memory:");
 * const query = sql(db);
 * query.exec(`
 *   CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT, people INTEGER);
 *   INSERT INTO city VALUES ('Lisboa', 'PT', 545000), ('Porto', 'PT', 232000);
 * `);
 * const total = query.get<{ n: number }>("SELECT sum(people) AS n FROM city");
 * console.assert(total?.n === 777_000);
 * ```
 *
 * @module
 */

export type { NamedInputs, SqlInput, SqlInputs, SqlOutput, SqlRow } from "./binding.ts";
export { isCompleteSql } from "./parse/token.ts";
export { type Sql, sql, type SqlOptions, type SqlSource } from "./sql.ts";
export { type RunResult, type SqlRows, Statement } from "./statement.ts";
export type { Integer, Numeric, SqlValue } from "./value/value.ts";
export { Real } from "./value/value.ts";
export type { ResultName } from "./vm/machine.ts";
export type { SpillOptions } from "./rows/spill.ts";
export {
  type QueryTrace,
  type TracedInstruction,
  type TracedRegister,
  type TracedStep,
  type TraceLimits,
  traceQuery,
} from "./trace.ts";
export type { StoredObject } from "./schema/trees.ts";
export { SqlError, type SqlErrorCode } from "./value/error.ts";
