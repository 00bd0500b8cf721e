// Filling a new database: its content afterwards, the writes to disk meanwhile, and the removal of
// one that is abandoned.

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError } from "../../pager/mod.ts";
import { bytesOf, sameBytes, utf8 } from "../../tests/support/databases/database.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { open } from "../open.ts";
import { Rebuild } from "./rebuild.ts";
import { verify } from "./verify.ts";

const MIB = 1024 * 1024;
const VALUE_BYTES = 4000;

const keyOf = (i: number) => Uint8Array.of(i >>> 8, i & 0xff);

/** Loads a tree with a number of entries into a new file. */
function load(path: string, count: number): void {
  const rebuild = new Rebuild(path, 8 * MIB);
  const load = rebuild.load(rebuild.create("tree", {}));
  for (let i = 0; i < count; i++) {
    load.add(keyOf(i), bytesOf(i, VALUE_BYTES));
    rebuild.countLoaded(VALUE_BYTES);
  }
  load.finish();
  rebuild.finish();
}

describe("Rebuild", () => {
  it("writes to disk while it is filled, and leaves a closed database", () => {
    inTempDir((dir) => {
      const rebuild = new Rebuild(`${dir}/db`, 8 * MIB);
      const tree = rebuild.create("tree", {});
      for (let i = 0; i < 20_000; i++) {
        rebuild.put(tree, utf8(`key ${String(i).padStart(6, "0")}`), bytesOf(i, 1000));
      }
      // One transaction of it all would be in memory alone.
      assertGreater(Deno.statSync(`${dir}/db.unfinished`).size, 15 * MIB);
      rebuild.create("empty", {});
      rebuild.finish();
      using db = open(`${dir}/db`, { readOnly: true });
      assertEquals([db.stats().recovery, db.trees()], [undefined, ["empty", "tree"]]);
      assertEquals(db.tree("tree").count(), 20_000);
      assertEquals(db.tree("tree").get("key 000077"), bytesOf(77, 1000));
    });
  });

  it("commits a long load in parts, so that no transaction grows with the tree", () =>
    inTempDir(async (dir) => {
      load(`${dir}/short`, 10);
      load(`${dir}/long`, 9000);
      assertEquals((await verify(`${dir}/long`)).ok, true);
      using short = open(`${dir}/short`, { readOnly: true });
      using long = open(`${dir}/long`, { readOnly: true });
      // 36 MB are two parts of 16 MiB, and the rest.
      assertEquals(long.version - short.version, 2);
      const tree = long.tree("tree");
      assertEquals(tree.count(), 9000);
      for (let i = 0; i < 9000; i++) {
        assertEquals(sameBytes(tree.get(keyOf(i)), bytesOf(i, VALUE_BYTES)), true, `entry ${i}`);
      }
    }));

  it("leaves nothing when it is given up, and takes no path where something is", () => {
    inTempDir((dir) => {
      const [first, second] = [
        new Rebuild(`${dir}/db`, 8 * MIB),
        new Rebuild(`${dir}/db`, 8 * MIB),
      ];
      for (const rebuild of [first, second]) {
        rebuild.put(rebuild.create("tree", {}), utf8("key"), bytesOf(1, 1000));
      }
      first.finish();
      assertThrows(() => second.finish(), IoError, "Cannot create");
      second.abandon();
      assertThrows(() => new Rebuild(`${dir}/db`, 8 * MIB), IoError, "Cannot create");
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["db"]);
      Deno.removeSync(`${dir}/db`);
      const given = new Rebuild(`${dir}/db`, 8 * MIB);
      given.create("tree", {});
      given.abandon();
      assertThrows(() => new Rebuild(`${dir}/db`, 1), RangeError);
      assertEquals([...Deno.readDirSync(dir)].length, 0);
    });
  });
});
