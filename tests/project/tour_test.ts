/**
 * docs/tour.md: the files that it names exist, every room has a line, and the page stays short. The
 * files that other pages name for a promise or a rule exist too.
 */

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const TOUR = Deno.readTextFileSync(`${TOP}docs/tour.md`);
const LINES_MAX = 150;
const LAYERS = ["pager", "alloc", "btree", "store", "kv"];

/** The paths in a text that begin with a folder of the project. */
function pathsIn(text: string): string[] {
  const found = text.matchAll(
    /(?<![\w./])(?:pager|alloc|btree|store|kv|level|sql|cli|tests|docs)\/[\w./]*/g,
  );
  return [...new Set([...found].map(([path]) => path.replace(/\.$/, "")))];
}

function exists(path: string): boolean {
  try {
    Deno.statSync(TOP + path);
    return true;
  } catch {
    return false;
  }
}

/** The folders of a layer that hold sources. */
function roomsOf(layer: string): string[] {
  const folders = [...Deno.readDirSync(TOP + layer)].filter(({ isDirectory }) => isDirectory);
  return folders.map(({ name }) => `${layer}/${name}/`);
}

describe("docs/tour.md", () => {
  it("names files and folders that exist", () => {
    const paths = pathsIn(TOUR);
    assert(paths.length > 50, `${paths.length} paths`);
    assertEquals(paths.filter((path) => !exists(path)), []);
  });

  it("has a line for every room", () => {
    assertEquals(LAYERS.flatMap(roomsOf).filter((room) => !TOUR.includes(`\`${room}\``)), []);
  });

  it("is short enough to read at once", () => {
    assertLessOrEqual(TOUR.split("\n").length, LINES_MAX);
  });
});

for (const page of ["docs/guarantees.md", "docs/operations.md", "docs/rules.md"]) {
  describe(page, () => {
    it("names files that exist", () => {
      const paths = pathsIn(Deno.readTextFileSync(TOP + page));
      assert(paths.length > 5, `${paths.length} paths`);
      assertEquals(paths.filter((path) => !exists(path)), []);
    });
  });
}
