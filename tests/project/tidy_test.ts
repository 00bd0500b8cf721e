/**
 * Style as a test: the rules of `support/tidy_rules.ts` hold in every source of the project, and
 * each rule fails on a snippet that breaks it.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { importOrder } from "./support/import_order.ts";
import { entryPoints, readTree, type SourceTree, treeOf } from "./support/source_tree.ts";
import * as rules from "./support/tidy_rules.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const OPENING = "/** Does one thing for a test of the rules. */\n";

describe("tidy: the sources", () => {
  const tree = readTree(TOP);
  const entries = entryPoints(Deno.readTextFileSync(`${TOP}/deno.json`));
  const holds = (name: string, rule: (tree: SourceTree) => string[]) =>
    it(name, () => assertEquals(rule(tree), []));

  it("are found", () => {
    assertGreater(tree.size, 20);
    assertEquals(tree.has("pager/mod.ts"), true);
    assertEquals(tree.has("tests/project/tidy_test.ts"), true);
  });
  holds("import only lower layers", rules.importDirection);
  holds("import only lower rooms", rules.roomDirection);
  holds("are in known rooms", rules.roomsAreKnown);
  holds("import in no circle", rules.noImportCircles);
  holds("enter a layer through its mod.ts", rules.importsThroughMod);
  holds("need no import map where a URL reaches them", rules.noImportMap);
  holds("import files that exist", rules.importsExist);
  holds("import in one order, each module once", importOrder);
  holds("name no higher layer", rules.noHigherWords);
  holds("have no banned words", rules.noBannedWords);
  holds("have lines of at most 100 columns", rules.shortLines);
  holds("have functions of at most 60 lines", rules.shortFunctions);
  holds("have a mod.ts of at most 60 lines", rules.shortFace);
  holds("are in rooms of at most 14 files", rules.smallRooms);
  holds("are ASCII", rules.asciiOnly);
  holds("open with a comment on what they do", rules.opensWithComment);
  holds("are each imported by something", (tree) => rules.noDeadFiles(tree, entries));
  holds("have plain exports", rules.plainExports);
});

