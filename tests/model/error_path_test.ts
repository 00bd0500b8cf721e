/**
 * A `CorruptionError` names the damaged file, on opening and when a page is read later.
 */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, open, string } from "../../mod.ts";
import { inTempDir } from "../support/temp.ts";

const PAGE_BYTES = 8192;

/** Overwrites pages of a file, from a given one on. */
function damage(path: string, page: number): void {
  const bytes = Deno.readFileSync(path);
  bytes.fill(0x55, page * PAGE_BYTES);
  Deno.writeFileSync(path, bytes);
}

describe("CorruptionError", () => {
  for (const [what, page] of [["superblocks", 1], ["catalog", 3], ["leaf of a tree", 4]] as const) {
    it(`names the file whose ${what} is damaged`, () =>
      inTempDir((dir) => {
        const path = `${dir}/db.quire`;
        {
          using db = open(path);
          const words = db.tree("words", { key: string, value: string });
          db.writeSync((tx) => tx.tree(words).set("a", "b"));
        }
        damage(path, page);
        const error = assertThrows(() => {
          using db = open(path, { readOnly: true });
          db.tree("words", { key: string, value: string }).get("a");
        }, CorruptionError);
        assertEquals(error.path, path);
        assertMatch(error.message, /^Cannot trust page \d+ of .*db\.quire at byte \d+: \S/);
        assertMatch(error.stack ?? "", /of .*db\.quire at byte/);
      }));
  }
});
