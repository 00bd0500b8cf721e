/** Opening: what handles share, and what is refused. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { LockedError, open } from "../mod.ts";
import { inTempDir } from "../tests/support/temp.ts";
import type { KvOptions } from "./api/types.ts";
import { openKv } from "./open.ts";

describe("openKv()", () => {
  it("shares a file among handles by any path to it; the last close closes it", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const first = await openKv(path);
      Deno.symlinkSync(path, `${dir}/link.quire`);
      const more = [`${dir}/./a.quire`, `${dir}/link.quire`, new URL(`file://${path}`)];
      const others = await Promise.all(more.map((place) => openKv(place)));
      for (let i = 0; i < 20; i++) others.push(await openKv(path));
      await first.set(["a"], 1);
      assertEquals((await others[2]!.get(["a"])).value, 1);
      first.close();
      assertEquals((await others[0]!.get(["a"])).value, 1);
      for (const other of others) other.close();
      open(path, { create: false }).close();
      const again = await openKv(path);
      assertEquals((await again.get(["a"])).versionstamp, "00000000000000010000");
      again.close();
    }));

  it("takes an empty file as a new database", () =>
    inTempDir(async (dir) => {
      Deno.createSync(`${dir}/empty`).close();
      const handles = await Promise.all([1, 2, 3].map(() => openKv(`${dir}/empty`)));
      await handles[0]!.set(["a"], 1);
      assertEquals((await handles[2]!.get(["a"])).value, 1);
      for (const handle of handles) handle.close();
    }));

  it("does not share databases in memory", async () => {
    using a = await openKv(":memory:");
    using b = await openKv(":memory:");
    await a.set(["a"], 1);
    assertEquals((await b.get(["a"])).value, null);
  });

  it("leaves a database of the program open", async () => {
    using db = open(":memory:");
    const [a, b] = [await openKv(db), await openKv(db)];
    await a.set(["a"], 1);
    a.close();
    assertEquals((await b.get(["a"])).value, 1);
    b.close();
    assertEquals(db.trees(), ["kv", "kv.meta"]);
  });

  it("continues the versionstamps of a session before", async () => {
    using db = open(":memory:");
    const a = await openKv(db);
    const { versionstamp } = await a.set(["a"], 1);
    a.close();
    using b = await openKv(db);
    assertEquals((await b.set(["b"], 1)).versionstamp > versionstamp, true);
  });

  it("refuses a file that another handle has open", () =>
    inTempDir(async (dir) => {
      using _ = open(`${dir}/a.quire`);
      await assertRejects(() => openKv(`${dir}/a.quire`), LockedError);
    }));

  it("refuses options and places that are malformed, and leaves nothing open", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const wrong = [{ limits: "some" }, { expired: "gone" }, null, 7] as unknown as KvOptions[];
      for (const options of wrong) await assertRejects(() => openKv(path, options), TypeError);
      open(path).close();
      const misspelt = { expires: "hidden" } as KvOptions;
      for (const place of [`${dir}/new`, "http://127.0.0.1:1"]) {
        await assertRejects(() => openKv(place, misspelt), TypeError, "unknown option expires");
      }
      await assertRejects(() => Deno.stat(`${dir}/new`), Deno.errors.NotFound);
      await assertRejects(() => openKv(""), TypeError, "Filename cannot be empty");
      await assertRejects(() => openKv(":foo"), TypeError, "Filename cannot start with ':'");
      await assertRejects(() => openKv(undefined as never), TypeError, "the path is");
    }));

  it("refuses a tree of its name with other codecs", async () => {
    using db = open(":memory:");
    await db.tree("kv").set("key", new Uint8Array(1));
    await assertRejects(() => openKv(db), TypeError, "Cannot open tree kv");
  });

  it("refuses options that a server does not have", async () => {
    const url = "http://127.0.0.1:1";
    const hide = { expired: "hidden" } as const;
    await assertRejects(() => openKv(url, hide), TypeError, "does not hide expired entries");
    const wrong = { limits: "some" } as unknown as KvOptions;
    await assertRejects(() => openKv(url, wrong), TypeError, "no limits are called some");
  });

  it("gives a URL to Deno's client, which needs a flag", async () => {
    const { message } = await assertRejects(() => openKv("http://127.0.0.1:1"), TypeError);
    assertStringIncludes(message, "--unstable-kv");
  });
});
