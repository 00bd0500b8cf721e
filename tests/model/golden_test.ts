/**
 * Golden files, one for each format version that Quire ever wrote, are read by the current version,
 * and changed in a copy. `golden/content.ts` describes their content, `golden/make.ts` made them.
 */

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, MemoryFile } from "../../pager/mod.ts";
import { open } from "../../store/open.ts";
import {
  assertContent,
  bytesOf,
  checkDatabase,
  contentOf,
  openBoth,
  type Opened,
  openOn,
  sameBytes,
} from "../support/databases/database.ts";
import { inTempDir } from "../support/temp.ts";
import { goldenContent, makeGolden, NUMBER_CODECS, NUMBERS } from "./golden/content.ts";

const { KIND_BRANCH, KIND_FREE, KIND_LEAF } = format;
const { KIND_RUN, KIND_RUN_CONTINUED, KIND_SHARED } = format;
const BYTES_MAX = 300_000;
const content = goldenContent();
const names = [...content.keys()];
const namesOfAll = [...names, "numbers"].sort();

function assertGolden(opened: Opened): void {
  const { db } = opened;
  assertEquals(db.trees(), namesOfAll);
  assertContent(contentOf(db, names), content);
  for (const [name, entries] of content) {
    const tree = db.tree(name);
    assertEquals(tree.count(), entries.length);
    for (const [key, value] of entries) assert(sameBytes(tree.get(key), value), name);
    const backward = [...tree.entries({ reverse: true })].reverse();
    assertContent(new Map([[name, backward]]), new Map([[name, entries]]));
  }
  assertEquals([...db.tree("numbers", NUMBER_CODECS)], [...NUMBERS]);
  assertThrows(() => db.tree("numbers").count(), TypeError, "codecs");
  checkDatabase(opened);
}

/** A file of the current version, which checks the description against its own writer. */
function made(): MemoryFile {
  const file = new MemoryFile();
  const opened = openBoth(file);
  makeGolden(opened);
  opened.db.close();
  return file;
}

describe("the content of golden files", () => {
  it("is what makeGolden() writes, small, and has a page of every kind", () => {
    const file = made();
    const opened = openBoth(file, { readOnly: true });
    assertGolden(opened);
    assertLess(file.size(), BYTES_MAX);
    const { pagesOfKind } = opened.db.census();
    const kinds = [KIND_FREE, KIND_LEAF, KIND_BRANCH, KIND_SHARED, KIND_RUN];
    for (const kind of [...kinds, KIND_RUN_CONTINUED]) {
      assert(pagesOfKind[kind]! > 0, `pages of kind ${kind}`);
    }
  });
});

const folder = new URL("./golden/", import.meta.url);
const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
  name.endsWith(".quire")
);

describe("golden files", () => {
  it("exist, one for each format", () => {
    const expected = Array.from(
      { length: format.FORMAT_VERSION },
      (_, i) => `format-${i + 1}.quire`,
    );
    assertEquals(files.sort(), expected);
  });

  for (const name of files) {
    const bytes = Deno.readFileSync(new URL(name, folder));

    it(`${name} is read completely, read-only, and left unchanged`, () => {
      inTempDir((dir) => {
        const path = `${dir}/${name}`;
        Deno.writeFileSync(path, bytes);
        Deno.chmodSync(path, 0o400);
        {
          using db = open(path, { readOnly: true });
          assertContent(contentOf(db, names), content);
        }
        assert(sameBytes(Deno.readFileSync(path), bytes));
      });
      const opened = openBoth(new MemoryFile(bytes), { readOnly: true });
      assertGolden(opened);
      opened.db.close();
    });

    it(`${name} can be opened to write, changed and opened again`, () => {
      const file = new MemoryFile(bytes);
      const opened = openBoth(file);
      assertGolden(opened);
      const expected = new Map(content);
      const { db } = opened;
      const value = bytesOf(77, 30_000);
      db.writeSync((tx) => {
        for (const [tree, entries] of content) {
          tx.tree(tree).set("zz", value);
          for (const [key] of entries.slice(0, 5)) tx.tree(tree).delete(key);
          const rest = entries.slice(5);
          const at = rest.findIndex(([key]) => key[0]! > 0x7a);
          rest.splice(at < 0 ? rest.length : at, 0, [new TextEncoder().encode("zz"), value]);
          expected.set(tree, rest);
        }
      });
      checkDatabase(opened);
      db.close();
      const again = openOn(file);
      assertContent(contentOf(again, names), expected);
      again.close();
    });
  }
});
