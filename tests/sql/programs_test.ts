/**
 * Statements as programs, ORMs and SQLite's own scripts write them have the same results here and
 * in `node:sqlite`, one after the other: rows, storage classes and names of columns, or an error.
 * Each line of a file in `programs` is a statement.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { unlike } from "./support/alike.ts";

const FOLDER = fromFileUrl(new URL("./programs", import.meta.url));
const FILES = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();

describe("statements of programs", () => {
  for (const file of FILES) {
    it(`have the same results as in SQLite: ${file}`, () => {
      const lines = Deno.readTextFileSync(`${FOLDER}/${file}`).split("\n").filter(Boolean);
      assertEquals(unlike(lines).slice(0, 3), []);
      assertGreater(lines.length, 20);
    });
  }
});