describe("tidy: the rules", () => {
  it("importDirection() refuses a higher layer, a sibling, and tests", () => {
    const tree = treeOf({
      "pager/a.ts": `import { b } from "../alloc/mod.ts";`,
      "alloc/a.ts": `import type { b } from "../pager/mod.ts";`,
      "btree/a.ts": `export { b } from "../store/mod.ts";\nimport "./b.ts";`,
      "store/a.ts": `const b = await import("../mod.ts");`,
      "bench/a.ts": `import "../examples/b.ts";\nimport "../pager/mod.ts";`,
      "cli/a.ts":
        `import "../mod.ts";\nimport "../pager/format/frame.ts";\nimport "../btree/mod.ts";`,
      "cli/b.ts": `import "./a.ts";\nimport "../examples/a.ts";\nimport "../store/mod.ts";`,
      "kv/a.ts": `import "../mod.ts";\nimport "./b.ts";\nimport "../store/mod.ts";`,
      "level/a.ts": `import "../mod.ts";\nimport "../store/mod.ts";\nimport "../cli/a.ts";`,
      "store/b.ts": `import "../tests/support/a.ts";`,
      "pager/a_test.ts": `import "../tests/support/a.ts";\nimport "../btree/mod.ts";`,
      "tests/a_test.ts": `import "../cli/a.ts";`,
    });
    assertEquals(placesOf(rules.importDirection(tree)), [
      "bench/a.ts:1",
      "btree/a.ts:1",
      "cli/a.ts:2",
      "cli/b.ts:2",
      "kv/a.ts:3",
      "level/a.ts:2",
      "level/a.ts:3",
      "pager/a.ts:1",
      "pager/a_test.ts:2",
      "store/a.ts:1",
      "store/b.ts:1",
    ]);
  });

  it("roomDirection() refuses a higher room, except to tests and the layer's mod.ts", () => {
    const tree = treeOf({
      "pager/format/a.ts": `import "../file/b.ts";\nimport "../pager.ts";\nimport "./c.ts";`,
      "pager/format/a_test.ts": `import "../file/b.ts";`,
      "pager/file/b.ts": `import type { A } from "../format/a.ts";`,
      "pager/pager.ts": `import "./damage/d.ts";`,
      "btree/tree.ts": `import "./inspect/census.ts";`,
      "btree/mod.ts": `export { a } from "./inspect/census.ts";`,
    });
    assertEquals(placesOf(rules.roomDirection(tree)), [
      "btree/tree.ts:1",
      "pager/format/a.ts:1",
      "pager/format/a.ts:2",
    ]);
  });

  it("roomsAreKnown() refuses a folder that has no place in the order", () => {
    const tree = treeOf({
      "pager/attic/a.ts": "",
      "pager/format/a.ts": "",
      "bench/attic/a.ts": "",
    });
    assertEquals(placesOf(rules.roomsAreKnown(tree)), ["pager/attic/a.ts:1"]);
  });

  it("noImportCircles() refuses them at any length, types included", () => {
    const tree = treeOf({
      "pager/a.ts": `import "./b.ts";`,
      "pager/b.ts": `import type { C } from "./c.ts";`,
      "pager/c.ts": `export { a } from "./a.ts";`,
      "alloc/a.ts": `import "./b.ts";\nimport "./c.ts";`,
      "alloc/b.ts": `import "./c.ts";`,
      "alloc/c.ts": "",
    });
    assertEquals(rules.noImportCircles(tree), [
      "pager/a.ts:1: imports itself: pager/a.ts -> pager/b.ts -> pager/c.ts -> pager/a.ts",
    ]);
  });

  it("importsThroughMod() refuses a file inside another layer, except to tests", () => {
    const tree = treeOf({
      "alloc/a.ts":
        `import "../pager/format/frame.ts";\nimport "../pager/mod.ts";\nimport "./b.ts";`,
      "examples/a.ts": `import "../store/tree.ts";\nimport "../mod.ts";`,
      "alloc/a_test.ts": `import "../pager/format/frame.ts";`,
    });
    assertEquals(placesOf(rules.importsThroughMod(tree)), ["alloc/a.ts:1", "examples/a.ts:1"]);
  });

  it("noImportMap() refuses bare and npm imports that an entry reaches", () => {
    const tree = treeOf({
      "mod.ts": `export { a } from "./store/mod.ts";`,
      "store/mod.ts": `export { a } from "./a.ts";\nimport "node:zlib";`,
      "store/a.ts": `import "npm:a@1";\nimport "@std/path";`,
      "store/a_test.ts": `import "@std/assert";`,
      "cli/cli.ts": `import "npm:a@1.2.3";\nimport "npm:a@1";\nimport "./mod.ts";\nimport "a";`,
      "level/mod.ts": `import "npm:@a/b@1.2.3";\nimport "npm:a@1";`,
      "cli/mod.ts": `import "./explorer/browser/a.ts";`,
      "cli/explorer/browser/a.ts": `import "what-the-browser-maps";`,
    });
    const places = [
      "cli/cli.ts:2",
      "cli/cli.ts:4",
      "level/mod.ts:2",
      "store/a.ts:1",
      "store/a.ts:2",
    ];
    assertEquals(placesOf(rules.noImportMap(tree)), places);
  });

  it("importsExist() refuses a path to nothing", () => {
    const tree = treeOf({ "pager/a.ts": `import "./a.ts";\nimport type { B } from "./b.ts";` });
    assertEquals(placesOf(rules.importsExist(tree)), ["pager/a.ts:2"]);
  });

  it("noHigherWords() refuses them in comments too", () => {
    const tree = treeOf({
      "pager/a.ts": "// As the BTree asks.\nconst allocatorHint = 0;\n// See alloc.",
      "btree/a.ts": "class Database {}\n/** Any codec. */\n// Database id 1, restore.",
      "pager/a_test.ts": "// btree",
    });
    const places = ["btree/a.ts:1", "btree/a.ts:2", "btree/a.ts:3", "pager/a.ts:1", "pager/a.ts:3"];
    assertEquals(placesOf(rules.noHigherWords(tree)), places);
  });

  it("noBannedWords() refuses words in code, and leftovers in comments", () => {
    const words = ["FIX" + "ME", "TO" + "DO", "@ts-ignore"];
    const tree = treeOf({
      "pager/a.ts": words.map((word) => `// ${word}: later`).join("\n"),
      "pager/b.ts":
        `console.log(1);\nlet a = b as any;\nDeno.exit();\nimport "node:fs";\nDate.now();`,
      "pager/c.ts": "/**\n * console.assert(Deno.args as any);\n */\nlet Denotes = `// ${1}`;",
      "pager/file/disk_file.ts": `import "node:fs";\nDeno.exit();`,
      "cli/a.ts": "console.log(Deno.args);",
      "pager/a_test.ts": "console.log(Deno.args);",
    });
    assertEquals(
      placesOf(rules.noBannedWords(tree)),
      ["a.ts:1", "a.ts:2", "a.ts:3", "b.ts:1", "b.ts:2", "b.ts:3", "b.ts:4", "b.ts:5"]
        .map((place) => `pager/${place}`),
    );
  });

  it("shortLines() refuses 101 columns and takes 100", () => {
    const tree = treeOf({ "pager/a.ts": `${"x".repeat(100)}\n${"x".repeat(101)}\n` });
    assertEquals(placesOf(rules.shortLines(tree)), ["pager/a.ts:2"]);
  });

  it("shortFunctions() refuses 61 lines in any shape and takes 60", () => {
    const body = (lines: number) => `{${"\n".repeat(lines - 1)}}`;
    const tree = treeOf({
      "pager/a.ts": `function a() ${body(60)}\nfunction b() ${body(61)}`,
      "pager/b.ts": `class A { constructor() ${body(61)} }`,
      "pager/c.ts": `class A { get a() ${body(61)} }`,
      "pager/d.ts": `/** ${"\n".repeat(61)} */\nconst a = (b) => ${body(60)}, c = () => ${
        body(61)
      };`,
      "pager/e.ts": `class A { #a() { const b = "}"; ${body(61)} } }`,
      "tests/f_test.ts": `describe("a", () => ${body(99)});\nit("b", () => ${body(61)});`,
    });
    const places = ["a.ts:61", "b.ts:1", "c.ts:1", "d.ts:122", "e.ts:1"];
    assertEquals(
      placesOf(rules.shortFunctions(tree)),
      [...places.map((place) => `pager/${place}`), "tests/f_test.ts:100"],
    );
  });

  it("shortFace() refuses a long mod.ts", () => {
    const tree = treeOf({ "mod.ts": OPENING + "export {};\n".repeat(60) });
    assertEquals(rules.shortFace(tree), ["mod.ts:1: has 62 lines, more than 60"]);
  });

  it("smallRooms() refuses a folder of 15 sources, tests not counted", () => {
    const files = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`pager/format/a${i}.ts`, ""]));
    assertEquals(rules.smallRooms(treeOf({ ...files(14), "pager/format/a_test.ts": "" })), []);
    assertEquals(placesOf(rules.smallRooms(treeOf(files(15)))), ["pager/format/:1"]);
  });

  it("importOrder() refuses a near module before a far one, and one imported twice", () => {
    const tree = treeOf({
      "pager/a.ts": [
        `import * as fs from "node:fs";`,
        `import { a } from "../alloc/mod.ts";`,
        `import { b } from "./b.ts";`,
        `import { c } from "./c.ts";`,
      ].join("\n"),
      "pager/b.ts": `import { b } from "./b.ts";\nimport { a } from "../alloc/mod.ts";`,
      "pager/c.ts": `import type { A } from "./a.ts";\nimport { a } from "./a.ts";`,
      "pager/d.ts": `import * as all from "./a.ts";\nimport { a } from "./a.ts";`,
    });
    assertEquals(placesOf(importOrder(tree)), ["pager/b.ts:2", "pager/c.ts:2"]);
  });

  it("asciiOnly() refuses letters beyond ASCII, tabs and returns", () => {
    const tree = treeOf({ "pager/a.ts": "a ~\n// \u00e9\n\tb\nc\r\n" });
    const places = ["pager/a.ts:2", "pager/a.ts:3", "pager/a.ts:4"];
    assertEquals(placesOf(rules.asciiOnly(tree)), places);
  });

  it("opensWithComment() refuses code first, too few words, and a lint directive", () => {
    const tree = treeOf({
      "pager/a.ts": `${OPENING}let a;`,
      "pager/b.ts": `let a;\n${OPENING}`,
      "pager/c.ts": "/** A file. */\nlet a;",
      "pager/d.ts": "// deno-lint-ignore-file no-explicit-any prefer-const ban-types\nlet a;",
      "pager/e.ts": `#!/usr/bin/env -S deno run\n${OPENING}let a;`,
    });
    const places = ["pager/b.ts:1", "pager/c.ts:1", "pager/d.ts:1"];
    assertEquals(placesOf(rules.opensWithComment(tree)), places);
  });

  it("noDeadFiles() refuses a file that nothing names", () => {
    const tree = treeOf({
      "pager/mod.ts": `export { a } from "./a.ts";`,
      "pager/a.ts": "",
      "pager/b.ts": "",
      "pager/b_test.ts": `new Worker(new URL("./worker.ts", import.meta.url));`,
      "pager/worker.ts": "",
      "bench/main.ts": "",
      "bench/a_bench.ts": "",
    });
    const denoJson = `{ "exports": { ".": "./pager/mod.ts" }, "tasks": {
      "a": "deno run bench/main.ts" } }`;
    const found = rules.noDeadFiles(tree, entryPoints(denoJson));
    assertEquals(placesOf(found), ["pager/b.ts:1"]);
  });

  it("plainExports() refuses defaults, enums, and bare stars across layers", () => {
    const tree = treeOf({
      "pager/a.ts": "export default 1;\nexport default function b() {}\nenum C { D }",
      "pager/b.ts": "const a = 1;\nexport { a as default };",
      "pager/c.ts": `export * as a from "./a.ts";\nexport * from "./b.ts";`,
      "mod.ts": `export * from "./pager/c.ts";\nexport * as a from "./pager/c.ts";`,
    });
    assertEquals(placesOf(rules.plainExports(tree)), [
      "mod.ts:1",
      "pager/a.ts:1",
      "pager/a.ts:2",
      "pager/a.ts:3",
      "pager/b.ts:2",
    ]);
  });
});

/** The `path:line` of each finding, sorted. */
function placesOf(found: readonly string[]): string[] {
  return found.map((line) => line.split(": ")[0]!).sort();
}
