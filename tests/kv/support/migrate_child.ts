/**
 * Migrations with databases of Deno KV, in a process of their own, which needs `--unstable-kv`.
 *
 * ```text
 * deno run -A --unstable-kv migrate_child.ts directions FOLDER
 * deno run -A --unstable-kv migrate_child.ts misfits FOLDER
 * deno run -A --unstable-kv migrate_child.ts fill PATH
 * deno run -A --unstable-kv migrate_child.ts migrate FROM TO KIND [COMMITS]
 * ```
 *
 * It prints a line for each result, and ends with exit code 1 at the first error. The token of
 * servers is in `DENO_KV_ACCESS_TOKEN`.
 */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { serveKv } from "../../../kv/connect/mod.ts";
import { migrateKv, openKv } from "../../../kv/mod.ts";
import { open } from "../../../mod.ts";
import { STORED } from "./stored_entries.ts";

const FILL = 8000;

/** The entries of a database, without their versions. */
async function entriesOf(kv: Deno.Kv): Promise<unknown[]> {
  const entries = await Array.fromAsync(kv.list({ prefix: [] }));
  return entries.map(({ key, value }) => [key, value]);
}

/** Migrates through all kinds of places in turn. */
async function directions(dir: string): Promise<void> {
  const [native, quire] = [`${dir}/a.sqlite`, `${dir}/a.quire`];
  const first = await Deno.openKv(native);
  for (const [key, value] of STORED) await first.set(key, value);
  const entries = await entriesOf(first);
  const versions = (await Array.fromAsync(first.list({ prefix: [] }))).map((e) => e.versionstamp);
  first.close();

  const served = open(`${dir}/served.quire`);
  const token = Deno.env.get("DENO_KV_ACCESS_TOKEN")!;
  await using server = serveKv(served, { token });
  const way = [native, quire, server.url, `${dir}/b.sqlite`, `${dir}/c.sqlite`, `${dir}/d.quire`];
  for (let i = 1; i < way.length; i++) {
    const create = way[i]!.endsWith(".sqlite") ? "deno" : "quire";
    const result = await migrateKv(way[i - 1]!, way[i]!, { create });
    const { source, target } = result.comparison;
    assertEquals([result.added, result.difference], [entries.length, undefined], way[i]);
    assertEquals(source, target);
  }
  const back = await migrateKv(server.url, `${dir}/e.quire`);
  assertEquals(back.difference, undefined);

  using kept = await openKv(quire);
  const keptVersions = (await Array.fromAsync(kept.list({ prefix: [] }))).map((e) =>
    e.versionstamp
  );
  assertEquals(keptVersions, versions, "a Quire file keeps the versions of Deno KV");
  for (const place of [quire, `${dir}/d.quire`, `${dir}/e.quire`]) {
    using kv = await openKv(place);
    assertEquals(await entriesOf(kv), entries, place);
  }
  console.log(`${entries.length} entries, ${way.length} migrations`);
}

/** Migrates what the target cannot take, and what expires. */
async function misfits(dir: string): Promise<void> {
  const from = `${dir}/a.quire`;
  const kv = await openKv(from);
  await kv.set(["large", 1], "x".repeat(70_000));
  await kv.set(["large", 2], new Uint8Array(65_537));
  await kv.set(["soon"], 1, { expireIn: 60_000 });
  await kv.set(["with", "a blob"], { inside: new Blob(["x"]) });
  kv.close();
  const target = `${dir}/b.sqlite`;
  const migrate = () => migrateKv(from, target, { create: "deno" });
  const { message } = await assertRejects(migrate, TypeError);
  assertMatch(message, /\["large", 1\] has a value of 70006 bytes.*2 more .*nothing was copied$/);
  await assertRejects(() => Deno.stat(target), Deno.errors.NotFound);
  const remove = async (...keys: Deno.KvKey[]) => {
    using again = await openKv(from);
    for (const key of keys) await again.delete(key);
  };
  await remove(["large", 1], ["large", 2]);
  const blob = await assertRejects(migrate, TypeError);
  assertMatch(blob.message, /\["with", "a blob"\] has a blob, whose bytes it does not store/);
  await remove(["with", "a blob"]);
  assertEquals((await migrate()).difference, undefined);

  const blobs = await Deno.openKv(`${dir}/blobs.sqlite`);
  await blobs.set(["fine"], 1);
  await blobs.set(["kept"], { inside: new Blob(["x"]) });
  blobs.close();
  const lossy = () => migrateKv(`${dir}/blobs.sqlite`, `${dir}/c.quire`);
  const error = await assertRejects(lossy, TypeError);
  assertMatch(error.message, /^Cannot read \["kept"\] of .*: #<Blob> could not be cloned\.$/);
  console.log("refused");
}

/** Fills a file of Deno KV. */
async function fill(path: string): Promise<void> {
  const kv = await Deno.openKv(path);
  for (let at = 0; at < FILL; at += 1000) {
    const operation = kv.atomic();
    for (let i = at; i < at + 1000; i++) operation.set(["k", i], { i, text: "text".repeat(10) });
    await operation.commit();
  }
  kv.close();
  console.log(FILL);
}

/** Migrates, and prints a line after each commit; after the last of a number it stands still. */
async function migrate(
  from: string,
  to: string,
  create: "quire" | "deno",
  most: number,
): Promise<void> {
  let commits = 0;
  const onProgress = (entries: number) => {
    console.log(entries);
    if (++commits === most) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
  const result = await migrateKv(from, to, { create, resume: true, onProgress });
  console.log(JSON.stringify(result));
}

const [mode, ...args] = Deno.args as [string, string, string, string, string?];
try {
  if (mode === "directions") await directions(args[0]);
  else if (mode === "misfits") await misfits(args[0]);
  else if (mode === "fill") await fill(args[0]);
  else await migrate(args[0], args[1], args[2] as "quire" | "deno", Number(args[3] ?? 0));
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
// The client of a server keeps looking for it.
Deno.exit();
