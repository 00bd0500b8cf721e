// The folder of an archive: what it creates is on the medium before a write resolves.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../../tests/support/temp.ts";
import { Folder } from "./folder.ts";

describe("Folder", () => {
  it("puts the folders that it creates on the medium, once", () =>
    inTempDir(async (dir) => {
      const synced: string[] = [];
      const folder = new Folder(`${dir}/a/b`, (path) => {
        synced.push(path);
        return Promise.resolve();
      });
      await Promise.all(["x", "y"].map((name) => folder.write(name, new Uint8Array(1))));
      assertEquals(synced, [`${dir}/a/b`, `${dir}/a`]);
      await folder.write("z", new Uint8Array(1));
      assertEquals(synced.length, 2);
      assertEquals((await folder.names()).sort(), ["x", "y", "z"]);
    }));
});
