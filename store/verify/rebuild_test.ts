// Filling a new database: its content afterwards, the writes to disk meanwhile, and the removal of
// one that is abandoned.

import { assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Disk, IoError } from "../../pager/mod.ts";
import { bytesOf, sameBytes, utf8 } from "../../tests/support/databases/database.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { open } from "../open.ts";
import { Rebuild } from "./rebuild.ts";
import { verify } from "./verify.ts";

const MIB = 1024 * 1024;
const VALUE_BYTES = 4000;

const keyOf = (i: number) => Uint8Array.of(i >>> 8, i & 0xff);

/** Loads a tree with a number of entries into a new file, which is not finished. */
function load(path: string, count: number): Rebuild {
  const rebuild = new Rebuild(path, 8 * MIB);
  const load = rebuild.load(rebuild.create("tree", {}));
  for (let i = 0; i < count; i++) {
    load.add(keyOf(i), bytesOf(i, VALUE_BYTES));
    rebuild.countLoaded(VALUE_BYTES);
  }
  load.finish();
  rebuild.commit();
  return rebuild;
}

/** The bytes that an action writes to all files. */
function bytesWrittenBy(action: () => void): number {
  const { write, claim } = Disk.prototype;
  let written = 0;
  type Write = typeof write;
  const counting = (original: Write): Write =>
    function (this: Disk, source, start, length, position) {
      written += length;
      original.call(this, source, start, length, position);
    };
  [Disk.prototype.write, Disk.prototype.claim] = [counting(write), counting(claim)];
  try {
    action();
  } finally {
    Object.assign(Disk.prototype, { write, claim });
  }
  return written;
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
      load(`${dir}/short`, 10).finish();
      load(`${dir}/long`, 2500).finish();
      assertEquals((await verify(`${dir}/long`)).ok, true);
      using short = open(`${dir}/short`, { readOnly: true });
      using long = open(`${dir}/long`, { readOnly: true });
      // 10 MB are two parts of 4 MiB, and the rest.
      assertEquals(long.version - short.version, 2);
      const tree = long.tree("tree");
      assertEquals(tree.count(), 2500);
      for (let i = 0; i < 2500; i++) {
        assertEquals(sameBytes(tree.get(keyOf(i)), bytesOf(i, VALUE_BYTES)), true, `entry ${i}`);
      }
    }));

  it("writes the pages that it moves once more, and not through the journal as well", () => {
    inTempDir((dir) => {
      const written = bytesWrittenBy(() => {
        const rebuild = load(`${dir}/db`, 2500);
        for (const _ of rebuild.shorten(0));
        rebuild.finish();
      });
      const { size } = Deno.statSync(`${dir}/db`);
      // Two chunks of pages move to where the journal was, and the journal takes space itself.
      assertLess(written - size, 8 * MIB);
    });
  });

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
