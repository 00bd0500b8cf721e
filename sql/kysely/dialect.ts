/**
 * The dialect: SQLite's grammar and abilities, with a driver and an introspector of Quire.
 */

import type { Sql } from "../sql.ts";
import { QuireDriver } from "./driver.ts";
import { QuireIntrospector } from "./introspector.ts";
import { type Dialect, SqliteAdapter, SqliteQueryCompiler } from "./kysely.ts";

/** What Kysely takes as its dialect. */
export type QuireDialect = Dialect;

/**
 * A dialect of Kysely for SQL on a database. The database stays open when Kysely is destroyed.
 *
 * A transaction of Kysely spans several turns of the event loop; one of Quire is synchronous. So
 * its statements run again with each one that follows, and take effect together at its end, with
 * the same times and random values. The cost grows with the square of the number of statements that
 * change something. If anything else changes the database meanwhile, the next statement, or the
 * commit, fails with the code `CONFLICT`, and the transaction has no effect.
 *
 * ```ts
 * import { Kysely } from "npm:kysely@0.29.9";
 * import { open } from "../../mod.ts";
 * import { sql } from "../mod.ts";
 * import { quireDialect } from "./mod.ts";
 *
 * using db = open(":memory:");
 * await using query = new Kysely<{ t: { a: number } }>({ dialect: quireDialect(sql(db)) });
 * await query.schema.createTable("t").addColumn("a", "integer").execute();
 * const added = await query.transaction().execute(async (tx) => {
 *   await tx.insertInto("t").values([{ a: 1 }, { a: 2 }]).execute();
 *   return await tx.selectFrom("t").selectAll().execute();
 * });
 * console.assert(added.length === 2);
 * ```
 */
export function quireDialect(query: Sql): QuireDialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new QuireDriver(query),
    createIntrospector: () => new QuireIntrospector(query),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}
