// Filling a new database: its content afterwards, the writes to disk meanwhile, and the removal of
// one that is abandoned.

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError } from "../../pager/mod.ts";
import { bytesOf, utf8 } from "../../tests/support/databases/database.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { open } from "../open.ts";
import { Rebuild } from "./rebuild.ts";

const MIB = 1024 * 1024;

describe("Rebuild", () => {
  it("writes to disk while it is filled, and leaves a closed database", () => {
    inTempDir((dir) => {
      const rebuild = new Rebuild(`${dir}/db`, 8 * MIB);
      rebuild.begin("tree", {});
      for (let i = 0; i < 20_000; i++) {
        rebuild.put(utf8(`key ${String(i).padStart(6, "0")}`), bytesOf(i, 1000));
      }
      // One transaction of it all would be in memory alone.
      assertGreater(Deno.statSync(`${dir}/db.unfinished`).size, 15 * MIB);
      rebuild.begin("empty", {});
      rebuild.finish();
      using db = open(`${dir}/db`, { readOnly: true });
      assertEquals([db.stats().recovery, db.trees()], [undefined, ["empty", "tree"]]);
      assertEquals(db.tree("tree").count(), 20_000);
      assertEquals(db.tree("tree").get("key 000077"), bytesOf(77, 1000));
    });
  });

  it("leaves nothing when it is given up, and takes no path where something is", () => {
    inTempDir((dir) => {
      const [first, second] = [
        new Rebuild(`${dir}/db`, 8 * MIB),
        new Rebuild(`${dir}/db`, 8 * MIB),
      ];
      for (const rebuild of [first, second]) {
        rebuild.begin("tree", {});
        rebuild.put(utf8("key"), bytesOf(1, 1000));
      }
      first.finish();
      assertThrows(() => second.finish(), IoError, "Cannot create");
      second.abandon();
      assertThrows(() => new Rebuild(`${dir}/db`, 8 * MIB), IoError, "Cannot create");
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["db"]);
      Deno.removeSync(`${dir}/db`);
      const given = new Rebuild(`${dir}/db`, 8 * MIB);
      given.begin("tree", {});
      given.abandon();
      assertThrows(() => new Rebuild(`${dir}/db`, 1), RangeError);
      assertEquals([...Deno.readDirSync(dir)].length, 0);
    });
  });
});
