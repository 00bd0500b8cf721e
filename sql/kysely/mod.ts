/**
 * A dialect of Kysely: typed queries on Quire.
 *
 * ```ts
 * import { Kysely } from "npm:kysely@0.29.9";
 * import { open } from "../../mod.ts";
 * import { sql } from "../mod.ts";
 * import { quireDialect } from "./mod.ts";
 *
 * interface Tables {
 *   city: { name: string; people: number };
 * }
 *
 * using db = open(":memory:");
 * await using cities = new Kysely<Tables>({ dialect: quireDialect(sql(db)) });
 * await cities.schema.createTable("city")
 *   .addColumn("name", "text", (column) => column.primaryKey())
 *   .addColumn("people", "integer").execute();
 * await cities.insertInto("city").values({ name: "Lisboa", people: 545_000 }).execute();
 * const found = await cities.selectFrom("city").selectAll().where("people", ">", 1000).execute();
 * console.assert(found[0]?.name === "Lisboa");
 * ```
 *
 * @module
 */

export { quireDialect } from "./dialect.ts";
export type { QuireDialect } from "./dialect.ts";
