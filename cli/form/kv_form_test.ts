/** The data of Deno KV on the command line: readable, not writable, and dumped without a loss. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { KvU64, openKv } from "../../kv/mod.ts";
import { quire } from "../../tests/support/programs/cli.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { recordForm } from "./kv_form.ts";

describe("cli: the data of Deno KV", () => {
  it("show an expiry that is no date, as a forged file may have it, as a number", () => {
    const record = { encoding: 1, version: 1, ordinal: 0, value: 1 };
    const json = recordForm.toJson({ ...record, expiresAt: 2 ** 60 });
    assertEquals(json, { value: 1, versionstamp: "00000000000000010000", expiresAt: 2 ** 60 });
  });

  it("show parts, values, versionstamps and expiries, and load again from a dump", () =>
    inTempDir(async (dir) => {
      const file = `${dir}/kv.quire`;
      const kv = await openKv(file);
      const date = new Date(5);
      await kv.set(["users", 1n, true], { name: "Ada", date });
      await kv.set(["visits"], new KvU64(7n), { expireIn: 3_600_000 });
      await kv.enqueue("hello", { keysIfUndelivered: [["lost", 1]], backoffSchedule: [5] });
      kv.close();

      const { out } = await quire(["scan", file, "kv"]);
      const [user, visits] = out.trim().split("\n").map((line) => line.split("\t"));
      assertEquals(user![0], '["users",{"$bigint":"1"},true]');
      const value = { name: "Ada", date: { $date: date.toISOString() } };
      assertEquals(JSON.parse(user![1]!), { value, versionstamp: "00000000000000010000" });
      const record = JSON.parse(visits![1]!);
      assertEquals([visits![0], record.value], ['["visits"]', { $u64: "7" }]);
      assertStringIncludes((await quire(["scan", file, "kv.expiry"])).out, '["visits"]');
      const queue = await quire(["scan", file, "kv.queue"]);
      const message = { message: "hello", backoffSchedule: [5], keysIfUndelivered: [["lost", 1]] };
      assertEquals(JSON.parse(queue.out.split("\t")[1]!), message);

      const other = await openKv(file);
      await other.set(["blob"], new Map([[1, new Blob(["abc"], { type: "a/b" })]]));
      other.close();
      const blob = await quire(["get", file, "kv", '["blob"]']);
      const shown = 'Map(1) { 1 => Blob { size: 3, type: "a/b" } }';
      assertEquals(JSON.parse(blob.out).value, { $shown: shown });

      const refused = await quire(["set", file, "kv", '["a"]', "1"]);
      assertEquals(refused.code, 2);
      assertStringIncludes(refused.err, "openKv");

      const dump = await quire(["dump", file, "--all"]);
      const loaded = await quire(["load", `${dir}/copy.quire`, "-"], { input: dump.out });
      assertEquals([loaded.code, dump.code], [0, 0], loaded.err);
      const again = await openKv(`${dir}/copy.quire`);
      assertEquals((await again.get(["users", 1n, true])).value, { name: "Ada", date });
      assertEquals((await again.set(["next"], 1)).versionstamp, "00000000000000050000");
      again.close();
    }));
});
