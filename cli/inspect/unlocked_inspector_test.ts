// Inspection of a file that another process has locked: by following it, or without the lock, and
// then marked unsynchronised. Of a file that rests both inspectors tell the same.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, IoError, json, open, string } from "../../mod.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { inspectFile } from "./mod.ts";
import { UnlockedInspector } from "./unlocked_inspector.ts";

/** Opens a file with a few trees in it. */
function makeFile(path: string) {
  const db = open(path);
  db.writeSync((tx) => {
    const words = tx.tree("words", { key: string, value: json });
    for (let i = 0; i < 3000; i++) words.set(`word ${i}`, { i, text: "x".repeat(i % 200) });
    tx.tree("large").set("value", new Uint8Array(100_000));
  });
  return db;
}

describe("inspectFile", () => {
  it("takes the lock where nobody has it, and leaves the file as it is", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      makeFile(path).close();
      const before = Deno.readFileSync(path);
      const { inspection, database, close } = inspectFile(path);
      assertEquals(inspection.file().unsynchronised, false);
      assertEquals(database?.trees(), ["large", "words"]);
      close();
      assertEquals(Deno.readFileSync(path), before);
    }));

  it("follows the file where somebody has the lock", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      using db = makeFile(path);
      db.checkpoint();
      const { inspection, database, close } = inspectFile(path);
      assertEquals([inspection.file().unsynchronised, database?.follows], [false, true]);
      assertEquals(database?.trees(), ["large", "words"]);
      close();
    }));

  it("makes no file, and refuses files that are not Quire's", () =>
    inTempDir((dir) => {
      assertThrows(() => inspectFile(`${dir}/none`), IoError);
      assertEquals([...Deno.readDirSync(dir)], []);
      Deno.writeFileSync(`${dir}/other`, new Uint8Array(100_000));
      assertThrows(() => inspectFile(`${dir}/other`), CorruptionError);
      assertThrows(() => new UnlockedInspector(`${dir}/other`), CorruptionError);
      Deno.writeFileSync(`${dir}/short`, new Uint8Array(10));
      assertThrows(() => new UnlockedInspector(`${dir}/short`), CorruptionError, "too short");
    }));
});

describe("UnlockedInspector", () => {
  it("tells of a file that rests what an inspector tells", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      makeFile(path).close();
      const unlocked = new UnlockedInspector(path);
      using db = open(path, { readOnly: true });
      const inspector = db.inspect();
      const { pages, chunks, bytes, version, superblocks, catalogRoot } = inspector.file();
      const found = unlocked.file();
      assertEquals([found.pages, found.chunks, found.bytes], [pages, chunks, bytes]);
      assertEquals([found.version, found.catalogRoot], [version, catalogRoot]);
      assertEquals(found.superblocks, superblocks);
      assertEquals(unlocked.trees(), inspector.trees());
      for (let chunk = 0; chunk < chunks; chunk++) {
        assertEquals(unlocked.headers(chunk), inspector.headers(chunk));
      }
      for (let page = 0; page < pages; page++) {
        assertEquals(unlocked.page(page), inspector.page(page));
        assertEquals(unlocked.header(page), inspector.header(page));
      }
      unlocked.close();
    }));

  it("shows what checkpoints left while the file is written, and never fails", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      using db = makeFile(path);
      const unlocked = new UnlockedInspector(path);
      for (let round = 0; round < 5; round++) {
        db.writeSync((tx) => tx.tree("large").set(`value ${round}`, new Uint8Array(200_000)));
        if (round % 2 === 1) db.checkpoint();
        const { pages, chunks } = unlocked.file();
        for (let chunk = 0; chunk < chunks; chunk++) unlocked.headers(chunk);
        for (let page = 0; page < pages; page += 3) unlocked.page(page);
      }
      db.checkpoint();
      assertEquals(unlocked.trees().map(({ name }) => name), ["large", "words"]);
      assertEquals(unlocked.file().version, db.version);
      unlocked.close();
    }));

  it("refuses pages and chunks that the file does not have", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      makeFile(path).close();
      const unlocked = new UnlockedInspector(path);
      const { pages, chunks } = unlocked.file();
      for (const page of [-1, 0.5, pages, NaN]) {
        assertThrows(() => unlocked.page(page), RangeError, "the file has");
        assertThrows(() => unlocked.header(page), RangeError, "the file has");
      }
      assertThrows(() => unlocked.headers(chunks), RangeError, "the file has");
      assert(pages > 3);
      unlocked.close();
    }));
});
