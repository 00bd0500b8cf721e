/**
 * Kysely on Quire: tables, changes with RETURNING, joins, transactions with savepoints, streams,
 * introspection and migrations.
 */

import { Buffer } from "node:buffer";
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Generated, Kysely, sql as raw } from "kysely";
import { Migrator } from "kysely/migration";
import { type Database, open } from "../../mod.ts";
import { quireDialect } from "../../sql/kysely/mod.ts";
import { sql, SqlError } from "../../sql/mod.ts";

interface Tables {
  person: { id: Generated<number>; name: string; born: number | null; made: Generated<string> };
  pet: { id: Generated<number>; owner: number; name: string };
  old_people: { name: string; born: number | null };
}

type People = Kysely<Tables>;

function withKysely(body: (kysely: People, db: Database) => Promise<void>): () => Promise<void> {
  return async () => {
    using db = open(":memory:");
    await using kysely = new Kysely<Tables>({ dialect: quireDialect(sql(db)) });
    await kysely.schema.createTable("person")
      .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement())
      .addColumn("name", "text", (column) => column.notNull().unique())
      .addColumn("born", "integer", (column) => column.check(raw`born > 1800`))
      .addColumn("made", "text", (column) => column.notNull().defaultTo(raw`(hex(randomblob(8)))`))
      .execute();
    await kysely.schema.createTable("pet")
      .addColumn("id", "integer", (column) => column.primaryKey())
      .addColumn("owner", "integer", (c) => c.notNull().references("person.id").onDelete("cascade"))
      .addColumn("name", "text", (column) => column.notNull())
      .execute();
    await kysely.schema.createIndex("pet_owner").on("pet").columns(["owner", "name"]).execute();
    await kysely.schema.createView("old_people")
      .as(kysely.selectFrom("person").select(["name", "born"]).where("born", "<", 1950))
      .execute();
    await body(kysely, db);
  };
}

async function addPeople(kysely: People): Promise<void> {
  await kysely.insertInto("person").values([
    { name: "Ada", born: 1815 },
    { name: "Grace", born: 1906 },
    { name: "Linus", born: 1969 },
  ]).execute();
  await kysely.insertInto("pet").values([
    { owner: 1, name: "Puff" },
    { owner: 1, name: "Rex" },
    { owner: 3, name: "Tux" },
  ]).execute();
}

const names = (kysely: People) =>
  kysely.selectFrom("person").select("name").orderBy("name").execute()
    .then((rows) => rows.map(({ name }) => name).join());

