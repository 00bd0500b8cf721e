// The file that a rebuild makes.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bytesOf, sameBytes } from "../../tests/support/databases/database.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { open } from "../open.ts";
import { Rebuild } from "./rebuild.ts";
import { verify } from "./verify.ts";

const VALUE_BYTES = 4000;
const keyOf = (i: number) => Uint8Array.of(i >>> 8, i & 0xff);

/** Loads a tree with a number of entries into a new file. */
function load(path: string, count: number): void {
  const rebuild = new Rebuild(path, 8 * 1024 * 1024);
  rebuild.begin("tree", {});
  const load = rebuild.load();
  for (let i = 0; i < count; i++) {
    load.add(keyOf(i), bytesOf(i, VALUE_BYTES));
    rebuild.countLoaded(VALUE_BYTES);
  }
  load.finish();
  rebuild.finish();
}

describe("Rebuild", () => {
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
});
