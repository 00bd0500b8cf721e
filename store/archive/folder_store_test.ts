// The folder store: what it keeps, names and removes.

import { existsSync } from "node:fs";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError } from "../../pager/mod.ts";
import { bytesOf } from "../../tests/support/databases/database.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { archive } from "../archive.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";
import { restore } from "../restore.ts";
import { folderStore } from "./folder_store.ts";
import { partName } from "./segments/segment.ts";

const SLOW = { everyMs: 60_000 };

function set(db: Database, key: string, value: number): void {
  db.writeSync((tx) => tx.tree("t").set(key, bytesOf(value, 300)));
}

describe("folderStore()", () => {
  it("keeps an archive, and names a file when it is complete", () =>
    inTempDir(async (dir) => {
      const store = folderStore(`${dir}/a/b`);
      assertEquals(await store.list(), []);
      assertEquals(await store.get("x"), undefined);
      await store.put("x", new Uint8Array([1]));
      await store.put("x", new Uint8Array([1]));
      await assertRejects(() => store.put("x", new Uint8Array([2])), IoError, "with other bytes");
      await store.delete("y");
      assertEquals([...Deno.readDirSync(`${dir}/a/b`)].map(({ name }) => name), ["x"]);
      {
        using db = open(`${dir}/db`);
        set(db, "a", 1);
        await using _shipping = archive(db, store, SLOW);
      }
      await restore(`${dir}/to`, { from: folderStore(`${dir}/a/b`) });
      Deno.writeTextFileSync(`${dir}/file`, "");
      await assertRejects(() => folderStore(`${dir}/file`).list(), IoError, "Cannot list");
      await assertRejects(() => folderStore(`${dir}/file`).put("x", new Uint8Array(1)), IoError);
      assertThrows(() => folderStore(""), TypeError, "the path of the folder is empty");
    }));

  it("keeps its folder where the current one changes", () =>
    inTempDir(async (dir) => {
      const before = Deno.cwd();
      Deno.chdir(dir);
      const store = folderStore("a");
      Deno.chdir(before);
      await store.put("x", new Uint8Array([1]));
      assertEquals([...Deno.readDirSync(`${dir}/a`)].map(({ name }) => name), ["x"]);
    }));

  it("removes what killed processes have left, an hour later, and no other file", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      set(db, "a", 1);
      await archive(db, folderStore(`${dir}/a`), SLOW).close();
      const [{ name }] = [...Deno.readDirSync(`${dir}/a`)] as [Deno.DirEntry];
      const old = ["copy.unfinished", `${name}.unfinished`, `${name}.unfinished-2`];
      const files = [...old, `${name}.unfinished-3`].map((file) => `${dir}/a/${file}`);
      for (const file of files) Deno.writeTextFileSync(file, "x");
      const time = Date.now() / 1000 - 2 * 60 * 60;
      for (const file of files.slice(0, old.length)) Deno.utimeSync(file, time, time);
      set(db, "b", 1);
      await archive(db, folderStore(`${dir}/a`), SLOW).close();
      assertEquals(files.map((file) => existsSync(file)), [true, false, false, true]);
    }));

  it("removes what a process left shortly before, once an hour has passed", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      set(db, "a", 1);
      await archive(db, folderStore(`${dir}/a`), SLOW).close();
      const [{ name }] = [...Deno.readDirSync(`${dir}/a`)] as [Deno.DirEntry];
      const left = `${dir}/a/${name}.unfinished`;
      Deno.writeTextFileSync(left, "x");
      await using shipping = archive(db, folderStore(`${dir}/a`), { ...SLOW, keep: Infinity });
      set(db, "b", 1);
      await shipping.flush();
      assertEquals(existsSync(left), true);
      const time = Date.now() / 1000 - 2 * 60 * 60;
      Deno.utimeSync(left, time, time);
      set(db, "c", 1);
      await shipping.flush();
      assertEquals(existsSync(left), false);
    }));

  it("looks for what is left in each listing", () =>
    inTempDir(async (dir) => {
      const store = folderStore(dir);
      const part = (index: number) => partName({ from: 1, to: 2, index, sum: 3 });
      await store.put("x", new Uint8Array([1]));
      const left = `${dir}/${part(0)}.unfinished`;
      Deno.writeTextFileSync(left, "x");
      Deno.utimeSync(left, 1, 1);
      await store.put("y", new Uint8Array([1]));
      assertEquals(existsSync(left), true);
      await store.list();
      await store.put("z", new Uint8Array([1]));
      assertEquals(existsSync(left), false);
    }));
});