describe("Kysely", () => {
  it(
    "inserts, updates and deletes, and returns rows and counts",
    withKysely(async (kysely) => {
      const inserted = await kysely.insertInto("person").values({ name: "Ada", born: 1815 })
        .returning(["id", "name"]).executeTakeFirstOrThrow();
      assertEquals({ ...inserted }, { id: 1, name: "Ada" });
      const { insertId } = await kysely.insertInto("person").values({ name: "Bob", born: null })
        .executeTakeFirstOrThrow();
      assertEquals(insertId, 2n);
      await kysely.insertInto("person").values({ name: "Ada", born: 1900 })
        .onConflict((on) =>
          on.column("name").doUpdateSet({ born: (eb) => eb.ref("excluded.born") })
        )
        .execute();
      const { numUpdatedRows } = await kysely.updateTable("person").set({ born: 1901 })
        .where("born", "is not", null).executeTakeFirstOrThrow();
      assertEquals(numUpdatedRows, 1n);
      const { numDeletedRows } = await kysely.deleteFrom("person").executeTakeFirstOrThrow();
      assertEquals(numDeletedRows, 2n);
      const wrong = kysely.insertInto("person").values({ name: "Old", born: 1 }).execute();
      await assertRejects(() => wrong, SqlError, "CHECK constraint failed");
    }),
  );

  it(
    "joins, groups, and compiles subqueries, windows and WITH",
    withKysely(async (kysely) => {
      await addPeople(kysely);
      const rows = await kysely.with(
        "counts",
        (db) =>
          db.selectFrom("pet").select(["owner", (eb) => eb.fn.countAll<number>().as("pets")])
            .groupBy("owner"),
      )
        .selectFrom("person").leftJoin("counts", "counts.owner", "person.id")
        .select(["person.name", "counts.pets"])
        .select((eb) =>
          eb.fn.agg<number>("rank").over((over) => over.orderBy("person.born", "desc")).as("young")
        )
        .orderBy("person.name").execute();
      assertEquals(rows.map((row) => Object.values(row)), [
        ["Ada", 2, 3],
        ["Grace", null, 2],
        ["Linus", 1, 1],
      ]);
      const owners = await kysely.selectFrom("person").select("name")
        .where(({ exists, selectFrom }) =>
          exists(selectFrom("pet").select("pet.id").whereRef("pet.owner", "=", "person.id"))
        )
        .orderBy("name").execute();
      assertEquals(owners.map(({ name }) => name), ["Ada", "Linus"]);
      const old = await kysely.selectFrom("old_people").selectAll().execute();
      assertEquals(old.length, 2);
    }),
  );

  it(
    "commits transactions and rolls them back, to savepoints too",
    withKysely(async (kysely) => {
      await addPeople(kysely);
      const made = await kysely.transaction().execute(async (tx) => {
        const person = await tx.insertInto("person").values({ name: "Zoe", born: 2000 })
          .returningAll().executeTakeFirstOrThrow();
        await tx.insertInto("pet").values({ owner: person.id, name: "Bit" }).execute();
        assertEquals(await names(tx), "Ada,Grace,Linus,Zoe");
        return person.made;
      });
      const { made: kept } = await kysely.selectFrom("person").select("made")
        .where("name", "=", "Zoe").executeTakeFirstOrThrow();
      assertEquals(kept, made, "what was random in the transaction stays");
      const failed = kysely.transaction().execute(async (tx) => {
        await tx.deleteFrom("person").execute();
        assertEquals(await names(tx), "");
        throw new Error("not this");
      });
      await assertRejects(() => failed, Error, "not this");
      assertEquals(await names(kysely), "Ada,Grace,Linus,Zoe");
      const tx = await kysely.startTransaction().execute();
      await tx.deleteFrom("person").where("name", "=", "Zoe").execute();
      const after = await tx.savepoint("one").execute();
      await after.deleteFrom("person").execute();
      await assertRejects(() =>
        after.insertInto("person").values({ name: "x", born: 3 }).execute()
      );
      assertEquals(await names(after), "");
      await after.rollbackToSavepoint("one").execute();
      assertEquals(await names(tx), "Ada,Grace,Linus");
      await tx.commit().execute();
      assertEquals(await names(kysely), "Ada,Grace,Linus");
    }),
  );

  it(
    "commits the bytes that a statement had, whatever their owner does with them since",
    withKysely(async (kysely, db) => {
      await addPeople(kysely);
      await kysely.deleteFrom("pet").execute();
      const bytes = Buffer.alloc(2);
      await kysely.transaction().execute(async (tx) => {
        for (let id = 1; id <= 2; id++) {
          bytes.fill(id);
          await raw`INSERT INTO pet (owner, name) VALUES (1, hex(${bytes}))`
            .execute(tx);
        }
      });
      assertEquals(sql(db).all("SELECT name FROM pet").map(({ name }) => name), ["0101", "0202"]);
    }),
  );

  it(
    "refuses to commit what others have overtaken, and lets transactions wait for each other",
    withKysely(async (kysely, db) => {
      await addPeople(kysely);
      const tx = await kysely.startTransaction().execute();
      await tx.deleteFrom("person").where("name", "=", "Ada").execute();
      sql(db).run("UPDATE person SET born = born + 1");
      const error = await assertRejects(() => tx.commit().execute(), SqlError);
      assertEquals(error.code, "CONFLICT");
      await tx.rollback().execute().catch(() => {});
      assertEquals(await names(kysely), "Ada,Grace,Linus");
      const add = (name: string) =>
        kysely.transaction().execute(async (each) => {
          const people = await each.selectFrom("person").selectAll().execute();
          await each.insertInto("person").values({ name, born: 1900 + people.length }).execute();
        });
      await Promise.all(["p", "q", "r"].map(add));
      const rows = await kysely.selectFrom("person").select("born").where("id", ">", 3).execute();
      assertEquals(rows.map(({ born }) => born), [1903, 1904, 1905]);
    }),
  );

  it(
    "streams, describes the tables, and migrates",
    withKysely(async (kysely) => {
      await addPeople(kysely);
      const streamed: string[] = [];
      for await (const { name } of kysely.selectFrom("person").select("name").stream(2)) {
        streamed.push(name);
      }
      assertEquals(streamed.length, 3);
      const tables = await kysely.introspection.getTables();
      assertEquals(tables.map(({ name, isView }) => [name, isView]), [
        ["old_people", true],
        ["person", false],
        ["pet", false],
      ]);
      const [id, name, born] = tables[1]!.columns;
      assertEquals([id!.isAutoIncrementing, name!.isNullable, born!.dataType], [
        true,
        false,
        "INTEGER",
      ]);
      const migrations = {
        one: { up: (db: Kysely<unknown>) => db.schema.dropTable("pet").execute() },
        two: {
          up: (db: Kysely<unknown>) =>
            db.schema.alterTable("person").addColumn("mail", "text").execute(),
        },
      };
      const provider = { getMigrations: () => Promise.resolve(migrations) };
      const { results, error } = await new Migrator({ db: kysely, provider }).migrateToLatest();
      assertEquals([error, results?.map(({ status }) => status)], [
        undefined,
        ["Success", "Success"],
      ]);
      const after = await kysely.introspection.getTables();
      assertEquals(after.map(({ name, columns }) => [name, columns.length]), [
        ["old_people", 2],
        ["person", 5],
      ]);
    }),
  );
});
